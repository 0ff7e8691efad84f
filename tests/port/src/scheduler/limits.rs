//! How often engines and adapters may be reset (T3).

use alloc::vec::Vec;

use crate::adapter::Adapter;

/// What timeouts came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TdrCounts {
    /// Times that a buffer ran too long and the node was preempted for it.
    pub late: u64,
    /// Timeouts: preemption took too long.
    pub timeouts: u64,
    /// ResetEngine calls that succeeded.
    pub engine_resets: u64,
    /// ResetFromTimeout and RestartFromTimeout.
    pub adapter_resets: u64,
}

/// Counts, and the times of the adapter's resets.
#[derive(Default)]
pub(crate) struct Limits {
    pub counts: TdrCounts,
    resets: Vec<u64>,
}

impl Limits {
    /// One more reset of the adapter; false if that is one too many in the limit's time.
    pub(crate) fn admit(&mut self, now: u64, count: usize, time: u64) -> bool {
        self.resets
            .retain(|reset| now.saturating_sub(*reset) < time);
        if self.resets.len() >= count {
            return false;
        }
        self.resets.push(now);
        true
    }
}

impl Adapter {
    /// What timeouts came to until now.
    pub fn timeouts(&self) -> TdrCounts {
        self.0.scheduler.state.lock().limits.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sixth_in_a_minute_is_too_many() {
        let mut limits = Limits::default();
        for at in 0..5 {
            assert!(limits.admit(at, 5, 60));
        }
        assert!(!limits.admit(5, 5, 60));
        assert!(limits.admit(61, 5, 60));
    }
}
