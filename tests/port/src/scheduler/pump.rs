//! The pump: what a processor does for the scheduler in a step, and waiting by pumping.

use crate::adapter::{Adapter, AdapterInner, State as Life};
use crate::scheduler::packet::{Fate, Hang, Queued, Work};

/// Nothing moves for so many timeouts: no reset will come.
const PATIENCE: u64 = 32;

/// A preemption that is decided on comes within so many steps.
const PREEMPT_WITHIN: usize = 8;

/// And no less than this: ten seconds.
const LEAST_PATIENCE: u64 = 100_000_000;

impl Adapter {
    /// One step of the scheduler: DPCs, what the engine reported, timeouts, then as many submissions as fit.
    pub fn pump(&self) {
        self.0.step();
    }

    /// Pumps until that work has ended.
    ///
    /// # Errors
    /// [`Hang::Lost`] if it was not executed, [`Hang::Bugcheck`], [`Hang::Stuck`].
    pub fn wait(&self, queued: &Queued) -> Result<(), Hang> {
        let adapter = &*self.0;
        while adapter.wait_until(|| queued.fate().is_some()) == Err(Hang::Reset) {}
        match queued.fate() {
            Some(Fate::Executed | Fate::Null) => Ok(()),
            Some(fate) => Err(Hang::Lost(fate)),
            None if adapter.port.journal.is_dead() => Err(Hang::Bugcheck),
            None => Err(Hang::Stuck),
        }
    }

    /// Pumps until nothing is queued anywhere.
    ///
    /// # Errors
    /// [`Hang::Bugcheck`], [`Hang::Stuck`].
    pub fn idle(&self) -> Result<(), Hang> {
        let adapter = &*self.0;
        loop {
            let result = adapter.wait_until(|| {
                let state = adapter.scheduler.state.lock();
                state.node.is_idle()
                    && state
                        .queues
                        .values()
                        .all(alloc::collections::VecDeque::is_empty)
            });
            if result != Err(Hang::Reset) {
                return result;
            }
        }
    }

    /// How the scheduler works from now on.
    pub fn scheduler(&self, options: crate::SchedulerOptions) {
        let mut state = self.0.scheduler.state.lock();
        state.random = super::Random::new(options.seed);
        state.options = options;
    }
}

impl AdapterInner {
    /// Between StartDevice and StopDevice.
    pub(crate) fn is_running(&self) -> bool {
        self.state() == Life::Started
    }

    /// What comes from below: DPCs, reports, timeouts, and paging that was preempted. Prepares nothing new.
    pub(crate) fn settle(&self) -> bool {
        self.run_dpc();
        let moved = self.take_events();
        self.check_timeouts();
        self.resubmit_paging() | moved
    }

    /// One step; false if there was nothing to do.
    pub(crate) fn step(&self) -> bool {
        self.scheduling(|| {
            let mut moved = self.settle();
            while self.submit_next() {
                moved = true;
                let mut state = self.scheduler.state.lock();
                let every = state.options.preempt_every;
                if state.preempt_in.is_none() && state.random.once_in(every) {
                    // Not at once, so that there is something to interrupt.
                    state.preempt_in = Some(state.random.below(PREEMPT_WITHIN));
                }
            }
            let mut state = self.scheduler.state.lock();
            let due = match state.preempt_in {
                Some(0) => {
                    state.preempt_in = None;
                    true
                }
                Some(steps) => {
                    state.preempt_in = Some(steps - 1);
                    false
                }
                None => false,
            };
            let running = state
                .node
                .hardware
                .iter()
                .any(|packet| matches!(packet.work, Work::Dma(..)));
            drop(state);
            if due && running {
                self.preempt();
            }
            moved
        })
    }

    /// Steps until `done`.
    pub(crate) fn wait_until(&self, mut done: impl FnMut() -> bool) -> Result<(), Hang> {
        let host = &*self.port.host;
        let mut since = host.time_100ns();
        let mut progress = 0;
        while !done() {
            if self.port.journal.is_dead() {
                return Err(Hang::Bugcheck);
            }
            let moved = self.step();
            let state = self.scheduler.state.lock();
            let delay = state.options.tdr_delay_100ns;
            let patience = delay.saturating_mul(PATIENCE).max(LEAST_PATIENCE);
            let due = state.reset_due.is_some();
            // A preemption that is answered moves things, too, but not on.
            let resets = state.limits.counts.adapter_resets + state.limits.counts.engine_resets;
            let now_done = u64::from(state.node.completed) + resets;
            drop(state);
            if due {
                return Err(Hang::Reset);
            }
            let now = host.time_100ns();
            if now_done != progress {
                (progress, since) = (now_done, now);
            } else if now.saturating_sub(since) > patience {
                return Err(Hang::Stuck);
            }
            if !moved {
                host.relax();
            }
        }
        Ok(())
    }

    /// Waits until the hardware queue is empty, and submits nothing new meanwhile: before calls of level two and three.
    pub(crate) fn quiesce(&self) {
        let host = &*self.port.host;
        let busy = || {
            let state = self.scheduler.state.lock();
            !state.node.is_idle() && !state.gone && state.reset_due.is_none()
        };
        while busy() && !self.port.journal.is_dead() {
            self.scheduling(|| self.settle());
            host.relax();
        }
    }
}
