//! What DMA buffers and paging buffers hold: records of 64 bytes.
//!
//! Render, Present and BuildPagingBuffer write them, Patch puts addresses in, the engine executes them. A
//! record can be followed by page frame numbers of 64 bits, padded with zeros to a multiple of 64 bytes.
//! All of it is little-endian, as x64 and ARM64 have it.
//!
//! | bytes | field |
//! |---|---|
//! | 0..4 | `"VmRc"` |
//! | 4..6 | which operation |
//! | 6..8 | bit 0: the source is [`Place::Frames`], bit 1: the destination is |
//! | 8..16 | the source: a GPU address, or a byte offset into the frames |
//! | 16..24 | the destination, likewise |
//! | 24..28, 28..32 | pitch of the source, of the destination, in bytes |
//! | 32..36, 36..40 | bytes of a row, rows |
//! | 40..48 | fill value, marker, or frame of the dummy page |
//! | 48..52, 52..56 | first page of the aperture, pages |
//! | 56..60 | how many frame numbers follow |
//! | 60..64 | 0 |

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::permit::Entered;
use crate::kernel::{KernelBuffer, PAGE};

/// The size of a record, and what everything in a buffer is aligned to, in bytes.
pub const RECORD_BYTES: usize = 64;
/// Where in a record the GPU address of a source is: what a patch location names, in bytes.
pub const PATCH_FROM: u32 = 8;
/// Where in a record the GPU address of a destination is, in bytes.
pub const PATCH_TO: u32 = 16;

/// Where bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// At a GPU address: a segment's base address plus an offset.
    Gpu(u64),
    /// `offset` bytes into the pages whose frame numbers follow the record.
    Frames {
        /// In bytes.
        offset: u64,
    },
}

/// Copies a rectangle of bytes. Where the two overlap the result is as if all of the source were read
/// first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Copy {
    /// The first byte that is read.
    pub from: Place,
    /// From row to row of the source, in bytes; not less than a row, unless there is one row.
    pub from_pitch: u32,
    /// The first byte that is written.
    pub to: Place,
    /// From row to row of the destination, in bytes; not less than a row, unless there is one row.
    pub to_pitch: u32,
    /// Bytes of a row, not 0.
    pub row_bytes: u32,
    /// Not 0.
    pub rows: u32,
}

/// Fills a rectangle of bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fill {
    /// The first byte that is written.
    pub to: Place,
    /// From row to row, in bytes; not less than a row, unless there is one row.
    pub to_pitch: u32,
    /// Bytes of a row, not 0.
    pub row_bytes: u32,
    /// Not 0.
    pub rows: u32,
    /// Its four bytes are repeated, from the beginning of each row.
    pub value: u32,
}

/// Puts the frames that follow behind pages of the aperture, in order.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Map {
    /// The first page, from the beginning of the aperture.
    pub first_page: u32,
    /// As many as frames follow, not 0.
    pub pages: u32,
}

/// Puts the dummy page behind pages of the aperture.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Unmap {
    /// The first page, from the beginning of the aperture.
    pub first_page: u32,
    /// Not 0.
    pub pages: u32,
    /// The frame number of the dummy page.
    pub dummy: u64,
}

/// What a record asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// Nothing.
    Nop,
    /// See [`Copy`].
    Copy(Copy),
    /// See [`Fill`].
    Fill(Fill),
    /// See [`Map`].
    Map(Map),
    /// See [`Unmap`].
    Unmap(Unmap),
    /// A value of the user's, which the engine keeps as the last one that it met.
    Marker {
        /// Whatever the user said.
        value: u64,
    },
}

/// How far the record under way was executed.
#[derive(
    Clone, Copy, PartialEq, Eq, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Progress {
    /// Rows that are done; pages, where pages are mapped.
    pub row: u32,
    /// Bytes of the next row that are done.
    pub byte: u32,
}

/// The page frame numbers that follow a record.
#[derive(Clone, Copy, Debug)]
pub struct Frames<'a> {
    buffer: KernelBuffer<'a>,
    first: usize,
    count: u32,
}

