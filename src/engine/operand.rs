//! What a command may name: allocations that its device has opened, and bytes inside of them.

use dxgk_sys::{DXGK_ALLOCATIONLIST, HANDLE};
use vmdisp_abi::allocation::Kind;
use vmdisp_abi::format::bytes_per_pixel;

use super::clip::{Area, Extent};
use crate::allocation::{Allocation, Store};
use crate::kernel::irql::Passive;
use crate::pool::Handle;

/// The members of a `DXGK_ALLOCATIONLIST`.
#[derive(Clone, Copy, Debug)]
pub struct Entry {
    /// `hDeviceSpecificAllocation`
    pub opening: HANDLE,
    /// `WriteOperation`
    pub write: bool,
    /// `SegmentId`: 0 if no address is known.
    pub segment: u32,
    /// `PhysicalAddress`: the segment's base address plus an offset.
    pub address: u64,
}

/// An allocation list.
#[derive(Clone, Copy)]
pub struct AllocationList<'a> {
    elements: &'a [DXGK_ALLOCATIONLIST],
    /// Reads one: the address is in a union.
    read: fn(&DXGK_ALLOCATIONLIST) -> Entry,
}

impl<'a> AllocationList<'a> {
    /// The elements, and how one is read.
    #[must_use]
    pub const fn new(
        elements: &'a [DXGK_ALLOCATIONLIST],
        read: fn(&DXGK_ALLOCATIONLIST) -> Entry,
    ) -> Self {
        Self { elements, read }
    }

    /// The element with this index.
    #[must_use]
    pub fn get(&self, index: u32) -> Option<Entry> {
        let index = usize::try_from(index).ok()?;
        self.elements.get(index).map(self.read)
    }
}

/// The allocations that one buffer may use.
#[derive(Clone, Copy)]
pub struct Uses<'a> {
    /// Where allocations and openings are.
    pub store: &'a Store,
    /// The context's device.
    pub device: Handle,
    /// `pAllocationList`
    pub list: AllocationList<'a>,
    /// The DDI's level.
    pub irql: Passive,
}

/// Why an element of the allocation list cannot be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refused {
    /// There is no such element.
    Index,
    /// It names no allocation that this device has opened.
    Handle,
    /// It may only be read.
    ReadOnly,
}

/// An allocation in use by a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Used {
    index: u32,
    handle: Handle,
    allocation: Allocation,
    /// 0 if it is not known where the allocation is.
    base: u64,
}

/// Bytes inside of an allocation, from a first one on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Operand {
    /// Element of the allocation list.
    pub index: u32,
    /// The first byte, from the beginning of the allocation.
    pub offset: u32,
    /// Its GPU address now; 0 if it is not known.
    pub address: u64,
}

/// Bytes that are not all inside of their allocation, or that no address names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Outside;

/// The pixels of an allocation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Picture {
    /// Its size.
    pub extent: Extent,
    /// From row to row, in bytes.
    pub pitch: u32,
    /// Bytes of a pixel.
    pub pixel: u32,
    /// `D3DDDIFORMAT`
    pub format: u32,
}

/// Pixels of an allocation as bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Block {
    /// Where they begin.
    pub operand: Operand,
    /// From row to row, in bytes.
    pub pitch: u32,
    /// Bytes of a row.
    pub row_bytes: u32,
    /// How many rows.
    pub rows: u32,
}

impl Uses<'_> {
    /// The allocation behind an element of the list, to be read.
    ///
    /// # Errors
    ///
    /// See [`Refused`].
    pub fn read(&self, index: u32) -> Result<Used, Refused> {
        self.find(index).map(|(used, _)| used)
    }

    /// The allocation behind an element of the list, to be written. `announced`: the element must say
    /// so, too.
    ///
    /// # Errors
    ///
    /// See [`Refused`].
    pub fn written(&self, index: u32, announced: bool) -> Result<Used, Refused> {
        let (used, allowed) = self.find(index)?;
        let (may_write, said) = allowed;
        if may_write && (said || !announced) {
            Ok(used)
        } else {
            Err(Refused::ReadOnly)
        }
    }

    fn find(&self, index: u32) -> Result<(Used, (bool, bool)), Refused> {
        let entry = self.list.get(index).ok_or(Refused::Index)?;
        let openings = &self.store.openings;
        let opening = openings
            .get(entry.opening, self.irql)
            .map_err(|_| Refused::Handle)?;
        if opening.device != self.device {
            return Err(Refused::Handle);
        }
        let (handle, may_write) = (opening.allocation, !opening.read_only);
        drop(opening);
        let allocation = self
            .store
            .allocation(handle.as_ptr(), self.irql)
            .map_err(|_| Refused::Handle)?;
        let used = Used {
            index,
            handle,
            allocation,
            base: if entry.segment == 0 { 0 } else { entry.address },
        };
        Ok((used, (may_write, entry.write)))
    }
}

impl Used {
    /// What the allocation is.
    #[must_use]
    pub const fn allocation(&self) -> &Allocation {
        &self.allocation
    }

    /// Whether both are one allocation, under whichever index.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.handle == other.handle
    }

    /// The allocation as a whole.
    #[must_use]
    pub const fn whole(&self) -> Operand {
        Operand {
            index: self.index,
            offset: 0,
            address: self.base,
        }
    }

    /// `bytes` bytes from `offset` on; none is inside anywhere but beyond the end.
    ///
    /// # Errors
    ///
    /// [`Outside`]
    pub fn range(&self, offset: u64, bytes: u64) -> Result<Operand, Outside> {
        let end = offset.checked_add(bytes).ok_or(Outside)?;
        if end > self.allocation.bytes() {
            return Err(Outside);
        }
        let address = match self.base {
            0 => 0,
            base => {
                base.checked_add(end).ok_or(Outside)?;
                base.checked_add(offset).ok_or(Outside)?
            }
        };
        Ok(Operand {
            index: self.index,
            offset: u32::try_from(offset).map_err(|_| Outside)?,
            address,
        })
    }

    /// The picture that the allocation holds; `None` for a buffer.
    #[must_use]
    pub fn picture(&self) -> Option<Picture> {
        if self.allocation.kind() == Kind::Buffer {
            return None;
        }
        let format = self.allocation.format();
        Some(Picture {
            extent: Extent {
                width: self.allocation.width(),
                height: self.allocation.height(),
            },
            pitch: self.allocation.pitch(),
            pixel: bytes_per_pixel(format)?,
            format,
        })
    }

    /// Pixels of `picture`, which is the allocation's, as bytes.
    ///
    /// # Errors
    ///
    /// [`Outside`] if the allocation is too small for them.
    pub fn block(&self, picture: &Picture, area: &Area) -> Result<Block, Outside> {
        let row_bytes = area.width.checked_mul(picture.pixel).ok_or(Outside)?;
        let pitch = u64::from(picture.pitch);
        let column = u64::from(area.x) * u64::from(picture.pixel);
        let first = u64::from(area.y)
            .checked_mul(pitch)
            .and_then(|row| row.checked_add(column))
            .ok_or(Outside)?;
        let between = u64::from(area.height)
            .checked_sub(1)
            .and_then(|rows| rows.checked_mul(pitch))
            .ok_or(Outside)?;
        let bytes = between.checked_add(row_bytes.into()).ok_or(Outside)?;
        Ok(Block {
            operand: self.range(first, bytes)?,
            pitch: picture.pitch,
            row_bytes,
            rows: area.height,
        })
    }
}
