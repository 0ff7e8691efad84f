//! Locks: spin locks are Wine's own, with the level that belongs to them; push locks wait in Linux.

use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use spin::Mutex;

use crate::threads::{self, APC, DISPATCH, demand};
use crate::unwind::Note;
use crate::{fault, linux};

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Spin,
    Push,
}

#[derive(Clone, Copy)]
struct Held {
    kind: Kind,
    address: usize,
    thread: u64,
    old: u8,
}

/// The locks that are held, in the order in which they were taken.
static HELD: Mutex<Vec<Held>> = Mutex::new(Vec::new());

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn KeAcquireSpinLockRaiseToDpc(lock: *mut usize) -> u8;
    fn KeReleaseSpinLock(lock: *mut usize, irql: u8);
}

/// Ends the run if this thread holds the lock already, which would wait for ever.
fn demand_not_held(service: &str, address: usize) {
    let thread = threads::current();
    let held = HELD.lock();
    let again = held
        .iter()
        .any(|held| held.address == address && held.thread == thread);
    drop(held);
    if again {
        let text =
            format!("the lock at {address:#x} is held by this thread: this would wait for ever");
        fault::wrong_use(service, &text, Vec::new());
    }
}

fn taken(kind: Kind, address: usize, old: u8) {
    let thread = threads::current();
    HELD.lock().push(Held {
        kind,
        address,
        thread,
        old,
    });
}

fn given_back(service: &str, kind: Kind, address: usize) -> Held {
    let thread = threads::current();
    let mut held = HELD.lock();
    let at = held
        .iter()
        .rposition(|held| held.kind == kind && held.address == address && held.thread == thread);
    let found = at.map(|at| held.remove(at));
    drop(held);
    found.unwrap_or_else(|| {
        let text = format!("the lock at {address:#x} is not held by this thread");
        fault::wrong_use(service, &text, Vec::new())
    })
}

/// Ends the run if a spin lock is held and the IRQL is about to be below DISPATCH_LEVEL.
pub fn demand_no_spin_lock(service: &str, new: u8) {
    let thread = threads::current();
    let held = HELD.lock();
    let spin = held
        .iter()
        .find(|held| held.kind == Kind::Spin && held.thread == thread)
        .copied();
    drop(held);
    if let Some(spin) = spin.filter(|_| new < DISPATCH) {
        let text = format!(
            "lowers the IRQL to {new} while the spin lock at {:#x} is held",
            spin.address
        );
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// Ends the run if this thread holds a lock.
pub fn demand_none_held(service: &str) {
    let thread = threads::current();
    let held = HELD
        .lock()
        .iter()
        .find(|held| held.thread == thread)
        .copied();
    if let Some(held) = held {
        let text = format!("a thread ends that holds the lock at {:#x}", held.address);
        fault::wrong_use(service, &text, Vec::new());
    }
}

/// The locks that are held, a line each.
pub fn left() -> Vec<String> {
    let held = HELD.lock();
    held.iter()
        .map(|held| format!("a lock not released: {:#x}", held.address))
        .collect()
}

/// `KIRQL KeAcquireSpinLockRaiseToDpc(PKSPIN_LOCK)`
pub unsafe extern "system" fn acquire_spin_lock(lock: *mut usize) -> u8 {
    const SERVICE: &str = "KeAcquireSpinLockRaiseToDpc";
    demand(SERVICE, DISPATCH);
    demand_not_held(SERVICE, lock.addr());
    let old = threads::set_irql(DISPATCH);
    // SAFETY: the caller's lock.
    unsafe { KeAcquireSpinLockRaiseToDpc(lock) };
    taken(Kind::Spin, lock.addr(), old);
    old
}

/// `VOID KeReleaseSpinLock(PKSPIN_LOCK, KIRQL)`
pub unsafe extern "system" fn release_spin_lock(lock: *mut usize, new: u8) {
    const SERVICE: &str = "KeReleaseSpinLock";
    let level = threads::irql();
    if level != DISPATCH {
        let text = format!(
            "called at IRQL {level} ({}), not DISPATCH_LEVEL",
            threads::name(level)
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let held = given_back(SERVICE, Kind::Spin, lock.addr());
    if held.old != new {
        let text = format!("returns to IRQL {new}, the lock was taken at {}", held.old);
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    demand_no_spin_lock(SERVICE, new);
    // SAFETY: the lock is held.
    unsafe { KeReleaseSpinLock(lock, 0) };
    threads::set_irql(new);
}

/// Ends the run unless normal kernel APCs are off, as push locks demand.
fn demand_no_apcs(service: &str) {
    demand(service, APC);
    if threads::irql() < APC && threads::regions() == 0 {
        let text = "called with normal kernel APCs enabled (KeEnterCriticalRegion is missing)";
        fault::wrong_use(service, text, vec![format!("by {}", Note::now().text())]);
    }
}

/// What a push lock's word holds: it is free, taken, or taken and wanted by others.
const FREE: u32 = 0;
const TAKEN: u32 = 1;
const WANTED: u32 = 2;

/// The word of a push lock that is played with: the lower half, where the lock is free when it is zero.
///
/// # Safety
///
/// There is a lock at `lock`.
unsafe fn word<'a>(lock: *mut usize) -> &'a AtomicU32 {
    // SAFETY: the caller's promise; x64 has the lower half first.
    unsafe { AtomicU32::from_ptr(lock.cast()) }
}

/// `VOID ExAcquirePushLockExclusiveEx(PEX_PUSH_LOCK, ULONG)`
pub unsafe extern "system" fn acquire_push_lock(lock: *mut usize, _flags: u32) {
    const SERVICE: &str = "ExAcquirePushLockExclusiveEx";
    demand_no_apcs(SERVICE);
    demand_not_held(SERVICE, lock.addr());
    // SAFETY: the caller's lock.
    let word = unsafe { word(lock) };
    if word
        .compare_exchange(FREE, TAKEN, Ordering::Acquire, Ordering::Relaxed)
        .is_err()
    {
        while word.swap(WANTED, Ordering::Acquire) != FREE {
            linux::sleep(word, WANTED);
        }
    }
    taken(Kind::Push, lock.addr(), 0);
}

/// `VOID ExReleasePushLockExclusiveEx(PEX_PUSH_LOCK, ULONG)`
pub unsafe extern "system" fn release_push_lock(lock: *mut usize, _flags: u32) {
    const SERVICE: &str = "ExReleasePushLockExclusiveEx";
    demand_no_apcs(SERVICE);
    given_back(SERVICE, Kind::Push, lock.addr());
    // SAFETY: the caller's lock.
    let word = unsafe { word(lock) };
    if word.swap(FREE, Ordering::Release) == WANTED {
        linux::wake(word);
    }
}
