//! What the engine's threads do: they execute what is in the queue, one after the other.
//!
//! There are two for one engine. One works; the other is there for when the first is stuck in a service of
//! the kernel's and a reset takes its job away. When it comes back, its permit is worth nothing and it
//! waits like the other.

use super::Core;
use super::execute::{self, Fault, Step};
use super::permit::Permit;
use super::private::{self, Position, Private};
use super::queue::{Next, Outcome, Turn};
use super::record::{self, Frames, Operation, Progress};
use super::report::{Published, Trouble};
use crate::kernel::irql::Passive;
use crate::kernel::{KernelBuffer, complain};
use crate::memory::space::Access;

/// What executes operations: a worker's way to memory.
pub trait Execute {
    /// Does a part of the operation, 64 KiB at most, and moves `progress` on.
    ///
    /// # Errors
    ///
    /// [`Fault`]
    fn step(
        &mut self,
        operation: &Operation,
        frames: Frames<'_>,
        progress: &mut Progress,
        permit: &Permit<'_>,
        irql: Passive,
    ) -> Result<Step, Fault>;
}

impl Execute for Access<'_> {
    fn step(
        &mut self,
        operation: &Operation,
        frames: Frames<'_>,
        progress: &mut Progress,
        permit: &Permit<'_>,
        irql: Passive,
    ) -> Result<Step, Fault> {
        execute::step(operation, frames, progress, self, permit, irql)
    }
}

/// A worker's life, until the engine ends.
pub fn run(core: &Core, execute: &mut impl Execute, irql: Passive) {
    loop {
        let next = core.queue.next(irql);
        // It may have answered a preemption.
        core.queue.report(irql);
        match next {
            Next::Execute(turn) => {
                let outcome = job(core, &turn, execute, irql);
                core.queue.end_turn(&turn, outcome, irql);
                core.queue.report(irql);
            }
            Next::Sleep => core.wake.wait(irql),
            Next::End => {
                // For the other worker.
                core.wake.set(irql);
                return;
            }
        }
    }
}

/// The reason why a job goes no further.
enum Stop {
    Interrupted(Position),
    Shut,
    Trouble(Trouble),
}

/// Executes one job, or what of it was not executed before.
fn job(core: &Core, turn: &Turn<'_>, execute: &mut impl Execute, irql: Passive) -> Outcome {
    if turn.gone {
        return Outcome::Completed;
    }
    let published = core.queue.published();
    let mut blocks = Blocks {
        turn,
        next: 0,
        covered: 0,
    };
    let stop = loop {
        let (block, range) = match blocks.take() {
            Ok(Some(found)) => found,
            Ok(None) => return Outcome::Completed,
            Err(stop) => break stop,
        };
        let mut part = Part {
            core,
            turn,
            range,
            published,
            position: block.position,
        };
        if let Err(stop) = part.run(execute, irql) {
            break stop;
        }
    };
    match stop {
        Stop::Shut => Outcome::Shut,
        Stop::Interrupted(position) => match blocks.keep(position) {
            Some(()) => Outcome::Interrupted,
            None => Outcome::Shut,
        },
        Stop::Trouble(trouble) => {
            published.trouble(trouble);
            complain(
                c"engine",
                c"SubmissionFenceId",
                turn.job.fence.into(),
                match trouble {
                    Trouble::Private => c"its private data are not the driver's",
                    Trouble::Record => c"there is no record where one should be",
                    _ => c"its memory cannot be reached",
                },
            );
            Outcome::Stuck
        }
    }
}

/// The private data of a job, block by block.
struct Blocks<'turn> {
    turn: &'turn Turn<'turn>,
    /// Where the next one is, in bytes.
    next: usize,
    /// Where the records of those before it end, in the buffer. Private data may be longer than the blocks of
    /// the job: nobody says that what lies behind them is no rest of an older buffer's.
    covered: u32,
}

/// Records of one block that are part of a job.
#[derive(Clone, Copy)]
struct Range {
    /// All records of the block.
    records: KernelBuffer<'static>,
    /// Where those of the job begin and end, in bytes.
    begin: u32,
    end: u32,
}

