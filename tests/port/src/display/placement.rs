//! Where primaries are: a memory manager for what is scanned out, and for nothing else.

use alloc::format;
use core::ptr::{self, NonNull};

use dxgk_sys::DXGK_SEGMENTFLAGS;
use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::adapter::{Adapter, AdapterInner};
use crate::checks::allocation_info::Words;
use crate::objects::{self, AllocationId};
use crate::query::Segment;
use crate::{STATUS_GRAPHICS_NO_VIDEO_MEMORY, Status};

/// Allocations begin at a page, whatever they ask for.
const PAGE: u64 = 4096;

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

/// A range of a segment that is in use.
#[derive(Clone, Copy)]
pub(super) struct Placed {
    placement: Placement,
    /// Bytes from the segment's start, in whole pages.
    end: u64,
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
    /// Gives an allocation its place in video memory: the first that is free, in the first segment that the CPU
    /// sees of those that the driver prefers, then of those it supports. It stays there until it is destroyed.
    ///
    /// # Errors
    /// [`STATUS_GRAPHICS_NO_VIDEO_MEMORY`] if no such segment has room; `STATUS_INVALID_HANDLE` if it is no
    /// allocation.
    pub fn place(&self, id: AllocationId) -> Result<Placement, Status> {
        let adapter = &*self.0;
        let object = objects::allocation(id).ok_or(STATUS_INVALID_HANDLE)?;
        let mut placed = adapter.display.placed.lock();
        let same = |known: &&Placed| known.placement.allocation == id;
        if let Some(known) = placed.iter().find(same) {
            return Ok(known.placement);
        }
        let words = Words::of(&object.info.0);
        let segments = self.known_segments();
        let segments = segments.as_ref().map_or(&[][..], |known| &known.list);
        let preferred = (0..5).map(|place| words.preferred >> (6 * place) & 0x1F);
        let rest = (1..=32).filter(|id| words.read_set >> (id - 1) & 1 != 0);
        let fits = preferred.chain(rest).find_map(|id| {
            let segment = segments.get(id.checked_sub(1)? as usize)?;
            let supported = words.read_set >> (id - 1) & 1 != 0;
            let aperture = DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::Agp;
            let memory = segment.flags.contains(DXGK_SEGMENTFLAGS::CpuVisible)
                && !segment.flags.intersects(aperture);
            let offset = (supported && memory)
                .then(|| first_fit(&placed, id, segment, words.size, words.alignment.into()))??;
            Some((id, segment, offset))
        });
        let (id_of_segment, segment, offset) = fits.ok_or(STATUS_GRAPHICS_NO_VIDEO_MEMORY)?;
        let placement = Placement {
            allocation: id,
            segment: id_of_segment,
            offset,
            address: segment.base + offset,
            physical: segment.cpu + offset,
            bytes: words.size,
        };
        placed.push(Placed {
            placement,
            end: offset + words.size.next_multiple_of(PAGE),
        });
        Ok(placement)
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

impl AdapterInner {
    /// The allocation is destroyed, and its place is free.
    pub(crate) fn free_place(&self, id: AllocationId) {
        let mut placed = self.display.placed.lock();
        placed.retain(|known| known.placement.allocation != id);
    }
}

/// The lowest free offset for `bytes` in a segment.
fn first_fit(
    placed: &[Placed],
    id: u32,
    segment: &Segment,
    bytes: u64,
    alignment: u64,
) -> Option<u64> {
    let alignment = alignment.max(PAGE);
    let aligned = |offset: u64| {
        let address = segment.base.checked_add(offset)?;
        Some(address.checked_next_multiple_of(alignment)? - segment.base)
    };
    let mut offset = aligned(0)?;
    loop {
        let end = offset.checked_add(bytes.checked_next_multiple_of(PAGE)?)?;
        if bytes == 0 || end > segment.size {
            return None;
        }
        let overlaps = |known: &&Placed| {
            let place = known.placement;
            place.segment == id && offset < known.end && place.offset < end
        };
        match placed.iter().find(overlaps) {
            Some(known) => offset = aligned(known.end)?,
            None => return Some(offset),
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn segment() -> Segment {
        Segment {
            flags: DXGK_SEGMENTFLAGS::CpuVisible,
            base: 0x1000,
            cpu: 0xE000_0000,
            size: 0x10_0000,
            commit_limit: 0x10_0000,
            banks: 0,
            has_bank_table: false,
        }
    }

    #[test]
    fn holes_are_filled_first_and_addresses_are_aligned() {
        let mut placed = alloc::vec::Vec::new();
        let segment = segment();
        let put = |placed: &mut alloc::vec::Vec<Placed>, bytes, alignment| {
            let offset = first_fit(placed, 1, &segment, bytes, alignment)?;
            placed.push(Placed {
                placement: Placement {
                    allocation: AllocationId(1),
                    segment: 1,
                    offset,
                    address: 0,
                    physical: 0,
                    bytes,
                },
                end: offset + bytes.next_multiple_of(PAGE),
            });
            Some(offset)
        };
        assert_eq!(put(&mut placed, 5000, 0), Some(0));
        // Addresses are aligned, not offsets.
        assert_eq!(put(&mut placed, 4096, 0x1_0000), Some(0xF000));
        assert_eq!(put(&mut placed, 4096, 1), Some(0x2000));
        placed.remove(0);
        assert_eq!(put(&mut placed, 4096, 1), Some(0));
        assert_eq!(put(&mut placed, 0x10_0000, 1), None);
        assert_eq!(put(&mut placed, 0xF_0000, 1), Some(0x1_0000));
        assert_eq!(put(&mut placed, 0, 1), None);
        assert_eq!(first_fit(&placed, 2, &segment, 0x10_0000, 1), Some(0));
    }
}
