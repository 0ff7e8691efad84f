//! What tests ask of VidMm.

use dxgk_sys::DXGK_ALLOCATIONINFOFLAGS as Flags;
use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::adapter::Adapter;
use crate::memory::heap::Window;
use crate::memory::options::MemoryOptions;
use crate::memory::usage::Wanted;
use crate::memory::vidmm::{Content, Place, Vidmm};
use crate::objects::AllocationId;
use crate::{
    STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION, STATUS_GRAPHICS_NO_VIDEO_MEMORY, Status,
};

/// Where an allocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Residency {
    /// It has never had content, or has lost it.
    Nowhere,
    /// In system memory, for no segment to see.
    System,
    /// In a memory segment.
    Memory {
        /// Counted from 1.
        segment: u32,
        /// The segment's base address and the offset in it.
        address: u64,
    },
    /// In system memory that an aperture segment shows.
    Aperture {
        /// Counted from 1.
        segment: u32,
        /// The segment's base address and the offset in it.
        address: u64,
    },
}

impl Adapter {
    fn manage<R>(&self, work: impl FnOnce(&mut Vidmm<'_>) -> R) -> R {
        self.0.scheduling(|| work(&mut self.0.vidmm()))
    }

    /// How VidMm works from now on.
    pub fn memory(&self, options: MemoryOptions) {
        self.manage(|vidmm| {
            vidmm.state.random = options.seed;
            vidmm.state.options = options;
        });
    }

    /// Where an allocation is; [`Residency::Nowhere`] also if it is gone.
    pub fn residency(&self, id: AllocationId) -> Residency {
        self.manage(|vidmm| {
            let location = vidmm.location(id);
            let aperture = vidmm
                .segment(location.segment)
                .is_some_and(|segment| segment.is_aperture());
            let content = vidmm.record(id).map(|record| record.content);
            match (location.segment, content) {
                (0, Some(Content::System)) => Residency::System,
                (0, _) => Residency::Nowhere,
                (segment, _) if aperture => Residency::Aperture {
                    segment,
                    address: location.address,
                },
                (segment, _) => Residency::Memory {
                    segment,
                    address: location.address,
                },
            }
        })
    }

    /// Brings allocations into segments without rendering, as a paging operation of the system's.
    ///
    /// # Errors
    /// `STATUS_GRAPHICS_NO_VIDEO_MEMORY` if they do not fit together; `STATUS_INVALID_HANDLE` for what is gone.
    pub fn make_resident(&self, ids: &[AllocationId]) -> Result<(), Status> {
        let wanted = ids.iter().map(|id| Wanted {
            allocation: *id,
            write: false,
        });
        let wanted: alloc::vec::Vec<_> = wanted.collect();
        self.0.make_resident(&wanted).map(|_| ())
    }

    /// Evicts an allocation to system memory. The move is queued behind what the hardware has.
    ///
    /// # Errors
    /// [`STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION`]; `STATUS_INVALID_HANDLE` for what is gone.
    pub fn evict(&self, id: AllocationId) -> Result<(), Status> {
        self.manage(|vidmm| {
            let record = vidmm.record(id).ok_or(STATUS_INVALID_HANDLE)?;
            if record.pinned {
                return Err(STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION);
            }
            vidmm.evict(id)?;
            vidmm.flush()
        })
    }

    /// Evicts all that is not pinned.
    ///
    /// # Errors
    /// What the scheduler says of paging.
    pub fn evict_all(&self) -> Result<(), Status> {
        self.manage(|vidmm| {
            for id in vidmm.ids() {
                if vidmm.record(id).is_some_and(|record| !record.pinned) {
                    vidmm.evict(id)?;
                }
            }
            vidmm.flush()
        })
    }

    /// Lets allocations use only so many bytes of segment 1, those that are pinned aside; evicts what is too much.
    ///
    /// # Errors
    /// What the scheduler says of paging.
    pub fn set_memory_limit(&self, bytes: u64) -> Result<(), Status> {
        self.manage(|vidmm| {
            vidmm.state.limit = bytes;
            if vidmm.adapter.pages() {
                vidmm.keep_limit()?;
            }
            Ok(())
        })
    }

    /// The content may be thrown away when the allocation is evicted, until [`Self::reclaim`] or the next use.
    ///
    /// # Errors
    /// `STATUS_INVALID_HANDLE` for what is gone.
    pub fn offer(&self, id: AllocationId) -> Result<(), Status> {
        self.manage(|vidmm| {
            vidmm.record(id).ok_or(STATUS_INVALID_HANDLE)?.offered = true;
            Ok(())
        })
    }

    /// Takes an offer back; false if the content was thrown away, and the allocation is zero where it comes next.
    ///
    /// # Errors
    /// `STATUS_INVALID_HANDLE` for what is gone.
    pub fn reclaim(&self, id: AllocationId) -> Result<bool, Status> {
        self.manage(|vidmm| {
            let record = vidmm.record(id).ok_or(STATUS_INVALID_HANDLE)?;
            record.offered = false;
            let kept = !record.lost;
            record.lost = false;
            Ok(kept)
        })
    }

    /// Moves an allocation to another range of the memory segment that it is in.
    ///
    /// # Errors
    /// [`STATUS_GRAPHICS_NO_VIDEO_MEMORY`] if there is none, or it is in no memory segment;
    /// [`STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION`]; `STATUS_INVALID_HANDLE`.
    pub fn move_within(&self, id: AllocationId) -> Result<(), Status> {
        self.manage(|vidmm| {
            let record = vidmm.record(id).ok_or(STATUS_INVALID_HANDLE)?;
            if record.pinned {
                return Err(STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION);
            }
            let (words, place) = (record.words(), record.place);
            let to = place.and_then(|place| {
                let segment = vidmm
                    .segment(place.segment)
                    .filter(|of| !of.is_aperture())?;
                let window = Window {
                    offsets: 0..u64::MAX,
                    downwards: words.flags & Flags::FromEndOfSegment.bits() == 0,
                };
                let bytes = segment.bytes_of(&words);
                let offset = segment.heap.find(bytes, words.alignment.into(), &window)?;
                Some(Place { offset, ..place })
            });
            vidmm.move_to(id, to.ok_or(STATUS_GRAPHICS_NO_VIDEO_MEMORY)?)?;
            vidmm.flush()
        })
    }
}
