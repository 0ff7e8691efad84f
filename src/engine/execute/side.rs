//! Where the bytes of a step are, and how the CPU gets there.

use super::{Fault, STEP_BYTES, STEP_ROWS};
use crate::engine::permit::Entered;
use crate::engine::record::{Frames, Place};
use crate::kernel::irql::Passive;
use crate::kernel::moves::{self, Direction};
use crate::kernel::{Mapped, PAGE, ReservedPages, Window};
use crate::memory::space::{MAPPED_PAGES, Region, Space};

/// The rows, or the part of one, that a step takes.
#[derive(Clone, Copy)]
pub struct Part {
    /// The lowest row.
    pub row: u32,
    /// How many.
    pub rows: u32,
    /// Where in the row it begins, in bytes.
    pub at: u32,
    /// Bytes of each row.
    pub bytes: u32,
}

/// One side of a rectangle.
#[derive(Clone, Copy)]
pub struct Rectangle {
    pub place: Place,
    pub pitch: u32,
    pub row_bytes: u32,
    pub rows: u32,
}

impl Rectangle {
    /// Checks that it is one, and all of it inside.
    pub fn check(&self, frames: &Frames<'_>, space: &Space<'_>) -> Result<(), Fault> {
        if self.rows == 0 || self.row_bytes == 0 || (self.rows > 1 && self.pitch < self.row_bytes) {
            return Err(Fault::Rectangle);
        }
        // Products of 32-bit numbers, less than 2^64 - 2^32: the sum fits.
        let last_row = u64::from(self.rows - 1) * u64::from(self.pitch);
        let bytes = last_row + u64::from(self.row_bytes);
        match self.place {
            Place::Gpu(address) => {
                address.checked_add(bytes).ok_or(Fault::Rectangle)?;
                space.resolve(address, bytes).ok_or(Fault::Outside)?;
            }
            Place::Frames { offset } => {
                let end = offset.checked_add(bytes).ok_or(Fault::Rectangle)?;
                if end > u64::from(frames.count()) * PAGE as u64 {
                    return Err(Fault::Outside);
                }
            }
        }
        Ok(())
    }

    /// Whether the CPU has to have its pages mapped.
    fn is_mapped(&self, space: &Space<'_>) -> bool {
        match self.place {
            Place::Gpu(address) => !matches!(
                space.resolve(address, self.row_bytes.into()),
                Some(Region::VideoMemory(_))
            ),
            Place::Frames { .. } => true,
        }
    }

    /// How many rows of whole pages can be mapped at once; one at least.
    pub fn rows_at_once(&self, space: &Space<'_>) -> u32 {
        if !self.is_mapped(space) || self.pitch == 0 {
            return STEP_ROWS;
        }
        let beyond_first = (STEP_BYTES as u64).saturating_sub(self.row_bytes.into());
        let more = beyond_first / u64::from(self.pitch);
        u32::try_from(more).unwrap_or(STEP_ROWS).saturating_add(1)
    }

    /// Finds the bytes of `part`.
    pub fn locate<'run>(
        &self,
        part: &Part,
        frames: &Frames<'_>,
        space: &Space<'run>,
        inside: &Entered<'_>,
    ) -> Result<Located<'run>, Fault> {
        let begin = u64::from(part.row) * u64::from(self.pitch) + u64::from(part.at);
        let last_row = u64::from(part.rows.saturating_sub(1)) * u64::from(self.pitch);
        let bytes = last_row + u64::from(part.bytes);
        match self.place {
            Place::Gpu(address) => {
                let address = address.checked_add(begin).ok_or(Fault::Rectangle)?;
                match space.resolve(address, bytes).ok_or(Fault::Outside)? {
                    Region::VideoMemory(window) => Ok(Located::Memory(window)),
                    Region::Aperture { page, offset } => {
                        let mut pages = Pages::of(offset, bytes)?;
                        for (at, frame) in (page..).zip(pages.frames_mut()) {
                            *frame = space.aperture().frame(at).ok_or(Fault::Unmapped)?;
                        }
                        Ok(Located::Pages(pages))
                    }
                }
            }
            Place::Frames { offset } => {
                let begin = offset.checked_add(begin).ok_or(Fault::Rectangle)?;
                let first = u32::try_from(begin / PAGE as u64).map_err(|_| Fault::Outside)?;
                let within = usize::try_from(begin % PAGE as u64).map_err(|_| Fault::Outside)?;
                let mut pages = Pages::of(within, bytes)?;
                if !frames.read(first, pages.frames_mut(), inside) {
                    return Err(Fault::Outside);
                }
                Ok(Located::Pages(pages))
            }
        }
    }
}

