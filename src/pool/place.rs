//! What the set says of a page of a run.
//!
//! It leads to the run's slots and to the lock of its shard without a look at the run's descriptor, which
//! would have to come first: a removal waits for that lock anyway. Like all that is read without the lock
//! it is a guess, and the descriptor is looked at under the lock.

use core::ptr::{self, NonNull};

use super::granules::Granules;
use super::growth::FIRST_RUNS;
use super::run::head;
use super::shard::SHARDS;

/// Bits of a page's number in its run.
const PAGE_BITS: u32 = 4;
/// Bits of a shard's number.
const SHARD_BITS: u32 = SHARDS.ilog2();
/// Bits of a descriptor's number.
const RUN_BITS: u32 = 13;

/// Numbers of descriptors are below this.
pub(super) const MOST_RUNS: usize = 1 << RUN_BITS;

/// A page of a run: the number of the run's descriptor, that of its shard, that of the page.
#[derive(Clone, Copy)]
pub(super) struct Place(usize);

impl Place {
    /// Bits of such a word.
    pub(super) const BITS: u32 = RUN_BITS + SHARD_BITS + PAGE_BITS;
    /// The smallest such word: descriptors are not counted from 0.
    pub(super) const LEAST: usize = FIRST_RUNS << (SHARD_BITS + PAGE_BITS);

    pub(super) const fn new(run: usize, shard: usize, page: usize) -> Self {
        Self((run << SHARD_BITS | shard) << PAGE_BITS | page)
    }

    /// The place that a word of the set stands for.
    #[inline(always)]
    pub(super) const fn from_word(word: usize) -> Self {
        Self(word)
    }

    pub(super) const fn word(self) -> usize {
        self.0
    }

    /// Number of the run's descriptor.
    #[inline(always)]
    pub(super) const fn run(self) -> usize {
        // It is below that anyway; so the compiler knows.
        self.0 >> (SHARD_BITS + PAGE_BITS) & (MOST_RUNS - 1)
    }

    /// Number of the run's shard.
    #[inline(always)]
    pub(super) const fn shard(self) -> usize {
        self.0 >> PAGE_BITS & (SHARDS - 1)
    }

    /// Where the slots of the run begin that has this page at `address`.
    #[inline(always)]
    pub(super) fn base<T>(self, address: usize) -> Option<NonNull<u8>> {
        const { assert!(head::<T>() < Granules::PAGES.bytes()) };
        let page = self.0 & ((1 << PAGE_BITS) - 1);
        let before = page.wrapping_mul(Granules::PAGES.bytes());
        // A run is page-aligned, so nothing is carried; and so the compiler knows that it is not 0.
        let base = Granules::PAGES.begin(address).wrapping_sub(before) | head::<T>();
        NonNull::new(ptr::with_exposed_provenance_mut(base))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::PAGE;
    use crate::pool::run;

    type Object = [u64; 3];

    #[test]
    fn a_page_leads_to_the_slots_of_its_run() {
        // A process's address, the kernel's, and one with five levels of page tables.
        for block in [
            0x10_0000_usize,
            0xffff_f800_1234_5000,
            0xff12_3456_789a_b000,
        ] {
            let base = block + head::<Object>();
            for page in 0..run::bytes::<Object>() / PAGE {
                let place = Place::new(MOST_RUNS - 1, SHARDS - 1, page);
                for offset in [0, PAGE - 1] {
                    let address = block + page * PAGE + offset;
                    let found = place.base::<Object>(address).unwrap();
                    assert_eq!(found.addr().get(), base, "{address:#x}");
                }
                assert_eq!((place.run(), place.shard()), (MOST_RUNS - 1, SHARDS - 1));
                let pages = Granules::PAGES;
                let word = pages.word(block + page * PAGE, place.word());
                let payload = word ^ pages.word(block + page * PAGE, 0);
                assert_eq!(payload, place.word());
                assert_eq!(pages.address(word), block + page * PAGE);
                assert!(pages.is_payload(payload));
                // Not to be found under another page's number.
                assert!(!pages.is_payload(word ^ pages.word(block + (page + 1) * PAGE, 0)));
            }
        }
    }

    #[test]
    fn a_cell_without_a_page_is_none_of_page_zero() {
        let pages = Granules::PAGES;
        for cell in [0, 1] {
            assert!(!pages.is_payload(pages.word(0, 0) ^ cell));
        }
        assert!(pages.is_payload(Place::new(FIRST_RUNS, 0, 0).word()));
    }
}
