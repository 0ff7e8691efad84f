//! IRQL is CR8, as on every 64-bit Windows: driver code that reads or writes CR8 inline and the
//! kernel's services see one value.

use core::arch::asm;

/// Threads run, and everything is allowed.
pub const PASSIVE_LEVEL: u8 = 0;
/// Asynchronous procedure calls are held back.
pub const APC_LEVEL: u8 = 1;
/// No thread is switched.
pub const DISPATCH_LEVEL: u8 = 2;
/// Everything but a non-maskable interrupt is held back.
pub const HIGH_LEVEL: u8 = 15;

/// The current IRQL.
pub fn current() -> u8 {
    let level: u64;
    // SAFETY: reading CR8 has no effect.
    unsafe { asm!("mov {}, cr8", out(reg) level, options(nomem, nostack, preserves_flags)) }
    (level & 0xf) as u8
}

/// Makes `level` the current IRQL and says what it was.
pub fn set(level: u8) -> u8 {
    let old = current();
    let new = u64::from(level.min(HIGH_LEVEL));
    // SAFETY: CR8 only holds interrupts back; nothing of the kernel's relies on its value.
    unsafe { asm!("mov cr8, {}", in(reg) new, options(nostack, preserves_flags)) }
    old
}

/// The name of `level`.
pub fn name(level: u8) -> &'static str {
    match level {
        PASSIVE_LEVEL => "PASSIVE_LEVEL",
        APC_LEVEL => "APC_LEVEL",
        DISPATCH_LEVEL => "DISPATCH_LEVEL",
        3..HIGH_LEVEL => "a device's level",
        _ => "HIGH_LEVEL",
    }
}
