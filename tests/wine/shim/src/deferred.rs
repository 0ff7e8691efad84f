//! Work that the kernel calls back for: DPCs, and timers that call a routine. One thread does it all, at
//! DISPATCH_LEVEL, as a second processor would.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::{transmute, zeroed};
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use nt::ntoskrnl::{ZwClose, ZwWaitForSingleObject};
use nt::{KEVENT, NTSTATUS, OBJECT_ATTRIBUTES};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::threads::{self, APC, DISPATCH, HIGH, PASSIVE, demand};
use crate::unwind::Note;
use crate::{fault, pool, system};

const HIGH_RESOLUTION: u32 = 4;

type TimerRoutine = unsafe extern "system" fn(timer: usize, context: usize);
type DpcRoutine =
    unsafe extern "system" fn(dpc: usize, context: usize, first: usize, second: usize);

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn PsCreateSystemThread(
        handle: *mut *mut c_void,
        access: u32,
        attributes: *const OBJECT_ATTRIBUTES,
        process: *mut c_void,
        client: *mut c_void,
        routine: unsafe extern "system" fn(*mut c_void),
        context: *mut c_void,
    ) -> NTSTATUS;
    fn KeInitializeEvent(event: *mut KEVENT, kind: u32, state: u8);
    fn KeSetEvent(event: *mut KEVENT, increment: i32, wait: u8) -> i32;
    fn KeWaitForSingleObject(
        object: *mut c_void,
        reason: u32,
        mode: i8,
        alertable: u8,
        timeout: *const i64,
    ) -> NTSTATUS;
}

#[derive(Clone, Copy)]
struct Timer {
    routine: TimerRoutine,
    context: usize,
    due: Option<u64>,
    period: u64,
    by: Note,
    /// It is being deleted: nobody sets it any more.
    ends: bool,
}

#[derive(Clone, Copy)]
struct Dpc {
    routine: DpcRoutine,
    context: usize,
}

struct Work {
    timers: BTreeMap<usize, Timer>,
    next_timer: usize,
    dpcs: BTreeMap<usize, Dpc>,
    /// Queued DPCs with their two arguments.
    queue: VecDeque<(usize, usize, usize)>,
    /// What runs now: a timer or a DPC.
    running: usize,
}

static WORK: Mutex<Work> = Mutex::new(Work {
    timers: BTreeMap::new(),
    next_timer: 0x1000,
    dpcs: BTreeMap::new(),
    queue: VecDeque::new(),
    running: 0,
});

struct Worker {
    event: *mut KEVENT,
    thread: *mut c_void,
}

// SAFETY: both are the kernel's, for any thread to use.
unsafe impl Send for Worker {}

static WORKER: Mutex<Option<Worker>> = Mutex::new(None);
static STOP: AtomicBool = AtomicBool::new(false);
/// The worker's own number.
static NUMBER: AtomicU64 = AtomicU64::new(0);

/// Starts the thread.
pub fn start() {
    // SAFETY: zeros are about to become an event.
    let event = Box::into_raw(Box::new(unsafe { zeroed::<KEVENT>() }));
    // SAFETY: the event lives until the thread has ended. 1: it wakes one waiter and is off again.
    unsafe { KeInitializeEvent(event, 1, 0) };
    let mut thread = ptr::null_mut();
    // SAFETY: the routine gets the event, which outlives it.
    unsafe {
        PsCreateSystemThread(
            &raw mut thread,
            0x1f_ffff,
            ptr::null(),
            ptr::null_mut(),
            ptr::null_mut(),
            run,
            event.cast(),
        )
    };
    *WORKER.lock() = Some(Worker { event, thread });
}

/// Ends the thread and waits for it.
pub fn stop() {
    STOP.store(true, Ordering::Release);
    wake();
    if let Some(worker) = WORKER.lock().take() {
        // SAFETY: the handle is open.
        unsafe { ZwWaitForSingleObject(worker.thread, 0, ptr::null()) };
        // SAFETY: as above.
        unsafe { ZwClose(worker.thread) };
        // SAFETY: the thread has ended, and nobody else has the event.
        drop(unsafe { Box::from_raw(worker.event) });
    }
}

fn wake() {
    if let Some(worker) = &*WORKER.lock() {
        // SAFETY: the event lives while the worker is there.
        unsafe { KeSetEvent(worker.event, 0, 0) };
    }
}

