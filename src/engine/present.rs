//! `DxgkDdiPresent`: what dxgkrnl wants to be seen becomes records (contract: X7).
//!
//! A blt copies pixels as they are, so both pictures have one format but for an alpha that nobody reads.
//! There is no stretching, no colour key and no rotation. A flip needs no buffer: SetVidPnSourceAddress
//! does it by register writes, and here it is only seen to that the picture can be scanned out.

mod color;
mod order;

use dxgk_sys::{
    DXGK_PRESENT_DESTINATION_INDEX, DXGK_PRESENT_SOURCE_INDEX, DXGK_PRESENTFLAGS, RECT,
};
use vmdisp_abi::allocation::Kind as AllocationKind;
use vmdisp_abi::format::is_scanned_out;

use self::order::{Order, Rectangles};
use super::clip::{self, Edges};
use super::emit::{Emitter, NotEmitted, Room, Written};
use super::operand::{Outside, Picture, Refused, Used, Uses};
use super::private::Kind;
use crate::kernel::complain;

const SOURCE: u32 = DXGK_PRESENT_SOURCE_INDEX.cast_unsigned();
const DESTINATION: u32 = DXGK_PRESENT_DESTINATION_INDEX.cast_unsigned();

type Flags = DXGK_PRESENTFLAGS;

/// What is to be presented.
pub struct Call<'a> {
    /// `Flags`
    pub flags: DXGK_PRESENTFLAGS,
    /// `Color`
    pub color: u32,
    /// `SrcRect`
    pub source: RECT,
    /// `DstRect`
    pub destination: RECT,
    /// `pDstSubRects`; without any the whole of `destination` is meant.
    pub rectangles: &'a [RECT],
    /// `MultipassOffset`: rectangles that earlier calls are done with.
    pub done: u32,
    /// Where the records go; `None` without a DMA buffer.
    pub room: Option<Room<'a>>,
}

/// What a call has done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Presented {
    /// What is in the buffer.
    pub written: Written,
    /// Rectangles that are done, those of earlier calls included.
    pub done: u32,
    /// Rectangles are left, for which the buffer has no room: `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`.
    pub more: bool,
}

/// Why nothing is presented: what the page lists.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_GRAPHICS_CANNOTCOLORCONVERT`: two formats, or a colour that the format cannot have.
    ColorConvert,
    /// `STATUS_ILLEGAL_INSTRUCTION`: what the engine does not do.
    Illegal,
    /// `STATUS_INVALID_HANDLE`: an allocation that the device has not opened.
    Handle,
    /// `STATUS_PRIVILEGED_INSTRUCTION`: a destination that may only be read.
    Privileged,
    /// `STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER`: not one rectangle fits.
    Insufficient,
}

impl From<Refused> for Error {
    fn from(refused: Refused) -> Self {
        let (why, error) = match refused {
            Refused::Index => (c"has no such element", Self::Handle),
            Refused::Handle => (c"names nothing that the device has opened", Self::Handle),
            Refused::ReadOnly => (c"may only be read", Self::Privileged),
        };
        complain(c"Present", c"pAllocationList", 0, why);
        error
    }
}

impl From<Outside> for Error {
    fn from(_: Outside) -> Self {
        illegal(c"rectangle", 0, c"leaves the allocation")
    }
}

/// Presents.
///
/// # Errors
///
/// See [`Error`]; nothing counts as written then.
pub fn present(uses: &Uses<'_>, call: Call<'_>) -> Result<Presented, Error> {
    // Nothing is ever rotated, so the screen's orientation is that of the data.
    let kind = call.flags.difference(Flags::Rotate);
    if kind == Flags::Blt {
        blt(uses, call)
    } else if kind.difference(Flags::Blt) == Flags::ColorFill {
        fill(uses, call)
    } else if kind.difference(Flags::RedirectedFlip) == Flags::Flip {
        flip(uses, call)
    } else if kind == Flags::Blt.union(Flags::LinearToSrgb) {
        complain(
            c"Present",
            c"Flags",
            call.flags.bits().into(),
            c"no gamma here",
        );
        Err(Error::ColorConvert)
    } else {
        Err(illegal(
            c"Flags",
            call.flags.bits(),
            c"not what this engine does",
        ))
    }
}

fn blt(uses: &Uses<'_>, call: Call<'_>) -> Result<Presented, Error> {
    let from = uses.read(SOURCE)?;
    let to = uses.written(DESTINATION, false)?;
    let (from_picture, to_picture) = (picture(&from)?, picture(&to)?);
    if !color::alike(from_picture.format, to_picture.format) {
        complain(
            c"Present",
            c"format",
            from_picture.format.into(),
            c"not the destination's",
        );
        return Err(Error::ColorConvert);
    }
    let (source, destination) = (Edges::from(call.source), Edges::from(call.destination));
    if source.size() != destination.size() {
        return Err(illegal(
            c"DstRect",
            0,
            c"of another size than SrcRect: stretched",
        ));
    }
    let by = difference(destination.origin(), source.origin());
    let order = if from.is_same(&to) {
        Order::of_move(by)
    } else {
        Order::AsTheyCome
    };
    let extents = (from_picture.extent, to_picture.extent);
    each_rectangle(call, order, |emitter, rectangle| {
        match clip::copy(source, by, rectangle, extents) {
            None => Ok(()),
            Some(area) => Ok(emitter.copy(
                &from.block(&from_picture, &area.from)?,
                &to.block(&to_picture, &area.to)?,
            )?),
        }
    })
}

