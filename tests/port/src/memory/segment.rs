//! One segment: what the driver said of it, and its ranges.

use alloc::vec::Vec;

use dxgk_sys::DXGK_SEGMENTFLAGS;

use crate::checks::allocation_info::Words;
use crate::memory::PAGE;
use crate::memory::heap::{Heap, Window};
use crate::query::Segment;

/// An aperture segment and its kin: no memory of its own.
const APERTURE: DXGK_SEGMENTFLAGS = DXGK_SEGMENTFLAGS::Aperture.union(DXGK_SEGMENTFLAGS::Agp);

/// A segment of the adapter.
#[derive(Debug)]
pub(super) struct SegmentState {
    pub info: Segment,
    pub heap: Heap,
    /// Where each bank ends, as offsets; empty without banks.
    bank_ends: Vec<u64>,
}

impl SegmentState {
    pub(super) fn new(info: Segment, bank_ends: &[u64]) -> Self {
        Self {
            heap: Heap::new(info.base, info.size),
            info,
            bank_ends: bank_ends.to_vec(),
        }
    }

    pub(super) fn is_aperture(&self) -> bool {
        self.info.flags.intersects(APERTURE)
    }

    /// Memory that the CPU reaches where the segment says.
    pub(super) fn is_visible_memory(&self) -> bool {
        !self.is_aperture() && self.info.flags.contains(DXGK_SEGMENTFLAGS::CpuVisible)
    }

    pub(super) fn is_cache_coherent(&self) -> bool {
        self.info.flags.contains(DXGK_SEGMENTFLAGS::CacheCoherent)
    }

    /// Bytes that an allocation takes here.
    pub(super) fn bytes_of(&self, words: &Words) -> u64 {
        let pitched = self.info.flags.contains(DXGK_SEGMENTFLAGS::PitchAlignment);
        let bytes = if pitched && words.pitch_aligned_size != 0 {
            words.pitch_aligned_size
        } else {
            words.size
        };
        bytes.next_multiple_of(PAGE)
    }

    /// Whether so many bytes more may be committed.
    pub(super) fn may_commit(&self, bytes: u64) -> bool {
        let limit = if self.is_aperture() {
            self.info.commit_limit
        } else {
            self.info.size
        };
        self.heap.in_use().saturating_add(bytes) <= limit
    }

    fn bank(&self, number: u32) -> Option<core::ops::Range<u64>> {
        let index = (number as usize).checked_sub(1)?;
        let end = *self.bank_ends.get(index)?;
        let start = index
            .checked_sub(1)
            .map_or(0, |before| self.bank_ends[before]);
        Some(start..end)
    }

    /// Where to look for room, best first: hinted banks, then the whole segment, from the end that was asked for.
    pub(super) fn windows(&self, id: u32, words: &Words, from_end: bool) -> Vec<Window> {
        let mut windows = Vec::new();
        if words.preferred & 0x1F == id {
            let hints = (0..4).map(|place| words.hinted_bank >> (8 * place));
            windows.extend(hints.filter_map(|hint| {
                Some(Window {
                    offsets: self.bank(hint & 0x7F)?,
                    downwards: hint & 0x80 != 0,
                })
            }));
        }
        windows.push(Window {
            offsets: 0..u64::MAX,
            downwards: from_end,
        });
        windows
    }
}
