//! The driver's private data of a DMA buffer or paging buffer.
//!
//! Dxgkrnl keeps so many bytes of nonpaged memory with each buffer and looks at none of them. One block of
//! [`BYTES`] bytes stands for what one call of Render, Present or BuildPagingBuffer has written: where it
//! is, how long, and how far a preempted execution had come. A call that writes advances
//! `pDmaBufferPrivateData` by [`BYTES`], so each operation that is packed into a paging buffer has a
//! block of its own, in the order of their bytes.
//!
//! A block is followed only if all of it agrees: it holds a check over everything but the progress, and
//! one over the progress.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use super::record::{Progress, RECORD_BYTES};

/// The size of a block, in bytes.
pub const BYTES: usize = 64;

/// The longest buffer, in bytes.
pub const LONGEST_BUFFER: u32 = 1 << 20;

/// [`RECORD_BYTES`], as the offsets here count.
const RECORD: u32 = 64;
const _: () = assert!(RECORD as usize == RECORD_BYTES);

/// Who has written the records.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Render, of a user's commands.
    Render,
    /// Present.
    Present,
    /// BuildPagingBuffer.
    Paging,
}

/// How far a block's records were executed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Where the record under way begins, in bytes from the block's first record.
    pub offset: u32,
    /// How far it was executed.
    pub progress: Progress,
}

/// What a block says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Private {
    /// Who has written the records.
    pub kind: Kind,
    /// The system address of the first record, a multiple of [`RECORD_BYTES`].
    pub address: u64,
    /// Bytes of records, a multiple of [`RECORD_BYTES`], not 0.
    pub bytes: u32,
    /// Where execution goes on.
    pub position: Position,
}

/// Less room than [`BYTES`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoRoom;

/// Bytes that are no block of this driver's, or one that contradicts itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotOurs;

/// A block whose buffer is being written. Unless it is finished, it stays no block.
#[must_use]
pub struct Begun<'call> {
    block: &'call mut [u8; BYTES],
    kind: Kind,
    address: u64,
}

/// `"VmPd"`
const MAGIC: u32 = u32::from_le_bytes(*b"VmPd");

/// A block as it lies in memory.
#[derive(Clone, Copy, Default, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Raw {
    magic: u32,
    kind: u32,
    address: u64,
    bytes: u32,
    offset: u32,
    progress: Progress,
    check: u64,
    progress_check: u64,
    zero: [u64; 2],
}

const _: () = assert!(size_of::<Raw>() == BYTES);

/// Begins a block at the beginning of `private`, for records that begin at the system address `address`.
/// What was there is no block any more.
///
/// # Errors
///
/// [`NoRoom`]: the call ends with `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`.
pub fn begin(private: &mut [u8], address: u64, kind: Kind) -> Result<Begun<'_>, NoRoom> {
    let block = private.first_chunk_mut().ok_or(NoRoom)?;
    *block = [0; BYTES];
    Ok(Begun {
        block,
        kind,
        address,
    })
}

impl Begun<'_> {
    /// The block is good from here on: `bytes` bytes of records were written.
    ///
    /// # Errors
    ///
    /// [`NotOurs`] if address or bytes are not such as [`Private`] may hold; it stays no block then.
    pub fn finish(self, bytes: u32) -> Result<(), NotOurs> {
        let private = Private {
            kind: self.kind,
            address: self.address,
            bytes,
            position: Position::default(),
        };
        let block = encode(&private);
        read(&block)?;
        *self.block = block;
        Ok(())
    }
}

/// What the block says.
///
/// # Errors
///
/// [`NotOurs`]: nothing of it may be used.
pub fn read(block: &[u8; BYTES]) -> Result<Private, NotOurs> {
    let raw = Raw::read_from_bytes(block).map_err(|_| NotOurs)?;
    let kind = match raw.kind {
        1 => Kind::Render,
        2 => Kind::Present,
        3 => Kind::Paging,
        _ => return Err(NotOurs),
    };
    let private = Private {
        kind,
        address: raw.address,
        bytes: raw.bytes,
        position: Position {
            offset: raw.offset,
            progress: raw.progress,
        },
    };
    let fits = private.address.checked_add(private.bytes.into()).is_some();
    let aligned = private.address.is_multiple_of(RECORD.into())
        && [private.bytes, private.position.offset]
            .iter()
            .all(|bytes| bytes.is_multiple_of(RECORD));
    let right = private.address != 0
        && fits
        && aligned
        && (1..=LONGEST_BUFFER).contains(&private.bytes)
        && private.position.offset <= private.bytes
        && encode(&private) == *block;
    if right { Ok(private) } else { Err(NotOurs) }
}

/// The block that says this. The engine writes it when a buffer is preempted.
#[must_use]
pub fn encode(private: &Private) -> [u8; BYTES] {
    let Private {
        kind,
        address,
        bytes,
        position,
    } = *private;
    let kind = match kind {
        Kind::Render => 1,
        Kind::Present => 2,
        Kind::Paging => 3,
    };
    let check = mix([u64::from(kind), address, bytes.into()]);
    let Progress { row, byte } = position.progress;
    let raw = Raw {
        magic: MAGIC,
        kind,
        address,
        bytes,
        offset: position.offset,
        progress: position.progress,
        check,
        progress_check: mix([
            check,
            position.offset.into(),
            u64::from(row) << 32 | u64::from(byte),
        ]),
        zero: [0; 2],
    };
    let mut block = [0; BYTES];
    for (to, from) in block.iter_mut().zip(raw.as_bytes()) {
        *to = *from;
    }
    block
}

/// A check that bytes which happen to lie there do not have: chance, not malice, is kept out, for the
/// block is in memory that only the kernel writes.
fn mix(words: [u64; 3]) -> u64 {
    let mut sum = 0x9e37_79b9_7f4a_7c15_u64;
    for word in words {
        sum = (sum ^ word).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        sum ^= sum >> 29;
    }
    sum
}

#[cfg(test)]
mod tests;