/// The page frames of a step's bytes.
pub struct Pages {
    frames: [u64; MAPPED_PAGES],
    count: usize,
    /// Where in the first one the bytes begin.
    offset: usize,
}

impl Pages {
    fn of(offset: usize, bytes: u64) -> Result<Self, Fault> {
        let bytes = usize::try_from(bytes).map_err(|_| Fault::Outside)?;
        let count = offset.saturating_add(bytes).div_ceil(PAGE);
        if count > MAPPED_PAGES {
            return Err(Fault::Outside);
        }
        Ok(Self {
            frames: [0; MAPPED_PAGES],
            count,
            offset,
        })
    }

    fn frames_mut(&mut self) -> &mut [u64] {
        self.frames.get_mut(..self.count).unwrap_or_default()
    }
}

/// Where a step's bytes are.
pub enum Located<'run> {
    Memory(Window<'run>),
    Pages(Pages),
}

impl<'run> Located<'run> {
    /// Gets the CPU there.
    pub fn reach<'side>(
        &self,
        reserved: &'side mut ReservedPages,
        irql: Passive,
    ) -> Result<Side<'side>, Fault>
    where
        'run: 'side,
    {
        match self {
            Self::Memory(window) => Ok(Side::Memory(*window)),
            Self::Pages(pages) => {
                let frames = pages.frames.get(..pages.count).unwrap_or_default();
                let mapped = reserved.map(frames, irql).ok_or(Fault::Mapping)?;
                Ok(Side::Pages(mapped, pages.offset))
            }
        }
    }
}

/// A step's bytes, to be touched.
pub enum Side<'side> {
    Memory(Window<'side>),
    /// Mapped pages, and where in the first one the bytes begin.
    Pages(Mapped<'side>, usize),
}

impl Side<'_> {
    /// The bytes at `offset`, up to `most`, that lie in one piece.
    fn piece(&self, offset: usize, most: usize) -> Option<Window<'_>> {
        match self {
            Self::Memory(window) => window.part(offset, most),
            Self::Pages(pages, begin) => pages.piece(begin.checked_add(offset)?, most),
        }
    }

    /// The bytes up to `end`, at most `most`, that lie in one piece.
    fn piece_before(&self, end: usize, most: usize) -> Option<Window<'_>> {
        match self {
            Self::Memory(window) => window.part(end.checked_sub(most)?, most),
            Self::Pages(pages, begin) => pages.piece_before(begin.checked_add(end)?, most),
        }
    }
}

/// Copies `bytes` bytes, which may lie in pieces on either side.
pub fn copy_bytes(
    (to, to_at): (&Side<'_>, usize),
    (from, from_at): (&Side<'_>, usize),
    bytes: usize,
    direction: Direction,
) -> Option<()> {
    let mut left = bytes;
    while left > 0 {
        let copied = match direction {
            Direction::Up => {
                let done = bytes - left;
                let to = to.piece(to_at.checked_add(done)?, left)?;
                let from = from.piece(from_at.checked_add(done)?, to.bytes())?;
                moves::copy(&to, &from, direction);
                from.bytes()
            }
            Direction::Down => {
                let to_end = to_at.checked_add(left)?;
                let from = from.piece_before(from_at.checked_add(left)?, left)?;
                let to = to.piece_before(to_end, from.bytes())?;
                let skipped = from.bytes() - to.bytes();
                moves::copy(&to, &from.part(skipped, to.bytes())?, direction);
                to.bytes()
            }
        };
        left = left.checked_sub(copied)?;
    }
    Some(())
}

/// Fills `bytes` bytes, which may lie in pieces, from the value's byte `phase` on.
pub fn fill_bytes(to: &Side<'_>, at: usize, bytes: usize, value: u32, phase: u32) -> Option<()> {
    let mut done = 0;
    while done < bytes {
        let piece = to.piece(at.checked_add(done)?, bytes - done)?;
        let phase = phase.wrapping_add(u32::try_from(done).ok()?);
        moves::fill(&piece, value, phase);
        done += piece.bytes();
    }
    Some(())
}
