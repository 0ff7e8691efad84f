//! Which handles dxgkrnl may pass: the adapters that AddDevice made, their devices and contexts.
//!
//! A context that is none of ours is refused without being touched. That needs a list of adapters;
//! it is no table of objects: those are found by their address in the adapter's pools
//! (contract: G7).

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use crate::adapter::{Adapter, Device};
use crate::engine::context::Context;
use crate::kernel::irql::AtMostDispatch;
use crate::kernel::{NoMemory, SpinLock};
use crate::pool::{Pool, Ref};

/// More adapters than a machine has.
const MOST: usize = 64;

static ADAPTERS: [AtomicPtr<Adapter>; MOST] = [const { AtomicPtr::new(ptr::null_mut()) }; MOST];

/// Held while the list changes and while adapters are searched for an object, so that none is freed
/// in the middle. The list is short, and so is a look into a pool.
static LIST: SpinLock<()> = SpinLock::new(());

/// Enters a new adapter.
///
/// # Errors
///
/// [`NoMemory`] if there is no place for one more.
pub fn register(adapter: NonNull<Adapter>, irql: impl AtMostDispatch) -> Result<(), NoMemory> {
    let _list = LIST.lock(irql);
    let free = ADAPTERS
        .iter()
        .find(|slot| slot.load(Ordering::Relaxed).is_null());
    free.ok_or(NoMemory)?
        .store(adapter.as_ptr(), Ordering::Release);
    Ok(())
}

/// Takes an adapter off the list; the caller may free it then. `None` if it is not on it.
pub fn unregister(context: *const c_void, irql: impl AtMostDispatch) -> Option<NonNull<Adapter>> {
    let _list = LIST.lock(irql);
    let slot = ADAPTERS.iter().find(|slot| is(slot, context))?;
    NonNull::new(slot.swap(ptr::null_mut(), Ordering::AcqRel))
}

/// The adapter with this `MiniportDeviceContext` or `hAdapter`. Any IRQL, no lock.
///
/// # Safety
///
/// The reference is used only while the DDI runs that got the handle: dxgkrnl removes no adapter in
/// the middle of one.
#[inline]
pub unsafe fn adapter<'call>(context: *const c_void) -> Option<&'call Adapter> {
    // Mostly there is one, and it is the first.
    let [first, ..] = &ADAPTERS;
    let first = first.load(Ordering::Acquire);
    let adapter = if ptr::eq(first.cast_const().cast(), context) {
        NonNull::new(first)?
    } else {
        find_adapter(context)?
    };
    // SAFETY: it is a live adapter, and stays one for the call.
    Some(unsafe { adapter.as_ref() })
}

#[cold]
#[inline(never)]
fn find_adapter(context: *const c_void) -> Option<NonNull<Adapter>> {
    let slot = ADAPTERS.iter().find(|slot| is(slot, context))?;
    NonNull::new(slot.load(Ordering::Acquire))
}

/// The device with this `hDevice`, and its adapter.
///
/// # Safety
///
/// As [`adapter`].
pub unsafe fn device<'call>(
    handle: *mut c_void,
    irql: impl AtMostDispatch,
) -> Option<(&'call Adapter, Ref<'call, Device>)> {
    // SAFETY: the caller's contract is the same.
    unsafe { find(|adapter| &adapter.devices, handle, irql) }
}

/// The context with this `hContext`, and its adapter.
///
/// # Safety
///
/// As [`adapter`].
pub unsafe fn context<'call>(
    handle: *mut c_void,
    irql: impl AtMostDispatch,
) -> Option<(&'call Adapter, Ref<'call, Context>)> {
    // SAFETY: the caller's contract is the same.
    unsafe { find(|adapter| &adapter.contexts, handle, irql) }
}

/// The object that `handle` names in one of the adapters' pools.
///
/// # Safety
///
/// As [`adapter`].
unsafe fn find<'call, T: Send + Sync>(
    pool: fn(&'call Adapter) -> &'call Pool<T>,
    handle: *mut c_void,
    irql: impl AtMostDispatch,
) -> Option<(&'call Adapter, Ref<'call, T>)> {
    let list = LIST.lock(irql);
    for slot in &ADAPTERS {
        let Some(adapter) = NonNull::new(slot.load(Ordering::Acquire)) else {
            continue;
        };
        // SAFETY: no adapter on the list is freed while the lock is held, and the one that has the
        // object is not freed before the call ends.
        let adapter: &'call Adapter = unsafe { adapter.as_ref() };
        if let Ok(object) = pool(adapter).get(handle, list.irql()) {
            return Some((adapter, object));
        }
    }
    None
}

/// How many adapters there are.
pub fn count() -> u64 {
    ADAPTERS
        .iter()
        .filter(|slot| !slot.load(Ordering::Relaxed).is_null())
        .count() as u64
}

fn is(slot: &AtomicPtr<Adapter>, context: *const c_void) -> bool {
    !context.is_null() && ptr::eq(slot.load(Ordering::Acquire).cast_const().cast(), context)
}
