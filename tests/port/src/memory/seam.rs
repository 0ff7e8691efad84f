//! VidMm's face to the scheduler, for as long as nothing is paged: allocations are placed once and stay.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use crate::Status;
use crate::adapter::{Adapter, AdapterInner};
use crate::memory::{Location, References, Stage, Wanted};
use crate::objects::AllocationId;
use crate::scheduler::buffer::Buffer;

/// A paging buffer with operations in it, ready for the scheduler.
pub(crate) struct PagingBuffer {
    pub buffer: Arc<Buffer>,
    /// Bytes that the driver has written.
    pub bytes: u32,
    /// The part of the private data that belongs to it.
    pub private: Range<u32>,
    /// `PagingBufferSegmentId`.
    pub segment: u32,
    /// Where the buffer begins, in that segment or on the bus.
    pub physical: u64,
}

#[allow(clippy::unused_self)] // VidMm will use it
impl AdapterInner {
    /// Places all of these.
    pub(crate) fn make_resident(&self, wanted: &[Wanted]) -> Result<Vec<Location>, Status> {
        let place = |wanted: &Wanted| self.place_now(wanted.allocation);
        wanted.iter().map(place).collect()
    }

    /// The last place, segment 0 if there is none.
    pub(crate) fn location(&self, id: AllocationId) -> Location {
        self.place_now(id).unwrap_or_default()
    }

    fn place_now(&self, id: AllocationId) -> Result<Location, Status> {
        let adapter: Option<Adapter> = self.public();
        let adapter = adapter.ok_or(crate::STATUS_INVALID_DEVICE_STATE)?;
        let placement = adapter.place(id)?;
        Ok(Location {
            segment: placement.segment,
            address: placement.address,
        })
    }

    /// Work of that stage uses these.
    pub(crate) fn reference(&self, wanted: &[Wanted], stage: Stage) -> References {
        References::to(stage, wanted)
    }

    /// Between ResetFromTimeout and RestartFromTimeout.
    pub(crate) fn memory_after_reset(&self) {}

    /// After RestartFromTimeout.
    pub(crate) fn memory_restarted(&self) {}
}
