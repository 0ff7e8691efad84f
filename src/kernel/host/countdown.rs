//! Calls that are counted, and one of which can be made to fail.

use core::sync::atomic::{AtomicU64, Ordering};

/// Counts calls and refuses the one that a test named.
#[derive(Default)]
pub(super) struct Countdown {
    calls: AtomicU64,
    /// The number of the call to refuse; 0 for none.
    refused: AtomicU64,
}

impl Countdown {
    pub(super) fn allows(&self) -> bool {
        self.calls.fetch_add(1, Ordering::Relaxed) + 1 != self.refused.load(Ordering::Relaxed)
    }

    pub(super) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    pub(super) fn refuse(&self, nth: Option<u64>) {
        let number = nth.map_or(0, |nth| self.calls().saturating_add(nth.max(1)));
        self.refused.store(number, Ordering::Relaxed);
    }
}
