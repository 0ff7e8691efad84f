//! Copies and fills of bytes in mapped memory, in a direction that the caller chooses.
//!
//! The same page can be mapped at two addresses, so which of two overlapping ranges comes first cannot be told
//! from where they are mapped, as memmove does. The moves are the widest that a kernel driver may use
//! without saving vector state: 16 bytes, SSE2's on x64 and NEON's on ARM64. Both belong to the
//! target's baseline, which the kernel keeps for drivers; AVX does not.
//!
//! Long ranges that lie apart are left to the processor's own string move on x64, if it calls that fast; it keeps no
//! state, and what it reads and writes is ascending, as the loop here is.
//!
//! **Who else touches the bytes.** Work of one allocation is ordered by the queue's lock, and the processor's use of
//! it by the fence, which is told after the last move; a reset waits for the move under way (`engine/permit.rs`).
//! What is left is a program that writes what it has queued, and the screen, which is read all the time. So there is
//! never a reference to these bytes, each is moved as a value, and nothing is decided by what it holds: a move
//! that meets a write gives the old byte or the new one, in the picture of who wrote it.

#[cfg(target_arch = "x86_64")]
use core::arch::x86_64::{__cpuid, __cpuid_count};
#[cfg(target_arch = "x86_64")]
use core::sync::atomic::{AtomicU8, Ordering};

use super::Window;

/// What one move moves.
#[cfg(target_arch = "x86_64")]
type Wide = core::arch::x86_64::__m128i;
#[cfg(target_arch = "aarch64")]
type Wide = core::arch::aarch64::uint8x16_t;
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
type Wide = [u64; 2];

const WIDE: usize = size_of::<Wide>();
/// Moves of one round: a cache line, and what write-combining gathers.
const ROUND: usize = 4 * WIDE;
/// How far ahead of a round both sides are fetched into the cache, in bytes: moves of 16 bytes alone keep fewer
/// lines under way than memory delivers.
const AHEAD: usize = 2048;
/// Sides that are nearer to each other are scrolled, and find their lines in the cache.
const NEAR: usize = 1 << 16;

/// Which end of a range is copied first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Direction {
    /// The lowest byte: right for overlapping ranges if the destination is below the source.
    Up,
    /// The highest byte: right for overlapping ranges if the destination is above the source.
    Down,
}

/// Copies as many bytes as both windows have, from the beginning of each. Any IRQL.
#[inline(never)] // the caller's frame is large
pub fn copy(to: &Window<'_>, from: &Window<'_>, direction: Direction) {
    let bytes = to.bytes().min(from.bytes());
    let (to, from) = (to.base().as_ptr(), from.base().as_ptr());
    // Fewer bytes than this are left to the rounds that fetch nothing: what is fetched belongs to both sides, so
    // that short rows bring in nothing beside them.
    let slow = if to.addr().abs_diff(from.addr()) < NEAR {
        usize::MAX
    } else {
        AHEAD + ROUND
    };
    match direction {
        // SAFETY: both windows have so many bytes, and `slow` is one of the two above.
        Direction::Up => unsafe { up(to, from, bytes, slow) },
        // SAFETY: as above.
        Direction::Down => unsafe { down(to, from, bytes, slow) },
    }
}

/// Fills the window with the four bytes of `value`, the lowest first, from the one numbered `phase`
/// (0 to 3) on. Any IRQL.
pub fn fill(to: &Window<'_>, value: u32, phase: u32) {
    let value = value.rotate_right((phase % 4) * 8);
    let (base, bytes) = (to.base().as_ptr(), to.bytes());
    let pattern = [value; WIDE / 4];
    // SAFETY: as many bytes, and any are a `Wide`.
    let wide = unsafe { pattern.as_ptr().cast::<Wide>().read_unaligned() };
    let mut done = 0;
    while bytes - done >= WIDE {
        // SAFETY: `done + WIDE` bytes lie in the window.
        unsafe { write(base, done, wide) };
        done += WIDE;
    }
    for byte in value.to_le_bytes().iter().cycle().take(bytes - done) {
        // SAFETY: `done` lies in the window.
        unsafe { write(base, done, *byte) };
        done += 1;
    }
}

