//! Events, and waiting for them.
//!
//! Where no thread is ready and no timer, DPC or end of a wait is to come, an event that is not signalled stays so,
//! and a wait for it without end is a fault.

use alloc::{format, vec::Vec};

use super::{
    demand_irql, device,
    status::{self, Status},
};
use crate::{
    cpu::{
        clock,
        irql::{APC_LEVEL, DISPATCH_LEVEL, PASSIVE_LEVEL},
    },
    fault,
    threads::{self, On, Woken},
};

/// KEVENT: a `DISPATCHER_HEADER`.
#[repr(C)]
pub struct Event {
    /// `NotificationEvent` or `SynchronizationEvent`.
    kind: u8,
    signalling: u8,
    size: u8,
    reserved: u8,
    /// Not zero: signalled.
    state: i32,
    /// `LIST_ENTRY` of waiters, empty: it points at itself.
    waiters: [usize; 2],
}

/// `NotificationEvent`: stays signalled.
const NOTIFICATION: u8 = 0;
/// `SynchronizationEvent`: one wait takes the signal away.
const SYNCHRONIZATION: u8 = 1;

/// The event at `event`, if it is one.
///
/// # Safety
///
/// `event` points at memory of an event's size.
unsafe fn known<'a>(service: &str, event: *mut Event) -> &'a mut Event {
    // SAFETY: the caller's promise; nothing runs beside the call.
    let known = unsafe { &mut *event };
    if known.kind > SYNCHRONIZATION || usize::from(known.size) != size_of::<Event>() / 4 {
        let text = format!("{event:p} is no event that was initialised");
        fault::wrong_use(service, &text, Vec::new());
    }
    known
}

/// `void KeInitializeEvent(PRKEVENT, EVENT_TYPE, BOOLEAN)`.
pub unsafe extern "win64" fn initialize(event: *mut Event, kind: u32, state: u8) {
    let list = event as usize + core::mem::offset_of!(Event, waiters);
    let kind = if kind == 0 {
        NOTIFICATION
    } else {
        SYNCHRONIZATION
    };
    let size = (size_of::<Event>() / 4) as u8;
    let new = Event {
        kind,
        signalling: 0,
        size,
        reserved: 0,
        state: i32::from(state != 0),
        waiters: [list, list],
    };
    // SAFETY: the driver passes memory of its own for the event.
    unsafe { event.write(new) }
}

/// `LONG KeSetEvent(PRKEVENT, KPRIORITY, BOOLEAN)`.
pub unsafe extern "win64" fn set(event: *mut Event, _increment: i32, wait: u8) -> i32 {
    const SERVICE: &str = "KeSetEvent";
    demand_irql(SERVICE, if wait == 0 { DISPATCH_LEVEL } else { APC_LEVEL });
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes an event of its own.
    unsafe { signal(SERVICE, event) }
}

/// `LONG KeResetEvent(PRKEVENT)`.
pub unsafe extern "win64" fn reset(event: *mut Event) -> i32 {
    const SERVICE: &str = "KeResetEvent";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes an event of its own.
    let event = unsafe { known(SERVICE, event) };
    core::mem::replace(&mut event.state, 0)
}

/// `void KeClearEvent(PRKEVENT)`.
pub unsafe extern "win64" fn clear(event: *mut Event) {
    const SERVICE: &str = "KeClearEvent";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes an event of its own.
    unsafe { known(SERVICE, event) }.state = 0;
}

/// `LONG KeReadStateEvent(PRKEVENT)`.
pub unsafe extern "win64" fn read_state(event: *mut Event) -> i32 {
    const SERVICE: &str = "KeReadStateEvent";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    // SAFETY: the driver passes an event of its own.
    unsafe { known(SERVICE, event) }.state
}

/// Signals the event at `event`, for `service`; says whether it was signalled.
///
/// # Safety
///
/// `event` is an event that the driver initialised.
pub unsafe fn signal(service: &str, event: *mut Event) -> i32 {
    let address = event as u64;
    // SAFETY: the caller's promise.
    let event = unsafe { known(service, event) };
    let before = event.state;
    event.state = 1;
    if event.kind == NOTIFICATION {
        threads::wake_all(On::Event(address));
    } else if before == 0 && threads::wake_one(On::Event(address)) {
        // The one that it lets through has the signal now.
        event.state = 0;
    }
    before
}

/// `NTSTATUS KeWaitForSingleObject(PVOID, KWAIT_REASON, KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER)`.
pub unsafe extern "win64" fn wait_for_single_object(
    object: *mut Event,
    _reason: u32,
    _mode: u8,
    _alertable: u8,
    timeout: *const i64,
) -> Status {
    const SERVICE: &str = "KeWaitForSingleObject";
    // SAFETY: the driver passes null or a time of its own.
    let timeout = unsafe { timeout.as_ref() }.copied();
    demand_irql(
        SERVICE,
        if timeout == Some(0) {
            DISPATCH_LEVEL
        } else {
            APC_LEVEL
        },
    );
    threads::stall_point(SERVICE);
    device::complete_pending(object);
    // SAFETY: the driver passes an object of its own; only events are known here.
    let event = unsafe { known(SERVICE, object) };
    if event.state != 0 {
        if event.kind == SYNCHRONIZATION {
            event.state = 0;
        }
        return status::SUCCESS;
    }
    let deadline = timeout.map_or(u64::MAX, deadline);
    if deadline <= clock::now_100ns() {
        return status::TIMEOUT;
    }
    let woken = threads::wait(SERVICE, On::Event(object as u64), deadline);
    threads::stall_point(SERVICE);
    match woken {
        Woken::Signalled => status::SUCCESS,
        Woken::TimedOut => status::TIMEOUT,
    }
}

/// `NTSTATUS KeDelayExecutionThread(KPROCESSOR_MODE, BOOLEAN, PLARGE_INTEGER)`.
pub unsafe extern "win64" fn delay_execution_thread(
    _mode: u8,
    _alertable: u8,
    interval: *const i64,
) -> Status {
    const SERVICE: &str = "KeDelayExecutionThread";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes a time of its own.
    let deadline = deadline(unsafe { interval.read() });
    threads::wait(SERVICE, On::Time, deadline);
    threads::stall_point(SERVICE);
    status::SUCCESS
}

/// When `time`, in units of 100 ns, is over: as long from now as it says if it is negative, else then.
pub fn deadline(time: i64) -> u64 {
    if time < 0 {
        clock::now_100ns().saturating_add(time.unsigned_abs())
    } else {
        time.unsigned_abs()
    }
}
