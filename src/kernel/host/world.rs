//! A world: one kernel, with all that is in it.

use core::cell::Cell;
use core::marker::PhantomData;
use core::ptr;
use core::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread_local;
use std::time::Instant;
use std::vec::Vec;

use super::deferred::Dispatcher;
use super::frames::Pages;
use super::irql::Misuse;
use super::line::Lines;
use super::memory::Memory;
use super::settings::Settings;
use super::system_threads::SystemThreads;
use super::user::UserMemory;
use super::user_pages::UserPages;
use crate::kernel::{Span, Time};

/// One kernel, played for a test or a run. Clones are the same world.
#[derive(Clone)]
pub struct World(Arc<Inner>);

pub(super) struct Inner {
    /// Whether blocks, slots and accesses are recorded and checked.
    pub(super) watched: bool,
    pub(super) memory: Memory,
    pub(super) lines: Lines,
    pub(super) settings: Settings,
    pub(super) user: UserMemory,
    pub(super) user_pages: UserPages,
    pub(super) pages: Pages,
    pub(super) threads: SystemThreads,
    pub(super) dispatcher: Arc<Dispatcher>,
    clock: Clock,
    misuses: Mutex<Vec<Misuse>>,
}

thread_local! {
    /// The calling thread's world; null for the process-wide one. An [`Entered`] keeps it alive.
    static CURRENT: Cell<*const Inner> = const { Cell::new(ptr::null()) };
    /// Whether that world watches, as the process-wide one does.
    static WATCHED: Cell<bool> = const { Cell::new(true) };
}

/// Whether the calling thread's world watches.
#[inline]
pub(super) fn watched() -> bool {
    WATCHED.get()
}

/// Locks a mutex of the world's; a test that panicked under it has left nothing half done.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Runs `work` on the calling thread's world.
#[inline]
pub(super) fn with<R>(work: impl FnOnce(&Inner) -> R) -> R {
    let current = CURRENT.get();
    if current.is_null() {
        return work(&process_wide().0);
    }
    // SAFETY: the pointer is set only while an `Entered` on this thread keeps the world alive.
    work(unsafe { &*current })
}

fn process_wide() -> &'static World {
    static WORLD: OnceLock<World> = OnceLock::new();
    WORLD.get_or_init(World::new)
}

impl World {
    /// A world that watches: every block, slot and access is recorded and checked.
    #[must_use]
    pub fn new() -> Self {
        Self::with_watching(true)
    }

    /// A world that watches nothing, in which a pool call costs what the system's allocator costs.
    /// For benchmarks: it counts no blocks, fails no call and reads user memory unchecked.
    #[must_use]
    pub fn bare() -> Self {
        Self::with_watching(false)
    }

    fn with_watching(watched: bool) -> Self {
        Self(Arc::new_cyclic(|world| Inner {
            watched,
            memory: Memory::default(),
            lines: Lines::default(),
            settings: Settings::default(),
            user: UserMemory::default(),
            user_pages: UserPages::default(),
            pages: Pages::default(),
            threads: SystemThreads::default(),
            dispatcher: Arc::new(Dispatcher::new(world.clone())),
            clock: Clock::default(),
            misuses: Mutex::default(),
        }))
    }

    /// The calling thread's world.
    #[must_use]
    pub fn current() -> Self {
        let current = CURRENT.get();
        if current.is_null() {
            return process_wide().clone();
        }
        // SAFETY: the pointer came from an Arc that an `Entered` on this thread keeps alive.
        unsafe { Arc::increment_strong_count(current) };
        // SAFETY: the count was raised for this Arc just now.
        Self(unsafe { Arc::from_raw(current) })
    }

    /// Makes this the calling thread's world until the guard is dropped. Guards nest.
    #[must_use = "the world is left when the guard is dropped"]
    pub fn enter(&self) -> Entered {
        let before = CURRENT.replace(Arc::as_ptr(&self.0));
        Entered {
            before,
            was_watched: WATCHED.replace(self.0.watched),
            _world: self.clone(),
            thread_bound: PhantomData,
        }
    }

    pub(super) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(super) fn from_inner(inner: Arc<Inner>) -> Self {
        Self(inner)
    }

    pub(super) fn record_misuse(&self, misuse: Misuse) {
        locked(&self.0.misuses).push(misuse);
    }

    /// The services that were called at too high a level, in order.
    #[must_use]
    pub fn misuses(&self) -> Vec<Misuse> {
        locked(&self.0.misuses).clone()
    }

    /// Stops the world's clock at `time`. Timers that are due run.
    pub fn set_time(&self, time: Time) {
        self.0.clock.stopped.store(time.0, Ordering::SeqCst);
        self.0.dispatcher.wake();
    }

    /// Moves the clock on by `span` and leaves it stopped there. Timers that are due run.
    pub fn advance(&self, span: Span) {
        self.set_time(self.0.clock.now().after(span));
    }
}

impl Default for World {
    fn default() -> Self {
        Self::new()
    }
}

impl Inner {
    pub(super) fn now(&self) -> Time {
        self.clock.now()
    }

    /// Whether time stands still until a test moves it.
    pub(super) fn clock_is_stopped(&self) -> bool {
        self.clock.stopped.load(Ordering::SeqCst) != Clock::RUNNING
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.dispatcher.stop();
    }
}

/// The calling thread's stay in a [`World`].
pub struct Entered {
    before: *const Inner,
    was_watched: bool,
    _world: World,
    thread_bound: PhantomData<*mut ()>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        CURRENT.set(self.before);
        WATCHED.set(self.was_watched);
    }
}

/// Time since the world was made, or the time that a test set.
struct Clock {
    start: Instant,
    /// 100 ns units, or `RUNNING`.
    stopped: AtomicU64,
}

impl Clock {
    const RUNNING: u64 = u64::MAX;

    fn now(&self) -> Time {
        let stopped = self.stopped.load(Ordering::SeqCst);
        if stopped != Self::RUNNING {
            return Time(stopped);
        }
        let units = self.start.elapsed().as_nanos() / 100;
        Time(u64::try_from(units).unwrap_or(u64::MAX))
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            start: Instant::now(),
            stopped: AtomicU64::new(Self::RUNNING),
        }
    }
}

/// The time since the machine started. Any IRQL.
#[must_use]
pub fn now() -> Time {
    with(Inner::now)
}
