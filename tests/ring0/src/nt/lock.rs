//! Spin locks, fast mutexes and push locks.
//!
//! There is one processor, and no thread leaves it at `DISPATCH_LEVEL`: so a spin
//! lock that is held when it is asked for would never come free, which ends the
//! run. The others are waited for, unless the thread itself holds them.

use alloc::{format, vec, vec::Vec};

use spin::Mutex;

use super::{caller, demand_irql, dispatcher, process};
use crate::{
    cpu::irql::{self, APC_LEVEL, DISPATCH_LEVEL},
    fault,
    threads::{self, On},
};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spin,
    FastMutex,
    Push,
}

/// A lock that the driver holds.
#[derive(Clone, Copy)]
struct Held {
    kind: Kind,
    address: u64,
    /// IRQL before it was taken.
    old: u8,
    /// Where it was taken.
    by: u64,
    /// Which thread took it.
    thread: u64,
}

static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

/// Lines about the locks that are held, for the end of a run, where there must be none.
pub fn still_held() -> Vec<alloc::string::String> {
    let held = HELD.lock();
    held.iter()
        .map(|held| format!("{:#x}, taken by <{:#x}>", held.address, held.by))
        .collect()
}

/// Ends the run if the running thread holds a lock.
pub fn demand_none_held(service: &str) {
    let thread = threads::current();
    let held = HELD
        .lock()
        .iter()
        .find(|held| held.thread == thread)
        .copied();
    if let Some(held) = held {
        let text = format!("a thread ends that holds the lock at {:#x}", held.address);
        fault::wrong_use(service, &text, vec![format!("taken by <{:#x}>", held.by)]);
    }
}

fn take(service: &str, kind: Kind, address: u64, old: u8) {
    let thread = threads::current();
    loop {
        let holder = HELD
            .lock()
            .iter()
            .find(|held| held.address == address)
            .copied();
        let Some(holder) = holder else { break };
        if kind != Kind::Spin && holder.thread != thread {
            threads::wait(service, On::Lock(address), u64::MAX);
            continue;
        }
        let text = format!("the lock at {address:#x} is held: this would wait for ever");
        fault::wrong_use(service, &text, vec![format!("taken by <{:#x}>", holder.by)]);
    }
    HELD.lock().push(Held {
        kind,
        address,
        old,
        by: caller(),
        thread,
    });
}

