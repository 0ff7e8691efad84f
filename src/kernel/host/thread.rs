//! System threads, what they wait on, and the number of the processor.

use core::cell::Cell;
use core::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::thread::{Builder, JoinHandle};
use std::thread_local;
use std::time::{Duration, Instant};

use super::World;
use super::irql::{DISPATCH, PASSIVE, demand};
use super::system_threads::{Running, stall_point};
use super::world::locked;
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{NoMemory, Owned, Reset, Span, Tag, Wait};

thread_local! {
    static NUMBER: Cell<usize> = const { Cell::new(0) };
}

/// A number of the calling thread's own, from 1.
#[inline]
pub(super) fn thread_number() -> usize {
    let number = NUMBER.get();
    if number == 0 { new_number() } else { number }
}

#[cold]
fn new_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(1);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    NUMBER.set(number);
    number
}

/// The number of the processor that the caller runs on, as a hint: below `DISPATCH_LEVEL` it can
/// be another one the moment after. Here each thread is a processor of its own. Any IRQL.
#[must_use]
#[inline]
pub fn processor() -> usize {
    thread_number() - 1
}

fn duration(span: Span) -> Duration {
    Duration::from_nanos(span.0.saturating_mul(100))
}

/// Waits for `span` at least.
pub fn delay(span: Span, _irql: Passive) {
    demand(PASSIVE, "delay");
    stall_point();
    std::thread::sleep(duration(span));
    stall_point();
}

/// Something a thread can wait for. It lives in a nonpaged block of its own and never moves there.
pub struct Event {
    state: Owned<State>,
    reset: Reset,
}

struct State {
    signalled: Mutex<bool>,
    changed: Condvar,
}

impl Event {
    /// An event that is not signalled.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn try_new(tag: Tag, reset: Reset, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let state = State {
            signalled: Mutex::new(false),
            changed: Condvar::new(),
        };
        Ok(Self {
            state: Owned::try_new(tag, state, irql)?,
            reset,
        })
    }

    /// Signals it: lets through one waiter or all of them, now or when they come.
    pub fn set(&self, _irql: impl AtMostDispatch) {
        demand(DISPATCH, "Event::set");
        stall_point();
        *locked(&self.state.signalled) = true;
        self.state.changed.notify_all();
    }

    /// Takes the signal back.
    pub fn clear(&self, _irql: impl AtMostDispatch) {
        demand(DISPATCH, "Event::clear");
        stall_point();
        *locked(&self.state.signalled) = false;
    }

    /// Waits until it is signalled, without a bound: for a thread of ours that has nothing to do.
    pub fn wait(&self, _irql: Passive) {
        demand(PASSIVE, "Event::wait");
        stall_point();
        let mut signalled = locked(&self.state.signalled);
        while !*signalled {
            signalled = match self.state.changed.wait(signalled) {
                Ok(guard) => guard,
                Err(poisoned) => poisoned.into_inner(),
            };
        }
        *signalled = self.reset == Reset::Manual;
        drop(signalled);
        stall_point();
    }

    /// Waits until it is signalled or `span` has passed; with [`Span::ZERO`] it does not wait.
    #[must_use]
    pub fn wait_for(&self, span: Span, _irql: Passive) -> Wait {
        demand(PASSIVE, "Event::wait_for");
        stall_point();
        let end = Instant::now() + duration(span);
        let mut signalled = locked(&self.state.signalled);
        while !*signalled {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                drop(signalled);
                stall_point();
                return Wait::TimedOut;
            }
            signalled = match self.state.changed.wait_timeout(signalled, left) {
                Ok((guard, _)) => guard,
                Err(poisoned) => poisoned.into_inner().0,
            };
        }
        *signalled = self.reset == Reset::Manual;
        drop(signalled);
        stall_point();
        Wait::Signalled
    }
}

/// A system thread. Dropping it waits until its body has returned, at `PASSIVE_LEVEL`: tell the
/// body to end first.
pub struct Thread {
    handle: Option<JoinHandle<()>>,
}

impl Thread {
    /// Starts a thread that runs `body` once.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when there is no memory for the thread; `body` is dropped.
    pub fn try_new<F>(tag: Tag, body: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: FnOnce(Passive) + Send + 'static,
    {
        demand(PASSIVE, "Thread::try_new");
        stall_point();
        // In a block of its own, as where the kernel hands the thread one pointer.
        let start = Owned::try_new(tag, Mutex::new(Some(body)), irql)?;
        let world = World::current();
        if !world.inner().threads.allows() {
            return Err(NoMemory);
        }
        let inside = world.clone();
        let run = move || {
            let _entered = inside.enter();
            let _running = Running::begin();
            let body = locked(&start).take();
            drop(start);
            if let Some(body) = body {
                // SAFETY: a new thread starts at PASSIVE_LEVEL.
                body(unsafe { Passive::assume() });
            }
        };
        let handle = Builder::new()
            .name("system thread".into())
            .spawn(run)
            .map_err(|_| {
                world.inner().threads.ended();
                NoMemory
            })?;
        Ok(Self {
            handle: Some(handle),
        })
    }

    /// Waits until the body has returned. The same as a drop, but it shows.
    pub fn join(self, _irql: Passive) {
        drop(self);
    }
}

impl Drop for Thread {
    fn drop(&mut self) {
        demand(PASSIVE, "Thread::drop");
        let ended = self.handle.take().map_or(Ok(()), JoinHandle::join);
        assert!(
            ended.is_ok() || std::thread::panicking(),
            "a system thread panicked"
        );
    }
}
