//! `DxgkDdiRender`: a user-mode driver's commands become records.
//!
//! Commands and incoming patch locations are raw memory of the caller's, who may change it or take it
//! away at any time. Each piece is copied once, and everything is decided on the copy. What goes out is
//! put together anew: of the caller's own bytes nothing gets into the buffer but fill values, markers and
//! numbers that were compared with what the allocations have (contract: X3, G5).

mod reader;

use vmdisp_abi::command::{Command, Wrong};

use self::reader::Reader;
use super::clip::{self, Edges};
use super::emit::{Emitter, NotEmitted, Room, Written};
use super::operand::{Block, Outside, Picture, Refused, Used, Uses};
use super::private::Kind;
use crate::kernel::{Fault, UserAddress, complain};

/// Where the caller's commands and patch locations are.
#[derive(Clone, Copy)]
pub struct Source {
    /// `pCommand`
    pub commands: UserAddress,
    /// `CommandLength`, in bytes.
    pub length: u32,
    /// `pPatchLocationListIn`
    pub patches: UserAddress,
    /// `PatchLocationListInSize`
    pub patch_count: u32,
}

/// What is to be translated.
pub struct Call<'a> {
    /// What is read.
    pub source: Source,
    /// `MultipassOffset`: commands that earlier calls have translated.
    pub done: u32,
    /// Where the records go.
    pub room: Room<'a>,
}

/// What a call has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Translated {
    /// What is in the buffer.
    pub written: Written,
    /// Commands that are translated, those of earlier calls included.
    pub done: u32,
    /// Commands are left, for which the buffer has no room: `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`.
    pub more: bool,
}

/// Why nothing was translated: what the page lists (contract: X3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_GRAPHICS_DRIVER_MISMATCH`: commands of another driver or another version.
    Mismatch,
    /// `STATUS_INVALID_USER_BUFFER`: less or more than there should be, or memory that is not there.
    UserBuffer,
    /// `STATUS_ILLEGAL_INSTRUCTION`: no command.
    Illegal,
    /// `STATUS_INVALID_PARAMETER`: a command whose operands do not fit.
    Parameter,
    /// `STATUS_INVALID_HANDLE`: an allocation that the device has not opened.
    Handle,
    /// `STATUS_PRIVILEGED_INSTRUCTION`: a write to what may only be read.
    Privileged,
    /// `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`: not one command fits.
    Insufficient,
}

impl From<Fault> for Error {
    fn from(_: Fault) -> Self {
        complain(c"Render", c"pCommand", 0, c"cannot be read");
        Self::UserBuffer
    }
}

impl From<Wrong> for Error {
    fn from(wrong: Wrong) -> Self {
        let (opcode, why, error) = match wrong {
            Wrong::Opcode(opcode) => (opcode, c"is no opcode", Self::Illegal),
            Wrong::Reserved(opcode) => (opcode, c"reserved place is not 0", Self::Illegal),
            Wrong::Rectangle(opcode) => (opcode, c"rectangle has exchanged edges", Self::Parameter),
        };
        complain(c"Render", c"command", opcode.into(), why);
        error
    }
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let (why, error) = match refused {
            Refused::Index => (c"is no element of the list", Self::Parameter),
            Refused::Handle => (c"names nothing that the device has opened", Self::Handle),
            Refused::ReadOnly => (c"may only be read", Self::Privileged),
        };
        complain(c"Render", c"AllocationIndex", 0, why);
        error
    }
}

impl From<Outside> for Error {
    fn from(_: Outside) -> Self {
        complain(c"Render", c"AllocationOffset", 0, c"leaves the allocation");
        Self::Parameter
    }
}

/// What one command came to.
enum Step {
    Emitted,
    Full,
}

/// Translates as many commands as there is room for.
///
/// # Errors
///
/// See [`Error`]; nothing counts as written then.
pub fn render(uses: &Uses<'_>, call: Call<'_>) -> Result<Translated, Error> {
    let Call {
        source,
        done: before,
        room,
    } = call;
    // First of all: from here on what an earlier use of the buffer has left is no private data.
    let mut emitter = Emitter::begin(room, Kind::Render).map_err(not_emitted)?;
    let mut reader = Reader::open(source, uses.irql)?;
    let commands = reader.commands();
    if before > commands {
        complain(
            c"Render",
            c"MultipassOffset",
            before.into(),
            c"more than there are commands",
        );
        return Err(Error::Parameter);
    }
    let mut done = before;
    while done < commands && !emitter.is_full() {
        let command = reader.command(done)?;
        match translate(uses, &mut reader, &mut emitter, command)? {
            Step::Emitted => done = done.saturating_add(1),
            Step::Full => break,
        }
    }
    if done == before && done < commands {
        return Err(Error::Insufficient);
    }
    Ok(Translated {
        written: emitter.finish().map_err(not_emitted)?,
        done,
        more: done < commands,
    })
}