fn give_back(service: &str, kind: Kind, address: u64) -> Held {
    let found = HELD.lock().iter().rposition(|held| {
        held.address == address
            && held.kind == kind
            && (kind == Kind::Spin || held.thread == threads::current())
    });
    if let Some(index) = found {
        let held = HELD.lock().remove(index);
        if kind != Kind::Spin {
            threads::wake_all(On::Lock(address));
        }
        held
    } else {
        let text = format!("the lock at {address:#x} is not held");
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// Ends the run if lowering the IRQL to `level` would happen under a spin lock.
fn demand_no_spin_lock_above(service: &str, level: u8) {
    let other = HELD
        .lock()
        .iter()
        .find(|held| held.kind == Kind::Spin)
        .copied();
    if let Some(other) = other
        && level < DISPATCH_LEVEL
    {
        let text = format!("lowers the IRQL to {level} while a spin lock is held");
        let note = format!("{:#x}, taken by <{:#x}>", other.address, other.by);
        fault::wrong_use(service, &text, vec![note]);
    }
}

/// `void KeInitializeSpinLock(PKSPIN_LOCK)`.
pub unsafe extern "win64" fn initialize_spin_lock(lock: *mut usize) {
    // SAFETY: the driver passes a spin lock of its own.
    unsafe { lock.write(0) }
}

/// `KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK)`.
pub unsafe extern "win64" fn acquire_spin_lock_raise_to_dpc(lock: *mut usize) -> u8 {
    const SERVICE: &str = "KeAcquireSpinLockRaiseToDpc";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    let old = irql::set(DISPATCH_LEVEL);
    take(SERVICE, Kind::Spin, lock as u64, old);
    // SAFETY: the driver passes a spin lock of its own.
    unsafe { lock.write(1) }
    old
}

/// `void KeReleaseSpinLock(PKSPIN_LOCK, KIRQL)`.
pub unsafe extern "win64" fn release_spin_lock(lock: *mut usize, new: u8) {
    const SERVICE: &str = "KeReleaseSpinLock";
    demand_dispatch(SERVICE);
    let held = give_back(SERVICE, Kind::Spin, lock as u64);
    if held.old != new {
        let text = format!("returns to IRQL {new}, the lock was taken at {}", held.old);
        fault::wrong_use(SERVICE, &text, vec![format!("taken by <{:#x}>", held.by)]);
    }
    demand_no_spin_lock_above(SERVICE, new);
    // SAFETY: the driver passes a spin lock of its own.
    unsafe { lock.write(0) }
    irql::set(new);
    dispatcher::run_due();
}

/// `void KeAcquireSpinLockAtDpcLevel(PKSPIN_LOCK)`.
pub unsafe extern "win64" fn acquire_spin_lock_at_dpc_level(lock: *mut usize) {
    const SERVICE: &str = "KeAcquireSpinLockAtDpcLevel";
    demand_dispatch(SERVICE);
    take(SERVICE, Kind::Spin, lock as u64, DISPATCH_LEVEL);
    // SAFETY: the driver passes a spin lock of its own.
    unsafe { lock.write(1) }
}

/// `void KeReleaseSpinLockFromDpcLevel(PKSPIN_LOCK)`.
pub unsafe extern "win64" fn release_spin_lock_from_dpc_level(lock: *mut usize) {
    const SERVICE: &str = "KeReleaseSpinLockFromDpcLevel";
    demand_dispatch(SERVICE);
    give_back(SERVICE, Kind::Spin, lock as u64);
    // SAFETY: the driver passes a spin lock of its own.
    unsafe { lock.write(0) }
}

fn demand_dispatch(service: &str) {
    let level = irql::current();
    if level != DISPATCH_LEVEL {
        let text = format!(
            "called at IRQL {level} ({}), not DISPATCH_LEVEL",
            irql::name(level)
        );
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// `void ExAcquireFastMutex(PFAST_MUTEX)`.
pub unsafe extern "win64" fn acquire_fast_mutex(mutex: *mut u8) {
    const SERVICE: &str = "ExAcquireFastMutex";
    demand_irql(SERVICE, APC_LEVEL);
    let old = irql::set(APC_LEVEL);
    take(SERVICE, Kind::FastMutex, mutex as u64, old);
}

/// `void ExReleaseFastMutex(PFAST_MUTEX)`.
pub unsafe extern "win64" fn release_fast_mutex(mutex: *mut u8) {
    const SERVICE: &str = "ExReleaseFastMutex";
    let level = irql::current();
    if level != APC_LEVEL {
        let text = format!(
            "called at IRQL {level} ({}), not APC_LEVEL",
            irql::name(level)
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let held = give_back(SERVICE, Kind::FastMutex, mutex as u64);
    irql::set(held.old);
}

fn demand_no_apcs(service: &str) {
    demand_irql(service, APC_LEVEL);
    if irql::current() < APC_LEVEL && process::critical_regions() == 0 {
        let text = "called with normal kernel APCs enabled (KeEnterCriticalRegion is missing)";
        fault::wrong_use(service, text, Vec::new());
    }
}

/// `void ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK, ULONG)`.
pub unsafe extern "win64" fn acquire_push_lock_exclusive(lock: *mut usize, _flags: u32) {
    const SERVICE: &str = "ExAcquirePushLockExclusiveEx";
    demand_no_apcs(SERVICE);
    take(SERVICE, Kind::Push, lock as u64, irql::current());
    // SAFETY: the driver passes a push lock of its own.
    unsafe { lock.write(1) }
}

/// `void ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK, ULONG)`.
pub unsafe extern "win64" fn release_push_lock_exclusive(lock: *mut usize, _flags: u32) {
    const SERVICE: &str = "ExReleasePushLockExclusiveEx";
    demand_no_apcs(SERVICE);
    give_back(SERVICE, Kind::Push, lock as u64);
    // SAFETY: the driver passes a push lock of its own.
    unsafe { lock.write(0) }
}
