//! The end of an allocation, and of all of them.

use alloc::sync::Arc;

use crate::Status;
use crate::memory::PAGE;
use crate::memory::backing::Backing;
use crate::memory::vidmm::{Record, Vidmm};
use crate::objects::AllocationId;

impl Vidmm<'_> {
    /// Takes an allocation that nothing uses out of its segment, and gives its pages back.
    pub(super) fn release(&mut self, id: AllocationId) -> Result<(), Status> {
        let unmapped = self.unmap_of(id);
        let released = self
            .state
            .records
            .remove(&id)
            .map_or(Ok(()), |record| self.give_back(&record));
        unmapped.and(released).and(self.flush())
    }

    fn give_back(&mut self, record: &Record) -> Result<(), Status> {
        let Some(place) = record.place else {
            return Ok(());
        };
        let words = record.words();
        let Some(segment) = self.segment(place.segment) else {
            return Ok(());
        };
        let (aperture, bytes) = (segment.is_aperture(), segment.bytes_of(&words));
        let mut result = Ok(());
        if aperture && self.adapter.pages() && !record.away {
            result = self.wait_idle(&record.object.usage);
            let pages = bytes / PAGE;
            result = result.and(self.unmap(&record.object, place.segment, place.offset, pages));
            if let Some(backing) = &record.backing {
                self.keep(backing);
            }
        }
        if let Some(segment) = self.segment(place.segment) {
            segment.heap.free(place.offset);
        }
        result
    }

    /// These pages stay until the GPU is done with what was built last.
    pub(super) fn keep(&mut self, backing: &Arc<Backing>) {
        if let Some(filling) = &mut self.state.filling {
            filling.keep(backing);
        }
    }
}
