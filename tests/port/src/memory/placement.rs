//! What is scanned out: it has a place that the CPU sees, and keeps it.

use alloc::format;
use core::ptr::{self, NonNull};

use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::Status;
use crate::adapter::Adapter;
use crate::memory::residency::candidates;
use crate::memory::vidmm::Vidmm;
use crate::objects::AllocationId;

/// Where an allocation is in video memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Placement {
    /// Which.
    pub allocation: AllocationId,
    /// Identifier of the segment, counted from 1.
    pub segment: u32,
    /// Bytes from the segment's start.
    pub offset: u64,
    /// What the driver is told: the segment's base address and the offset.
    pub address: u64,
    /// First address on the bus.
    pub physical: u64,
    /// Bytes, as the driver said.
    pub bytes: u64,
}

/// A placed allocation as the CPU sees it, mapped until this is dropped.
pub struct Surface {
    adapter: Adapter,
    address: NonNull<u8>,
    bytes: usize,
}

// SAFETY: the mapping is good on every thread; access is by copy.
unsafe impl Send for Surface {}

impl Adapter {
    /// Gives an allocation its place in video memory, for what is scanned out: in the first segment that the CPU sees of
    /// those that the driver prefers, then of those it supports. It stays there until it is destroyed.
    ///
    /// A driver that builds paging buffers has it filled first; others are evicted for it.
    ///
    /// # Errors
    /// [`STATUS_GRAPHICS_NO_VIDEO_MEMORY`](crate::STATUS_GRAPHICS_NO_VIDEO_MEMORY) if no such segment has room;
    /// `STATUS_INVALID_HANDLE` if it is no allocation.
    pub fn place(&self, id: AllocationId) -> Result<Placement, Status> {
        self.0.scheduling(|| self.0.vidmm().place(id))
    }

    /// A placed allocation for the CPU; `None` if the machine cannot map it.
    pub fn surface(&self, placement: &Placement) -> Option<Surface> {
        let bytes = usize::try_from(placement.bytes).ok()?;
        let host = &self.0.port.host;
        let address = host.video_memory(self.0.index, placement.physical, bytes)?;
        Some(Surface {
            adapter: self.clone(),
            address,
            bytes,
        })
    }
}

impl Vidmm<'_> {
    fn place(&mut self, id: AllocationId) -> Result<Placement, Status> {
        self.bring_back(id)?;
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        let (words, now) = (record.words(), record.place);
        let usage = record.object.usage.clone();
        let mut candidates = candidates(&words, words.read_set);
        candidates.retain(|(id, _)| self.segment(*id).is_some_and(|of| of.is_visible_memory()));
        let there = now.is_some_and(|now| candidates.iter().any(|(id, _)| *id == now.segment));
        if !there {
            let to = self.find_place(&words, &candidates, &[id], false)?;
            self.move_to(id, to)?;
        }
        // Before anything is evicted or drawn.
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        record.pinned = true;
        let place = record.place.ok_or(STATUS_INVALID_HANDLE)?;
        self.wait_idle(&usage)?;
        let segment = self.segment(place.segment).ok_or(STATUS_INVALID_HANDLE)?;
        Ok(Placement {
            allocation: id,
            segment: place.segment,
            offset: place.offset,
            address: segment.info.base + place.offset,
            physical: segment.info.cpu + place.offset,
            bytes: words.size,
        })
    }
}

impl Surface {
    /// Bytes that there are.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Writes `data` from `offset` on.
    ///
    /// # Panics
    /// If it reaches past the end.
    pub fn write(&self, offset: usize, data: &[u8]) {
        let start = self.at(offset, data.len());
        // SAFETY: inside the mapping, as `at` has checked; nobody holds a reference into it.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), start, data.len()) };
    }

    /// Reads from `offset` on.
    ///
    /// # Panics
    /// If it reaches past the end.
    pub fn read(&self, offset: usize, data: &mut [u8]) {
        let start = self.at(offset, data.len());
        // SAFETY: inside the mapping, as `at` has checked; nobody holds a reference into it.
        unsafe { ptr::copy_nonoverlapping(start, data.as_mut_ptr(), data.len()) };
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let inside = offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes);
        assert!(inside, "{bytes} bytes at {offset} of {}", self.bytes);
        self.address.as_ptr().wrapping_add(offset)
    }
}

impl Drop for Surface {
    fn drop(&mut self) {
        self.adapter.0.port.host.unmap_memory(self.address);
    }
}

impl core::fmt::Debug for Surface {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(&format!("{:p}, {} bytes", self.address, self.bytes))
    }
}
