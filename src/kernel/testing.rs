//! What unit tests of the safe modules need from the border.

use core::ffi::c_void;
use core::ptr;

use super::caller::CallerData;
use super::irql::Passive;

/// The level of a test's thread.
pub fn passive() -> Passive {
    // SAFETY: tests run as threads of a process.
    unsafe { Passive::assume() }
}

/// `bytes` as a caller's data that say they are `size` bytes.
pub fn caller_data(bytes: &[u8], size: u32) -> CallerData<'_> {
    // SAFETY: tests say more than there is only where nothing is read beyond `bytes`.
    unsafe { CallerData::new(bytes.as_ptr().cast::<c_void>(), size) }
}

/// A NULL that says it is `size` bytes.
pub fn null_data(size: u32) -> CallerData<'static> {
    // SAFETY: reading NULL reports a fault.
    unsafe { CallerData::new(ptr::null(), size) }
}
