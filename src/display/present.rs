//! What a display-only driver is given to show: an image, and what of it has changed.
//!
//! The image is the whole new frame, so what a move moves on the screen is in the image already, at
//! the place that it is moved to: a move copies its destination from there as a changed rectangle
//! does. That needs no read of video memory, which is slow, and is right even where the screen was
//! not what dxgkrnl took it for.

use dxgk_sys::{D3DKMT_MOVE_RECT, RECT};

use super::blit::{Canvas, Image, PIXEL, Rect, blit};
use super::plan::Rotation;
use crate::kernel::irql::Passive;
use crate::kernel::{
    Buffer, Fault, Foreign, Named, NoMemory, Tag, UserAddress, complain, copy_from_user,
};

/// The pool tag of what user memory is copied into on its way.
const TAG: Tag = Tag(*b"VmdB");
/// The most that is copied from user memory at a time, in bytes.
const PIECE: usize = 64 << 10;
/// Rows that are further apart than this, in bytes, are read one by one.
const GAP: usize = 64;

/// One present. Rectangles are the image's, and what of them reaches beyond it is left out.
pub struct Present<'call> {
    /// The image's first pixel; `None` if there is no image.
    pub image: Option<Named<'call>>,
    /// Bytes from a row to the next.
    pub pitch: i32,
    /// Bytes of a pixel.
    pub pixel: u32,
    /// Whether the image is to be turned as the path is.
    pub rotate: bool,
    /// Comes first.
    pub moves: &'call [D3DKMT_MOVE_RECT],
    /// Comes after all moves.
    pub dirty: &'call [RECT],
}

/// Why nothing more was shown. What was copied before stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NotShown {
    /// An argument that cannot be.
    InvalidParameter,
    /// The image is in user memory that cannot be read.
    Unreadable,
    /// No memory to copy user memory into.
    NoMemory,
}

impl From<Fault> for NotShown {
    fn from(_: Fault) -> Self {
        Self::Unreadable
    }
}

impl From<NoMemory> for NotShown {
    fn from(_: NoMemory) -> Self {
        Self::NoMemory
    }
}

impl Present<'_> {
    /// Checks what can be checked without knowing what is on the screen.
    ///
    /// # Errors
    ///
    /// [`NotShown::InvalidParameter`].
    pub fn check(&self) -> Result<(), NotShown> {
        if self.pixel as usize != PIXEL {
            return wrong(c"BytesPerPixel", self.pixel.into(), c"not 4");
        }
        if self.pitch <= 0 {
            let pitch = u64::from(self.pitch.cast_unsigned());
            return wrong(c"Pitch", pitch, c"not positive");
        }
        if self.image.is_none() && !(self.moves.is_empty() && self.dirty.is_empty()) {
            return wrong(c"pSource", 0, c"NULL");
        }
        Ok(())
    }

    /// Copies what has changed into the picture, whose path is rotated by `rotation`.
    ///
    /// # Errors
    ///
    /// See [`NotShown`].
    pub fn show(&self, to: &Canvas<'_>, rotation: Rotation, irql: Passive) -> Result<(), NotShown> {
        let Some(image) = self.image else {
            return Ok(());
        };
        let turn = if self.rotate {
            rotation
        } else {
            Rotation::Identity
        };
        let size = to.image_size(turn);
        let pitch = usize::try_from(self.pitch).unwrap_or(0);
        if pitch < size.0 * PIXEL {
            return wrong(c"Pitch", pitch as u64, c"less than a row of the mode");
        }
        match image {
            Named::System(block) => {
                let bytes = block.bytes((size.1 - 1) * pitch + size.0 * PIXEL);
                let image = Image {
                    bytes,
                    pitch,
                    left: 0,
                    top: 0,
                };
                self.changed(size)
                    .try_for_each(|rect| put(to, &image, &rect, turn))
            }
            Named::User(first) => {
                let room = |rect: Rect| PIECE.min(rect.height().saturating_mul(pitch));
                let Some(room) = self.changed(size).map(room).max() else {
                    return Ok(());
                };
                let mut user = User {
                    first,
                    pitch,
                    buffer: Buffer::zeroed(TAG, room, irql)?,
                };
                self.changed(size)
                    .try_for_each(|rect| user.copy(to, &rect, turn, irql))
            }
        }
    }

    /// The rectangles of the image that are to be copied, in order.
    fn changed(&self, size: (usize, usize)) -> impl Iterator<Item = Rect> + '_ {
        let moved = self.moves.iter().map(|moved| &moved.DestRect);
        moved.chain(self.dirty).filter_map(move |rect| {
            Rect::clipped((rect.left, rect.top, rect.right, rect.bottom), size)
        })
    }
}

