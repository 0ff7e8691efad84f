//! Copying a rectangle of an image into the picture that is scanned out, turned or not.

use super::plan::Rotation;
use crate::device::ScanOut;
use crate::kernel::{Foreign, Window};

/// Bytes of a pixel, in images and in pictures.
pub const PIXEL: usize = 4;

/// Pixels in a cache line, and in what write-combining gathers before it writes.
const LINE: usize = 16;
/// Rows of the picture that are put together at a time.
const ROWS: usize = 8;
/// Pixels that are turned around at a time.
const RUN: usize = 64;

type Pixel = [u8; PIXEL];

/// The picture that is scanned out.
pub struct Canvas<'mapping> {
    memory: Window<'mapping>,
    pitch: usize,
    width: usize,
    height: usize,
}

impl<'mapping> Canvas<'mapping> {
    /// The picture `scan_out` in video memory, if it lies there.
    #[must_use]
    pub fn new(memory: &Window<'mapping>, scan_out: &ScanOut) -> Option<Self> {
        let size = |number: u64| usize::try_from(number).ok();
        let (pitch, width, height) = (scan_out.pitch, scan_out.width, scan_out.height);
        if width == 0 || height == 0 || !scan_out.fits(memory.bytes() as u64) {
            return None;
        }
        Some(Self {
            memory: memory.part(size(scan_out.offset)?, size(scan_out.bytes())?)?,
            pitch: size(pitch.into())?,
            width: size(width.into())?,
            height: size(height.into())?,
        })
    }

    /// Width and height, in pixels, of an image that fills the picture when it is turned so.
    #[must_use]
    pub const fn image_size(&self, turn: Rotation) -> (usize, usize) {
        match turn {
            Rotation::Identity | Rotation::Rotate180 => (self.width, self.height),
            Rotation::Rotate90 | Rotation::Rotate270 => (self.height, self.width),
        }
    }

    /// Where a pixel lies in the picture's memory.
    const fn at(&self, x: usize, y: usize) -> usize {
        y * self.pitch + x * PIXEL
    }
}

/// An image, or the part of one that begins with the pixel in column `left` of row `top`.
pub struct Image<'call> {
    /// Its bytes: rows of pixels, blue first.
    pub bytes: Foreign<'call>,
    /// Bytes from a row to the next.
    pub pitch: usize,
    /// In pixels.
    pub left: usize,
    /// In pixels.
    pub top: usize,
}

impl Image<'_> {
    /// Where a pixel lies in `bytes`; beyond them if it is none of this part.
    const fn at(&self, x: usize, y: usize) -> usize {
        let (column, row) = (x.wrapping_sub(self.left), y.wrapping_sub(self.top));
        row.wrapping_mul(self.pitch)
            .wrapping_add(column.wrapping_mul(PIXEL))
    }

    /// Copies pixels of row `y`, from column `x` on.
    #[inline]
    fn read(&self, x: usize, y: usize, to: &mut [Pixel]) -> bool {
        self.bytes.read(self.at(x, y), to.as_flattened_mut())
    }
}

/// A rectangle of an image, in pixels, not empty: `right` and `bottom` are the first beyond it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rect {
    /// In pixels.
    pub left: usize,
    /// In pixels.
    pub top: usize,
    /// In pixels.
    pub right: usize,
    /// In pixels.
    pub bottom: usize,
}

impl Rect {
    /// What of the rectangle from (`left`, `top`) to (`right`, `bottom`) lies in an image of that
    /// size; `None` if nothing does.
    #[must_use]
    pub fn clipped(
        (left, top, right, bottom): (i32, i32, i32, i32),
        (width, height): (usize, usize),
    ) -> Option<Self> {
        let inside = |at: i32, most: usize| usize::try_from(at).unwrap_or(0).min(most);
        let rect = Self {
            left: inside(left, width),
            top: inside(top, height),
            right: inside(right, width),
            bottom: inside(bottom, height),
        };
        (rect.left < rect.right && rect.top < rect.bottom).then_some(rect)
    }

    /// In pixels.
    #[must_use]
    pub const fn width(&self) -> usize {
        self.right - self.left
    }

