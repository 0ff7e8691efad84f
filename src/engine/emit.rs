//! Writing a DMA buffer: records, and a patch location for each allocation that one uses.

use dxgk_sys::{D3DDDI_PATCHLOCATIONLIST, D3DDDI_PATCHLOCATIONLIST_u0};

use super::context::PRIVATE_BYTES;
use super::operand::{Block, Operand};
use super::private::{self, Begun, Kind};
use super::record::{self, Copy, Fill, NotWritten, Operation, PATCH_FROM, PATCH_TO, Place};

/// [`D3DDDI_PATCHLOCATIONLIST::DriverId`] of a location where an address belongs.
pub const ADDRESS: u32 = 1;
/// [`D3DDDI_PATCHLOCATIONLIST::DriverId`] of a location that keeps its allocation in place and patches
/// nothing.
pub const REFERENCE: u32 = 2;

/// `SlotId` of what is read.
pub const READ_SLOT: u32 = 0;
/// `SlotId` of what is written: the last one.
pub const WRITE_SLOT: u32 = 1;

/// Where a call may write.
pub struct Room<'a> {
    /// The DMA buffer.
    pub buffer: &'a mut [u8],
    /// Where that is in system space.
    pub address: u64,
    /// The private data.
    pub private: &'a mut [u8],
    /// The patch-location list.
    pub patches: &'a mut [D3DDDI_PATCHLOCATIONLIST],
}

/// How much of the room is used, to be reported.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Bytes of records.
    pub bytes: u32,
    /// Bytes of private data.
    pub private: u32,
    /// Patch locations.
    pub patches: u32,
}

/// Why a record was not written. Nothing is changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotEmitted {
    /// `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`
    Full,
    /// It contradicts itself, or the buffer is not where one can be.
    Malformed,
}

/// A DMA buffer that is being written. What was written counts only from [`Emitter::finish`] on.
pub struct Emitter<'a> {
    buffer: &'a mut [u8],
    patches: &'a mut [D3DDDI_PATCHLOCATIONLIST],
    begun: Begun<'a>,
    bytes: usize,
    patched: usize,
}

impl<'a> Emitter<'a> {
    /// Begins to write.
    ///
    /// # Errors
    ///
    /// [`NotEmitted::Full`] without room for private data.
    pub fn begin(room: Room<'a>, kind: Kind) -> Result<Self, NotEmitted> {
        let Room {
            buffer,
            address,
            private,
            patches,
        } = room;
        let longest = usize::try_from(private::LONGEST_BUFFER).unwrap_or(usize::MAX);
        let usable = buffer.len().min(longest);
        let begun = private::begin(private, address, kind);
        Ok(Self {
            buffer: buffer.get_mut(..usable).unwrap_or_default(),
            patches,
            begun: begun.map_err(|_| NotEmitted::Full)?,
            bytes: 0,
            patched: 0,
        })
    }

    /// Whether there is no room for another record.
    #[must_use]
    pub fn is_full(&self) -> bool {
        self.buffer.len().saturating_sub(self.bytes) < record::RECORD_BYTES
    }

    /// Copies one block to another of the same rows.
    ///
    /// # Errors
    ///
    /// See [`NotEmitted`].
    pub fn copy(&mut self, from: &Block, to: &Block) -> Result<(), NotEmitted> {
        let operation = Operation::Copy(Copy {
            from: Place::Gpu(from.operand.address),
            from_pitch: from.pitch,
            to: Place::Gpu(to.operand.address),
            to_pitch: to.pitch,
            row_bytes: to.row_bytes,
            rows: to.rows,
        });
        let from = (&from.operand, READ_SLOT, Some(PATCH_FROM));
        let to = (&to.operand, WRITE_SLOT, Some(PATCH_TO));
        self.emit(&operation, [Some(from), Some(to)])
    }