/// # Safety
///
/// `event` is the worker's.
unsafe extern "system" fn run(event: *mut c_void) {
    NUMBER.store(threads::current(), Ordering::Release);
    while !STOP.load(Ordering::Acquire) {
        if run_next() {
            continue;
        }
        let timers = WORK
            .lock()
            .timers
            .values()
            .filter_map(|timer| timer.due)
            .min();
        let span = timers.map(|due| due.saturating_sub(system::now_100ns()).max(1).cast_signed());
        let timeout = span.map(i64::wrapping_neg);
        let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
        // SAFETY: the event is the worker's, and the timeout lives through the call.
        unsafe { KeWaitForSingleObject(event, 0, 0, 0, timeout) };
    }
}

/// Runs a DPC or a timer that is due, if there is one.
fn run_next() -> bool {
    enum Next {
        Timer(TimerRoutine, usize, usize),
        Dpc(DpcRoutine, [usize; 4]),
    }
    let now = system::now_100ns();
    let mut work = WORK.lock();
    let next = if let Some((dpc, first, second)) = work.queue.pop_front() {
        let Some(known) = work.dpcs.get(&dpc).copied() else {
            return true;
        };
        work.running = dpc;
        Next::Dpc(known.routine, [dpc, known.context, first, second])
    } else {
        let due = |timer: &Timer| timer.due.filter(|due| *due <= now);
        let first = work
            .timers
            .iter_mut()
            .filter(|(_, timer)| due(timer).is_some());
        let Some((address, timer)) = first.min_by_key(|(_, timer)| timer.due) else {
            return false;
        };
        timer.due = due(timer)
            .filter(|_| timer.period != 0)
            .map(|due| due + timer.period);
        let next = Next::Timer(timer.routine, *address, timer.context);
        work.running = *address;
        next
    };
    drop(work);
    threads::set_irql(DISPATCH);
    match next {
        // SAFETY: the driver's routine with the driver's context, at its level.
        Next::Timer(routine, timer, context) => unsafe { routine(timer, context) },
        // SAFETY: as above.
        Next::Dpc(routine, [dpc, context, first, second]) => unsafe {
            routine(dpc, context, first, second);
        },
    }
    let level = threads::irql();
    if level != DISPATCH {
        let text = format!("its routine returned at IRQL {level}");
        fault::wrong_use("a DPC or timer", &text, Vec::new());
    }
    threads::set_irql(PASSIVE);
    WORK.lock().running = 0;
    true
}

/// Waits until what has this address does not run any more.
fn wait_for(address: usize) {
    if threads::current() == NUMBER.load(Ordering::Acquire) {
        return;
    }
    while WORK.lock().running == address {
        system::relax();
    }
}

