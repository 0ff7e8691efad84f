//! Counting who reads without a lock.
//!
//! A lookup without a lock can be looking at memory that is being taken out of the pool. Such
//! memory is retired: first nothing leads to it any more, and when after that no reader is seen,
//! no reader can have it and it is freed. A reader never waits, and nobody waits for a reader.

use super::slot::LINE;
use crate::kernel::processor;
use crate::kernel::sync::{AtomicUsize, MODEL, Ordering, fence};

/// Counters, chosen by processor, so that readers on two of them do not share a cache line.
const STRIPES: usize = if MODEL { 1 } else { 8 };

#[repr(align(128))]
struct Stripe(AtomicUsize);

const _: () = assert!(
    MODEL || size_of::<Stripe>() == 2 * LINE,
    "two lines are fetched at once"
);

/// How many readers there are.
pub(super) struct Readers([Stripe; STRIPES]);

/// A reader. While it lives, nothing is freed that it can find.
pub(super) struct Reader<'a>(&'a AtomicUsize);

impl Readers {
    pub(super) fn new() -> Self {
        Self([(); STRIPES].map(|()| Stripe(AtomicUsize::new(0))))
    }

    /// Begins to read. Any IRQL.
    #[inline]
    pub(super) fn enter(&self) -> Reader<'_> {
        let [first, ..] = &self.0;
        let Stripe(count) = self.0.get(processor() % STRIPES).unwrap_or(first);
        count.fetch_add(1, Ordering::Relaxed);
        // With the fence in `are_none`: either the count is seen there, or what was taken out
        // before is not found here.
        fence(Ordering::SeqCst);
        Reader(count)
    }

    /// Whether nobody reads who began before what the caller did last.
    pub(super) fn are_none(&self) -> bool {
        fence(Ordering::SeqCst);
        self.0
            .iter()
            .all(|Stripe(count)| count.load(Ordering::Acquire) == 0)
    }
}

impl Drop for Reader<'_> {
    #[inline]
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Release);
    }
}
