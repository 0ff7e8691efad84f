//! The queue of the engine, and what has become of what was in it.
//!
//! One lock is around all of it, held for a few moves and never across a call of dxgkrnl's. What is to
//! be reported is posted under it, so that reports are in the order of what happened.

use zerocopy::FromZeros;

use super::permit::{Gate, Permit};
use super::report::Published;
use crate::kernel::irql::{AtMostDispatch, Dispatch};
use crate::kernel::{
    DmaReport, InterruptLine, KernelBuffer, NoMemory, Owned, Shared, SpinLock, Tag, complain,
};

/// How many buffers can be submitted and not completed: several times as many as VidSch has in a
/// hardware queue at once.
pub const CAPACITY: usize = 256;

/// One submission.
#[derive(Clone, Copy, Debug, FromZeros)]
pub struct Job {
    /// `SubmissionFenceId`
    pub fence: u32,
    /// The part of the buffer that is submitted, in bytes from its beginning.
    pub begin: u32,
    /// Where that part ends.
    pub end: u32,
    /// The whole buffer.
    pub buffer: KernelBuffer<'static>,
    /// The private data of the part: blocks of [`private`](super::private). Empty if there is nothing to
    /// execute.
    pub blocks: KernelBuffer<'static>,
}

impl Job {
    /// A submission that there is nothing to execute of: zero-length, null rendering, without private data.
    #[must_use]
    pub const fn nothing(fence: u32) -> Self {
        Self {
            fence,
            begin: 0,
            end: 0,
            buffer: KernelBuffer::empty(),
            blocks: KernelBuffer::empty(),
        }
    }
}

/// What a worker is to do next.
pub enum Next<'queue> {
    /// Execute this.
    Execute(Turn<'queue>),
    /// Sleep until it is woken.
    Sleep,
    /// End.
    End,
}

/// A job that is a worker's, until it has told what has become of it or a reset took it away.
pub struct Turn<'queue> {
    /// The job.
    pub job: Job,
    /// What it may touch memory with.
    pub permit: Permit<'queue>,
    /// The hardware is gone: nothing is executed.
    pub gone: bool,
    serial: u64,
}

/// How a turn ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// All of it is executed.
    Completed,
    /// It stopped for a preemption, and where is in its private data.
    Interrupted,
    /// The gate was shut for it.
    Shut,
    /// It cannot be executed: the engine stands still at it until it is reset.
    Stuck,
}

/// What a reset gave up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Aborted {
    /// What counts as the last completed fence from here on.
    pub fence: u32,
    /// The reset before this one has not brought a worker: this one is no better, unless one comes.
    pub again: bool,
}

/// The queue. It is shared by the DDIs and the workers of one start.
pub struct Queue {
    state: SpinLock<State>,
    gate: Gate,
    line: InterruptLine,
    published: Shared<Published>,
}

#[derive(FromZeros)]
struct Jobs {
    slots: [Job; CAPACITY],
}

/// A preemption that a worker is to answer.
#[derive(Clone, Copy)]
struct Preemption {
    /// `PreemptionFenceId`
    fence: u32,
    /// How many of the jobs that wait it is for: those that were there before it.
    jobs: usize,
}

#[allow(clippy::struct_excessive_bools)] // five facts that do not depend on each other
struct State {
    jobs: Owned<Jobs>,
    first: usize,
    count: usize,
    /// Fence and number of the job that is being executed.
    active: Option<(u32, u64)>,
    /// How many turns there were.
    turns: u64,
    last_submitted: u32,
    last_completed: u32,
    /// The preemption that was asked for and is not answered.
    preemption: Option<Preemption>,
    /// The job that is being executed cannot be, and no worker has it any more.
    stuck: bool,
    /// No worker has come for a turn since the last reset.
    awaited: bool,
    /// Nothing is begun: the adapter sleeps.
    held: bool,
    /// The hardware was pulled out.
    gone: bool,
    /// The workers end.
    ending: bool,
}