    /// In pixels.
    #[must_use]
    pub const fn height(&self) -> usize {
        self.bottom - self.top
    }
}

/// Copies `rect` of an image into the picture, turned. `false` if the rectangle does not lie in both:
/// pixels that do may have been copied.
#[must_use]
pub fn blit(to: &Canvas<'_>, image: &Image<'_>, rect: &Rect, turn: Rotation) -> bool {
    let (width, height) = to.image_size(turn);
    if rect.right > width || rect.bottom > height {
        return false;
    }
    match turn {
        Rotation::Identity => copy(to, image, rect),
        Rotation::Rotate180 => reverse(to, image, rect),
        Rotation::Rotate90 | Rotation::Rotate270 => transpose(to, image, rect, turn),
    }
}

/// Row by row, or all rows in one go where both sides have them alike.
fn copy(to: &Canvas<'_>, image: &Image<'_>, rect: &Rect) -> bool {
    let bytes = rect.width() * PIXEL;
    let (at, from) = (to.at(rect.left, rect.top), image.at(rect.left, rect.top));
    if rect.width() == to.width && image.pitch == to.pitch {
        let bytes = (rect.height() - 1) * to.pitch + bytes;
        return to.memory.copy(at, &image.bytes, from, bytes);
    }
    (0..rect.height()).all(|row| {
        let from = from.wrapping_add(row.wrapping_mul(image.pitch));
        to.memory
            .copy(at + row * to.pitch, &image.bytes, from, bytes)
    })
}

/// Rows from the last to the first, each from its last pixel to its first.
fn reverse(to: &Canvas<'_>, image: &Image<'_>, rect: &Rect) -> bool {
    let mut run: [Pixel; RUN] = [[0; PIXEL]; RUN];
    for y in rect.top..rect.bottom {
        let row = to.height - 1 - y;
        let mut x = rect.left;
        while x < rect.right {
            let count = RUN.min(rect.right - x);
            let Some(pixels) = run.get_mut(..count) else {
                return false;
            };
            if !image.read(x, y, pixels) {
                return false;
            }
            pixels.reverse();
            let at = to.at(to.width - x - count, row);
            if !to.memory.write(at, pixels.as_flattened()) {
                return false;
            }
            x += count;
        }
    }
    true
}

/// Rows of the image become columns. A tile as wide as a cache line is put together and then
/// written row by row, so that video memory is written in whole lines.
fn transpose(to: &Canvas<'_>, image: &Image<'_>, rect: &Rect, turn: Rotation) -> bool {
    let quarter = matches!(turn, Rotation::Rotate90);
    // The columns of the picture that the rectangle's rows become.
    let (first, end) = if quarter {
        (rect.top, rect.bottom)
    } else {
        (to.width - rect.bottom, to.width - rect.top)
    };
    let mut column = first;
    while column < end {
        let columns = (LINE - column % LINE).min(end - column);
        let mut x = rect.left;
        while x < rect.right {
            let rows = ROWS.min(rect.right - x);
            let mut tile: [[Pixel; LINE]; ROWS] = [[[0; PIXEL]; LINE]; ROWS];
            for step in 0..columns {
                let y = if quarter {
                    column + step
                } else {
                    to.width - 1 - column - step
                };
                let mut pixels: [Pixel; ROWS] = [[0; PIXEL]; ROWS];
                let Some(run) = pixels.get_mut(..rows) else {
                    return false;
                };
                if !image.read(x, y, run) {
                    return false;
                }
                for (row, pixel) in tile.iter_mut().zip(pixels) {
                    if let Some(place) = row.get_mut(step) {
                        *place = pixel;
                    }
                }
            }
            for (step, pixels) in tile.iter().enumerate().take(rows) {
                let row = if quarter {
                    to.height - 1 - x - step
                } else {
                    x + step
                };
                let line = pixels.get(..columns).unwrap_or_default();
                if !to.memory.write(to.at(column, row), line.as_flattened()) {
                    return false;
                }
            }
            x += rows;
        }
        column += columns;
    }
    true
}