impl Blocks<'_> {
    /// The next block of which records belong to the job, with where to go on; `None` after the last.
    fn take(&mut self) -> Result<Option<(Private, Range)>, Stop> {
        let job = &self.turn.job;
        while self.covered < job.end && self.next < job.blocks.bytes() {
            let mut private = self.read(self.next)?;
            self.next = self.next.saturating_add(private::BYTES);
            let first = private.address.checked_sub(job.buffer.address());
            let first = first.and_then(|first| u32::try_from(first).ok());
            let first = first.ok_or(Stop::Trouble(Trouble::Private))?;
            let records = usize::try_from(first)
                .ok()
                .zip(usize::try_from(private.bytes).ok())
                .and_then(|(first, bytes)| job.buffer.part(first, bytes));
            let records = records.ok_or(Stop::Trouble(Trouble::Private))?;
            self.covered = first.saturating_add(private.bytes);
            let begin = job.begin.saturating_sub(first).min(private.bytes);
            let end = job.end.saturating_sub(first).min(private.bytes);
            if begin >= end {
                continue;
            }
            if !(begin..=end).contains(&private.position.offset) {
                private.position = at(begin);
            }
            let range = Range {
                records,
                begin,
                end,
            };
            return Ok(Some((private, range)));
        }
        Ok(None)
    }

    fn read(&self, at: usize) -> Result<Private, Stop> {
        let mut block = [0; private::BYTES];
        let _entered = self.turn.permit.enter().ok_or(Stop::Shut)?;
        if !self.turn.job.blocks.read(at, &mut block) {
            return Err(Stop::Trouble(Trouble::Private));
        }
        private::read(&block).map_err(|_| Stop::Trouble(Trouble::Private))
    }

    /// Keeps in the private data that the job goes on at `position` of the block that was taken last, and
    /// that the ones before it are done. `None` if the gate is shut.
    fn keep(&mut self, position: Position) -> Option<()> {
        let last = self.next.checked_sub(private::BYTES)?;
        let mut place = 0;
        while place <= last {
            let mut private = self.read(place).ok()?;
            private.position = if place == last {
                position
            } else {
                at(private.bytes)
            };
            let _entered = self.turn.permit.enter()?;
            let _ = self
                .turn
                .job
                .blocks
                .write(place, &private::encode(&private));
            place = place.saturating_add(private::BYTES);
        }
        Some(())
    }
}

/// The execution of a block's records.
struct Part<'turn> {
    core: &'turn Core,
    turn: &'turn Turn<'turn>,
    range: Range,
    published: &'turn Published,
    position: Position,
}

impl Part<'_> {
    fn run(&mut self, execute: &mut impl Execute, irql: Passive) -> Result<(), Stop> {
        debug_assert!(self.range.begin <= self.position.offset);
        while self.position.offset < self.range.end {
            let next = self.record(execute, irql)?;
            self.position = at(next);
        }
        Ok(())
    }

    /// Executes the record under way to its end; where the next one is.
    fn record(&mut self, execute: &mut impl Execute, irql: Passive) -> Result<u32, Stop> {
        let malformed = Stop::Trouble(Trouble::Record);
        let offset = self.position.offset;
        let Ok(place) = usize::try_from(offset) else {
            return Err(malformed);
        };
        let decoded = {
            let entered = self.turn.permit.enter().ok_or(Stop::Shut)?;
            record::decode(self.range.records, place, &entered)
        };
        let Ok(decoded) = decoded else {
            return Err(malformed);
        };
        let Ok(next) = u32::try_from(decoded.next) else {
            return Err(malformed);
        };
        loop {
            if self.core.queue.is_interrupted() {
                return Err(Stop::Interrupted(self.position));
            }
            let progress = &mut self.position.progress;
            let stepped = execute.step(
                &decoded.operation,
                decoded.frames,
                progress,
                &self.turn.permit,
                irql,
            );
            self.published.step(offset);
            match stepped {
                Ok(Step::More) => {}
                Ok(Step::Done) => break,
                Ok(Step::Shut) => return Err(Stop::Shut),
                Err(_) => return Err(Stop::Trouble(Trouble::Memory)),
            }
        }
        if let Operation::Marker { value } = decoded.operation {
            self.published.mark(value);
        }
        Ok(next)
    }
}

/// The beginning of a record.
fn at(offset: u32) -> Position {
    Position {
        offset,
        progress: Progress::default(),
    }
}
