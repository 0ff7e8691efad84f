//! The engine of an adapter: its queue and its threads, and how they are stopped, reset and started again.

use super::queue::{Job, Queue};
use super::report::{DebugReport, Published};
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{
    Event, InterruptLine, NoMemory, Reset, Shared, Span, SpinLock, Tag, Thread, complain, delay,
};

use super::counts::Counts;

/// Workers of one engine: the one that works, and the one that goes on after a reset while the first is
/// stuck.
const WORKERS: usize = 2;

/// How long is waited at a time for a worker to leave memory alone, or to move on.
const MOMENT: Span = Span::millis(1);
/// How many such moments a worker has to show progress.
const PATIENCE: u32 = 20;
/// How many a reset of the engine, or a sleep, waits for.
const LONGEST: u32 = 2_000;

/// What the threads of a started engine share with the DDIs.
pub struct Core {
    /// What is to be executed.
    pub queue: Queue,
    /// Signalled when a worker finds something new in the queue.
    pub wake: Event,
}

/// What an engine has while its adapter is started. It is stopped by [`Parts::stop`], never dropped before.
pub struct Parts {
    core: Shared<Core>,
    threads: [Option<Thread>; WORKERS],
}

/// The engine of one adapter, from AddDevice to RemoveDevice.
pub struct Engine {
    published: Shared<Published>,
    parts: SpinLock<Option<Parts>>,
}

/// The engine is not ready for more: see [`Engine::reset_engine`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotReset;

impl Parts {
    /// Queue and threads of an engine that reports on `line`. `body` makes what a thread does: it is to call
    /// [`worker::run`](super::worker::run).
    ///
    /// # Errors
    ///
    /// [`NoMemory`]; then no thread is left.
    pub fn try_new<F>(
        engine: &Engine,
        line: InterruptLine,
        tag: Tag,
        irql: Passive,
        mut body: impl FnMut() -> Result<F, NoMemory>,
    ) -> Result<Self, NoMemory>
    where
        F: FnOnce(&Core, Passive) + Send + 'static,
    {
        let core = Core {
            queue: Queue::try_new(tag, line, engine.published.clone(), irql)?,
            wake: Event::try_new(tag, Reset::Auto, irql)?,
        };
        let mut parts = Self {
            core: Shared::try_new(tag, core, irql)?,
            threads: [const { None }; WORKERS],
        };
        for place in &mut parts.threads {
            let core = parts.core.clone();
            let made =
                body().and_then(|body| Thread::try_new(tag, move |irql| body(&core, irql), irql));
            match made {
                Ok(thread) => *place = Some(thread),
                Err(error) => {
                    parts.stop(irql);
                    return Err(error);
                }
            }
        }
        Ok(parts)
    }

    /// Ends the threads and waits for them. One that is stuck in a service of the kernel's is waited for, too:
    /// its code cannot be unloaded before it has left it.
    pub fn stop(self, irql: Passive) {
        self.core.queue.end(irql);
        self.core.wake.set(irql);
        for thread in self.threads.into_iter().flatten() {
            thread.join(irql);
        }
    }
}