impl Queue {
    /// An empty queue, whose reports go to `line`.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]
    pub fn try_new(
        tag: Tag,
        line: InterruptLine,
        published: Shared<Published>,
        irql: impl AtMostDispatch,
    ) -> Result<Self, NoMemory> {
        Ok(Self {
            state: SpinLock::new(State {
                jobs: Owned::try_zeroed(tag, irql, |_| {})?,
                first: 0,
                count: 0,
                active: None,
                turns: 0,
                last_submitted: 0,
                last_completed: 0,
                preemption: None,
                stuck: false,
                awaited: false,
                held: false,
                gone: false,
                ending: false,
            }),
            gate: Gate::new(),
            line,
            published,
        })
    }

    /// What may be read of it at any IRQL.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Enters a job; whether a worker is to be woken. With no room left it is lost, which the scheduler
    /// finds out as a hang (contract: X5: SubmitCommand may not fail).
    #[must_use]
    pub fn submit(&self, job: Job, irql: impl AtMostDispatch) -> bool {
        let mut state = self.state.lock(irql);
        state.last_submitted = job.fence;
        if !state.push(job) {
            complain(c"SubmitCommand", c"queue", job.fence.into(), c"is full");
        }
        self.published.submitted(job.fence, state.count);
        state.active.is_none()
    }

