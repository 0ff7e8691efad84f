//! Which DDI each thread is in.
//!
//! A callback learns from it who calls: whether callbacks are allowed at all, and what the DDI must make of a
//! callback's failure. The table is read and written without locks, since interrupts nest.

use core::cell::Cell;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU64, Ordering};

use crate::ddi::Ddi;

const THREADS: usize = 64;

/// One DDI call in progress, on its thread's stack. Only that thread looks into it.
pub(crate) struct Frame {
    pub ddi: Ddi,
    /// A handle callback returned NULL.
    pub null_handle: Cell<bool>,
    /// DxgkCbGetDeviceInformation succeeded.
    pub told_resources: Cell<bool>,
    outer: *const Frame,
}

struct Entry {
    thread: AtomicU64,
    innermost: AtomicPtr<Frame>,
}

/// The calls in progress of one port.
pub(crate) struct Frames {
    entries: [Entry; THREADS],
    in_progress: AtomicU64,
    begun: AtomicU64,
}

impl Frames {
    pub(crate) fn new() -> Self {
        let entry = || Entry {
            thread: AtomicU64::new(0),
            innermost: AtomicPtr::new(ptr::null_mut()),
        };
        Self {
            entries: core::array::from_fn(|_| entry()),
            in_progress: AtomicU64::new(0),
            begun: AtomicU64::new(0),
        }
    }

    fn find(&self, thread: u64) -> Option<&Entry> {
        self.from(thread)
            .find(|entry| entry.thread.load(Ordering::Relaxed) == thread)
    }

    #[allow(clippy::cast_possible_truncation)] // only where to begin
    fn from(&self, thread: u64) -> impl Iterator<Item = &Entry> {
        let start = thread as usize % THREADS;
        self.entries[start..].iter().chain(&self.entries[..start])
    }

    /// Runs `call` as a DDI call of `thread`. With more than [`THREADS`] threads at once it runs unseen.
    pub(crate) fn run<R>(&self, thread: u64, ddi: Ddi, call: impl FnOnce(&Frame) -> R) -> R {
        let known = self.find(thread);
        let entry = known.or_else(|| {
            self.from(thread).find(|entry| {
                let claim =
                    entry
                        .thread
                        .compare_exchange(0, thread, Ordering::Relaxed, Ordering::Relaxed);
                claim.is_ok()
            })
        });
        let outer = entry.map_or(ptr::null_mut(), |entry| {
            entry.innermost.load(Ordering::Relaxed)
        });
        let frame = Frame {
            ddi,
            null_handle: Cell::new(false),
            told_resources: Cell::new(false),
            outer,
        };
        if let Some(entry) = entry {
            entry
                .innermost
                .store(ptr::from_ref(&frame).cast_mut(), Ordering::Relaxed);
        }
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.in_progress.fetch_add(1, Ordering::Relaxed);
        let result = call(&frame);
        self.in_progress.fetch_sub(1, Ordering::Relaxed);
        if let Some(entry) = entry {
            entry
                .innermost
                .store(frame.outer.cast_mut(), Ordering::Relaxed);
            if known.is_none() {
                entry.thread.store(0, Ordering::Relaxed);
            }
        }
        result
    }

    /// The innermost call that `thread`, the calling thread, is in.
    pub(crate) fn current<R>(&self, thread: u64, look: impl FnOnce(&Frame) -> R) -> Option<R> {
        let innermost = self.find(thread)?.innermost.load(Ordering::Relaxed);
        // SAFETY: frames are on the stack of the thread that put them in, which is the caller, and
        // are taken out before they end.
        unsafe { innermost.as_ref() }.map(look)
    }

    /// DDI calls that have begun, on all threads.
    pub(crate) fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }

    /// DDI calls in progress on all threads, nested ones included.
    pub(crate) fn in_progress(&self) -> u64 {
        self.in_progress.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_call_is_the_current_one() {
        let frames = Frames::new();
        assert!(frames.current(7, |_| ()).is_none());
        frames.run(7, Ddi::StartDevice, |_| {
            frames.run(7, Ddi::InterruptRoutine, |_| {
                assert_eq!(
                    frames.current(7, |frame| frame.ddi),
                    Some(Ddi::InterruptRoutine)
                );
                assert!(frames.current(8, |_| ()).is_none());
                assert_eq!(frames.in_progress(), 2);
            });
            assert_eq!(frames.current(7, |frame| frame.ddi), Some(Ddi::StartDevice));
        });
        assert!(frames.current(7, |_| ()).is_none());
        assert_eq!(frames.in_progress(), 0);
    }
}
