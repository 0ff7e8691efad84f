//! Threads: who runs, who waits for what, and who is next.
//!
//! There is one processor, and threads take turns. The kernel and the port are never left in the middle, so what they
//! share needs no more than it did: a thread gives way where it waits, and the clock takes the processor from it only in
//! the driver's own code, below `DISPATCH_LEVEL`. There the next one comes at any instruction.

mod switch;

use alloc::{boxed::Box, collections::VecDeque, format, string::String, vec::Vec};
use core::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use spin::{Mutex, MutexGuard};

use crate::{
    cpu::{clock, irql},
    fault,
    memory::stack::{self, Stack},
    nt,
};

/// The thread that the kernel and the port run on.
pub const MAIN: u64 = 1;

/// Pages of a thread's stack. Windows gives a driver 6; the services here need more of it than Windows' own do.
const STACK_PAGES: u64 = 32;

/// How long a thread may run while others could, in units of 100 ns.
const SLICE: u64 = 5_000;

/// What a thread waits for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum On {
    /// The event at this address.
    Event(u64),
    /// The lock at this address.
    Lock(u64),
    /// The end of a thread.
    Thread(u64),
    /// Nothing but its time.
    Time,
    /// The end of a stall.
    Stall,
}

/// How a wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Woken {
    /// What was waited for is there; an event that lets one waiter through has let this one.
    Signalled,
    /// The time was up first.
    TimedOut,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// It runs, or will.
    Ready(Woken),
    Waiting {
        on: On,
        /// `u64::MAX` for without end.
        deadline: u64,
    },
    Ended,
}

struct Thread {
    id: u64,
    state: State,
    /// Where its stack stands while it does not run.
    pointer: u64,
    /// None for the main thread, and for one whose end is over.
    stack: Option<Stack>,
    /// What it runs, and with what.
    start: (u64, u64),
    /// Who made it.
    by: u64,
    /// Handles that are open.
    handles: usize,
}

struct Table {
    /// A thread does not move: its stack pointer is written where it lies.
    #[expect(clippy::vec_box, reason = "the vector grows while a thread is left")]
    threads: Vec<Box<Thread>>,
    current: u64,
    /// Those that are ready but do not run, the longest first.
    queue: VecDeque<u64>,
    made: u64,
}

static TABLE: Mutex<Table> = Mutex::new(Table {
    threads: Vec::new(),
    current: MAIN,
    queue: VecDeque::new(),
    made: MAIN,
});

/// As `Table::current`, without a lock.
static CURRENT: AtomicU64 = AtomicU64::new(MAIN);
/// How many wait in the queue.
static READY: AtomicUsize = AtomicUsize::new(0);
/// When the first of those that wait has waited long enough.
static DEADLINE: AtomicU64 = AtomicU64::new(u64::MAX);
/// When the running thread's time is over, should others be ready.
static SLICE_END: AtomicU64 = AtomicU64::new(0);
/// Whether the driver's threads are to stand still, and how often that was asked for.
static STALLING: AtomicBool = AtomicBool::new(false);
static STALLS: AtomicU64 = AtomicU64::new(0);
/// How often a thread was taken from the processor in the driver's code.
static PREEMPTIONS: AtomicU64 = AtomicU64::new(0);

impl Table {
    fn find(&mut self, id: u64) -> Option<&mut Thread> {
        let found = self.threads.iter_mut().find(|thread| thread.id == id);
        found.map(|thread| &mut **thread)
    }

    fn me(&mut self) -> &mut Thread {
        let current = self.current;
        self.find(current).expect("the running thread is known")
    }