impl Engine {
    /// The engine of an adapter that is not started.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]
    pub fn try_new(tag: Tag, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            published: Shared::try_new(tag, Published::default(), irql)?,
            parts: SpinLock::new(None),
        })
    }

    /// The adapter is started: from here on submissions are executed.
    pub fn start(&self, parts: Parts, irql: Passive) {
        self.stop(irql);
        *self.parts.lock(irql) = Some(parts);
    }

    /// Nothing is executed any more, and no thread is left.
    pub fn stop(&self, irql: Passive) {
        let parts = self.parts.lock(irql).take();
        if let Some(parts) = parts {
            parts.stop(irql);
        }
    }

    /// Enters a job into the queue (contract: X5).
    pub fn submit(&self, job: Job, irql: impl AtMostDispatch) {
        let Some(core) = self.core(irql) else {
            complain(
                c"SubmitCommand",
                c"SubmissionFenceId",
                job.fence.into(),
                c"not started",
            );
            return;
        };
        if core.queue.submit(job, irql) {
            core.wake.set(irql);
        }
    }

    /// Preempts what is in the queue (contract: X6). The answer has the fence `fence`.
    pub fn preempt(&self, fence: u32, irql: impl AtMostDispatch) {
        let Some(core) = self.core(irql) else {
            complain(
                c"PreemptCommand",
                c"PreemptionFenceId",
                fence.into(),
                c"not started",
            );
            return;
        };
        if core.queue.preempt(fence, irql) {
            core.wake.set(irql);
        }
        core.queue.report(irql);
    }

    /// The fence of the last buffer that is completed, which has been reported when this returns
    /// (contract: X8). 0 before the first one.
    pub fn current_fence(&self, irql: Passive) -> u32 {
        let Some(core) = self.core(irql) else {
            return 0;
        };
        // First the fence, so that it is not newer than what is reported.
        let fence = core.queue.last_completed(irql);
        core.queue.report(irql);
        fence
    }

    /// Whether the engine is idle, or makes progress within 20 ms (contract: T1).
    pub fn is_responsive(&self, irql: Passive) -> bool {
        let Some(core) = self.core(irql) else {
            return true;
        };
        let before = self.published.steps();
        for _ in 0..PATIENCE {
            if core.queue.is_idle(irql) || self.published.steps() != before {
                return true;
            }
            delay(MOMENT, irql);
        }
        false
    }

    /// Gives up what is executed and empties the queue; the fence that this is reported as aborted
    /// (contract: T1). When it returns nothing of that touches memory any more.
    ///
    /// # Errors
    ///
    /// [`NotReset`]: after 2 s somebody still touches memory, or the reset before this one has brought no worker
    /// to the queue and neither does this one, so that nobody would take what is submitted next (contract: G60).
    /// Only the adapter can be reset now.
    pub fn reset_engine(&self, irql: Passive) -> Result<u32, NotReset> {
        let Some(core) = self.core(irql) else {
            return Ok(0);
        };
        core.queue.report(irql);
        let aborted = core.queue.abort(false, irql);
        core.wake.set(irql);
        for _ in 0..LONGEST {
            if core.queue.nobody_is_inside() && !(aborted.again && core.queue.is_awaited(irql)) {
                return Ok(aborted.fence);
            }
            delay(MOMENT, irql);
        }
        Err(NotReset)
    }

    /// Gives up all that was submitted. When it returns nothing of the engine touches memory any more
    /// (contract: T2). It waits for the touch under way, which is 64 KiB at most and calls no service.
    pub fn reset_adapter(&self, irql: Passive) {
        let Some(core) = self.core(irql) else {
            return;
        };
        core.queue.report(irql);
        let _ = core.queue.abort(true, irql);
        wait_until_nobody_is_inside(&core, irql);
    }

    /// Windows uses the engine again: a worker looks into the queue.
    pub fn restart(&self, irql: Passive) {
        if let Some(core) = self.core(irql) {
            core.queue.hold(false, irql);
            core.wake.set(irql);
        }
    }

    /// The hardware was pulled out. When this returns it is not touched any more; what is submitted
    /// completes (contract: L8).
    pub fn pull_out(&self, irql: Passive) {
        if let Some(core) = self.core(irql) {
            core.queue.pull_out(irql);
            wait_until_nobody_is_inside(&core, irql);
            core.queue.report(irql);
            core.wake.set(irql);
        }
    }

    /// The adapter goes to sleep: what was submitted is waited for, and then nothing is begun.
    pub fn sleep(&self, irql: Passive) {
        let Some(core) = self.core(irql) else {
            return;
        };
        for _ in 0..LONGEST {
            if core.queue.is_idle(irql) {
                break;
            }
            delay(MOMENT, irql);
        }
        core.queue.hold(true, irql);
        if !core.queue.is_idle(irql) {
            complain(c"SetPowerState", c"engine", 0, c"did not end within 2 s");
        }
    }

    /// How much the engine has done. Any IRQL.
    #[must_use]
    pub fn counts(&self) -> &Counts {
        &self.published.counts
    }

    /// The value of the last marker that was executed. Any IRQL.
    #[must_use]
    pub fn last_marker(&self) -> u64 {
        self.published.marker()
    }

    /// What a debug report says. Any IRQL.
    #[must_use]
    pub fn debug_report(&self) -> DebugReport {
        self.published.debug_report()
    }

    fn core(&self, irql: impl AtMostDispatch) -> Option<Shared<Core>> {
        let parts = self.parts.lock(irql);
        parts.as_ref().map(|parts| parts.core.clone())
    }
}

fn wait_until_nobody_is_inside(core: &Core, irql: Passive) {
    while !core.queue.nobody_is_inside() {
        delay(MOMENT, irql);
    }
}