    /// The next turn for a worker, who answers a preemption first; [`Queue::report`] sends the answer.
    pub fn next(&self, irql: impl AtMostDispatch) -> Next<'_> {
        let mut state = self.state.lock(irql);
        if state.ending {
            return Next::End;
        }
        state.awaited = false;
        if state.active.is_some() {
            return Next::Sleep;
        }
        let dispatch = state.irql();
        self.answer(&mut state, dispatch);
        if state.held {
            return Next::Sleep;
        }
        let Some(job) = state.pop() else {
            return Next::Sleep;
        };
        state.turns = state.turns.wrapping_add(1);
        let serial = state.turns;
        state.active = Some((job.fence, serial));
        self.published.begun(job.fence, state.count);
        Next::Execute(Turn {
            job,
            permit: self.gate.permit(),
            gone: state.gone,
            serial,
        })
    }

    /// What has become of a turn. Nothing, if a reset has taken the job away. What is to be reported is
    /// posted; [`Queue::report`] sends it.
    pub fn end_turn(&self, turn: &Turn<'_>, outcome: Outcome, irql: impl AtMostDispatch) {
        let mut state = self.state.lock(irql);
        if state.active != Some((turn.job.fence, turn.serial)) {
            return;
        }
        match outcome {
            Outcome::Stuck if !state.gone => {
                state.stuck = true;
                return;
            }
            // Only pulling out the hardware shuts the gate and leaves the job.
            Outcome::Shut if !state.gone => return,
            Outcome::Completed | Outcome::Shut | Outcome::Stuck => {
                let irql = state.irql();
                self.complete(&mut state, turn.job.fence, irql);
            }
            Outcome::Interrupted => {}
        }
        state.active = None;
        let irql = state.irql();
        self.answer(&mut state, irql);
        self.published.ended(state.count);
    }

    /// Whether the worker that has this turn is to stop between two steps. Any IRQL.
    #[must_use]
    pub fn is_interrupted(&self) -> bool {
        self.published.preemption_is_wanted()
    }

    /// Preempts what is in the queue. What was not begun never will be; what is being executed stops at
    /// its next step. If there is nothing, the answer is posted now (contract: X6); else it is a worker's, so
    /// that an engine whose workers are stuck does not answer. Whether one is to be woken.
    #[must_use]
    pub fn preempt(&self, fence: u32, irql: impl AtMostDispatch) -> bool {
        let mut state = self.state.lock(irql);
        let jobs = state.count;
        if let Some(before) = state.preemption.replace(Preemption { fence, jobs }) {
            complain(
                c"PreemptCommand",
                c"PreemptionFenceId",
                before.fence.into(),
                c"was not answered when another came",
            );
        }
        if state.active.is_none() && jobs == 0 {
            let irql = state.irql();
            self.answer(&mut state, irql);
            return false;
        }
        self.published.want_preemption(true);
        state.active.is_none()
    }

    /// Sends what was posted. At most `DISPATCH_LEVEL`, and under no lock.
    pub fn report(&self, irql: impl AtMostDispatch) {
        self.line.send(irql);
    }

    /// The fence of the last buffer that is completed, or that a reset has given up.
    pub fn last_completed(&self, irql: impl AtMostDispatch) -> u32 {
        self.state.lock(irql).last_completed
    }

    /// Whether there is nothing to execute.
    pub fn is_idle(&self, irql: impl AtMostDispatch) -> bool {
        let state = self.state.lock(irql);
        state.active.is_none() && state.count == 0
    }

    /// Whether nobody touches memory: after the gate was shut, the end of it.
    #[must_use]
    pub fn nobody_is_inside(&self) -> bool {
        self.gate.is_empty()
    }

    /// Gives up what is in the queue: the gate is shut, so that nothing of it is executed any further
    /// once [`Queue::nobody_is_inside`]. What counts as the last completed fence from here on: with
    /// `all`, the last one submitted; else the one that was being executed, or if none was the next, or
    /// if there is none the last completed (contract: T1).
    pub fn abort(&self, all: bool, irql: impl AtMostDispatch) -> Aborted {
        let mut state = self.state.lock(irql);
        self.gate.shut();
        let next = state.peek().map(|job| job.fence);
        let aborted = match state.active {
            _ if all => state.last_submitted,
            Some((fence, _)) => fence,
            None => next.unwrap_or(state.last_completed),
        };
        state.active = None;
        state.stuck = false;
        state.preemption = None;
        state.clear();
        state.last_completed = aborted;
        self.published.reset(aborted);
        Aborted {
            fence: aborted,
            again: core::mem::replace(&mut state.awaited, true),
        }
    }

    /// Whether no worker has come for a turn since the last reset.
    pub fn is_awaited(&self, irql: impl AtMostDispatch) -> bool {
        self.state.lock(irql).awaited
    }

    /// The hardware was pulled out: the gate is shut, and from here on jobs complete without being
    /// executed (contract: L8).
    pub fn pull_out(&self, irql: impl AtMostDispatch) {
        let mut state = self.state.lock(irql);
        state.gone = true;
        self.gate.shut();
        if state.stuck
            && let Some((fence, _)) = state.active.take()
        {
            state.stuck = false;
            let irql = state.irql();
            self.complete(&mut state, fence, irql);
            self.answer(&mut state, irql);
            self.published.ended(state.count);
        }
    }

    /// Whether jobs are begun.
    pub fn hold(&self, held: bool, irql: impl AtMostDispatch) {
        self.state.lock(irql).held = held;
    }

    /// The workers are to end, and touch nothing any more.
    pub fn end(&self, irql: impl AtMostDispatch) {
        let mut state = self.state.lock(irql);
        state.ending = true;
        state.active = None;
        state.clear();
        self.gate.shut();
        self.published.ended(0);
    }

    fn complete(&self, state: &mut State, fence: u32, irql: Dispatch) {
        state.last_completed = fence;
        self.published.completed(fence);
        let _ = self.line.post(DmaReport::Completed { fence }, irql);
    }

    /// Answers the preemption that was asked for, if one was.
    fn answer(&self, state: &mut State, irql: Dispatch) {
        let Some(Preemption { fence, jobs }) = state.preemption.take() else {
            return;
        };
        for _ in 0..jobs {
            let _ = state.pop();
        }
        self.published.queued(state.count);
        self.published.want_preemption(false);
        self.published.preempted(fence);
        let last_completed = state.last_completed;
        let report = DmaReport::Preempted {
            fence,
            last_completed,
        };
        let _ = self.line.post(report, irql);
    }
}

impl State {
    fn push(&mut self, job: Job) -> bool {
        if self.count == CAPACITY {
            return false;
        }
        let place = self.first.wrapping_add(self.count) % CAPACITY;
        let Some(slot) = self.jobs.slots.get_mut(place) else {
            return false;
        };
        *slot = job;
        self.count = self.count.saturating_add(1);
        true
    }

    fn peek(&self) -> Option<Job> {
        let job = self.jobs.slots.get(self.first).copied();
        job.filter(|_| self.count > 0)
    }

    fn pop(&mut self) -> Option<Job> {
        let job = self.peek()?;
        self.first = self.first.wrapping_add(1) % CAPACITY;
        self.count = self.count.saturating_sub(1);
        Some(job)
    }

    fn clear(&mut self) {
        self.first = 0;
        self.count = 0;
    }
}
