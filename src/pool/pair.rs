//! Two objects that come and go together, each time under one hold of a lock.
//!
//! A batch costs what it costs however short it is. A pair has nothing to gather and nothing to take
//! back: it is there with both of its objects or not at all, and no lookup sees one without the other
//! slot being taken. What is out of the ordinary in any way is left to the batches, untouched.

use core::ffi::c_void;
use core::mem::needs_drop;
use core::ptr::NonNull;

use super::batch::{Batch, ask};
use super::held::value_out;
use super::run::Run;
use super::shard::After;
use super::slab::Slab;
use super::slot::Slot;
use super::stamp::{self, Generation};
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
        let Some(taken) = slab.take_pair(irql) else {
            return insert_apart(slab, classes, [first(), second()], irql);
        };
        let open = |number, class, value| {
            // SAFETY: the slot was taken, so its run stays mapped.
            let slot = unsafe { Run::slot_in::<T>(taken.base, number) };
            // SAFETY: as above.
            let taken_slot = unsafe { slot.as_ref() };
            // SAFETY: it was taken for this object, and has no value.
            unsafe { taken_slot.write(value) };
            // SAFETY: as above.
            let stamp = unsafe { Run::stamp_of::<T>(taken.base.as_ptr(), number) };
            Handle(stamp.open(class).handle_of(slot))
        };
        let [at, beside] = taken.numbers();
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
        // Twice the same handle is none of two classes' at once.
        if slab.mode != Mode::Slab || one == other && first == second {
            return false;
        }
        let (address, generation) = stamp::split(first);
        let Some(place) = slab.find_place(address) else {
            return false;
        };
        let Some(base) = place.base::<T>(address) else {
            return false;
        };
        let Some((at, _)) = Run::slot_of::<T>(base.as_ptr(), address) else {
            return false;
        };
        let number = place.shard();
        let mut shard = slab.lock_for_pair(number, irql);
        let Some(run) = slab.runs.get(place.run()) else {
            return false;
        };
        // The lock keeps the run where it is, if it is there; the base before the shard, the other way
        // round from how a descriptor is opened for another shard.
        if run.base() != base.as_ptr() || run.shard() != number {
            return false;
        }
        let slot = Member {
            number: at,
            generation,
        };
        let (address, generation) = stamp::split(second);
        let Some((at, _)) = Run::slot_of::<T>(base.as_ptr(), address) else {
            return false;
        };
        let beside = Member {
            number: at,
            generation,
        };
        // SAFETY: the run has a slot of this number, and the lock of its shard is held.
        if !unsafe { slot.is_removable::<T>(base, one) } {
            return false;
        }
        // SAFETY: as above.
        if !unsafe { beside.is_removable::<T>(base, other) } {
            return false;
        }
        // SAFETY: as above, and the object can be removed.
        unsafe { slot.discard::<T>(base) };
        // SAFETY: as above.
        unsafe { beside.discard::<T>(base) };
        let numbers = [slot.number, beside.number];
        if shard.keep_pair::<T>(run, base, numbers) == After::GiveBack {
            slab.give_back(run, shard, irql);
        }
        true
    }
}

/// What a handle says of its object, in the run where its slot is.
#[derive(Clone, Copy)]
struct Member {
    number: usize,
    generation: Generation,
}

impl Member {
    /// Whether the slot has an object of this class and generation, without a pin.
    ///
    /// # Safety
    ///
    /// The run with this base has such a slot, and the lock of its shard is held.
    #[inline(always)]
    unsafe fn is_removable<T>(self, base: NonNull<u8>, class: Class) -> bool {
        // SAFETY: the run's shard is locked, so it stays mapped.
        let slot = unsafe { Run::slot_in::<T>(base, self.number) };
        // SAFETY: as above.
        let stamp = unsafe { Run::stamp_of::<T>(base.as_ptr(), self.number) };
        // SAFETY: as above.
        unsafe { Slot::may_free(slot, stamp, class, self.generation) }.is_ok()
    }

    /// Makes the slot free and drops its object.
    ///
    /// # Safety
    ///
    /// As [`Member::is_removable`], which said so under the same hold of the lock.
    #[inline(always)]
    unsafe fn discard<T>(self, base: NonNull<u8>) {
        // SAFETY: the run's shard is locked, so it stays mapped.
        let stamp = unsafe { Run::stamp_of::<T>(base.as_ptr(), self.number) };
        stamp.close(self.generation);
        if needs_drop::<T>() {
            // SAFETY: as above.
            let slot = unsafe { Run::slot_in::<T>(base, self.number) };
            // SAFETY: the slot was made free just now.
            drop(unsafe { value_out(slot) });
        }
    }
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
