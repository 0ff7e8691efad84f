//! `EX_TIMER`: timers that call a routine at `DISPATCH_LEVEL`.

use alloc::{boxed::Box, collections::BTreeMap, format, string::String, vec, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Mutex;

use super::{
    caller, demand_irql,
    dispatcher::{self, Work},
    pool,
};
use crate::{
    cpu::{
        clock,
        irql::{APC_LEVEL, DISPATCH_LEVEL},
    },
    fault,
};

/// `EX_TIMER_HIGH_RESOLUTION`.
const HIGH_RESOLUTION: u32 = 4;
/// `EX_TIMER_NO_WAKE`.
const NO_WAKE: u32 = 8;
/// `EX_TIMER_NOTIFICATION`.
const NOTIFICATION: u32 = 1 << 31;

/// The longest period there is, `MAXLONG`.
const LONGEST_PERIOD: i64 = 0x7fff_ffff;

/// A timer that was not deleted.
#[derive(Clone, Copy)]
struct Timer {
    routine: u64,
    context: u64,
    /// When it expires next, in units of 100 ns since the start; none while it is not set.
    due: Option<u64>,
    /// 0 for one that expires once.
    period: u64,
    /// Who allocated it.
    by: u64,
}

/// The timers, by the address that stands for each; addresses are not used twice.
static TIMERS: Mutex<BTreeMap<u64, Timer>> = Mutex::new(BTreeMap::new());
/// When the first of them expires.
static NEXT: AtomicU64 = AtomicU64::new(u64::MAX);

/// When the next timer expires; `u64::MAX` if none is set. Any IRQL.
pub fn next() -> u64 {
    NEXT.load(Ordering::Relaxed)
}

fn find_next(timers: &BTreeMap<u64, Timer>) {
    let next = timers.values().filter_map(|timer| timer.due).min();
    NEXT.store(next.unwrap_or(u64::MAX), Ordering::Relaxed);
}

/// Lets the timer expire that is due first.
pub fn take_due() -> Option<Work> {
    let now = clock::now_100ns();
    if next() > now {
        return None;
    }
    let mut timers = TIMERS.lock();
    let (address, timer) = timers
        .iter_mut()
        .filter(|(_, timer)| timer.due.is_some_and(|due| due <= now))
        .min_by_key(|(_, timer)| timer.due)?;
    timer.due = timer
        .due
        .filter(|_| timer.period != 0)
        .map(|due| due + timer.period);
    let work = Work {
        service: "ExSetTimer",
        routine: timer.routine,
        arguments: [*address, timer.context, 0, 0],
    };
    find_next(&timers);
    Some(work)
}

/// Takes out what is left of a driver that goes, and describes it.
pub fn forget_all() -> Vec<String> {
    let left = core::mem::take(&mut *TIMERS.lock());
    NEXT.store(u64::MAX, Ordering::Relaxed);
    left.iter()
        .map(|(address, timer)| {
            let set = if timer.due.is_some() { ", and set" } else { "" };
            let by = timer.by;
            format!("a timer not deleted{set}: {address:#x}, allocated by <{by:#x}>")
        })
        .collect()
}

/// Ends the run if a timer's context lies in memory that is about to be freed.
pub fn demand_none_in(service: &str, start: u64, bytes: u64) {
    let inside = |timer: &Timer| (start..start + bytes).contains(&timer.context);
    let found = TIMERS.lock().values().find(|timer| inside(timer)).copied();
    if let Some(timer) = found {
        let text =
            format!("the block at {start:#x} is the context of a timer that was not deleted");
        let by = format!("allocated by <{:#x}>", timer.by);
        fault::wrong_use(service, &text, vec![by]);
    }
}

/// Does something with the timer at `address`, if it is one.
fn with<R>(service: &str, address: u64, work: impl FnOnce(&mut Timer) -> R) -> R {
    let mut timers = TIMERS.lock();
    let Some(timer) = timers.get_mut(&address) else {
        drop(timers);
        let text = format!("{address:#x} is no timer, or was deleted");
        fault::wrong_use(service, &text, Vec::new());
    };
    let result = work(timer);
    find_next(&timers);
    result
}

/// `PEX_TIMER ExAllocateTimer(PEXT_CALLBACK, PVOID, ULONG)`. It counts as a pool call: its memory comes
/// from there, and may be used up.
pub unsafe extern "win64" fn allocate(routine: u64, context: u64, attributes: u32) -> u64 {
    const SERVICE: &str = "ExAllocateTimer";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    let unknown = attributes & !(HIGH_RESOLUTION | NO_WAKE | NOTIFICATION);
    if unknown != 0 || attributes & (HIGH_RESOLUTION | NO_WAKE) == HIGH_RESOLUTION | NO_WAKE {
        let text = format!("attributes {attributes:#x} are not a valid request");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if routine == 0 || attributes & HIGH_RESOLUTION == 0 {
        let text = "this kernel has only high-resolution timers that call a routine";
        fault::wrong_use(SERVICE, text, Vec::new());
    }
    if !pool::count_call() {
        return 0;
    }
    let timer = Timer {
        routine,
        context,
        due: None,
        period: 0,
        by: caller(),
    };
    // The address is never given back, so one that was deleted is found out.
    let address = core::ptr::from_mut(Box::leak(Box::new(0_u64))) as u64;
    TIMERS.lock().insert(address, timer);
    address
}

/// `BOOLEAN ExSetTimer(PEX_TIMER, LONGLONG, LONGLONG, PEXT_SET_PARAMETERS)`.
pub unsafe extern "win64" fn set(timer: u64, due: i64, period: i64, _parameters: u64) -> u8 {
    const SERVICE: &str = "ExSetTimer";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    if due >= 0 {
        let text =
            format!("due time {due}: a high-resolution timer takes a relative one (negative)");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if !(0..=LONGEST_PERIOD).contains(&period) {
        let text = format!("period {period} is not in 0 to MAXLONG");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let due = clock::now_100ns().saturating_add(due.unsigned_abs());
    let before = with(SERVICE, timer, |timer| {
        timer.period = period.unsigned_abs();
        timer.due.replace(due)
    });
    dispatcher::wake_in_time();
    before.is_some().into()
}

/// `BOOLEAN ExCancelTimer(PEX_TIMER, PEXT_CANCEL_PARAMETERS)`.
pub unsafe extern "win64" fn cancel(timer: u64, _parameters: u64) -> u8 {
    const SERVICE: &str = "ExCancelTimer";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    with(SERVICE, timer, |timer| timer.due.take())
        .is_some()
        .into()
}

/// `BOOLEAN ExDeleteTimer(PEX_TIMER, BOOLEAN, BOOLEAN, PEXT_DELETE_PARAMETERS)`. No routine runs
/// meanwhile on the one processor, so there is none to wait for.
pub unsafe extern "win64" fn delete(timer: u64, cancel: u8, wait: u8, _parameters: u64) -> u8 {
    const SERVICE: &str = "ExDeleteTimer";
    demand_irql(SERVICE, if wait == 0 { DISPATCH_LEVEL } else { APC_LEVEL });
    if wait != 0 && cancel == 0 {
        fault::wrong_use(SERVICE, "Wait without Cancel", Vec::new());
    }
    let was_set = with(SERVICE, timer, |timer| timer.due.take()).is_some();
    if was_set && cancel == 0 {
        fault::wrong_use(
            SERVICE,
            "the timer is set, and is not to be cancelled",
            Vec::new(),
        );
    }
    TIMERS.lock().remove(&timer);
    was_set.into()
}
