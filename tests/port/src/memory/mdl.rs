//! Memory descriptor lists of locked pages, as the memory manager of x86-64 Windows builds them (wdm.h): a header
//! of 48 bytes, then the page frame numbers.

use alloc::vec::Vec;

use dxgk_sys::MDL;

const HEADER_WORDS: usize = 6;
const PAGE: u64 = 4096;
/// `MDL_PAGES_LOCKED` and `MDL_WRITE_OPERATION`.
const FLAGS: u64 = 0x0002 | 0x0080;
/// `StartVa`: an address in a process that the driver is not in.
const START: u64 = 0x0000_01E5_0000_0000;
/// `MappedSystemVa`, which means nothing without `MDL_MAPPED_TO_SYSTEM_VA`: nothing that one could touch.
const NOWHERE: u64 = 0xCCCC_CCCC_CCCC_CCCC;

/// A list, in memory that the driver only reads.
pub(super) struct Mdl {
    words: Vec<u64>,
    before: Vec<u64>,
}

impl Mdl {
    pub(super) fn new(frames: &[u64]) -> Self {
        let bytes = frames.len() as u64 * PAGE;
        // The field has 16 bits, and longer lists overflow it on Windows as well.
        let size = ((HEADER_WORDS + frames.len()) as u64 * 8) & 0xFFFF;
        let mut words = Vec::with_capacity(HEADER_WORDS + frames.len());
        words.push(0); // Next
        words.push(size | FLAGS << 16);
        words.push(0); // Process
        words.push(NOWHERE);
        words.push(START);
        words.push(bytes & 0xFFFF_FFFF); // ByteCount, and ByteOffset 0 above it
        words.extend_from_slice(frames);
        Self {
            before: words.clone(),
            words,
        }
    }

    /// What DDIs take.
    pub(super) fn pointer(&self) -> *mut MDL {
        self.words.as_ptr().cast_mut().cast()
    }

    /// The driver wrote nothing into it.
    pub(super) fn untouched(&self) -> bool {
        // Read as a driver's memory: the words may have changed behind the compiler's back.
        core::hint::black_box(&self.words) == &self.before
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frame_numbers_follow_a_header_of_48_bytes() {
        let mdl = Mdl::new(&[7, 3, 9]);
        let words = mdl.pointer().cast::<u64>();
        // SAFETY: 48 bytes of header and 24 of frame numbers.
        let word = |at: usize| unsafe { words.wrapping_add(at / 8).read() };
        assert_eq!([word(48), word(56), word(64)], [7, 3, 9]);
        assert_eq!(word(8) & 0xFFFF, 72);
        assert_eq!(word(8) >> 16 & 0x2, 2);
        assert_eq!(word(40), 3 * 4096);
        assert!(mdl.untouched());
        // SAFETY: a frame number.
        unsafe { words.wrapping_add(7).write(4) };
        assert!(!mdl.untouched());
    }
}