/// What was read of a buffer.
#[derive(Clone, Copy, Debug)]
pub struct Decoded<'a> {
    /// What is to be done.
    pub operation: Operation,
    /// The frames that follow it.
    pub frames: Frames<'a>,
    /// Where the next record is: bytes from the beginning of the buffer.
    pub next: usize,
}

/// Bytes that are no record, or one that contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Malformed;

/// There is no room for the record, or it contradicts itself and cannot be written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotWritten {
    /// The buffer ends before it.
    NoRoom,
    /// See [`Malformed`].
    Malformed,
}

/// `"VmRc"`
const MAGIC: u32 = u32::from_le_bytes(*b"VmRc");

const NOP: u16 = 0;
const COPY: u16 = 1;
const FILL: u16 = 2;
const MAP: u16 = 3;
const UNMAP: u16 = 4;
const MARKER: u16 = 5;

const FROM_FRAMES: u16 = 1;
const TO_FRAMES: u16 = 2;

/// A record as it lies in memory.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    magic: u32,
    kind: u16,
    places: u16,
    from: u64,
    to: u64,
    from_pitch: u32,
    to_pitch: u32,
    row_bytes: u32,
    rows: u32,
    value: u64,
    first_page: u32,
    pages: u32,
    frames: u32,
    zero: u32,
}

const _: () = {
    use core::mem::offset_of;
    assert!(size_of::<Raw>() == RECORD_BYTES);
    assert!(offset_of!(Raw, from) == PATCH_FROM as usize);
    assert!(offset_of!(Raw, to) == PATCH_TO as usize);
};

/// The bytes of a record that `frames` frame numbers follow. Two for one page: 64 and 64.
#[must_use]
pub const fn bytes_with(frames: usize) -> usize {
    frames
        .saturating_mul(size_of::<u64>())
        .saturating_add(2 * RECORD_BYTES - 1)
        / RECORD_BYTES
        * RECORD_BYTES
}

/// How many frame numbers fit behind a record into `bytes` bytes.
#[must_use]
pub const fn frames_that_fit(bytes: usize) -> usize {
    (bytes / RECORD_BYTES * RECORD_BYTES).saturating_sub(RECORD_BYTES) / size_of::<u64>()
}

/// Writes a record, and `frames` after it, to the beginning of `to`; how many bytes that were, which is
/// [`bytes_with`] of as many frames.
///
/// # Errors
///
/// See [`NotWritten`]; nothing is written.
pub fn encode(to: &mut [u8], operation: &Operation, frames: &[u64]) -> Result<usize, NotWritten> {
    encode_with(to, operation, frames.len(), |index| {
        frames.get(index).copied()
    })
}

/// As [`encode`], with `frames` frames that `frame` gives: for more of them than fit on a stack.
///
/// # Errors
///
/// See [`NotWritten`]; nothing is written, unless `frame` has not got one, which is [`NotWritten::Malformed`].
pub fn encode_with(
    to: &mut [u8],
    operation: &Operation,
    frames: usize,
    frame: impl Fn(usize) -> Option<u64>,
) -> Result<usize, NotWritten> {
    let bytes = bytes_with(frames);
    let room = to.get_mut(..bytes).ok_or(NotWritten::NoRoom)?;
    let count = u32::try_from(frames).map_err(|_| NotWritten::NoRoom)?;
    let raw = raw(operation, count);
    if raw.operation() != Ok(*operation) {
        return Err(NotWritten::Malformed);
    }
    room.fill(0);
    let (record, list) = room
        .split_at_mut_checked(RECORD_BYTES)
        .ok_or(NotWritten::NoRoom)?;
    for (to, from) in record.iter_mut().zip(raw.as_bytes()) {
        *to = *from;
    }
    let (list, _) = list.as_chunks_mut();
    for (index, to) in list.iter_mut().enumerate().take(frames) {
        *to = frame(index).ok_or(NotWritten::Malformed)?.to_le_bytes();
    }
    Ok(bytes)
}