    /// Fills a block.
    ///
    /// # Errors
    ///
    /// See [`NotEmitted`].
    pub fn fill(&mut self, to: &Block, value: u32) -> Result<(), NotEmitted> {
        let operation = Operation::Fill(Fill {
            to: Place::Gpu(to.operand.address),
            to_pitch: to.pitch,
            row_bytes: to.row_bytes,
            rows: to.rows,
            value,
        });
        let to = (&to.operand, WRITE_SLOT, Some(PATCH_TO));
        self.emit(&operation, [None, Some(to)])
    }

    /// Leaves a value behind.
    ///
    /// # Errors
    ///
    /// See [`NotEmitted`].
    pub fn marker(&mut self, value: u64) -> Result<(), NotEmitted> {
        self.emit(&Operation::Marker { value }, [None, None])
    }

    /// Does nothing, with allocations that were named all the same (contract: X4).
    ///
    /// # Errors
    ///
    /// See [`NotEmitted`].
    pub fn nothing(
        &mut self,
        from: Option<&Operand>,
        to: Option<&Operand>,
    ) -> Result<(), NotEmitted> {
        // As a whole: what is named may be the end, where no byte is.
        let whole = |operand: &Operand| Operand {
            offset: 0,
            ..*operand
        };
        let (from, to) = (from.map(whole), to.map(whole));
        let from = from.as_ref().map(|operand| (operand, READ_SLOT, None));
        let to = to.as_ref().map(|operand| (operand, WRITE_SLOT, None));
        self.emit(&Operation::Nop, [from, to])
    }

    fn emit(
        &mut self,
        operation: &Operation,
        operands: [Option<(&Operand, u32, Option<u32>)>; 2],
    ) -> Result<(), NotEmitted> {
        let needed = operands.iter().flatten().count();
        let mut free = self.patches.get_mut(self.patched..).unwrap_or_default();
        if free.len() < needed {
            return Err(NotEmitted::Full);
        }
        let begin = u32::try_from(self.bytes).map_err(|_| NotEmitted::Malformed)?;
        let room = self.buffer.get_mut(self.bytes..).unwrap_or_default();
        let bytes = record::encode(room, operation, &[]).map_err(|error| match error {
            NotWritten::NoRoom => NotEmitted::Full,
            NotWritten::Malformed => NotEmitted::Malformed,
        })?;
        for (operand, slot, field) in operands.into_iter().flatten() {
            let Some((place, rest)) = free.split_first_mut() else {
                return Err(NotEmitted::Full);
            };
            *place = location(operand, slot, begin, field);
            free = rest;
        }
        self.bytes = self.bytes.saturating_add(bytes);
        self.patched = self.patched.saturating_add(needed);
        Ok(())
    }

    /// All that was written counts; nothing if there is nothing.
    ///
    /// # Errors
    ///
    /// [`NotEmitted::Malformed`] if no record can be at the buffer's address. Nothing counts then.
    pub fn finish(self) -> Result<Written, NotEmitted> {
        if self.bytes == 0 {
            return Ok(Written::default());
        }
        let malformed = |_| NotEmitted::Malformed;
        let bytes = u32::try_from(self.bytes).map_err(malformed)?;
        let patches = u32::try_from(self.patched).map_err(malformed)?;
        match self.begun.finish(bytes) {
            Ok(()) => Ok(Written {
                bytes,
                private: PRIVATE_BYTES,
                patches,
            }),
            Err(private::NotOurs) => Err(NotEmitted::Malformed),
        }
    }
}

/// A patch location. The buffer can be split before the record, since the ones before it need none of
/// its allocations.
fn location(
    operand: &Operand,
    slot: u32,
    begin: u32,
    field: Option<u32>,
) -> D3DDDI_PATCHLOCATIONLIST {
    D3DDDI_PATCHLOCATIONLIST {
        AllocationIndex: operand.index,
        u0: D3DDDI_PATCHLOCATIONLIST_u0::empty().with_SlotId(slot),
        DriverId: if field.is_some() { ADDRESS } else { REFERENCE },
        AllocationOffset: operand.offset,
        PatchOffset: begin.saturating_add(field.unwrap_or(0)),
        SplitOffset: begin,
    }
}
