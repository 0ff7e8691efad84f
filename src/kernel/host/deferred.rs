//! DPCs and timers: work that a thread of the world's does at `DISPATCH_LEVEL`.

use std::boxed::Box;
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};
use std::time::Duration;
use std::vec::Vec;

use super::World;
use super::irql::{DISPATCH, PASSIVE, demand, with_irql};
use super::world::{Inner, locked};
use crate::kernel::irql::{AtMostDispatch, Dispatch, Passive};
use crate::kernel::{NoMemory, Owned, Tag, Time};

/// What a routine does; it is given itself, so that a timer's can set it again.
type Body = Box<dyn Fn(&Arc<Routine>, Dispatch) + Send + Sync>;

/// The routine of a DPC or a timer. Its address is its name.
struct Routine {
    run: Body,
    world: World,
}

/// What the world's one DPC processor has to do.
pub(super) struct Dispatcher {
    world: Weak<Inner>,
    state: Mutex<State>,
    /// Something was queued, set or stopped, or the clock was moved.
    changed: Condvar,
    /// A routine has returned.
    done: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Arc<Routine>>,
    timers: Vec<(Time, Arc<Routine>)>,
    running: Option<Arc<Routine>>,
    thread: Option<ThreadId>,
    stopped: bool,
}

/// Whether an entry is this routine.
fn is(routine: &Arc<Routine>, other: &Arc<Routine>) -> bool {
    Arc::ptr_eq(routine, other)
}

impl Dispatcher {
    pub(super) fn new(world: Weak<Inner>) -> Self {
        Self {
            world,
            state: Mutex::default(),
            changed: Condvar::new(),
            done: Condvar::new(),
        }
    }

    /// Looks again at what is due.
    pub(super) fn wake(&self) {
        drop(locked(&self.state));
        self.changed.notify_all();
    }

    /// Lets the thread end.
    pub(super) fn stop(&self) {
        locked(&self.state).stopped = true;
        self.changed.notify_all();
    }

    /// Starts the thread with the first routine, so that most worlds have none.
    fn start(self: &Arc<Self>) -> Result<(), NoMemory> {
        let mut state = locked(&self.state);
        if state.thread.is_none() {
            let dispatcher = Arc::clone(self);
            let spawned = thread::Builder::new()
                .name("DPCs".into())
                .spawn(move || dispatcher.run());
            state.thread = Some(spawned.map_err(|_| NoMemory)?.thread().id());
        }
        Ok(())
    }

    fn run(&self) {
        let mut state = locked(&self.state);
        while !state.stopped {
            let Some(world) = self.world.upgrade() else {
                return;
            };
            let Some(routine) = state.next(&world) else {
                let nap = state.nap(&world);
                drop(world);
                state = self.sleep(state, nap);
                continue;
            };
            state.running = Some(Arc::clone(&routine));
            drop(state);
            let entered = World::from_inner(world).enter();
            // SAFETY: the level is raised for the routine.
            let run = || (routine.run)(&routine, unsafe { Dispatch::assume() });
            if catch_unwind(AssertUnwindSafe(|| with_irql(DISPATCH, run))).is_err() {
                // In a kernel this is the end as well; a test that waits for the routine would hang.
                std::process::abort();
            }
            // Before it counts as done: who waits for that frees the routine.
            drop(routine);
            locked(&self.state).running = None;
            self.done.notify_all();
            // Possibly the last owner of the world, whose drop stops this dispatcher.
            drop(entered);
            state = locked(&self.state);
        }
    }