/// Reads the record at `offset`. What follows is not read yet.
///
/// # Errors
///
/// [`Malformed`]
pub fn decode<'a>(
    buffer: KernelBuffer<'a>,
    offset: usize,
    _inside: &Entered<'_>,
) -> Result<Decoded<'a>, Malformed> {
    let mut bytes = [0; RECORD_BYTES];
    if !offset.is_multiple_of(RECORD_BYTES) || !buffer.read(offset, &mut bytes) {
        return Err(Malformed);
    }
    let raw = Raw::read_from_bytes(&bytes).map_err(|_| Malformed)?;
    let operation = raw.operation()?;
    let count = usize::try_from(raw.frames).map_err(|_| Malformed)?;
    let next = offset.checked_add(bytes_with(count)).ok_or(Malformed)?;
    if next > buffer.bytes() {
        return Err(Malformed);
    }
    let frames = Frames {
        buffer,
        first: offset.saturating_add(RECORD_BYTES),
        count: raw.frames,
    };
    Ok(Decoded {
        operation,
        frames,
        next,
    })
}

/// Puts a GPU address into a record that has one at `offset`, which is that of a record plus
/// [`PATCH_FROM`] or [`PATCH_TO`]; in bytes from the beginning of the buffer.
///
/// # Errors
///
/// [`Malformed`] if there is no record, or none with a GPU address there; nothing is written.
pub fn set_address(buffer: &mut [u8], offset: u32, address: u64) -> Result<(), Malformed> {
    let offset = usize::try_from(offset).map_err(|_| Malformed)?;
    let (begin, within) = (offset / RECORD_BYTES * RECORD_BYTES, offset % RECORD_BYTES);
    let record = buffer.get_mut(begin..).ok_or(Malformed)?;
    let (raw, _) = Raw::read_from_prefix(record).map_err(|_| Malformed)?;
    let wanted = match u32::try_from(within).map_err(|_| Malformed)? {
        PATCH_FROM => raw.operation()?.source(),
        PATCH_TO => raw.operation()?.destination(),
        _ => None,
    };
    let (Some(Place::Gpu(_)), Some(field)) =
        (wanted, record.get_mut(within..within.saturating_add(8)))
    else {
        return Err(Malformed);
    };
    for (to, from) in field.iter_mut().zip(address.to_le_bytes()) {
        *to = from;
    }
    Ok(())
}

impl Operation {
    /// Where it reads, if it does.
    #[must_use]
    pub const fn source(&self) -> Option<Place> {
        match self {
            Self::Copy(copy) => Some(copy.from),
            _ => None,
        }
    }

    /// Where it writes, if it does.
    #[must_use]
    pub const fn destination(&self) -> Option<Place> {
        match self {
            Self::Copy(copy) => Some(copy.to),
            Self::Fill(fill) => Some(fill.to),
            _ => None,
        }
    }
}

impl Frames<'_> {
    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> u32 {
        self.count
    }

    /// Copies as many as `to` holds, from the one with this index; `false`, and nothing, unless there
    /// are so many. 512 bytes of `to` at a time are enough.
    #[must_use]
    pub fn read(&self, index: u32, to: &mut [u64], _inside: &Entered<'_>) -> bool {
        let wanted = u32::try_from(to.len()).ok();
        let end = wanted.and_then(|wanted| index.checked_add(wanted));
        if end.is_none_or(|end| end > self.count) {
            return false;
        }
        let index = usize::try_from(index).ok();
        let offset = index.and_then(|index| index.checked_mul(size_of::<u64>()));
        let offset = offset.and_then(|offset| offset.checked_add(self.first));
        offset.is_some_and(|offset| self.buffer.read(offset, to.as_mut_bytes()))
    }
}