/// # Safety
///
/// `offset` and the bytes of a `T` behind it lie in the memory at `base`.
#[inline]
unsafe fn read<T: Copy>(base: *const u8, offset: usize) -> T {
    // SAFETY: the caller says that it lies inside.
    let place = unsafe { base.add(offset) };
    // SAFETY: as above, and any bytes are a `T` of this file.
    unsafe { place.cast::<T>().read_unaligned() }
}

/// # Safety
///
/// As [`read`].
#[inline]
unsafe fn write<T: Copy>(base: *mut u8, offset: usize, value: T) {
    // SAFETY: the caller says that it lies inside.
    let place = unsafe { base.add(offset) };
    // SAFETY: as above.
    unsafe { place.cast::<T>().write_unaligned(value) };
}

/// A round: all of it is read before any of it is written.
///
/// # Safety
///
/// As [`read`], for `ROUND` bytes.
#[inline]
unsafe fn round(to: *mut u8, from: *const u8, offset: usize) {
    // SAFETY: a part of the round, as the three below.
    let a: Wide = unsafe { read(from, offset) };
    // SAFETY: as above.
    let b: Wide = unsafe { read(from, offset + WIDE) };
    // SAFETY: as above.
    let c: Wide = unsafe { read(from, offset + 2 * WIDE) };
    // SAFETY: as above.
    let d: Wide = unsafe { read(from, offset + 3 * WIDE) };
    // SAFETY: as above.
    unsafe { write(to, offset, a) };
    // SAFETY: as above.
    unsafe { write(to, offset + WIDE, b) };
    // SAFETY: as above.
    unsafe { write(to, offset + 2 * WIDE, c) };
    // SAFETY: as above.
    unsafe { write(to, offset + 3 * WIDE, d) };
}

/// Begins to fetch the lines at `offset`, the destination's to be written. It changes nothing and cannot fault, and
/// memory that is not cached stays so.
#[cfg(target_arch = "x86_64")]
#[allow(clippy::pointers_in_nomem_asm_block)] // the instructions read and write nothing
#[inline]
fn fetch(to: *mut u8, from: *const u8, offset: usize) {
    // Windows demands `prefetchw` of every x64 processor; there is no intrinsic for it.
    // SAFETY: both instructions are hints, whatever the addresses are.
    unsafe {
        core::arch::asm!(
            "prefetcht0 [{from}]",
            "prefetchw [{to}]",
            from = in(reg) from.wrapping_add(offset),
            to = in(reg) to.wrapping_add(offset),
            options(nomem, nostack, preserves_flags),
        );
    }
}

/// Elsewhere that is left to the processor.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
fn fetch(_to: *mut u8, _from: *const u8, _offset: usize) {}

/// Whether the processor says that it copies long strings faster than any loop does (CPUID: ERMS). It is asked once,
/// because in a virtual machine the answer is the host's.
#[cfg(target_arch = "x86_64")]
fn strings_are_fast() -> bool {
    const FAST: u8 = 1;
    const SLOW: u8 = 2;
    static KNOWN: AtomicU8 = AtomicU8::new(0);
    let known = KNOWN.load(Ordering::Relaxed);
    if known != 0 {
        return known == FAST;
    }
    let fast = __cpuid(0).eax >= 7 && __cpuid_count(7, 0).ebx & 1 << 9 != 0;
    KNOWN.store(if fast { FAST } else { SLOW }, Ordering::Relaxed);
    fast
}

#[cfg(not(target_arch = "x86_64"))]
const fn strings_are_fast() -> bool {
    false
}

