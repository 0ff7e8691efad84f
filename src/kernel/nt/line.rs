//! Lines for the debugger.
//!
//! They show in WinDbg without `ed nt!Kd_IHVVIDEO_Mask` at the error level, and with it at the
//! others. The text is put together by the kernel, so that the driver carries no formatting code.

use core::ffi::CStr;

use wdk_sys::_DPFLTR_TYPE::DPFLTR_IHVVIDEO_ID;
use wdk_sys::ntddk::DbgPrintEx;
use wdk_sys::{DPFLTR_ERROR_LEVEL, DPFLTR_INFO_LEVEL};

/// The component that display drivers of hardware vendors print as.
const COMPONENT: u32 = DPFLTR_IHVVIDEO_ID.unsigned_abs();

/// Says in one line that a call is refused: which, for which field, its value, and why. Any IRQL.
#[cold]
pub fn complain(call: &'static CStr, field: &'static CStr, value: u64, why: &'static CStr) {
    // SAFETY: the format names three strings and a number, in this order.
    unsafe {
        DbgPrintEx(
            COMPONENT,
            DPFLTR_ERROR_LEVEL,
            c"vmdisp: %s: %s = 0x%I64x: %s\n".as_ptr(),
            call.as_ptr(),
            field.as_ptr(),
            value,
            why.as_ptr(),
        )
    };
}

/// Says in one line what was found. Any IRQL.
pub fn note(call: &'static CStr, what: &'static CStr, value: u64) {
    // SAFETY: the format names two strings and a number, in this order.
    unsafe {
        DbgPrintEx(
            COMPONENT,
            DPFLTR_INFO_LEVEL,
            c"vmdisp: %s: %s = 0x%I64x\n".as_ptr(),
            call.as_ptr(),
            what.as_ptr(),
            value,
        )
    };
}
