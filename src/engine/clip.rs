//! Rectangles of pixels, cut to what there is.

use dxgk_sys::RECT;
use vmdisp_abi::command::Rect;

/// A picture's size in pixels.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Pixels that lie inside of a picture: at least one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Area {
    /// The first column.
    pub x: u32,
    /// The first row.
    pub y: u32,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// A copy of pixels between two pictures: areas of one size.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Move {
    /// Inside of the source.
    pub from: Area,
    /// Inside of the destination.
    pub to: Area,
}

/// A rectangle whose edges may be anywhere, also exchanged: then it is empty.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edges {
    left: i64,
    top: i64,
    right: i64,
    bottom: i64,
}

impl From<Rect> for Edges {
    fn from(rect: Rect) -> Self {
        Self {
            left: rect.left.into(),
            top: rect.top.into(),
            right: rect.right.into(),
            bottom: rect.bottom.into(),
        }
    }
}

impl From<RECT> for Edges {
    fn from(rect: RECT) -> Self {
        Self {
            left: rect.left.into(),
            top: rect.top.into(),
            right: rect.right.into(),
            bottom: rect.bottom.into(),
        }
    }
}

impl From<Extent> for Edges {
    fn from(extent: Extent) -> Self {
        Self {
            left: 0,
            top: 0,
            right: extent.width.into(),
            bottom: extent.height.into(),
        }
    }
}

impl Edges {
    /// What both have.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            left: self.left.max(other.left),
            top: self.top.max(other.top),
            right: self.right.min(other.right),
            bottom: self.bottom.min(other.bottom),
        }
    }

    /// Moved. The edges come from 32 bits, so nothing is cut off.
    #[must_use]
    pub const fn moved(self, (x, y): (i64, i64)) -> Self {
        Self {
            left: self.left.saturating_add(x),
            top: self.top.saturating_add(y),
            right: self.right.saturating_add(x),
            bottom: self.bottom.saturating_add(y),
        }
    }

    /// Width and height; not above 0 for one that is empty.
    #[must_use]
    pub const fn size(self) -> (i64, i64) {
        (
            self.right.saturating_sub(self.left),
            self.bottom.saturating_sub(self.top),
        )
    }

    /// The column and the row of the first pixel.
    #[must_use]
    pub const fn origin(self) -> (i64, i64) {
        (self.left, self.top)
    }

    /// The pixels, if there is one and none has a negative column or row.
    fn area(self) -> Option<Area> {
        let (width, height) = self.size();
        if width <= 0 || height <= 0 {
            return None;
        }
        Some(Area {
            x: u32::try_from(self.left).ok()?,
            y: u32::try_from(self.top).ok()?,
            width: u32::try_from(width).ok()?,
            height: u32::try_from(height).ok()?,
        })
    }
}

/// What of a rectangle is inside of the picture and of `clip`.
#[must_use]
pub fn area(rectangle: Edges, clip: Edges, picture: Extent) -> Option<Area> {
    rectangle.and(clip).and(picture.into()).area()
}

/// What of a copy is left: pixels of `source` that are inside of the one picture, and that go to
/// places inside of the other and of `clip`. A pixel of the source goes to its own place moved by `by`.
#[must_use]
pub fn copy(
    source: Edges,
    by: (i64, i64),
    clip: Edges,
    (from, to): (Extent, Extent),
) -> Option<Move> {
    let back = (by.0.saturating_neg(), by.1.saturating_neg());
    let read = source.and(from.into()).moved(by);
    let written = read.and(clip).and(to.into());
    Some(Move {
        from: written.moved(back).area()?,
        to: written.area()?,
    })
}

#[cfg(test)]
mod tests;