/// Copies `bytes` bytes at `offset`, the lowest first.
///
/// # Safety
///
/// As [`read`] and [`write`], for so many bytes.
#[cfg(target_arch = "x86_64")]
unsafe fn string(to: *mut u8, from: *const u8, offset: usize, bytes: usize) {
    // SAFETY: the caller says that they lie inside; the direction flag is clear wherever a function is called.
    unsafe {
        core::arch::asm!(
            "rep movsb",
            inout("rcx") bytes => _,
            inout("rdi") to.wrapping_add(offset) => _,
            inout("rsi") from.wrapping_add(offset) => _,
            options(nostack, preserves_flags),
        );
    }
}

#[cfg(not(target_arch = "x86_64"))]
unsafe fn string(to: *mut u8, from: *const u8, offset: usize, bytes: usize) {
    for at in offset..offset + bytes {
        // SAFETY: the caller's contract.
        unsafe { byte(to, from, at) };
    }
}

/// # Safety
///
/// As [`read`], for one byte.
#[inline]
unsafe fn byte(to: *mut u8, from: *const u8, offset: usize) {
    // SAFETY: the caller says that it lies inside.
    let value: u8 = unsafe { read(from, offset) };
    // SAFETY: as above.
    unsafe { write(to, offset, value) };
}

/// # Safety
///
/// Both have `bytes` bytes, and `slow` is at least `AHEAD + ROUND`.
unsafe fn up(to: *mut u8, from: *const u8, bytes: usize, slow: usize) {
    let mut done = 0;
    // Whole lines are written from the first one on.
    let head = bytes.min(to.align_offset(WIDE));
    while done < head {
        // SAFETY: below `bytes`.
        unsafe { byte(to, from, done) };
        done += 1;
    }
    if bytes - done >= slow && strings_are_fast() {
        let whole = (bytes - done) & !(ROUND - 1);
        // SAFETY: it ends at `bytes` at the latest.
        unsafe { string(to, from, done, whole) };
        done += whole;
    }
    while bytes - done >= slow {
        fetch(to, from, done + AHEAD);
        // SAFETY: the round ends before `bytes`, since `slow` is more than one.
        unsafe { round(to, from, done) };
        done += ROUND;
    }
    while bytes - done >= ROUND {
        // SAFETY: the round ends at `bytes` at the latest.
        unsafe { round(to, from, done) };
        done += ROUND;
    }
    while done < bytes {
        // SAFETY: below `bytes`.
        unsafe { byte(to, from, done) };
        done += 1;
    }
}

/// # Safety
///
/// As [`up`].
unsafe fn down(to: *mut u8, from: *const u8, bytes: usize, slow: usize) {
    let mut left = bytes;
    let tail = (to.addr() + bytes) % WIDE;
    while left > bytes.saturating_sub(tail) {
        left -= 1;
        // SAFETY: below `bytes`.
        unsafe { byte(to, from, left) };
    }
    while left >= slow {
        left -= ROUND;
        fetch(to, from, left - AHEAD);
        // SAFETY: the round ends where the last one began.
        unsafe { round(to, from, left) };
    }
    while left >= ROUND {
        left -= ROUND;
        // SAFETY: the round ends where the last one began.
        unsafe { round(to, from, left) };
    }
    while left > 0 {
        left -= 1;
        // SAFETY: below `bytes`.
        unsafe { byte(to, from, left) };
    }
}

#[cfg(test)]
mod tests {
    use core::ptr::NonNull;
    use std::vec::Vec;

    use super::*;

    /// Runs `work` on two windows of the same bytes.
    fn moved(bytes: &mut [u8], to: usize, from: usize, count: usize, direction: Direction) {
        let base = NonNull::from(bytes).cast();
        // SAFETY: the slice is not used meanwhile.
        let all = unsafe { Window::from_raw(base, 256) };
        let (to, from) = (all.part(to, count).unwrap(), all.part(from, count).unwrap());
        copy(&to, &from, direction);
    }

