//! What a world knows of its system threads: how many there are, which creation is to fail, and whether they stand still.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread_local;

use super::World;
use super::countdown::Countdown;
use super::irql::{PASSIVE, irql};
use super::world::{Inner, locked, with};

thread_local! {
    static SYSTEM: Cell<bool> = const { Cell::new(false) };
}

/// A world's system threads.
#[derive(Default)]
pub(super) struct SystemThreads {
    pub(super) creations: Countdown,
    live: AtomicU64,
    /// How often the world's threads were told to stand still.
    stalls: AtomicU64,
    /// The same as `stall.on`, to be looked at without a lock.
    stalling: AtomicBool,
    stall: Mutex<Stall>,
    /// `stall.on` went off.
    over: Condvar,
}

#[derive(Default)]
struct Stall {
    on: bool,
    standing: u64,
}

/// The calling thread's time as a system thread of the current world.
pub(super) struct Running(());

impl Running {
    /// Begins it, once the thread is in its world.
    pub(super) fn begin() -> Self {
        SYSTEM.set(true);
        Self(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        SYSTEM.set(false);
        with(|world| world.threads.ended());
    }
}

impl SystemThreads {
    /// Whether a thread may be made, which then counts as live.
    pub(super) fn allows(&self) -> bool {
        let allowed = self.creations.allows();
        if allowed {
            self.live.fetch_add(1, Ordering::AcqRel);
        }
        allowed
    }

    /// How often the world's threads were told to stand still.
    pub(super) fn stalls(&self) -> u64 {
        self.stalls.load(Ordering::Relaxed)
    }

    /// A thread that was counted has ended, or was not made after all.
    pub(super) fn ended(&self) {
        self.live.fetch_sub(1, Ordering::AcqRel);
    }
}

/// Each service that can hold a thread up begins with this. A system thread at `PASSIVE_LEVEL`, which therefore holds
/// nothing that others spin for, stays here while the world's threads are to stand still.
#[inline]
pub(in crate::kernel) fn stall_point() {
    if SYSTEM.get() {
        with(stand);
    }
}

fn stand(world: &Inner) {
    let threads = &world.threads;
    if !threads.stalling.load(Ordering::Acquire) || irql() != PASSIVE {
        return;
    }
    let mut stall = locked(&threads.stall);
    stall.standing += 1;
    while stall.on {
        stall = threads
            .over
            .wait(stall)
            .unwrap_or_else(PoisonError::into_inner);
    }
    stall.standing -= 1;
}

impl World {
    /// While set, each system thread of this world stops at its next service at `PASSIVE_LEVEL` and stays there.
    pub fn stall(&self, on: bool) {
        let threads = &self.inner().threads;
        locked(&threads.stall).on = on;
        threads.stalls.fetch_add(on.into(), Ordering::Relaxed);
        threads.stalling.store(on, Ordering::Release);
        if !on {
            threads.over.notify_all();
        }
    }

    /// System threads that stand still now.
    #[must_use]
    pub fn stalled(&self) -> u64 {
        locked(&self.inner().threads.stall).standing
    }

    /// System threads that were made and have not ended.
    #[must_use]
    pub fn live_threads(&self) -> u64 {
        self.inner().threads.live.load(Ordering::Acquire)
    }

    /// System threads that were asked for since the world was made, with those that failed.
    #[must_use]
    pub fn threads_created(&self) -> u64 {
        self.inner().threads.creations.calls()
    }

    /// Makes the `nth` creation of a thread from now fail (1 is the next), once. `None` takes it back.
    pub fn fail_thread_creation(&self, nth: Option<u64>) {
        self.inner().threads.creations.refuse(nth);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::kernel::irql::Passive;
    use crate::kernel::{Event, NoMemory, Reset, Tag, Thread};

    const TAG: Tag = Tag(*b"Test");

    /// Waits for what another thread is about to do.
    fn until(what: impl Fn() -> bool) {
        while !what() {
            std::thread::yield_now();
        }
    }

    #[test]
    fn a_stalled_thread_stands_after_its_wait_and_goes_on() {
        let world = World::new();
        let _entered = world.enter();
        // SAFETY: this is a thread of a process.
        let irql = unsafe { Passive::assume() };
        let go = Arc::new(Event::try_new(TAG, Reset::Auto, irql).unwrap());
        let done = Arc::new(AtomicBool::new(false));
        let (theirs, finished) = (Arc::clone(&go), Arc::clone(&done));
        let body = move |irql| {
            theirs.wait(irql);
            finished.store(true, Ordering::SeqCst);
        };
        let thread = Thread::try_new(TAG, body, irql).unwrap();
        assert_eq!(world.live_threads(), 1);
        world.stall(true);
        go.set(irql);
        until(|| world.stalled() == 1);
        assert!(!done.load(Ordering::SeqCst));
        world.stall(false);
        thread.join(irql);
        assert!(done.load(Ordering::SeqCst));
        assert_eq!((world.live_threads(), world.stalled()), (0, 0));
    }

    #[test]
    fn the_creation_that_was_named_fails_and_leaves_nothing() {
        let world = World::new();
        let _entered = world.enter();
        // SAFETY: this is a thread of a process.
        let irql = unsafe { Passive::assume() };
        world.fail_thread_creation(Some(2));
        let first = Thread::try_new(TAG, |_| (), irql).unwrap();
        assert_eq!(Thread::try_new(TAG, |_| (), irql).err(), Some(NoMemory));
        let third = Thread::try_new(TAG, |_| (), irql).unwrap();
        drop((first, third));
        assert_eq!((world.threads_created(), world.live_threads()), (3, 0));
        assert_eq!(world.live_blocks(), 0);
    }
}
