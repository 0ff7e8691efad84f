//! The system as a whole: bug checks, exports by name, time, Driver Verifier.

use alloc::{format, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use vmdisp_ring0_protocol::{Fault, FaultKind};

use super::{
    caller, demand_irql,
    string::{UnicodeString, text},
    table,
};
use crate::{
    cpu::{backtrace, clock, irql::PASSIVE_LEVEL},
    fault,
};

/// `void KeBugCheckEx(ULONG, ULONG_PTR, ULONG_PTR, ULONG_PTR, ULONG_PTR)`.
pub unsafe extern "win64" fn bug_check_ex(
    code: u32,
    first: u64,
    second: u64,
    third: u64,
    fourth: u64,
) -> ! {
    fault::begin();
    fault::report(Fault {
        kind: FaultKind::BugCheck,
        text: format!("KeBugCheckEx: {code:#x} ({first:#x}, {second:#x}, {third:#x}, {fourth:#x})"),
        instruction: caller(),
        address: None,
        registers: Vec::new(),
        stack: backtrace::from_here(),
        notes: Vec::new(),
    })
}

/// `PVOID MmGetSystemRoutineAddress(PUNICODE_STRING)`.
pub unsafe extern "win64" fn system_routine_address(name: *const UnicodeString) -> u64 {
    demand_irql("MmGetSystemRoutineAddress", PASSIVE_LEVEL);
    // SAFETY: the driver passes a string of its own.
    let name = unsafe { text(name) };
    table::resolve(&name).unwrap_or(0)
}

/// `ULONG64 KeQueryInterruptTimePrecise(PULONG64)`.
pub unsafe extern "win64" fn query_interrupt_time_precise(counter: *mut u64) -> u64 {
    let now = clock::now_100ns();
    if !counter.is_null() {
        // SAFETY: the driver passes a variable of its own.
        unsafe { counter.write(now) }
    }
    now
}

/// Whether the driver shall think that Driver Verifier watches it.
static VERIFIED: AtomicBool = AtomicBool::new(false);
/// Start and end of the driver's image.
static IMAGE: [AtomicU64; 2] = [AtomicU64::new(0), AtomicU64::new(0)];

/// Chooses what `MmIsDriverVerifyingByAddress` answers for the driver's image.
pub fn set_verified(verified: bool) {
    VERIFIED.store(verified, Ordering::Relaxed);
}

/// Says where the driver's image lies.
pub fn set_image(start: u64, end: u64) {
    let [first, last] = &IMAGE;
    first.store(start, Ordering::Relaxed);
    last.store(end, Ordering::Relaxed);
}

/// `LOGICAL MmIsDriverVerifyingByAddress(PVOID)`.
pub unsafe extern "win64" fn is_driver_verifying_by_address(address: u64) -> u32 {
    let [start, end] = &IMAGE;
    let image = start.load(Ordering::Relaxed)..end.load(Ordering::Relaxed);
    u32::from(VERIFIED.load(Ordering::Relaxed) && image.contains(&address))
}