    #[test]
    fn overlapping_ranges_are_copied_as_if_the_source_were_read_first() {
        for distance in 0..70 {
            for count in [0, 1, 7, 15, 16, 17, 63, 64, 65, 128, 150] {
                for shift in [0, 1, 9, 16] {
                    let before: Vec<u8> = (0..=255).collect();
                    let (low, high) = (shift, shift + distance);
                    let mut up = before.clone();
                    moved(&mut up, low, high, count, Direction::Up);
                    let mut expected = before.clone();
                    expected.copy_within(high..high + count, low);
                    assert_eq!(up, expected, "up by {distance}, {count} bytes at {shift}");
                    let mut down = before.clone();
                    moved(&mut down, high, low, count, Direction::Down);
                    let mut expected = before.clone();
                    expected.copy_within(low..low + count, high);
                    assert_eq!(
                        down, expected,
                        "down by {distance}, {count} bytes at {shift}"
                    );
                }
            }
        }
    }

    /// Whatever this processor says of its strings: they copy what they are told, and nothing beside it.
    #[test]
    fn strings_are_copied_whole_and_nothing_beside_them() {
        for (offset, count) in [(0, 0), (0, 1), (3, 64), (1, 4096), (5, 10_000)] {
            let source: Vec<u8> = (0..251).cycle().step_by(3).take(12_000).collect();
            let mut bytes = std::vec![0xee; 12_000];
            // SAFETY: both have so many bytes behind the offset.
            unsafe { string(bytes.as_mut_ptr(), source.as_ptr(), offset, count) };
            let mut expected = std::vec![0xee; 12_000];
            expected[offset..offset + count].copy_from_slice(&source[offset..offset + count]);
            assert_eq!(bytes, expected, "{count} bytes at {offset}");
        }
    }

    /// Sides that are far apart, whose lines are fetched ahead: all lengths round where that begins and ends.
    #[test]
    fn long_ranges_are_copied_whole_and_nothing_beside_them() {
        let source: Vec<u8> = (0..251).cycle().step_by(7).take(4 * AHEAD).collect();
        for count in [
            AHEAD + 63,
            AHEAD + 64,
            AHEAD + 65,
            2 * AHEAD + 127,
            3 * AHEAD,
        ] {
            for (shift, direction) in [(0, Direction::Up), (5, Direction::Up), (3, Direction::Down)]
            {
                let mut bytes = std::vec![0xee; NEAR + 8 * AHEAD];
                bytes[..source.len()].copy_from_slice(&source);
                let before = bytes.clone();
                let to = NEAR + 4 * AHEAD + shift;
                let base = NonNull::from(&mut bytes[..]).cast();
                // SAFETY: the bytes are not used meanwhile.
                let all = unsafe { Window::from_raw(base, before.len()) };
                copy(
                    &all.part(to, count).unwrap(),
                    &all.part(1, count).unwrap(),
                    direction,
                );
                let mut expected = before.clone();
                expected.copy_within(1..=count, to);
                assert!(bytes == expected, "{direction:?}, {count} bytes");
            }
        }
    }

    #[test]
    fn a_fill_repeats_its_value() {
        for phase in 0..4 {
            for count in 0..70 {
                let mut bytes = [0xee_u8; 80];
                let base = NonNull::from(&mut bytes).cast();
                // SAFETY: the array is not used meanwhile.
                let window = unsafe { Window::from_raw(base, 80) };
                fill(&window.part(3, count).unwrap(), 0x4433_2211, phase);
                let value = [0x11, 0x22, 0x33, 0x44];
                for (index, &byte) in bytes.iter().enumerate() {
                    let expected = match index.checked_sub(3) {
                        Some(at) if at < count => value[(at + phase as usize) % 4],
                        _ => 0xee,
                    };
                    assert_eq!(byte, expected);
                }
            }
        }
    }
}
