//! Timeout detection: what runs too long is asked about, preempted, and reset.

use crate::adapter::AdapterInner;

enum Late {
    /// Nothing is late.
    No,
    /// The first of the queue runs too long, and nobody has asked whether its completion was missed.
    Running,
    /// It was asked about and runs on.
    StillRunning,
    /// So does the preemption.
    Preempting,
}

impl AdapterInner {
    /// Looks at the clock, and does what is due.
    pub(crate) fn check_timeouts(&self) {
        match self.lateness() {
            Late::No => {}
            Late::Running => {
                self.scheduler.state.lock().node.asked = true;
                // Without the callback there is nothing to ask.
                let _ = self.query_current_fence();
            }
            Late::StillRunning => {
                self.scheduler.state.lock().limits.counts.late += 1;
                if !self.preempt() {
                    self.timed_out();
                }
            }
            Late::Preempting => self.timed_out(),
        }
    }

    fn lateness(&self) -> Late {
        let now = self.port.host.time_100ns();
        let state = self.scheduler.state.lock();
        if state.gone || state.reset_due.is_some() || self.port.journal.is_dead() {
            return Late::No;
        }
        let delay = state.options.tdr_delay_100ns;
        let node = &state.node;
        let passed = |since: u64| now.saturating_sub(since) > delay;
        match node.preempting {
            Some(preempting) if passed(preempting.since) => Late::Preempting,
            None if !node.hardware.is_empty() && passed(node.moved) => {
                if node.asked {
                    Late::StillRunning
                } else {
                    Late::Running
                }
            }
            _ => Late::No,
        }
    }
}