    /// To be called after each change of who waits.
    fn note(&self) {
        READY.store(self.queue.len(), Ordering::Relaxed);
        let deadlines = self.threads.iter().filter_map(|thread| match thread.state {
            State::Waiting { deadline, .. } => Some(deadline),
            _ => None,
        });
        DEADLINE.store(deadlines.min().unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Wakes the threads that `which` picks, `most` of them; says how many.
    fn wake(&mut self, how: Woken, most: usize, which: impl Fn(On, u64) -> bool) -> usize {
        let mut woken = 0;
        for thread in &mut self.threads {
            let State::Waiting { on, deadline } = thread.state else {
                continue;
            };
            if woken < most && which(on, deadline) {
                thread.state = State::Ready(how);
                self.queue.push_back(thread.id);
                woken += 1;
            }
        }
        if woken > 0 {
            self.note();
        }
        woken
    }
}

/// Makes the code that runs the main thread.
pub fn set_up() {
    TABLE.lock().threads.push(Box::new(Thread {
        id: MAIN,
        state: State::Ready(Woken::Signalled),
        pointer: 0,
        stack: None,
        start: (0, 0),
        by: 0,
        handles: 0,
    }));
}

/// The running thread. Any IRQL.
pub fn current() -> u64 {
    CURRENT.load(Ordering::Relaxed)
}

/// When the first wait is over that has an end. Any IRQL.
pub fn next_deadline() -> u64 {
    DEADLINE.load(Ordering::Relaxed)
}

/// When the clock shall take the processor from the running thread; `u64::MAX` if nobody else wants it.
pub fn slice_end() -> u64 {
    if READY.load(Ordering::Relaxed) == 0 {
        u64::MAX
    } else {
        SLICE_END.load(Ordering::Relaxed)
    }
}

/// How often the clock took the processor from a thread in the driver's code.
pub fn preemptions() -> u64 {
    PREEMPTIONS.load(Ordering::Relaxed)
}

/// A new thread that runs `routine` with `context`, made by `by`. None where there is no memory for it.
pub fn create(routine: u64, context: u64, by: u64) -> Option<u64> {
    let stack = stack::try_allocate(STACK_PAGES)?;
    // SAFETY: the stack is new.
    let pointer = unsafe { switch::prepare(stack.end()) };
    let mut table = TABLE.lock();
    table.made += 1;
    let id = table.made;
    table.threads.push(Box::new(Thread {
        id,
        state: State::Ready(Woken::Signalled),
        pointer,
        stack: Some(stack),
        start: (routine, context),
        by,
        handles: 1,
    }));
    table.queue.push_back(id);
    table.note();
    drop(table);
    nt::dispatcher::wake_in_time();
    Some(id)
}

/// Where a new thread begins.
extern "sysv64" fn begin() -> ! {
    type Routine = unsafe extern "win64" fn(u64);
    nt::set_context(0, 0);
    reap();
    let (routine, context) = TABLE.lock().me().start;
    // SAFETY: the driver gave this routine for a thread.
    let routine: Routine = unsafe { core::mem::transmute(routine) };
    // SAFETY: as above.
    unsafe { routine(context) };
    end("PsCreateSystemThread")
}

/// Ends the running thread; `service` is what it ended by, for a report.
pub fn end(service: &str) -> ! {
    let level = irql::current();
    if level != irql::PASSIVE_LEVEL {
        let text = format!("a thread ends at IRQL {level} ({})", irql::name(level));
        fault::wrong_use(service, &text, describe());
    }
    nt::demand_nothing_held(service);
    let mut table = TABLE.lock();
    let id = table.current;
    table.me().state = State::Ended;
    table.wake(Woken::Signalled, usize::MAX, |on, _| on == On::Thread(id));
    drop(table);
    loop {
        leave(service);
    }
}

/// Waits on the running thread for `on`, until `deadline` at the latest, for `service`. At `APC_LEVEL` at most; the
/// caller holds no lock of the kernel's.
pub fn wait(service: &str, on: On, deadline: u64) -> Woken {
    let mut table = TABLE.lock();
    table.me().state = State::Waiting { on, deadline };
    table.note();
    drop(table);
    loop {
        nt::dispatcher::run_due();
        let mut table = TABLE.lock();
        let current = table.current;
        if let State::Ready(woken) = table.me().state {
            table.queue.retain(|id| *id != current);
            table.note();
            return woken;
        }
        drop(table);
        leave(service);
    }
}

/// Lets another thread run, or lets time pass until something happens. The running thread waits or has ended.
fn leave(service: &str) {
    nt::dispatcher::run_due();
    let table = TABLE.lock();
    if !table.queue.is_empty() {
        switch_to_next(table);
        return;
    }
    drop(table);
    if next_deadline() == u64::MAX && !nt::dispatcher::anything_waits() {
        let text = "waits without end for an event that nothing will signal";
        fault::wrong_use(service, text, describe());
    }
    nt::dispatcher::rest(u64::MAX);
}

/// Goes on with the first thread in the queue. Returns when the running thread's turn comes again.
fn switch_to_next(mut table: MutexGuard<'_, Table>) {
    let Some(next) = table.queue.pop_front() else {
        return;
    };
    table.note();
    if next == table.current {
        return;
    }
    let load = table.find(next).expect("a thread in the queue").pointer;
    let save = &raw mut table.me().pointer;
    table.current = next;
    CURRENT.store(next, Ordering::Relaxed);
    SLICE_END.store(clock::now_100ns() + SLICE, Ordering::Relaxed);
    drop(table);
    nt::dispatcher::wake_in_time();
    let context = nt::context();
    // SAFETY: the pointer of a thread that does not run; this one's goes where it lies, and threads do not move.
    unsafe { switch::switch(save, load) };
    let (caller, regions) = context;
    nt::set_context(caller, regions);
    reap();
}

/// Frees the stacks of threads that have ended, and forgets those that nobody has a handle of.
fn reap() {
    let mut table = TABLE.lock();
    let current = table.current;
    let over = |thread: &Thread| thread.state == State::Ended && thread.id != current;
    let mut stacks = Vec::new();
    for thread in &mut table.threads {
        if over(thread) {
            stacks.extend(thread.stack.take());
        }
    }
    table
        .threads
        .retain(|thread| !over(thread) || thread.handles > 0);
    drop(table);
    stacks.into_iter().for_each(Stack::free);
}

/// Lets the others that are ready run first; false if there are none. Below `DISPATCH_LEVEL`.
pub fn give_way() -> bool {
    let mut table = TABLE.lock();
    // One that waits already is here only while a DPC runs on its stack.
    if table.queue.is_empty() || !matches!(table.me().state, State::Ready(_)) {
        return false;
    }
    let current = table.current;
    table.queue.push_back(current);
    switch_to_next(table);
    true
}

/// The clock's interrupt came in the driver's code: takes the processor from a thread whose time is over.
pub fn on_clock_in_driver() {
    if slice_end() <= clock::now_100ns() && give_way() {
        PREEMPTIONS.fetch_add(1, Ordering::Relaxed);
    }
}

/// Wakes those whose time is up.
pub fn wake_expired() {
    let now = clock::now_100ns();
    if next_deadline() <= now {
        let mut table = TABLE.lock();
        table.wake(Woken::TimedOut, usize::MAX, |_, deadline| deadline <= now);
    }
}

/// Wakes all that wait for `on`; says how many.
pub fn wake_all(on: On) -> usize {
    let woken = TABLE
        .lock()
        .wake(Woken::Signalled, usize::MAX, |waits, _| waits == on);
    if woken > 0 {
        nt::dispatcher::wake_in_time();
    }
    woken
}

/// Wakes one that waits for `on`; false if none does.
pub fn wake_one(on: On) -> bool {
    let woken = TABLE
        .lock()
        .wake(Woken::Signalled, 1, |waits, _| waits == on);
    if woken > 0 {
        nt::dispatcher::wake_in_time();
    }
    woken > 0
}

/// Whether a thread has ended. None if there is no such thread.
pub fn has_ended(id: u64) -> Option<bool> {
    let mut table = TABLE.lock();
    table.find(id).map(|thread| thread.state == State::Ended)
}

/// A handle of the thread was closed.
pub fn close(id: u64) {
    if let Some(thread) = TABLE.lock().find(id) {
        thread.handles -= 1;
    }
    reap();
}

/// Whether a thread waits for an event between these addresses: where, and who made the thread.
pub fn waits_inside(start: u64, bytes: u64) -> Option<(u64, u64)> {
    let table = TABLE.lock();
    table.threads.iter().find_map(|thread| match thread.state {
        State::Waiting {
            on: On::Event(event),
            ..
        } if (start..start + bytes).contains(&event) => Some((event, thread.by)),
        _ => None,
    })
}

/// Lets the driver's threads stand still where they next call a service at `PASSIVE_LEVEL`, or go on.
pub fn set_stall(on: bool) {
    STALLING.store(on, Ordering::Relaxed);
    if on {
        STALLS.fetch_add(1, Ordering::Relaxed);
    } else {
        wake_all(On::Stall);
    }
}

/// How often a stall was asked for.
pub fn stalls() -> u64 {
    STALLS.load(Ordering::Relaxed)
}

/// Threads that stand in a stall.
pub fn stalled() -> u64 {
    count(|state| matches!(state, State::Waiting { on: On::Stall, .. }))
}

/// The driver's threads that have not ended.
pub fn live() -> u64 {
    count(|state| *state != State::Ended) - 1
}

fn count(which: impl Fn(&State) -> bool) -> u64 {
    let table = TABLE.lock();
    let states = table.threads.iter().map(|thread| &thread.state);
    states.filter(|state| which(state)).count() as u64
}

/// Each service that can hold a thread up begins and ends with this.
pub fn stall_point(service: &str) {
    if STALLING.load(Ordering::Relaxed)
        && current() != MAIN
        && irql::current() == irql::PASSIVE_LEVEL
        && nt::critical_regions() == 0
    {
        wait(service, On::Stall, u64::MAX);
    }
}

/// The driver's threads and what they do, a line each, for a report.
pub fn describe() -> Vec<String> {
    let Some(table) = TABLE.try_lock() else {
        return Vec::new();
    };
    let line = |thread: &Thread| {
        let does = match thread.state {
            _ if thread.id == table.current => String::from("runs"),
            State::Ready(_) => String::from("is ready to run"),
            State::Ended => String::from("has ended"),
            State::Waiting { on, deadline } => {
                let end = if deadline == u64::MAX {
                    "without end"
                } else {
                    "with an end"
                };
                format!("waits for {on:x?}, {end}")
            }
        };
        if thread.id == MAIN {
            format!("the main thread {does}")
        } else {
            format!("thread {}, made by <{:#x}>, {does}", thread.id, thread.by)
        }
    };
    table.threads.iter().map(|thread| line(thread)).collect()
}

/// Takes out what is left of a driver that goes, and describes it.
pub fn forget_all() -> Vec<String> {
    let mut table = TABLE.lock();
    let others = |thread: &Thread| thread.id != MAIN;
    let mut left = Vec::new();
    for thread in table.threads.iter_mut().filter(|thread| others(thread)) {
        let (routine, by) = (thread.start.0, thread.by);
        if thread.state != State::Ended {
            left.push(format!(
                "a system thread that has not ended: it runs <{:#x}>, made by <{by:#x}>",
                routine + 1
            ));
        }
        if thread.handles > 0 {
            left.push(format!(
                "a handle of a system thread not closed: made by <{by:#x}>"
            ));
        }
        thread.state = State::Ended;
        thread.handles = 0;
    }
    table.queue.clear();
    table.note();
    drop(table);
    reap();
    left
}
