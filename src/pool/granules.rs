//! Granules: the pieces of the address space that the set of a pool's addresses is made of.

use super::place::Place;
use super::slot::LINE;
use super::{Mode, run};
use crate::kernel::PAGE;
use crate::kernel::sync::MODEL;

/// How granules and payloads lie in words.
#[derive(Clone, Copy)]
pub(super) struct Granules {
    /// Bits of an address within its granule.
    bits: u32,
    /// Bits of a payload. An address repeats its upper seven bits, so it is no loss that a granule's number
    /// loses as many to the payload.
    pub(super) payload: u32,
    /// The smallest payload.
    least: usize,
}

impl Granules {
    /// Pages, with the [`Place`] of each. (A model's runs are smaller.)
    pub(super) const PAGES: Self = Self {
        bits: if MODEL { 8 } else { PAGE.ilog2() },
        payload: Place::BITS,
        least: Place::LEAST,
    };
    /// Lines, with nothing else: each payload is 0.
    pub(super) const LINES: Self = Self {
        bits: LINE.ilog2(),
        payload: LINE.ilog2(),
        least: 0,
    };

    /// Bytes of a granule.
    pub(super) const fn bytes(self) -> usize {
        1 << self.bits
    }

    /// Whether a word without a granule's number is a payload.
    #[inline(always)]
    pub(super) const fn is_payload(self, word: usize) -> bool {
        word.wrapping_sub(self.least) < (1 << self.payload) - self.least
    }

    /// Where the granule of `address` begins.
    #[inline(always)]
    pub(super) const fn begin(self, address: usize) -> usize {
        address >> self.bits << self.bits
    }

    /// The word for the granule of `address`.
    #[inline(always)]
    pub(super) const fn word(self, address: usize, payload: usize) -> usize {
        address >> self.bits << self.payload | payload
    }

    /// A word without its payload, by which its place is found.
    pub(super) const fn key_of(self, word: usize) -> usize {
        word >> self.payload << self.payload
    }

    /// Where the granule of a word begins.
    pub(super) const fn address(self, word: usize) -> usize {
        // Shifted as a signed number: addresses of the kernel have their upper bits set.
        let signed = word.cast_signed() >> self.payload;
        signed.cast_unsigned() << self.bits
    }

    /// What a pool's set is made of.
    pub(super) const fn of(mode: Mode) -> Self {
        match mode {
            Mode::Slab => Self::PAGES,
            Mode::PerObject => Self::LINES,
        }
    }

    /// An address in each granule of a run in this block.
    pub(super) fn of_run<T>(block: *mut u8) -> impl Iterator<Item = usize> {
        (0..run::bytes::<T>())
            .step_by(Self::PAGES.bytes())
            .map(move |offset| block.addr().wrapping_add(offset))
    }
}