// Apart from `render`, whose frame holds the copies of the caller's memory: no frame is over 1 KiB.
#[inline(never)]
fn translate(
    uses: &Uses<'_>,
    reader: &mut Reader,
    emitter: &mut Emitter<'_>,
    command: Command,
) -> Result<Step, Error> {
    let result = match command {
        Command::Nop => emitter.nothing(None, None),
        Command::Marker { value } => emitter.marker(value),
        Command::Copy { from, to, bytes } => {
            let from = read_bytes(uses, reader, from, bytes)?;
            let to = written_bytes(uses, reader, to, bytes)?;
            if bytes == 0 {
                emitter.nothing(Some(&from.operand), Some(&to.operand))
            } else {
                emitter.copy(&from, &to)
            }
        }
        Command::Fill { to, bytes, value } => {
            let to = written_bytes(uses, reader, to, bytes)?;
            if bytes == 0 {
                emitter.nothing(None, Some(&to.operand))
            } else {
                emitter.fill(&to, value)
            }
        }
        Command::SurfaceCopy {
            from,
            to,
            source,
            x,
            y,
            clip,
        } => {
            let (from, from_picture) = read_picture(uses, reader, from)?;
            let (to, to_picture) = written_picture(uses, reader, to)?;
            if from_picture.pixel != to_picture.pixel {
                return unsuitable(to_picture.pixel, c"pixels of two sizes");
            }
            let by = (
                i64::from(x).saturating_sub(source.left.into()),
                i64::from(y).saturating_sub(source.top.into()),
            );
            let extents = (from_picture.extent, to_picture.extent);
            match clip::copy(source.into(), by, clip.into(), extents) {
                None => emitter.nothing(Some(&from.whole()), Some(&to.whole())),
                Some(area) => emitter.copy(
                    &from.block(&from_picture, &area.from)?,
                    &to.block(&to_picture, &area.to)?,
                ),
            }
        }
        Command::SurfaceFill {
            to,
            value,
            rectangle,
            clip,
        } => {
            let (to, picture) = written_picture(uses, reader, to)?;
            match clip::area(Edges::from(rectangle), clip.into(), picture.extent) {
                None => emitter.nothing(None, Some(&to.whole())),
                Some(area) => {
                    emitter.fill(&to.block(&picture, &area)?, repeated(value, picture.pixel))
                }
            }
        }
    };
    match result {
        Ok(()) => Ok(Step::Emitted),
        Err(NotEmitted::Full) => Ok(Step::Full),
        Err(error) => Err(not_emitted(error)),
    }
}

/// A pixel's value as often as it fits into 32 bits. `bytes`: what a pixel has.
#[must_use]
pub const fn repeated(value: u32, bytes: u32) -> u32 {
    match bytes {
        1 => (value & 0xFF) * 0x0101_0101,
        2 => (value & 0xFFFF) * 0x0001_0001,
        _ => value,
    }
}

fn read_bytes(
    uses: &Uses<'_>,
    reader: &mut Reader,
    patch: u32,
    bytes: u32,
) -> Result<Block, Error> {
    let patch = reader.patch(patch)?;
    linear(&uses.read(patch.allocation)?, patch.offset, bytes)
}

fn written_bytes(
    uses: &Uses<'_>,
    reader: &mut Reader,
    patch: u32,
    bytes: u32,
) -> Result<Block, Error> {
    let patch = reader.patch(patch)?;
    linear(&uses.written(patch.allocation, true)?, patch.offset, bytes)
}

/// Bytes one after the other: one row.
fn linear(used: &Used, offset: u32, bytes: u32) -> Result<Block, Error> {
    Ok(Block {
        operand: used.range(offset.into(), bytes.into())?,
        pitch: bytes,
        row_bytes: bytes,
        rows: 1,
    })
}

fn read_picture(
    uses: &Uses<'_>,
    reader: &mut Reader,
    patch: u32,
) -> Result<(Used, Picture), Error> {
    let patch = reader.patch(patch)?;
    picture(uses.read(patch.allocation)?, patch.offset)
}

fn written_picture(
    uses: &Uses<'_>,
    reader: &mut Reader,
    patch: u32,
) -> Result<(Used, Picture), Error> {
    let patch = reader.patch(patch)?;
    picture(uses.written(patch.allocation, true)?, patch.offset)
}

fn picture(used: Used, offset: u32) -> Result<(Used, Picture), Error> {
    match used.picture() {
        Some(picture) if offset == 0 => Ok((used, picture)),
        Some(_) => unsuitable(offset, c"pictures are named as a whole"),
        None => unsuitable(offset, c"no picture"),
    }
}

fn unsuitable<T>(value: u32, why: &'static core::ffi::CStr) -> Result<T, Error> {
    complain(c"Render", c"operand", value.into(), why);
    Err(Error::Parameter)
}

fn not_emitted(error: NotEmitted) -> Error {
    match error {
        NotEmitted::Full => Error::Insufficient,
        NotEmitted::Malformed => {
            complain(c"Render", c"pDmaBuffer", 0, c"no record can be there");
            Error::Parameter
        }
    }
}
