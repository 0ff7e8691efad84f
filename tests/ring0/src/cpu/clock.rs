//! Time since the machine started, from the HPET.
//!
//! Its rate is in a register, so nothing has to be calibrated, and under
//! `-icount` it counts the guest's time.

use core::{
    ptr::NonNull,
    sync::atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering},
};

use crate::memory::{device, paging::Caching};

/// Where every PC's chipset has the HPET's registers.
const REGISTERS: u64 = 0xfed0_0000;
/// Bytes of the registers up to the counter's end.
const BYTES: u64 = 0x100;
/// Capabilities; the upper half is the counter's period in femtoseconds.
const CAPABILITIES: usize = 0x00;
/// Configuration; bit 0 lets the counter run.
const CONFIGURATION: usize = 0x10;
/// The counter.
const COUNTER: usize = 0xf0;

static BASE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
static PERIOD: AtomicU64 = AtomicU64::new(0);

/// Starts the counter.
///
/// # Panics
///
/// Where the machine has no HPET.
pub fn set_up() {
    let base: NonNull<u8> =
        device::map(REGISTERS, BYTES, Caching::Uncached).expect("the HPET's registers");
    BASE.store(base.as_ptr(), Ordering::Relaxed);
    let period = read(CAPABILITIES) >> 32;
    assert!(
        (1..=100_000_000).contains(&period),
        "the machine has no HPET"
    );
    PERIOD.store(period, Ordering::Relaxed);
    // SAFETY: the register is mapped and aligned; bit 0 only starts the counter.
    unsafe { register(CONFIGURATION).write_volatile(1) }
}

fn register(offset: usize) -> *mut u64 {
    BASE.load(Ordering::Relaxed).wrapping_add(offset).cast()
}

fn read(offset: usize) -> u64 {
    // SAFETY: `offset` is one of the registers above; reading them has no effect.
    unsafe { register(offset).read_volatile() }
}

/// Whether the time stamp counter counts instructions.
static COUNTS: AtomicBool = AtomicBool::new(false);

/// Says whether the machine's time is counted in instructions, one a nanosecond.
pub fn set_counts(counts: bool) {
    COUNTS.store(counts, Ordering::Relaxed);
}

/// Instructions that the processor has run, and the time that it has halted, in nanoseconds; none on a machine that
/// does not count them.
pub fn instructions() -> Option<u64> {
    COUNTS.load(Ordering::Relaxed).then(|| {
        // SAFETY: reads the time stamp counter.
        unsafe { core::arch::x86_64::_rdtsc() }
    })
}

/// Time since the machine started, in units of 100 ns.
pub fn now_100ns() -> u64 {
    let femtoseconds = u128::from(read(COUNTER)) * u128::from(PERIOD.load(Ordering::Relaxed));
    (femtoseconds / 100_000_000) as u64
}
