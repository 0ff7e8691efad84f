//! The return addresses on a stack.
//!
//! The kernel's own functions keep a chain of frames in RBP. The driver's keep
//! none that can be followed without its unwind data, so there the stack is read
//! word by word: a word is taken for a return address if it points into the
//! driver's code right behind a call instruction. One that an earlier call left
//! behind may be among them, which a reader can tell.

use alloc::vec::Vec;
use core::arch::asm;

use crate::{
    image,
    memory::{layout::PAGE, paging},
};

/// How many return addresses a report has.
const MOST: usize = 24;
/// How many words of a stack are looked at.
const WORDS: u64 = 2048;

/// The return addresses on the running stack, innermost first.
#[inline(never)]
pub fn from_here() -> Vec<u64> {
    let (stack, frame): (u64, u64);
    // SAFETY: only copies two registers.
    unsafe {
        asm!(
            "mov {}, rsp",
            "mov {}, rbp",
            out(reg) stack,
            out(reg) frame,
            options(nomem, nostack, preserves_flags),
        );
    }
    let mut found = chain(frame);
    add_driver_addresses(stack, &mut found);
    found
}

/// The return addresses where an exception stopped the processor, innermost first.
pub fn from_exception(instruction: u64, stack: u64, frame: u64) -> Vec<u64> {
    let mut found = Vec::new();
    if !is_code(instruction) && paging::is_mapped(stack, 8) {
        // A call to where no code is left its return address on top.
        // SAFETY: the word is mapped; a stack pointer that is not aligned is read all the same.
        found.push(unsafe { (stack as *const u64).read_unaligned() });
    }
    if !image::is_driver_code(instruction) {
        found.extend(chain(frame));
    }
    add_driver_addresses(stack, &mut found);
    found
}

/// The return addresses along the kernel's frames, from the one at `frame` on.
fn chain(mut frame: u64) -> Vec<u64> {
    let mut found = Vec::new();
    while found.len() < MOST && frame.is_multiple_of(8) && paging::is_mapped(frame, 16) {
        // SAFETY: both words are mapped and aligned.
        let [next, address] = unsafe { *(frame as *const [u64; 2]) };
        if !is_return_address(address) {
            break;
        }
        found.push(address);
        if image::is_driver_code(address) || next <= frame {
            break;
        }
        frame = next;
    }
    found
}

/// Adds what look like return addresses into the driver from `stack` on.
fn add_driver_addresses(stack: u64, found: &mut Vec<u64>) {
    let mut known_page = 0;
    for address in (stack.next_multiple_of(8)..)
        .step_by(8)
        .take(WORDS as usize)
    {
        if address & !(PAGE - 1) != known_page {
            known_page = address & !(PAGE - 1);
            if paging::translate(known_page).is_none() {
                break;
            }
        }
        // SAFETY: the word is aligned and its page is mapped.
        let word = unsafe { (address as *const u64).read() };
        if image::is_driver_code(word) && is_return_address(word) && !found.contains(&word) {
            if found.len() == MOST {
                break;
            }
            found.push(word);
        }
    }
}

/// Whether `address` lies in code of the driver or the kernel, behind a call instruction.
fn is_return_address(address: u64) -> bool {
    /// The longest call instruction that compilers make, `call [reg + reg * n + disp32]`.
    const LONGEST: usize = 7;
    let start = address.wrapping_sub(LONGEST as u64);
    if !(is_code(start) && is_code(address)) {
        return false;
    }
    // SAFETY: both ends are in one piece of mapped code (code ranges are larger than this).
    let bytes = unsafe { *(start as *const [u8; LONGEST]) };
    ends_with_call(bytes)
}

fn is_code(address: u64) -> bool {
    image::is_driver_code(address) || paging::is_kernel_code(address)
}

/// Whether a call instruction ends with the last of `bytes`.
fn ends_with_call(bytes: [u8; 7]) -> bool {
    // call rel32
    if bytes[2] == 0xe8 {
        return true;
    }
    // call r/m64: FF /2, of each length that its addressing mode can have.
    (2..=7).any(|length| {
        let instruction = &bytes[7 - length..];
        instruction[0] == 0xff
            && instruction[1] >> 3 & 7 == 2
            && indirect_call_length(instruction[1], instruction.get(2).copied()) == length
    })
}

/// Bytes of an `FF /2` instruction with this addressing byte and scale byte.
fn indirect_call_length(addressing: u8, scale: Option<u8>) -> usize {
    let (mode, register) = (addressing >> 6, addressing & 7);
    let has_scale = mode != 3 && register == 4;
    let displacement = match (mode, register) {
        (0, 5) | (2, _) => 4,
        (0, 4) if scale.is_some_and(|scale| scale & 7 == 5) => 4,
        (1, _) => 1,
        _ => 0,
    };
    2 + usize::from(has_scale) + displacement
}
