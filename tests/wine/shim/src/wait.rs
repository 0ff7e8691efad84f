//! Waiting: Wine's own, where the level allows it.

use alloc::format;
use alloc::vec::Vec;
use core::ffi::c_void;

use nt::{KEVENT, NTSTATUS};
use vmdisp_wine_nt as nt;

use crate::fault;
use crate::threads::{self, APC, DISPATCH, demand};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn KeWaitForSingleObject(
        object: *mut c_void,
        reason: u32,
        mode: i8,
        alertable: u8,
        timeout: *const i64,
    ) -> NTSTATUS;
    fn KeDelayExecutionThread(mode: i8, alertable: u8, interval: *const i64) -> NTSTATUS;
    fn KeSetEvent(event: *mut KEVENT, increment: i32, wait: u8) -> i32;
    fn KeClearEvent(event: *mut KEVENT);
}

/// `NTSTATUS KeWaitForSingleObject(PVOID, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER)`
pub unsafe extern "system" fn wait_for_single_object(
    object: *mut c_void,
    reason: u32,
    mode: i8,
    alertable: u8,
    timeout: *const i64,
) -> NTSTATUS {
    // SAFETY: the caller's timeout, or NULL.
    let at_once = unsafe { timeout.as_ref() } == Some(&0);
    demand_to_wait("KeWaitForSingleObject", at_once);
    // SAFETY: the caller's arguments.
    unsafe { KeWaitForSingleObject(object, reason, mode, alertable, timeout) }
}

/// Waiting is for threads; a look without waiting is allowed at DISPATCH_LEVEL too.
fn demand_to_wait(service: &str, at_once: bool) {
    let level = threads::irql();
    let highest = if at_once { DISPATCH } else { APC };
    if level > highest {
        let text = format!(
            "waits at IRQL {level} ({}), allowed up to {}",
            threads::name(level),
            threads::name(highest)
        );
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// `NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER)`
pub unsafe extern "system" fn delay_execution_thread(
    mode: i8,
    alertable: u8,
    interval: *const i64,
) -> NTSTATUS {
    demand_to_wait("KeDelayExecutionThread", false);
    // SAFETY: the caller's arguments.
    unsafe { KeDelayExecutionThread(mode, alertable, interval) }
}

/// `LONG KeSetEvent(PRKEVENT, KPRIORITY, BOOLEAN)`
pub unsafe extern "system" fn set_event(event: *mut KEVENT, increment: i32, wait: u8) -> i32 {
    demand("KeSetEvent", DISPATCH);
    // SAFETY: the caller's event.
    unsafe { KeSetEvent(event, increment, wait) }
}

/// `VOID KeClearEvent(PRKEVENT)`
pub unsafe extern "system" fn clear_event(event: *mut KEVENT) {
    demand("KeClearEvent", DISPATCH);
    // SAFETY: the caller's event.
    unsafe { KeClearEvent(event) };
}
