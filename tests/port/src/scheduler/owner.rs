//! Which thread schedules: one at a time, and what it calls may schedule as well.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::adapter::AdapterInner;

/// A lock that its holder may take again.
#[derive(Default)]
pub(crate) struct Owner {
    /// 0 is nobody.
    thread: AtomicU64,
    depth: AtomicU32,
}

impl AdapterInner {
    /// Runs `work` as the thread that schedules this adapter. When the outermost such work ends, a reset that fell
    /// due meanwhile is done.
    pub(crate) fn scheduling<R>(&self, work: impl FnOnce() -> R) -> R {
        let owner = &self.scheduler.owner;
        let host = &*self.port.host;
        let me = host.thread_id();
        if owner.thread.load(Ordering::Acquire) != me {
            let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
            while owner
                .thread
                .compare_exchange(0, me, success, failure)
                .is_err()
            {
                host.relax();
            }
        }
        owner.depth.fetch_add(1, Ordering::Relaxed);
        let result = work();
        if owner.depth.load(Ordering::Relaxed) == 1 {
            self.reset_if_due();
        }
        if owner.depth.fetch_sub(1, Ordering::Relaxed) == 1 {
            owner.thread.store(0, Ordering::Release);
        }
        result
    }
}
