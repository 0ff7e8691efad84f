//! Time, processors, bugchecks.

use core::ffi::c_void;

use nt::ntoskrnl::ZwYieldExecution;
use vmdisp_wine_nt as nt;

use crate::{fault, linux};

/// The time since some moment, in 100 ns.
pub fn now_100ns() -> u64 {
    linux::monotonic_ns() / 100
}

/// Lets another thread go on.
pub fn relax() {
    // SAFETY: it takes nothing.
    unsafe { ZwYieldExecution() };
}

/// `ULONG64 KeQueryInterruptTimePrecise(PULONG64)`
pub unsafe extern "system" fn interrupt_time_precise(counter: *mut u64) -> u64 {
    let now = now_100ns();
    // SAFETY: the caller's variable.
    unsafe { counter.write(now) };
    now
}

/// `LOGICAL MmIsDriverVerifyingByAddress(PVOID)`: no Driver Verifier is here.
pub unsafe extern "system" fn is_driver_verifying(_address: *mut c_void) -> u32 {
    0
}

/// `VOID KeBugCheckEx(ULONG, ULONG_PTR, ULONG_PTR, ULONG_PTR, ULONG_PTR)`
pub unsafe extern "system" fn bug_check_ex(code: u32, a: u64, b: u64, c: u64, d: u64) {
    fault::bug_check(code, [a, b, c, d]);
}

/// `PROCESSOR_NUMBER`
#[repr(C)]
pub struct ProcessorNumber {
    group: u16,
    number: u8,
    reserved: u8,
}

/// `ULONG KeGetCurrentProcessorNumberEx(PPROCESSOR_NUMBER)`: Wine's writes a line to its log each time.
pub unsafe extern "system" fn processor_number(number: *mut ProcessorNumber) -> u32 {
    let now = linux::processor();
    // SAFETY: the caller's record, or NULL.
    if let Some(number) = unsafe { number.as_mut() } {
        *number = ProcessorNumber {
            group: 0,
            number: now as u8,
            reserved: 0,
        };
    }
    now
}