/// An image in user memory.
struct User {
    first: UserAddress,
    pitch: usize,
    buffer: Buffer,
}

impl User {
    /// Copies a rectangle by way of the buffer, as many rows at a time as that has room for.
    fn copy(
        &mut self,
        to: &Canvas<'_>,
        rect: &Rect,
        turn: Rotation,
        irql: Passive,
    ) -> Result<(), NotShown> {
        let columns = rect.width().min(self.buffer.len() / PIXEL);
        let row = columns * PIXEL;
        // Rows that follow each other closely are read in one go, with what lies between them.
        let apart = if self.pitch - row <= GAP {
            self.pitch
        } else {
            row
        };
        let rows = self.buffer.len().checked_div(apart).unwrap_or(0).max(1);
        let mut part = *rect;
        while part.top < rect.bottom {
            part.bottom = rect.bottom.min(part.top + rows);
            part.left = rect.left;
            while part.left < rect.right {
                part.right = rect.right.min(part.left + columns);
                self.fetch(&part, apart, irql)?;
                let image = Image {
                    bytes: Foreign::from(&*self.buffer),
                    pitch: apart,
                    left: part.left,
                    top: part.top,
                };
                put(to, &image, &part, turn)?;
                part.left = part.right;
            }
            part.top = part.bottom;
        }
        Ok(())
    }

    /// Reads a part of the image into the buffer, its rows `apart` bytes apart.
    fn fetch(&mut self, part: &Rect, apart: usize, irql: Passive) -> Result<(), NotShown> {
        let row = part.width() * PIXEL;
        let first = self.address(part)?;
        if apart == self.pitch {
            let bytes = (part.height() - 1) * apart + row;
            let to = self.buffer.get_mut(..bytes).ok_or(NotShown::NoMemory)?;
            return Ok(copy_from_user(to, first, irql)?);
        }
        for index in 0..part.height() {
            let offset = index as u64 * self.pitch as u64;
            let from = UserAddress(first.0.checked_add(offset).ok_or(Fault)?);
            let at = index * apart;
            let to = self
                .buffer
                .get_mut(at..at + row)
                .ok_or(NotShown::NoMemory)?;
            copy_from_user(to, from, irql)?;
        }
        Ok(())
    }

    /// Where a part's first pixel lies.
    fn address(&self, part: &Rect) -> Result<UserAddress, Fault> {
        let offset = part.top as u64 * self.pitch as u64 + (part.left * PIXEL) as u64;
        Ok(UserAddress(self.first.0.checked_add(offset).ok_or(Fault)?))
    }
}

/// Copies a rectangle that lies in both.
fn put(to: &Canvas<'_>, image: &Image<'_>, rect: &Rect, turn: Rotation) -> Result<(), NotShown> {
    if blit(to, image, rect, turn) {
        Ok(())
    } else {
        Err(NotShown::InvalidParameter)
    }
}

fn wrong(
    field: &'static core::ffi::CStr,
    value: u64,
    why: &'static core::ffi::CStr,
) -> Result<(), NotShown> {
    complain(c"PresentDisplayOnly", field, value, why);
    Err(NotShown::InvalidParameter)
}

#[cfg(test)]
mod tests;
