//! What belongs to a thread and Wine does not keep: its IRQL and its critical regions. And the driver's own threads.
//!
//! A thread at DISPATCH_LEVEL is not left in the middle on Windows; here the host's scheduler knows of no levels, and
//! another thread runs meanwhile as on another processor.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::vec::Vec;
use core::arch::asm;
use core::ffi::c_void;
use core::sync::atomic::{AtomicU64, Ordering};

use nt::status::STATUS_INSUFFICIENT_RESOURCES;
use nt::{NTSTATUS, OBJECT_ATTRIBUTES};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::handles::{self, Kind};
use crate::unwind::Note;
use crate::{fault, lock};

/// Threads.
pub const PASSIVE: u8 = 0;
/// Asynchronous procedure calls.
pub const APC: u8 = 1;
/// The scheduler and DPCs.
pub const DISPATCH: u8 = 2;
/// The highest.
pub const HIGH: u8 = 15;

#[derive(Clone, Copy, Default)]
struct State {
    irql: u8,
    regions: i64,
}

/// Of threads whose state is not that of a new one.
static STATES: Mutex<BTreeMap<u64, State>> = Mutex::new(BTreeMap::new());

/// The driver's threads that live, and who made them.
static LIVE: Mutex<BTreeMap<u64, Note>> = Mutex::new(BTreeMap::new());
static CREATED: AtomicU64 = AtomicU64::new(0);
static FAILS: AtomicU64 = AtomicU64::new(0);

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
    fn PsTerminateSystemThread(status: NTSTATUS) -> NTSTATUS;
}

/// The calling thread's number: the second word of `CLIENT_ID` in its TEB.
pub fn current() -> u64 {
    let number: u64;
    // SAFETY: GS leads to the TEB in every thread of a 64-bit process.
    unsafe {
        asm!("mov {}, gs:[0x48]", out(reg) number, options(nostack, readonly, preserves_flags));
    }
    number
}

fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    let thread = current();
    let mut states = STATES.lock();
    let mut state = states.get(&thread).copied().unwrap_or_default();
    let result = work(&mut state);
    if state.irql == PASSIVE && state.regions == 0 {
        states.remove(&thread);
    } else {
        states.insert(thread, state);
    }
    result
}

/// The calling thread's IRQL.
pub fn irql() -> u8 {
    with(|state| state.irql)
}

/// Sets it, and says what it was.
pub fn set_irql(irql: u8) -> u8 {
    with(|state| core::mem::replace(&mut state.irql, irql))
}

/// The critical regions that the calling thread is in.
pub fn regions() -> i64 {
    with(|state| state.regions)
}

/// What an IRQL is called.
pub fn name(irql: u8) -> &'static str {
    match irql {
        PASSIVE => "PASSIVE_LEVEL",
        APC => "APC_LEVEL",
        DISPATCH => "DISPATCH_LEVEL",
        HIGH => "HIGH_LEVEL",
        _ => "a device's",
    }
}