fn raw(operation: &Operation, frames: u32) -> Raw {
    let blank = Raw {
        magic: MAGIC,
        frames,
        ..Raw::default()
    };
    match *operation {
        Operation::Nop => blank,
        Operation::Copy(copy) => {
            let (from, from_frames) = address(copy.from, FROM_FRAMES);
            let (to, to_frames) = address(copy.to, TO_FRAMES);
            Raw {
                kind: COPY,
                places: from_frames | to_frames,
                from,
                to,
                from_pitch: copy.from_pitch,
                to_pitch: copy.to_pitch,
                row_bytes: copy.row_bytes,
                rows: copy.rows,
                ..blank
            }
        }
        Operation::Fill(fill) => {
            let (to, places) = address(fill.to, TO_FRAMES);
            Raw {
                kind: FILL,
                places,
                to,
                to_pitch: fill.to_pitch,
                row_bytes: fill.row_bytes,
                rows: fill.rows,
                value: fill.value.into(),
                ..blank
            }
        }
        Operation::Map(map) => Raw {
            kind: MAP,
            first_page: map.first_page,
            pages: map.pages,
            ..blank
        },
        Operation::Unmap(unmap) => Raw {
            kind: UNMAP,
            first_page: unmap.first_page,
            pages: unmap.pages,
            value: unmap.dummy,
            ..blank
        },
        Operation::Marker { value } => Raw {
            kind: MARKER,
            value,
            ..blank
        },
    }
}

fn address(place: Place, flag: u16) -> (u64, u16) {
    match place {
        Place::Gpu(address) => (address, 0),
        Place::Frames { offset } => (offset, flag),
    }
}

impl Raw {
    /// What the record asks for, if nothing in it contradicts itself.
    fn operation(&self) -> Result<Operation, Malformed> {
        if self.magic != MAGIC || self.zero != 0 {
            return Err(Malformed);
        }
        let place = |at, flag| match self.places & flag {
            0 => Place::Gpu(at),
            _ => Place::Frames { offset: at },
        };
        let (from, to) = (place(self.from, FROM_FRAMES), place(self.to, TO_FRAMES));
        let (known_places, operation) = match self.kind {
            NOP => (0, Operation::Nop),
            COPY => {
                let copy = Copy {
                    from,
                    from_pitch: self.from_pitch,
                    to,
                    to_pitch: self.to_pitch,
                    row_bytes: self.row_bytes,
                    rows: self.rows,
                };
                self.check(from, self.from_pitch)?;
                self.check(to, self.to_pitch)?;
                (FROM_FRAMES | TO_FRAMES, Operation::Copy(copy))
            }
            FILL => {
                let fill = Fill {
                    to,
                    to_pitch: self.to_pitch,
                    row_bytes: self.row_bytes,
                    rows: self.rows,
                    value: u32::try_from(self.value).map_err(|_| Malformed)?,
                };
                self.check(to, self.to_pitch)?;
                (TO_FRAMES, Operation::Fill(fill))
            }
            MAP if self.pages == self.frames && self.pages != 0 => {
                let (first_page, pages) = (self.first_page, self.pages);
                (0, Operation::Map(Map { first_page, pages }))
            }
            UNMAP if self.pages != 0 => {
                let unmap = Unmap {
                    first_page: self.first_page,
                    pages: self.pages,
                    dummy: self.value,
                };
                (0, Operation::Unmap(unmap))
            }
            MARKER => (0, Operation::Marker { value: self.value }),
            _ => return Err(Malformed),
        };
        if self.places & !known_places != 0 {
            return Err(Malformed);
        }
        Ok(operation)
    }

    /// Whether the rectangle at `place` is one, ends inside the address space, and inside its frames if
    /// it lies there.
    fn check(&self, place: Place, pitch: u32) -> Result<(), Malformed> {
        if self.row_bytes == 0 || self.rows == 0 || (self.rows > 1 && pitch < self.row_bytes) {
            return Err(Malformed);
        }
        let rows = u64::from(self.rows).saturating_sub(1);
        let bytes = rows
            .saturating_mul(pitch.into())
            .saturating_add(self.row_bytes.into());
        let (begin, end) = match place {
            Place::Gpu(address) => (address, u64::MAX),
            Place::Frames { offset } => {
                (offset, u64::from(self.frames).saturating_mul(PAGE as u64))
            }
        };
        match begin.checked_add(bytes) {
            Some(last) if last <= end => Ok(()),
            _ => Err(Malformed),
        }
    }
}

#[cfg(test)]
mod tests;
