//! The running thread and processor: IRQL, critical regions, the processor's number.

use alloc::{format, vec::Vec};
use core::sync::atomic::{AtomicI64, Ordering};

use crate::{cpu::irql, fault};

use super::{demand_irql, dispatcher};

/// How often `KeEnterCriticalRegion` was called without its counterpart.
static CRITICAL_REGIONS: AtomicI64 = AtomicI64::new(0);

/// Depth of the running thread's critical regions.
pub fn critical_regions() -> i64 {
    CRITICAL_REGIONS.load(Ordering::Relaxed)
}

/// The running thread is another one now, in as many of them.
pub fn set_critical_regions(depth: i64) {
    CRITICAL_REGIONS.store(depth, Ordering::Relaxed);
}

/// `void KeEnterCriticalRegion(void)`.
pub unsafe extern "win64" fn enter_critical_region() {
    demand_irql("KeEnterCriticalRegion", irql::APC_LEVEL);
    CRITICAL_REGIONS.fetch_add(1, Ordering::Relaxed);
}

/// `void KeLeaveCriticalRegion(void)`.
pub unsafe extern "win64" fn leave_critical_region() {
    const SERVICE: &str = "KeLeaveCriticalRegion";
    demand_irql(SERVICE, irql::APC_LEVEL);
    if CRITICAL_REGIONS.fetch_sub(1, Ordering::Relaxed) <= 0 {
        fault::wrong_use(SERVICE, "the thread is in no critical region", Vec::new());
    }
}

/// `KIRQL KeGetCurrentIrql(void)`.
pub unsafe extern "win64" fn current_irql() -> u8 {
    irql::current()
}

/// `KIRQL KfRaiseIrql(KIRQL)`.
pub unsafe extern "win64" fn raise_irql(new: u8) -> u8 {
    let level = irql::current();
    if new < level {
        let text = format!("raises the IRQL from {level} down to {new}");
        fault::wrong_use("KfRaiseIrql", &text, Vec::new());
    }
    irql::set(new)
}

/// `void KeLowerIrql(KIRQL)`.
pub unsafe extern "win64" fn lower_irql(new: u8) {
    let level = irql::current();
    if new > level {
        let text = format!("lowers the IRQL from {level} up to {new}");
        fault::wrong_use("KeLowerIrql", &text, Vec::new());
    }
    irql::set(new);
    dispatcher::run_due();
}

/// `PROCESSOR_NUMBER`.
#[repr(C)]
pub struct ProcessorNumber {
    group: u16,
    number: u8,
    reserved: u8,
}

/// `ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER)`.
pub unsafe extern "win64" fn current_processor_number(number: *mut ProcessorNumber) -> u32 {
    if !number.is_null() {
        let first = ProcessorNumber {
            group: 0,
            number: 0,
            reserved: 0,
        };
        // SAFETY: the driver passes a structure of its own.
        unsafe { number.write(first) }
    }
    0
}
