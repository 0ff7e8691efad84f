//! The ranges of one segment: which are taken, and where the next allocation goes.

use alloc::vec::Vec;
use core::ops::Range;

use crate::memory::PAGE;
use crate::objects::AllocationId;

/// Who has a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    Allocation(AllocationId),
    /// The memory manager itself: paging buffers, raw copies, ranges that wait to be unmapped.
    Manager,
}

/// Where to look for a range, and from which end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// Offsets in the segment.
    pub offsets: Range<u64>,
    /// From high addresses down.
    pub downwards: bool,
}

/// The ranges of a segment, by offset.
#[derive(Debug)]
pub(super) struct Heap {
    base: u64,
    size: u64,
    /// Sorted by offset; none overlap.
    taken: Vec<(Range<u64>, Owner)>,
}

impl Heap {
    /// A segment of `size` bytes whose first byte has the GPU's address `base`.
    pub(super) fn new(base: u64, size: u64) -> Self {
        Self {
            base,
            size,
            taken: Vec::new(),
        }
    }

    pub(super) fn size(&self) -> u64 {
        self.size
    }

    pub(super) fn taken(&self) -> &[(Range<u64>, Owner)] {
        &self.taken
    }

    /// A free range of whole pages inside a window. Addresses are aligned, not offsets, and never less than to a page.
    pub(super) fn find(&self, bytes: u64, alignment: u64, window: &Window) -> Option<u64> {
        let bytes = bytes.checked_next_multiple_of(PAGE)?;
        let alignment = alignment.max(PAGE);
        let end = window.offsets.end.min(self.size);
        if bytes == 0 {
            return None;
        }
        let holes = self.holes(window.offsets.start..end);
        let fit = |hole: &Range<u64>| {
            let address = self.base.checked_add(hole.start)?;
            let lowest = address.checked_next_multiple_of(alignment)? - self.base;
            if lowest.checked_add(bytes)? > hole.end {
                return None;
            }
            if !window.downwards {
                return Some(lowest);
            }
            let highest = self.base + (hole.end - bytes);
            Some(highest / alignment * alignment - self.base)
        };
        if window.downwards {
            holes.iter().rev().find_map(fit)
        } else {
            holes.iter().find_map(fit)
        }
    }

    fn holes(&self, within: Range<u64>) -> Vec<Range<u64>> {
        let mut holes = Vec::new();
        let mut start = within.start;
        for (range, _) in &self.taken {
            let end = range.start.min(within.end);
            if start < end {
                holes.push(start..end);
            }
            start = start.max(range.end);
        }
        if start < within.end {
            holes.push(start..within.end);
        }
        holes
    }

    /// Takes a range that [`Self::find`] found, rounded up to pages.
    pub(super) fn take(&mut self, offset: u64, bytes: u64, owner: Owner) {
        let range = offset..offset + bytes.next_multiple_of(PAGE);
        let at = self
            .taken
            .partition_point(|(taken, _)| taken.start < range.start);
        self.taken.insert(at, (range, owner));
    }

    /// Gives the range that begins there back.
    pub(super) fn free(&mut self, offset: u64) {
        self.taken.retain(|(range, _)| range.start != offset);
    }

    /// Gives the range that begins there another owner.
    pub(super) fn hand_over(&mut self, offset: u64, owner: Owner) {
        for (range, of) in &mut self.taken {
            if range.start == offset {
                *of = owner;
            }
        }
    }

    /// Bytes that are taken.
    pub(super) fn in_use(&self) -> u64 {
        self.taken
            .iter()
            .map(|(range, _)| range.end - range.start)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn up() -> Window {
        Window {
            offsets: 0..u64::MAX,
            downwards: false,
        }
    }

    #[test]
    fn holes_are_filled_first_and_addresses_are_aligned() {
        let mut heap = Heap::new(0x1000, 0x10_0000);
        let put = |heap: &mut Heap, bytes, alignment| {
            let offset = heap.find(bytes, alignment, &up())?;
            heap.take(offset, bytes, Owner::Manager);
            Some(offset)
        };
        assert_eq!(put(&mut heap, 5000, 0), Some(0));
        // Addresses are aligned, not offsets.
        assert_eq!(put(&mut heap, 4096, 0x1_0000), Some(0xF000));
        assert_eq!(put(&mut heap, 4096, 1), Some(0x2000));
        heap.free(0);
        assert_eq!(put(&mut heap, 4096, 1), Some(0));
        assert_eq!(put(&mut heap, 0x10_0000, 1), None);
        assert_eq!(put(&mut heap, 0xF_0000, 1), Some(0x1_0000));
        assert_eq!(put(&mut heap, 0, 1), None);
        assert_eq!(heap.in_use(), 0xF_3000);
    }

    #[test]
    fn from_the_end_and_inside_a_window() {
        let mut heap = Heap::new(0, 0x10_0000);
        let down = |offsets| Window {
            offsets,
            downwards: true,
        };
        assert_eq!(
            heap.find(0x3000, 0x2000, &down(0..u64::MAX)),
            Some(0xF_C000)
        );
        heap.take(0xF_C000, 0x3000, Owner::Manager);
        assert_eq!(heap.find(0x1000, 1, &down(0..u64::MAX)), Some(0xF_F000));
        assert_eq!(heap.find(0x2000, 1, &down(0..u64::MAX)), Some(0xF_A000));
        let bank = Window {
            offsets: 0x4_0000..0x8_0000,
            downwards: false,
        };
        assert_eq!(heap.find(0x4_0000, 1, &bank), Some(0x4_0000));
        assert_eq!(heap.find(0x4_1000, 1, &bank), None);
    }
}
