//! The CPU's way to an allocation (`pfnLockCb`, `pfnUnlockCb`): wherever it is, and wherever it goes meanwhile.

use core::fmt;
use core::ptr;

use dxgk_sys::DXGK_ALLOCATIONINFOFLAGS as Flags;
use dxgk_sys::status::{
    STATUS_GRAPHICS_ALLOCATION_BUSY, STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY,
};

use crate::adapter::Adapter;
use crate::memory::vidmm::{Content, Vidmm};
use crate::objects::AllocationId;
use crate::scheduler::Hang;
use crate::{STATUS_INVALID_DEVICE_STATE, Status};

/// How to lock. By default the lock waits until nothing uses the allocation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lock {
    /// What is in it is not wanted any more. This port stalls for a busy allocation and never renames one, as Windows may.
    pub discard: bool,
    /// Fails with `STATUS_GRAPHICS_ALLOCATION_BUSY` instead of waiting. It means nothing with `discard`.
    pub do_not_wait: bool,
}

/// A locked allocation. Several locks of one allocation may be held at once; dropping this unlocks.
pub struct Locked {
    adapter: Adapter,
    id: AllocationId,
    bytes: usize,
}

impl Adapter {
    /// Locks an allocation that the CPU may see, when all work that uses it is done.
    ///
    /// # Errors
    /// As [`Self::lock_with`].
    pub fn lock(&self, id: AllocationId) -> Result<Locked, Status> {
        self.lock_with(id, Lock::default())
    }

    /// Locks an allocation.
    ///
    /// # Errors
    /// `STATUS_INVALID_PARAMETER` if the driver did not make it CPU-visible, `STATUS_INVALID_HANDLE` if it is gone,
    /// `STATUS_GRAPHICS_ALLOCATION_BUSY` as the flags say, `STATUS_NO_MEMORY` if the machine has no pages for it,
    /// `STATUS_INVALID_DEVICE_STATE` if the GPU does not come to an end.
    pub fn lock_with(&self, id: AllocationId, lock: Lock) -> Result<Locked, Status> {
        let adapter = &*self.0;
        let object = crate::objects::allocation(id).ok_or(STATUS_INVALID_HANDLE)?;
        if lock.do_not_wait && !lock.discard && object.usage.is_used() {
            return Err(STATUS_GRAPHICS_ALLOCATION_BUSY);
        }
        let unused = loop {
            match adapter.wait_unused(&[id]) {
                Err(Hang::Reset) => (),
                result => break result,
            }
        };
        unused.map_err(|_| STATUS_INVALID_DEVICE_STATE)?;
        let bytes = adapter.scheduling(|| adapter.vidmm().lock(id))?;
        Ok(Locked {
            adapter: self.clone(),
            id,
            bytes,
        })
    }
}

impl Vidmm<'_> {
    fn lock(&mut self, id: AllocationId) -> Result<usize, Status> {
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        let (words, place) = (record.words(), record.place);
        let flags = Flags::from_bits_retain(words.flags);
        if !flags.contains(Flags::CpuVisible) {
            return Err(STATUS_INVALID_PARAMETER);
        }
        // The permanent copy is what is locked, and a cached view of video memory would not be coherent.
        let elsewhere = flags.intersects(Flags::PermanentSysMem | Flags::Cached);
        if let Some(place) = place {
            let hidden = self
                .segment(place.segment)
                .is_some_and(|of| !of.is_aperture() && (elsewhere || !of.is_visible_memory()));
            if hidden {
                self.evict(id)?;
                self.flush()?;
            }
        }
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        record.locks += 1;
        usize::try_from(words.size).map_err(|_| STATUS_NO_MEMORY)
    }

    /// Reads or writes: `pages` where the content is in system pages, `memory` where it is in video memory.
    fn access(
        &mut self,
        id: AllocationId,
        offset: usize,
        bytes: usize,
        pages: impl FnOnce(&crate::memory::backing::Backing),
        memory: impl FnOnce(*mut u8),
    ) -> Result<(), Status> {
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        let usage = record.object.usage.clone();
        // An eviction, or the way back, may be under way.
        if usage.in_hardware() || self.state.filling.is_some() {
            self.wait_idle(&usage)?;
        }
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        if let Some(place) = record.place.filter(|_| record.content == Content::Segment) {
            record.lost = false;
            let segment = self.segment(place.segment).ok_or(STATUS_INVALID_HANDLE)?;
            let at = segment.info.cpu + place.offset + offset as u64;
            let host = &*self.adapter.port.host;
            let view = host.video_memory(self.adapter.index, at, bytes);
            let view = view.ok_or(STATUS_NO_MEMORY)?;
            memory(view.as_ptr());
            host.unmap_memory(view);
            return Ok(());
        }
        let backing = self.backing(id)?;
        pages(&backing);
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        record.content = Content::System;
        Ok(())
    }
}

impl Locked {
    /// Which.
    pub fn allocation(&self) -> AllocationId {
        self.id
    }

    /// Bytes that there are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Reads from `offset` on.
    ///
    /// # Errors
    /// `STATUS_INVALID_HANDLE` if the allocation is gone; what the scheduler says if it is on its way.
    ///
    /// # Panics
    /// If it reaches past the end.
    pub fn read(&self, offset: usize, data: &mut [u8]) -> Result<(), Status> {
        self.check(offset, data.len());
        let bytes = data.len();
        let to = data.as_mut_ptr();
        let adapter = &*self.adapter.0;
        adapter.scheduling(|| {
            adapter.vidmm().access(
                self.id,
                offset,
                bytes,
                |pages| pages.read(offset, data),
                // SAFETY: the view is as long as the slice, and they do not overlap.
                |view| unsafe { ptr::copy_nonoverlapping(view, to, bytes) },
            )
        })
    }

    /// Writes `data` from `offset` on.
    ///
    /// # Errors
    /// As [`Self::read`].
    ///
    /// # Panics
    /// If it reaches past the end.
    pub fn write(&self, offset: usize, data: &[u8]) -> Result<(), Status> {
        self.check(offset, data.len());
        let adapter = &*self.adapter.0;
        adapter.scheduling(|| {
            adapter.vidmm().access(
                self.id,
                offset,
                data.len(),
                |pages| pages.write(offset, data),
                // SAFETY: the view is as long as the slice, and they do not overlap.
                |view| unsafe { ptr::copy_nonoverlapping(data.as_ptr(), view, data.len()) },
            )
        })
    }

    fn check(&self, offset: usize, bytes: usize) {
        let inside = offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes);
        assert!(inside, "{bytes} bytes at {offset} of {}", self.bytes);
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        let adapter = &*self.adapter.0;
        adapter.scheduling(|| {
            if let Some(record) = adapter.vidmm().record(self.id) {
                record.locks = record.locks.saturating_sub(1);
            }
        });
    }
}

impl fmt::Debug for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}, {} bytes", self.id, self.bytes)
    }
}
