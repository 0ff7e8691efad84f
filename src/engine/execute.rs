//! Executing a record, a step at a time.
//!
//! A step touches 64 KiB at most, so a preemption comes through within one row of a large copy, and a
//! reset waits for so many bytes at most. Its order is always the same: read the page frames, map pages
//! (services of the kernel's, in which a thread can be stuck), go in through the [`Permit`], touch the bytes, note the
//! progress, leave. A thread that comes back after a reset is not let in.

mod side;
#[cfg(test)]
mod tests;

use self::side::{Part, Rectangle, copy_bytes, fill_bytes};
use super::copy::{Order, Turn};
use super::permit::{Entered, Permit};
use super::record::{Copy, Fill, Frames, Map, Operation, Progress, Unmap};
use crate::kernel::irql::Passive;
use crate::kernel::moves::Direction;
use crate::memory::aperture::{Aperture, PAGES};
use crate::memory::space::{Access, MAPPED_BYTES};

/// The most bytes that a step touches.
pub const STEP_BYTES: usize = MAPPED_BYTES;
/// The most rows that a step touches: short ones cost more than their bytes.
const STEP_ROWS: u32 = 4096;
/// The most pages of the aperture that a step maps.
const STEP_PAGES: u32 = 1024;
/// Frame numbers that are read at a time.
const FRAMES: usize = 32;

/// How a step ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// The record is executed.
    Done,
    /// Another step is needed.
    More,
    /// The permit is worthless: nothing was touched, and never will be with it.
    Shut,
}

/// Why a record cannot be executed any further. A fault touches nothing: what earlier steps did stays.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// A rectangle without rows or bytes, with rows that overlap, or beyond the end of the address space.
    Rectangle,
    /// Bytes outside of the segments or of the pages that came along.
    Outside,
    /// A page of the aperture that nothing was ever mapped to.
    Unmapped,
    /// The system would not map a page.
    Mapping,
    /// Progress beyond the record's end.
    Progress,
}

/// Executes a part of `operation`, which `frames` follow, from `progress` on, and moves that on.
///
/// # Errors
///
/// See [`Fault`]. What came before the fault may have been executed.
pub fn step(
    operation: &Operation,
    frames: Frames<'_>,
    progress: &mut Progress,
    access: &mut Access<'_>,
    permit: &Permit<'_>,
    irql: Passive,
) -> Result<Step, Fault> {
    let mut run = Run {
        frames,
        progress,
        permit,
        irql,
    };
    match operation {
        Operation::Nop | Operation::Marker { .. } => Ok(Step::Done),
        Operation::Copy(copy) => run.copy(copy, access),
        Operation::Fill(fill) => run.fill(fill, access),
        Operation::Map(map) => run.map(*map, access.space.aperture()),
        Operation::Unmap(unmap) => run.unmap(unmap, access.space.aperture()),
    }
}