fn fill(uses: &Uses<'_>, call: Call<'_>) -> Result<Presented, Error> {
    let to = uses.written(DESTINATION, false)?;
    let to_picture = picture(&to)?;
    let Some(value) = color::value(call.color, to_picture.format) else {
        complain(
            c"Present",
            c"format",
            to_picture.format.into(),
            c"cannot have the colour",
        );
        return Err(Error::ColorConvert);
    };
    let destination = Edges::from(call.destination);
    each_rectangle(
        call,
        Order::AsTheyCome,
        |emitter, rectangle| match clip::area(rectangle, destination, to_picture.extent) {
            None => Ok(()),
            Some(area) => Ok(emitter.fill(&to.block(&to_picture, &area)?, value)?),
        },
    )
}

/// The memory manager keeps what is flipped to in place by itself; with a buffer it is named there, too.
fn flip(uses: &Uses<'_>, call: Call<'_>) -> Result<Presented, Error> {
    let from = uses.read(SOURCE)?;
    let allocation = from.allocation();
    if allocation.kind() != AllocationKind::Primary || !is_scanned_out(allocation.format()) {
        return Err(illegal(
            c"source",
            allocation.format(),
            c"cannot be scanned out",
        ));
    }
    let written = match call.room {
        None => Written::default(),
        Some(room) => {
            let mut emitter = Emitter::begin(room, Kind::Present).map_err(not_emitted)?;
            let named = emitter.nothing(Some(&from.whole()), None);
            named.map_err(not_emitted)?;
            emitter.finish().map_err(not_emitted)?
        }
    };
    Ok(Presented {
        written,
        done: call.done,
        more: false,
    })
}

/// Why a rectangle was not emitted.
enum Stop {
    NotEmitted(NotEmitted),
    Outside(Outside),
}

impl From<NotEmitted> for Stop {
    fn from(error: NotEmitted) -> Self {
        Self::NotEmitted(error)
    }
}

impl From<Outside> for Stop {
    fn from(error: Outside) -> Self {
        Self::Outside(error)
    }
}

/// Emits the rectangles from where earlier calls have stopped, as long as there is room.
fn each_rectangle(
    call: Call<'_>,
    order: Order,
    mut emit: impl FnMut(&mut Emitter<'_>, Edges) -> Result<(), Stop>,
) -> Result<Presented, Error> {
    let whole = [call.destination];
    let list = if call.rectangles.is_empty() {
        &whole
    } else {
        call.rectangles
    };
    let Some(room) = call.room else {
        return Err(illegal(c"pDmaBuffer", 0, c"is NULL, and this is no flip"));
    };
    let mut emitter = Emitter::begin(room, Kind::Present).map_err(not_emitted)?;
    let mut done = call.done;
    let mut more = false;
    for rectangle in Rectangles::new(list, order).skip(usize::try_from(done).unwrap_or(usize::MAX))
    {
        match emit(&mut emitter, rectangle.into()) {
            Ok(()) => done = done.saturating_add(1),
            Err(Stop::NotEmitted(NotEmitted::Full)) => {
                more = true;
                break;
            }
            Err(Stop::NotEmitted(error)) => return Err(not_emitted(error)),
            Err(Stop::Outside(outside)) => return Err(outside.into()),
        }
    }
    if more && done == call.done {
        return Err(Error::Insufficient);
    }
    Ok(Presented {
        written: emitter.finish().map_err(not_emitted)?,
        done,
        more,
    })
}

fn picture(used: &Used) -> Result<Picture, Error> {
    used.picture()
        .ok_or_else(|| illegal(c"pAllocationList", 0, c"names a buffer, not a picture"))
}

fn difference(to: (i64, i64), from: (i64, i64)) -> (i64, i64) {
    (to.0.saturating_sub(from.0), to.1.saturating_sub(from.1))
}

fn illegal(field: &'static core::ffi::CStr, value: u32, why: &'static core::ffi::CStr) -> Error {
    complain(c"Present", field, value.into(), why);
    Error::Illegal
}

fn not_emitted(error: NotEmitted) -> Error {
    match error {
        NotEmitted::Full => Error::Insufficient,
        NotEmitted::Malformed => illegal(c"pDmaBuffer", 0, c"no record can be there"),
    }
}

#[cfg(test)]
mod tests;
