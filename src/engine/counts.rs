//! What an engine has done: counts, for whoever asks by DxgkDdiEscape.

use core::sync::atomic::{AtomicU64, Ordering};

/// Counts since the adapter was started. Any IRQL.
#[derive(Debug, Default)]
pub struct Counts {
    /// Buffers that SubmitCommand gave.
    pub submitted: Count,
    /// Buffers whose completion was reported.
    pub completed: Count,
    /// Preemptions that were reported.
    pub preempted: Count,
    /// Resets, of the engine or of the adapter.
    pub resets: Count,
}

/// One count.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
