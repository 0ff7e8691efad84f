//! VidMm's face to the scheduler and to the rest of the port.

use alloc::vec::Vec;

use crate::Status;
use crate::adapter::AdapterInner;
use crate::memory::{Location, References, Stage, Wanted};
use crate::objects::AllocationId;

impl AdapterInner {
    /// Makes these resident at once, for one DMA buffer. Paging buffers that have to run before it are submitted when
    /// it returns. Called before each submission, also of what was preempted or divided.
    ///
    /// # Errors
    /// `STATUS_GRAPHICS_NO_VIDEO_MEMORY`: together they are too large. `STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION`,
    /// `STATUS_INVALID_HANDLE`. What the scheduler says of paging.
    pub(crate) fn make_resident(&self, wanted: &[Wanted]) -> Result<Vec<Location>, Status> {
        self.scheduling(|| self.vidmm().make_resident(wanted))
    }

    /// The last place, segment 0 if there is none.
    pub(crate) fn location(&self, id: AllocationId) -> Location {
        self.vidmm().location(id)
    }

    /// Work of that stage uses these.
    #[allow(clippy::unused_self)] // the scheduler asks its adapter
    pub(crate) fn reference(&self, wanted: &[Wanted], stage: Stage) -> References {
        References::to(stage, wanted)
    }

    /// The allocation is about to be destroyed, and nothing uses it: its range and its pages are free.
    pub(crate) fn free_place(&self, id: AllocationId) {
        self.scheduling(|| {
            let mut vidmm = self.vidmm();
            // After a bugcheck or a lost adapter there is nothing left to tell.
            let _ = vidmm.release(id);
        });
    }
}
