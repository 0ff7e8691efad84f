//! The return addresses on a stack.
//!
//! The driver's frames keep no chain that can be followed without its unwind
//! data, so a stack is read word by word: a word is taken for a return address
//! if it points into code right behind a call instruction. One that an earlier
//! call left behind may be among them, which a reader can tell.

use alloc::vec::Vec;
use core::arch::asm;

use crate::{
    image,
    memory::{layout::PAGE, paging},
};

/// How many return addresses a report has.
const MOST: usize = 24;
/// How many words of a stack are looked at.
const WORDS: u64 = 1024;

/// The return addresses on the running stack.
#[inline(never)]
pub fn from_here() -> Vec<u64> {
    let pointer: u64;
    // SAFETY: only copies the stack pointer.
    unsafe { asm!("mov {}, rsp", out(reg) pointer, options(nomem, nostack, preserves_flags)) }
    from_stack(pointer)
}

/// The return addresses on the stack whose pointer is `pointer`, innermost first.
pub fn from_stack(pointer: u64) -> Vec<u64> {
    let mut found = Vec::with_capacity(MOST);
    let first = pointer.next_multiple_of(8);
    let mut known_page = 0;
    for address in (first..).step_by(8).take(WORDS as usize) {
        if address & !(PAGE - 1) != known_page {
            known_page = address & !(PAGE - 1);
            if paging::translate(known_page).is_none() {
                break;
            }
        }
        // SAFETY: the word is aligned and its page is mapped.
        let word = unsafe { (address as *const u64).read() };
        if is_return_address(word) {
            found.push(word);
            if found.len() == MOST {
                break;
            }
        }
    }
    found
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