/// Ends the run if the IRQL is above `highest`.
pub fn demand(service: &str, highest: u8) {
    let level = irql();
    if level > highest {
        let text = format!(
            "called at IRQL {level} ({}), allowed up to {}",
            name(level),
            name(highest)
        );
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// `VOID KeEnterCriticalRegion()`
pub unsafe extern "system" fn enter_critical_region() {
    demand("KeEnterCriticalRegion", APC);
    with(|state| state.regions += 1);
}

/// `VOID KeLeaveCriticalRegion()`
pub unsafe extern "system" fn leave_critical_region() {
    const SERVICE: &str = "KeLeaveCriticalRegion";
    demand(SERVICE, APC);
    let left = with(|state| {
        state.regions -= 1;
        state.regions
    });
    if left < 0 {
        fault::wrong_use(SERVICE, "the thread is in no critical region", Vec::new());
    }
}

/// `KIRQL KfRaiseIrql(KIRQL)`
pub unsafe extern "system" fn raise_irql(new: u8) -> u8 {
    let old = irql();
    if new < old {
        let text = format!("from IRQL {old} to {new}: that is lower");
        fault::wrong_use("KfRaiseIrql", &text, Vec::new());
    }
    set_irql(new)
}

/// `VOID KeLowerIrql(KIRQL)`
pub unsafe extern "system" fn lower_irql(new: u8) {
    const SERVICE: &str = "KeLowerIrql";
    let old = irql();
    if new > old {
        let text = format!("from IRQL {old} to {new}: that is higher");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    lock::demand_no_spin_lock(SERVICE, new);
    set_irql(new);
}

/// `KIRQL KeGetCurrentIrql()`
pub unsafe extern "system" fn current_irql() -> u8 {
    irql()
}

/// What a new thread runs.
struct Start {
    routine: unsafe extern "system" fn(*mut c_void),
    context: *mut c_void,
    by: Note,
}

/// `NTSTATUS PsCreateSystemThread(…)`: Wine's own, which is told to begin in [`begin`].
pub unsafe extern "system" fn create(
    handle: *mut *mut c_void,
    access: u32,
    attributes: *const OBJECT_ATTRIBUTES,
    process: *mut c_void,
    client: *mut c_void,
    routine: unsafe extern "system" fn(*mut c_void),
    context: *mut c_void,
) -> NTSTATUS {
    demand("PsCreateSystemThread", PASSIVE);
    let number = CREATED.fetch_add(1, Ordering::Relaxed) + 1;
    if FAILS.load(Ordering::Relaxed) == number {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    let by = Note::now();
    let start = Box::into_raw(Box::new(Start {
        routine,
        context,
        by,
    }));
    // SAFETY: the caller's arguments; `begin` takes what `start` points to.
    let status = unsafe {
        PsCreateSystemThread(
            handle,
            access,
            attributes,
            process,
            client,
            begin,
            start.cast(),
        )
    };
    if status < 0 {
        // SAFETY: nobody else has it: the thread was not made.
        drop(unsafe { Box::from_raw(start) });
    } else {
        // SAFETY: the kernel has written it.
        let new = unsafe { *handle };
        handles::opened(new, Kind::Thread);
    }
    status
}

/// # Safety
///
/// `start` comes from [`create`].
unsafe extern "system" fn begin(start: *mut c_void) {
    // SAFETY: this function's promise.
    let start = unsafe { Box::from_raw(start.cast::<Start>()) };
    LIVE.lock().insert(current(), start.by);
    let (routine, context) = (start.routine, start.context);
    drop(start);
    // SAFETY: the driver's routine with the driver's context.
    unsafe { routine(context) };
    ended("a thread's routine");
}

fn ended(service: &str) {
    demand(service, PASSIVE);
    let regions = regions();
    if regions != 0 {
        let text = format!("a thread ends in {regions} critical regions");
        fault::wrong_use(service, &text, Vec::new());
    }
    lock::demand_none_held(service);
    LIVE.lock().remove(&current());
}

/// `NTSTATUS PsTerminateSystemThread(NTSTATUS)`
pub unsafe extern "system" fn terminate(status: NTSTATUS) -> NTSTATUS {
    ended("PsTerminateSystemThread");
    // SAFETY: any status may be given.
    unsafe { PsTerminateSystemThread(status) }
}

/// How many of the driver's threads live.
pub fn live() -> u64 {
    LIVE.lock().len() as u64
}

/// How many it has asked for.
pub fn created() -> u64 {
    CREATED.load(Ordering::Relaxed)
}

/// Makes the n-th creation from now fail; 0 takes that back.
pub fn fail_creation(nth: u64) {
    let number = if nth == 0 { 0 } else { created() + nth };
    FAILS.store(number, Ordering::Relaxed);
}

/// The threads that live, a line each.
pub fn left() -> Vec<alloc::string::String> {
    let live = LIVE.lock();
    live.values()
        .map(|by| format!("a system thread that has not ended, made by {}", by.text()))
        .collect()
}
