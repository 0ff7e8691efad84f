//! The processor's local APIC: its timer, and interrupts that the processor sends itself.
//!
//! An interrupt's vector divided by 16 is its priority, and CR8, the IRQL, holds back priorities up to
//! its own: so the hardware honours IRQL by itself, as it does under Windows.

use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use super::clock;
use crate::memory::{device, paging::Caching};

/// The clock's interrupt, at Windows' `CLOCK_LEVEL` (13).
pub const CLOCK_VECTOR: u8 = 0xd1;
/// The request to run deferred work, at `DISPATCH_LEVEL`.
pub const DISPATCH_VECTOR: u8 = 0x2f;
/// What comes when an interrupt went away before it was taken.
pub const SPURIOUS_VECTOR: u8 = 0xff;

/// Where the processor has its registers after a reset.
const REGISTERS: u64 = 0xfee0_0000;
/// Bytes of them.
const BYTES: u64 = 0x400;
/// Write: the interrupt in service has been served.
const END_OF_INTERRUPT: usize = 0x0b0;
/// The spurious interrupt's vector; bit 8 turns the APIC on.
const SPURIOUS: usize = 0x0f0;
/// Lower half of the interrupt command register.
const COMMAND: usize = 0x300;
/// The timer's entry in the local vector table; one-shot with its mode bits zero.
const TIMER: usize = 0x320;
/// What the timer counts down from; writing it starts the timer, 0 stops it.
const INITIAL_COUNT: usize = 0x380;
/// What is left of it.
const CURRENT_COUNT: usize = 0x390;
/// How much slower than the bus the timer counts.
const DIVIDE: usize = 0x3e0;

/// Turns the APIC on.
const ENABLE: u32 = 0x100;
/// Keeps the timer from interrupting.
const MASKED: u32 = 0x1_0000;
/// Divides by one.
const BY_ONE: u32 = 0b1011;
/// Sends to this processor alone.
const TO_SELF: u32 = 0x4_0000;

/// How long the timer's rate is measured, in units of 100 ns.
const MEASURED: u64 = 2_000;

static BASE: AtomicPtr<u8> = AtomicPtr::new(core::ptr::null_mut());
/// What the timer counts in a millisecond.
static RATE: AtomicU64 = AtomicU64::new(0);

/// Turns the APIC on and learns its timer's rate.
///
/// # Panics
///
/// Where there is no local APIC.
pub fn set_up() {
    let base =
        device::map(REGISTERS, BYTES, Caching::Uncached).expect("the local APIC's registers");
    BASE.store(base.as_ptr(), Ordering::Relaxed);
    write(SPURIOUS, ENABLE | u32::from(SPURIOUS_VECTOR));
    write(DIVIDE, BY_ONE);
    write(TIMER, MASKED);
    let start = clock::now_100ns();
    write(INITIAL_COUNT, u32::MAX);
    let mut took = 0;
    while took < MEASURED {
        took = clock::now_100ns() - start;
    }
    let counted = u32::MAX - read(CURRENT_COUNT);
    assert!(counted > 0, "the local APIC's timer does not count");
    RATE.store(u64::from(counted) * 10_000 / took, Ordering::Relaxed);
    write(INITIAL_COUNT, 0);
    write(TIMER, CLOCK_VECTOR.into());
}

fn register(offset: usize) -> *mut u32 {
    BASE.load(Ordering::Relaxed).wrapping_add(offset).cast()
}

fn read(offset: usize) -> u32 {
    // SAFETY: `offset` is one of the registers above; reading them has no effect.
    unsafe { register(offset).read_volatile() }
}

fn write(offset: usize, value: u32) {
    // SAFETY: `offset` is one of the registers above, used as its comment says.
    unsafe { register(offset).write_volatile(value) }
}

/// Has [`CLOCK_VECTOR`] come once, in this many units of 100 ns at the earliest, or as late as the
/// timer can count; an earlier request is forgotten.
pub fn interrupt_in(time: u64) {
    let count = u128::from(time) * u128::from(RATE.load(Ordering::Relaxed)) / 10_000;
    write(INITIAL_COUNT, u32::try_from(count + 1).unwrap_or(u32::MAX));
}

/// Has [`DISPATCH_VECTOR`] come as soon as the IRQL lets it.
pub fn request_dispatch() {
    write(COMMAND, TO_SELF | u32::from(DISPATCH_VECTOR));
}

/// Says that the interrupt in service has been served.
pub fn end_of_interrupt() {
    write(END_OF_INTERRUPT, 0);
}
