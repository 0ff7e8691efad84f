//! Questions to the system that it answers at any IRQL.

use core::ptr;
use core::sync::atomic::{AtomicU32, Ordering};

use wdk_sys::ntddk::{
    KeGetCurrentProcessorNumberEx, KeLowerIrql, KeQueryInterruptTimePrecise, KfRaiseIrql,
    MmIsDriverVerifyingByAddress,
};

use super::super::Time;
use super::super::irql::{AtMostDispatch, DEVICE_LEVEL, DeviceIrql};

/// The time since the machine started.
#[must_use]
pub fn now() -> Time {
    let mut counter = 0;
    // SAFETY: the counter's value, which is of no interest, has a place.
    Time(unsafe { KeQueryInterruptTimePrecise(&raw mut counter) })
}

/// The number of the processor that the caller runs on, as a hint: below `DISPATCH_LEVEL` it can
/// be another one the moment after.
#[must_use]
#[inline]
pub fn processor() -> usize {
    // SAFETY: NULL asks for the number alone.
    let number = unsafe { KeGetCurrentProcessorNumberEx(ptr::null_mut()) };
    usize::try_from(number).unwrap_or(0)
}

static DRIVER_WORD: AtomicU32 = AtomicU32::new(0);

/// The driver's word.
pub fn driver_word() -> u32 {
    DRIVER_WORD.load(Ordering::Relaxed)
}

/// Sets the driver's word.
pub fn set_driver_word(word: u32) {
    DRIVER_WORD.store(word, Ordering::Relaxed);
}

/// Whether Driver Verifier watches this driver.
#[must_use]
pub fn is_verified() -> bool {
    // Any address in the image will do.
    let here: fn() -> bool = is_verified;
    // SAFETY: the address is one of the driver's image.
    unsafe { MmIsDriverVerifyingByAddress((here as *const ()).cast_mut().cast()) != 0 }
}

/// Runs `work` at [`DEVICE_LEVEL`].
pub fn at_device_irql<R>(_irql: impl AtMostDispatch, work: impl FnOnce(DeviceIrql) -> R) -> R {
    // SAFETY: the token shows that the IRQL is lower.
    let before = unsafe { KfRaiseIrql(DEVICE_LEVEL) };
    // SAFETY: it has been raised, until `work` returns.
    let result = work(unsafe { DeviceIrql::assume() });
    // SAFETY: the level of before.
    unsafe { KeLowerIrql(before) };
    result
}