    fn sleep<'a>(
        &self,
        state: MutexGuard<'a, State>,
        nap: Option<Duration>,
    ) -> MutexGuard<'a, State> {
        match nap {
            None => self
                .changed
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner),
            Some(nap) => {
                let woken = self.changed.wait_timeout(state, nap);
                woken.unwrap_or_else(PoisonError::into_inner).0
            }
        }
    }

    /// Takes a routine out of the queues and waits until it is not running.
    fn forget(&self, routine: &Arc<Routine>) {
        let mut state = locked(&self.state);
        loop {
            // Each time round, since a routine that runs can queue or set itself again.
            state.queue.retain(|queued| !is(queued, routine));
            state.timers.retain(|(_, set)| !is(set, routine));
            if !state
                .running
                .as_ref()
                .is_some_and(|running| is(running, routine))
            {
                return;
            }
            let here = state.thread == Some(thread::current().id());
            assert!(
                !here,
                "a DPC or timer dropped by its own routine waits for itself"
            );
            state = self
                .done
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl State {
    /// The routine to run now: timers that are due first.
    fn next(&mut self, world: &Inner) -> Option<Arc<Routine>> {
        let now = world.now();
        let due = (0..self.timers.len()).min_by_key(|&i| self.timers[i].0);
        match due {
            Some(i) if self.timers[i].0 <= now => Some(self.timers.swap_remove(i).1),
            _ => self.queue.pop_front(),
        }
    }

    /// How long nothing will be due; `None` for until something changes.
    fn nap(&self, world: &Inner) -> Option<Duration> {
        if world.clock_is_stopped() {
            return None;
        }
        let due = self.timers.iter().map(|(due, _)| *due).min()?;
        Some(Duration::from_nanos(
            due.since(world.now()).0.saturating_mul(100),
        ))
    }
}

fn new_routine(run: Body) -> Result<Arc<Routine>, NoMemory> {
    let world = World::current();
    world.inner().dispatcher.start()?;
    Ok(Arc::new(Routine { run, world }))
}

/// A deferred procedure call: a routine that runs at `DISPATCH_LEVEL` soon after it is queued.
///
/// Dropping it, at `PASSIVE_LEVEL` and never in its own routine, takes it out of the queue and
/// waits for a routine that runs.
pub struct Dpc {
    routine: Arc<Routine>,
}

impl Dpc {
    /// Makes a DPC whose routine lives with it in a nonpaged block.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `routine` is dropped.
    pub fn try_new<F>(tag: Tag, routine: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: Fn(Dispatch) + Send + Sync + 'static,
    {
        demand(PASSIVE, "Dpc::try_new");
        let body = Owned::try_new(tag, routine, irql)?;
        Ok(Self {
            routine: new_routine(Box::new(move |_, irql| body(irql)))?,
        })
    }

    /// Queues it; `false` if it waits in the queue already and will run once for both. Any IRQL.
    pub fn queue(&self) -> bool {
        let dispatcher = &self.routine.world.inner().dispatcher;
        let mut state = locked(&dispatcher.state);
        if state.queue.iter().any(|queued| is(queued, &self.routine)) {
            return false;
        }
        state.queue.push_back(Arc::clone(&self.routine));
        dispatcher.changed.notify_all();
        true
    }
}

impl Drop for Dpc {
    fn drop(&mut self) {
        demand(PASSIVE, "Dpc::drop");
        self.routine.world.inner().dispatcher.forget(&self.routine);
    }
}

/// A high-resolution timer: a routine that runs at `DISPATCH_LEVEL` when a point in time is
/// reached. It expires once for each time it is set; a routine that sets it again at
/// `due.after(period)` keeps time without drifting.
///
/// Dropping it, at `PASSIVE_LEVEL` and never in its own routine, cancels it and waits for a
/// routine that runs.
pub struct Timer {
    routine: Arc<Routine>,
}

impl Timer {
    /// Makes a timer that is not set; its routine lives with it in a nonpaged block and is given
    /// the timer, to set it again.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `routine` is dropped.
    pub fn try_new<F>(tag: Tag, routine: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: Fn(&Self, Dispatch) + Send + Sync + 'static,
    {
        demand(PASSIVE, "Timer::try_new");
        let body = Owned::try_new(tag, routine, irql)?;
        let run = move |routine: &Arc<Routine>, irql| {
            let this = ManuallyDrop::new(Self {
                routine: Arc::clone(routine),
            });
            body(&this, irql);
            drop(ManuallyDrop::into_inner(this).into_routine());
        };
        Ok(Self {
            routine: new_routine(Box::new(run))?,
        })
    }

    /// The routine without the drop that deletes the timer.
    fn into_routine(self) -> Arc<Routine> {
        let this = ManuallyDrop::new(self);
        // SAFETY: `this` is not dropped, so the Arc is read out once.
        unsafe { core::ptr::read(&raw const this.routine) }
    }

    /// Sets it to expire at `due`, at once if that is past, instead of when it was set to before.
    pub fn set(&self, due: Time, _irql: impl AtMostDispatch) {
        demand(DISPATCH, "Timer::set");
        let dispatcher = &self.routine.world.inner().dispatcher;
        let mut state = locked(&dispatcher.state);
        state.timers.retain(|(_, set)| !is(set, &self.routine));
        state.timers.push((due, Arc::clone(&self.routine)));
        dispatcher.changed.notify_all();
    }

    /// Takes the setting back; `false` if it was not set. A routine that runs goes on.
    pub fn cancel(&self, _irql: impl AtMostDispatch) -> bool {
        demand(DISPATCH, "Timer::cancel");
        let mut state = locked(&self.routine.world.inner().dispatcher.state);
        let before = state.timers.len();
        state.timers.retain(|(_, set)| !is(set, &self.routine));
        state.timers.len() < before
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        demand(PASSIVE, "Timer::drop");
        self.routine.world.inner().dispatcher.forget(&self.routine);
    }
}
