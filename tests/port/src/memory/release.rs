//! The end of an allocation, and of all of them.

use alloc::sync::Arc;

use crate::Status;
use crate::memory::PAGE;
use crate::memory::backing::Backing;
use crate::memory::vidmm::Vidmm;
use crate::objects::AllocationId;

impl Vidmm<'_> {
    /// Takes an allocation that nothing uses out of its segment, and gives its pages back.
    pub(super) fn release(&mut self, id: AllocationId) -> Result<(), Status> {
        let unmapped = self.unmap_of(id);
        // The object may be out of the tables already.
        let Some(record) = self.state.records.remove(&id) else {
            return unmapped;
        };
        let Some(place) = record.place else {
            return unmapped;
        };
        let words = record.words();
        let pages = self.adapter.pages();
        let Some(segment) = self.segment(place.segment) else {
            return unmapped;
        };
        let (aperture, bytes) = (segment.is_aperture(), segment.bytes_of(&words));
        let mut result = unmapped;
        if aperture && pages && !record.away {
            let idle = self.wait_idle(&record.object.usage);
            let done = self.unmap(&record.object, place.segment, place.offset, bytes / PAGE);
            if let Some(backing) = &record.backing {
                self.keep(backing);
            }
            result = result.and(idle).and(done).and(self.flush());
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
