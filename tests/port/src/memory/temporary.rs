//! Ranges of an aperture that a move has gone through: unmapped when the GPU is done with them.

use alloc::sync::Arc;
use alloc::vec::Vec;

use crate::Status;
use crate::memory::backing::Backing;
use crate::memory::usage::Usage;
use crate::memory::vidmm::Vidmm;
use crate::objects::{AllocationId, AllocationObject};

/// A range that is still mapped, and whose content is elsewhere or on its way.
pub(super) struct Temporary {
    pub object: Arc<AllocationObject>,
    /// Counts the move alone, not what uses the allocation at its new place.
    pub usage: Arc<Usage>,
    pub segment: u32,
    pub offset: u64,
    pub pages: u64,
    /// The pages that are mapped there.
    pub backing: Arc<Backing>,
}

impl Vidmm<'_> {
    /// Unmaps the ranges whose moves are done.
    pub(super) fn unmap_done(&mut self) -> Result<(), Status> {
        self.unmap_temporary(|range| !range.usage.in_hardware())
    }

    /// Unmaps all of a segment, and waits for the moves.
    pub(super) fn unmap_all_of(&mut self, segment: u32) -> Result<(), Status> {
        self.unmap_temporary(|range| range.segment == segment)
    }

    /// Unmaps those of an allocation, which is about to be destroyed.
    pub(super) fn unmap_of(&mut self, id: AllocationId) -> Result<(), Status> {
        self.unmap_temporary(|range| range.object.id == id)
    }

    fn unmap_temporary(&mut self, which: impl Fn(&Temporary) -> bool) -> Result<(), Status> {
        let ranges = core::mem::take(&mut self.state.temporary);
        let (now, later): (Vec<_>, Vec<_>) = ranges.into_iter().partition(which);
        self.state.temporary = later;
        let mut result = Ok(());
        for range in now {
            // The page says that the GPU does not access the range at that time.
            result = result.and_then(|()| self.wait_idle(&range.usage));
            if result.is_err() {
                // The reset that is to come unmaps it.
                self.state.temporary.push(range);
                continue;
            }
            result = self.unmap(&range.object, range.segment, range.offset, range.pages);
            self.keep(&range.backing);
            if let Some(segment) = self.segment(range.segment) {
                segment.heap.free(range.offset);
            }
        }
        result
    }
}
