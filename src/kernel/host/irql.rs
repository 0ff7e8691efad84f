//! The calling thread's interrupt request level.

use core::cell::Cell;
use std::thread_local;

use super::World;
use crate::kernel::irql::{AtMostDispatch, DEVICE_LEVEL, DeviceIrql};

/// `PASSIVE_LEVEL`.
pub(super) const PASSIVE: u8 = 0;
/// `APC_LEVEL`.
pub(super) const APC: u8 = 1;
/// `DISPATCH_LEVEL`.
pub(super) const DISPATCH: u8 = 2;

thread_local! {
    static LEVEL: Cell<u8> = const { Cell::new(PASSIVE) };
}

/// A service was called above the highest level that it may be called at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Misuse {
    /// The service's name in the kernel face.
    pub service: &'static str,
    /// The level it was called at.
    pub irql: u8,
    /// The highest level it may be called at.
    pub highest: u8,
}

/// The calling thread's level: 0 passive, 1 APC, 2 dispatch, above that a device's.
#[must_use]
pub fn irql() -> u8 {
    LEVEL.get()
}

/// Sets the calling thread's level, as the caller of a driver does before it calls.
pub fn set_irql(level: u8) {
    LEVEL.set(level);
}

/// Runs `work` at `level` and goes back to the level before, also when `work` unwinds.
pub fn with_irql<R>(level: u8, work: impl FnOnce() -> R) -> R {
    struct Lower(u8);
    impl Drop for Lower {
        fn drop(&mut self) {
            LEVEL.set(self.0);
        }
    }
    let _lower = Lower(LEVEL.replace(level));
    work()
}

/// Runs `work` at [`DEVICE_LEVEL`].
pub fn at_device_irql<R>(_irql: impl AtMostDispatch, work: impl FnOnce(DeviceIrql) -> R) -> R {
    demand(DISPATCH, "at_device_irql");
    // SAFETY: the level is raised while `work` runs.
    with_irql(DEVICE_LEVEL, || work(unsafe { DeviceIrql::assume() }))
}

/// Sets the level and tells the one before.
pub(super) fn raise(level: u8) -> u8 {
    LEVEL.replace(level)
}

/// Records a misuse if the calling thread is above `highest`.
#[inline]
pub(super) fn demand(highest: u8, service: &'static str) {
    demand_of(LEVEL.get(), highest, service);
}

/// Records a misuse by a thread that was at `level`, if that is above `highest`.
#[inline]
pub(super) fn demand_of(level: u8, highest: u8, service: &'static str) {
    if level > highest {
        too_high(Misuse {
            service,
            irql: level,
            highest,
        });
    }
}

#[cold]
fn too_high(misuse: Misuse) {
    World::current().record_misuse(misuse);
}
