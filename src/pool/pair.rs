//! Two objects that come and go together, each time under one hold of a lock.
//!
//! A batch costs what it costs however short it is. A pair has nothing to gather and nothing to take
//! back: it is there with both of its objects or not at all, and no lookup sees one without the other
//! slot being taken. What is out of the ordinary in any way is left to the batches, untouched.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::batch::{Batch, ask};
use super::run::Run;
use super::shard::After;
use super::slab::Slab;
use super::slot::{self, Slot};
use super::{Class, Full, Handle, Mode, Pool};
use crate::kernel::irql::{AtMostDispatch, Dispatch};
use crate::kernel::slots_watched;

impl<T: Send + Sync> Pool<T> {
    /// Makes two objects of these classes and tells their handles, which are good at once. The values
    /// are to be plain: the slots wait for them.
    ///
    /// # Errors
    ///
    /// [`Full`] when nonpaged pool is used up; there is neither of the two then.
    #[inline(always)]
    pub fn insert_pair(
        &self,
        classes: [Class; 2],
        first: impl FnOnce() -> T,
        second: impl FnOnce() -> T,
        irql: impl AtMostDispatch,
    ) -> Result<[Handle; 2], Full> {
        let (slab, irql) = (self.slab(), irql.into());
        if slots_watched() && !(ask() && ask()) {
            return Err(Full);
        }
        let [one, other] = classes;
        let Some([at, beside]) = slab.take_pair(irql) else {
            return insert_apart(slab, classes, [first(), second()], irql);
        };
        let open = |slot: NonNull<Slot<T>>, class, value| {
            // SAFETY: a slot that was taken lives.
            let slot = unsafe { slot.as_ref() };
            // SAFETY: it was taken for this object, and no batch has held it.
            Handle(unsafe { slot.open(class, value) })
        };
        Ok([open(at, one, first()), open(beside, other, second())])
    }

    /// Removes and drops two objects. `false`, and nothing is removed, if a handle is wrong or the two
    /// do not lie in one run: then they are a [`ReleaseBatch`](super::ReleaseBatch)'s.
    #[inline(always)]
    #[must_use]
    pub fn discard_pair(
        &self,
        classes: [Class; 2],
        handles: [*mut c_void; 2],
        irql: impl AtMostDispatch,
    ) -> bool {
        let (slab, irql) = (self.slab(), irql.into());
        let [first, second] = handles.map(<*mut c_void>::addr);
        let [one, other] = classes;
        if slab.mode != Mode::Slab || first == second {
            return false;
        }
        let Some((run, base)) = slab.find_base(slot::split(first).0) else {
            return false;
        };
        let number = run.shard();
        let mut shard = slab.lock_for_pair(number, irql);
        // Looked at again now that the lock keeps the run where it is; the base before the shard, the
        // other way round from how a descriptor is opened for another shard.
        if run.base() != base || run.shard() != number {
            return false;
        }
        // SAFETY: the lock of the run's shard is held.
        let Some(slot) = (unsafe { live::<T>(base, one, first) }) else {
            return false;
        };
        // SAFETY: as above.
        let Some(beside) = (unsafe { live::<T>(base, other, second) }) else {
            return false;
        };
        // SAFETY: as above, and the object is live and not pinned.
        unsafe { slot.discard(first) };
        // SAFETY: as above.
        unsafe { beside.discard(second) };
        if shard.keep_pair(run, [slot, beside]) == After::GiveBack {
            slab.give_back(run, shard, irql);
        }
        true
    }
}

/// The slot of a handle, if the handle names an object of this class, without a pin, in the run with
/// this base.
///
/// # Safety
///
/// The lock of the run's shard is held for as long as the slot is used.
#[inline(always)]
unsafe fn live<'a, T>(base: *mut u8, class: Class, handle: usize) -> Option<&'a Slot<T>> {
    let (address, generation) = slot::split(handle);
    let (_, slot) = Run::slot_of::<T>(base, address)?;
    // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
    let slot = unsafe { NonNull::new(slot)?.as_ref() };
    slot.is_removable(class, generation).then_some(slot)
}

/// As [`Pool::insert_pair`], where the shard has no two slots at hand. Whoever fails slots has been
/// asked.
#[cold]
#[inline(never)]
fn insert_apart<T: Send + Sync>(
    slab: &Slab<T>,
    classes: [Class; 2],
    values: [T; 2],
    irql: Dispatch,
) -> Result<[Handle; 2], Full> {
    let mut batch = Batch::unwatched(slab, classes.len(), irql);
    let ([one, other], [first, second]) = (classes, values);
    let handles = [
        batch.insert_with(one, || first)?,
        batch.insert_with(other, || second)?,
    ];
    batch.commit();
    Ok(handles)
}