/// `PEX_TIMER ExAllocateTimer(PEXT_CALLBACK, PVOID, ULONG)`
pub unsafe extern "system" fn allocate_timer(
    routine: usize,
    context: usize,
    attributes: u32,
) -> usize {
    const SERVICE: &str = "ExAllocateTimer";
    demand(SERVICE, DISPATCH);
    if routine == 0 || attributes != HIGH_RESOLUTION {
        let text = format!(
            "attributes {attributes:#x}: there are only high-resolution timers that call a routine here"
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if !pool::count_call() {
        return 0;
    }
    let timer = Timer {
        // SAFETY: the caller's routine, of this type.
        routine: unsafe { transmute::<usize, TimerRoutine>(routine) },
        context,
        due: None,
        period: 0,
        by: Note::now(),
        ends: false,
    };
    let mut work = WORK.lock();
    let address = work.next_timer;
    work.next_timer += 0x10;
    work.timers.insert(address, timer);
    address
}

fn with_timer<R>(service: &str, address: usize, work: impl FnOnce(&mut Timer) -> R) -> R {
    let mut all = WORK.lock();
    let result = all.timers.get_mut(&address).map(work);
    drop(all);
    result.unwrap_or_else(|| {
        let text = format!("{address:#x} is no timer, or was deleted");
        fault::wrong_use(service, &text, Vec::new())
    })
}

/// `BOOLEAN ExSetTimer(PEX_TIMER, LONGLONG, LONGLONG, PEXT_SET_PARAMETERS)`
pub unsafe extern "system" fn set_timer(timer: usize, due: i64, period: i64, _more: usize) -> u8 {
    const SERVICE: &str = "ExSetTimer";
    demand(SERVICE, DISPATCH);
    if due >= 0 || period < 0 {
        let text = format!(
            "due time {due}, period {period}: a high-resolution timer takes a relative time (negative)"
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let due = system::now_100ns().saturating_add(due.unsigned_abs());
    let before = with_timer(SERVICE, timer, |timer| {
        if timer.ends {
            return None;
        }
        timer.period = period.unsigned_abs();
        timer.due.replace(due)
    });
    wake();
    before.is_some().into()
}

/// `BOOLEAN ExCancelTimer(PEX_TIMER, PEXT_CANCEL_PARAMETERS)`
pub unsafe extern "system" fn cancel_timer(timer: usize, _more: usize) -> u8 {
    const SERVICE: &str = "ExCancelTimer";
    demand(SERVICE, DISPATCH);
    with_timer(SERVICE, timer, |timer| timer.due.take())
        .is_some()
        .into()
}

/// `BOOLEAN ExDeleteTimer(PEX_TIMER, BOOLEAN, BOOLEAN, PEXT_DELETE_PARAMETERS)`
pub unsafe extern "system" fn delete_timer(timer: usize, cancel: u8, wait: u8, _more: usize) -> u8 {
    const SERVICE: &str = "ExDeleteTimer";
    demand(SERVICE, if wait == 0 { DISPATCH } else { APC });
    let was_set = with_timer(SERVICE, timer, |timer| {
        timer.ends = true;
        timer.due.take()
    });
    let was_set = was_set.is_some();
    if was_set && cancel == 0 {
        fault::wrong_use(
            SERVICE,
            "the timer is set, and is not to be cancelled",
            Vec::new(),
        );
    }
    if wait != 0 {
        wait_for(timer);
    }
    WORK.lock().timers.remove(&timer);
    was_set.into()
}

/// `VOID KeInitializeDpc(PRKDPC, PKDEFERRED_ROUTINE, PVOID)`
pub unsafe extern "system" fn initialize_dpc(dpc: usize, routine: usize, context: usize) {
    // SAFETY: the caller's routine, of this type.
    let routine = unsafe { transmute::<usize, DpcRoutine>(routine) };
    WORK.lock().dpcs.insert(dpc, Dpc { routine, context });
}

/// `BOOLEAN KeInsertQueueDpc(PRKDPC, PVOID, PVOID)`
pub unsafe extern "system" fn insert_dpc(dpc: usize, first: usize, second: usize) -> u8 {
    demand("KeInsertQueueDpc", HIGH);
    let mut work = WORK.lock();
    if !work.dpcs.contains_key(&dpc) {
        drop(work);
        let text = format!("{dpc:#x} is no DPC that was initialised");
        fault::wrong_use("KeInsertQueueDpc", &text, Vec::new());
    }
    if work.queue.iter().any(|(queued, _, _)| *queued == dpc) {
        return 0;
    }
    work.queue.push_back((dpc, first, second));
    drop(work);
    wake();
    1
}

/// `BOOLEAN KeRemoveQueueDpc(PRKDPC)`
pub unsafe extern "system" fn remove_dpc(dpc: usize) -> u8 {
    let mut work = WORK.lock();
    let before = work.queue.len();
    work.queue.retain(|(queued, _, _)| *queued != dpc);
    (work.queue.len() != before).into()
}

/// `VOID KeFlushQueuedDpcs()`
pub unsafe extern "system" fn flush_dpcs() {
    demand("KeFlushQueuedDpcs", PASSIVE);
    if threads::current() == NUMBER.load(Ordering::Acquire) {
        return;
    }
    loop {
        let work = WORK.lock();
        if work.queue.is_empty() && work.running == 0 {
            return;
        }
        drop(work);
        system::relax();
    }
}

/// What is left, a line each; all is forgotten.
pub fn forget_all() -> Vec<String> {
    let mut work = WORK.lock();
    let timers = core::mem::take(&mut work.timers);
    let queued = core::mem::take(&mut work.queue);
    work.dpcs.clear();
    drop(work);
    let timers = timers
        .values()
        .map(|timer| format!("a timer not deleted, allocated by {}", timer.by.text()));
    let queued = queued
        .iter()
        .map(|(dpc, _, _)| format!("a DPC still queued: {dpc:#x}"));
    timers.chain(queued).collect()
}