/// What all kinds of steps need.
struct Run<'step> {
    frames: Frames<'step>,
    progress: &'step mut Progress,
    permit: &'step Permit<'step>,
    irql: Passive,
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Run<'_> {
    fn copy(&mut self, copy: &Copy, access: &mut Access<'_>) -> Result<Step, Fault> {
        let (rows, row_bytes) = (copy.rows, copy.row_bytes);
        let side = |place, pitch| Rectangle {
            place,
            pitch,
            row_bytes,
            rows,
        };
        let (from, to) = (
            side(copy.from, copy.from_pitch),
            side(copy.to, copy.to_pitch),
        );
        from.check(&self.frames, &access.space)?;
        to.check(&self.frames, &access.space)?;
        let Some(turn) = Order::of(copy).turn(self.progress.row) else {
            return self.ended(rows);
        };
        let most = from
            .rows_at_once(&access.space)
            .min(to.rows_at_once(&access.space));
        let part = self.part(&turn, row_bytes, most)?;
        let Some(inside) = self.permit.enter() else {
            return Ok(Step::Shut);
        };
        let source = from.locate(&part, &self.frames, &access.space, &inside)?;
        let destination = to.locate(&part, &self.frames, &access.space, &inside)?;
        drop(inside);
        let source = source.reach(&mut access.reserve.from, self.irql)?;
        let destination = destination.reach(&mut access.reserve.to, self.irql)?;
        let Some(inside) = self.permit.enter() else {
            return Ok(Step::Shut);
        };
        // Rows that follow each other on both sides are one.
        let gapless = from.pitch == part.bytes && to.pitch == part.bytes;
        let (runs, bytes) = if gapless {
            (1, size(part.rows).saturating_mul(size(part.bytes)))
        } else {
            (part.rows, size(part.bytes))
        };
        for index in 0..runs {
            let row = match turn.direction {
                Direction::Up => index,
                Direction::Down => runs - 1 - index,
            };
            let at = |pitch: u32| size(row).saturating_mul(size(pitch));
            copy_bytes(
                (&destination, at(to.pitch)),
                (&source, at(from.pitch)),
                bytes,
                turn.direction,
            )
            .ok_or(Fault::Outside)?;
        }
        let step = self.advance(&part, row_bytes, rows);
        drop(inside);
        Ok(step)
    }

    fn fill(&mut self, fill: &Fill, access: &mut Access<'_>) -> Result<Step, Fault> {
        let (rows, row_bytes) = (fill.rows, fill.row_bytes);
        let to = Rectangle {
            place: fill.to,
            pitch: fill.to_pitch,
            row_bytes,
            rows,
        };
        to.check(&self.frames, &access.space)?;
        let row = self.progress.row;
        if row >= rows {
            return self.ended(rows);
        }
        let turn = Turn {
            row,
            direction: Direction::Up,
            left: rows - row,
        };
        let part = self.part(&turn, row_bytes, to.rows_at_once(&access.space))?;
        let Some(inside) = self.permit.enter() else {
            return Ok(Step::Shut);
        };
        let destination = to.locate(&part, &self.frames, &access.space, &inside)?;
        drop(inside);
        let destination = destination.reach(&mut access.reserve.to, self.irql)?;
        let Some(inside) = self.permit.enter() else {
            return Ok(Step::Shut);
        };
        for row in 0..part.rows {
            let at = size(row).saturating_mul(size(to.pitch));
            fill_bytes(&destination, at, size(part.bytes), fill.value, part.at)
                .ok_or(Fault::Outside)?;
        }
        let step = self.advance(&part, row_bytes, rows);
        drop(inside);
        Ok(step)
    }

    fn map(&mut self, map: Map, aperture: &Aperture) -> Result<Step, Fault> {
        if map.pages > self.frames.count() {
            return Err(Fault::Outside);
        }
        let frames = self.frames;
        self.write_table(map.first_page, map.pages, aperture, |index, to, inside| {
            frames.read(index, to, inside)
        })
    }

    fn unmap(&mut self, unmap: &Unmap, aperture: &Aperture) -> Result<Step, Fault> {
        self.write_table(unmap.first_page, unmap.pages, aperture, |_, to, _| {
            to.fill(unmap.dummy);
            true
        })
    }

    /// Writes entries of the aperture's table, whose frames `read` gives from a number on.
    fn write_table(
        &mut self,
        first: u32,
        pages: u32,
        aperture: &Aperture,
        read: impl Fn(u32, &mut [u64], &Entered<'_>) -> bool,
    ) -> Result<Step, Fault> {
        if first.checked_add(pages).is_none_or(|end| end > PAGES) {
            return Err(Fault::Outside);
        }
        if self.progress.row >= pages {
            return self.ended(pages);
        }
        let Some(inside) = self.permit.enter() else {
            return Ok(Step::Shut);
        };
        let end = pages.min(self.progress.row.saturating_add(STEP_PAGES));
        while self.progress.row < end {
            let mut frames = [0; FRAMES];
            let done = self.progress.row;
            let count = size(end - done).min(FRAMES);
            let frames = frames.get_mut(..count).unwrap_or_default();
            if !read(done, frames, &inside) {
                return Err(Fault::Outside);
            }
            for frame in frames {
                if !aperture.set(first + self.progress.row, *frame) {
                    return Err(Fault::Outside);
                }
                self.progress.row += 1;
            }
        }
        Ok(if end == pages { Step::Done } else { Step::More })
    }

    /// Which part of the rectangle comes now: a part of a row, or up to `most` whole rows.
    fn part(&self, turn: &Turn, row_bytes: u32, most: u32) -> Result<Part, Fault> {
        let done = self.progress.byte;
        let left = row_bytes.checked_sub(done).filter(|left| *left != 0);
        let left = left.ok_or(Fault::Progress)?;
        let step = u32::try_from(STEP_BYTES).unwrap_or(u32::MAX);
        if done != 0 || left > step {
            let bytes = left.min(step);
            return Ok(Part {
                row: turn.row,
                rows: 1,
                at: match turn.direction {
                    Direction::Up => done,
                    Direction::Down => left - bytes,
                },
                bytes,
            });
        }
        let rows = (step / row_bytes).min(most).min(STEP_ROWS).min(turn.left);
        let row = match turn.direction {
            Direction::Up => Some(turn.row),
            Direction::Down => (turn.row + 1).checked_sub(rows),
        };
        Ok(Part {
            row: row.ok_or(Fault::Progress)?,
            rows,
            at: 0,
            bytes: row_bytes,
        })
    }

    /// `part` is done.
    fn advance(&mut self, part: &Part, row_bytes: u32, rows: u32) -> Step {
        let byte = self.progress.byte + part.bytes;
        if part.rows == 1 && byte < row_bytes {
            self.progress.byte = byte;
        } else {
            self.progress.byte = 0;
            self.progress.row += part.rows;
        }
        if self.progress.row < rows {
            Step::More
        } else {
            Step::Done
        }
    }

    /// There is nothing left to be done of `units` rows or pages.
    fn ended(&self, units: u32) -> Result<Step, Fault> {
        if self.progress.row == units && self.progress.byte == 0 {
            Ok(Step::Done)
        } else {
            Err(Fault::Progress)
        }
    }
}
