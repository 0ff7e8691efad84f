//! Removing many objects.
//!
//! A release batch keeps the lock of the shard that it is in while handles of that shard follow
//! one another, for 64 objects at most at a time. It gathers the slots that become free, and gives
//! them back to their run a word of its map at a time.

use core::ffi::c_void;
use core::mem::needs_drop;
use core::ptr::NonNull;

use super::held::{HOLD, Held, free_slot, value_out};
use super::run::{Run, Slots};
use super::slab::Slab;
use super::slot::{self, Slot};
use super::stamp;
use super::{Class, Mode, Wrong};
use crate::kernel::irql::Dispatch;

/// How many handles ahead an object is fetched into the cache: one is mostly long out of it when it is
/// removed. The first ones are the caller's to fetch.
pub const AHEAD: usize = 8;

/// Objects on their way out of a pool.
///
/// While it lives it may hold a spin lock of the pool, so the caller is at `DISPATCH_LEVEL`, does
/// only quick things in between, and takes no other lock of this pool.
pub struct ReleaseBatch<'a, T: Send + Sync> {
    pub(super) slab: &'a Slab<T>,
    pub(super) irql: Dispatch,
    pub(super) held: Option<Held<'a>>,
}

/// An entry of a list that was not removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its place in the list.
    pub index: usize,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl<'a, T: Send + Sync> ReleaseBatch<'a, T> {
    #[inline]
    pub(super) fn new(slab: &'a Slab<T>, irql: impl Into<Dispatch>) -> Self {
        Self {
            slab,
            irql: irql.into(),
            held: None,
        }
    }

    /// The level that the caller is at.
    #[must_use]
    pub const fn irql(&self) -> Dispatch {
        self.irql
    }

    /// Moves out the object of the first class that `handle` names, as [`ReleaseBatch::remove_as`]
    /// does it.
    ///
    /// # Errors
    ///
    /// As [`ReleaseBatch::remove_as`].
    #[inline]
    pub fn remove(&mut self, handle: *mut c_void) -> Result<T, Wrong> {
        self.remove_as(Class::FIRST, handle)
    }

    /// Moves out the object that `handle` names and frees its slot.
    ///
    /// # Errors
    ///
    /// Why `handle` was refused; nothing changes then.
    #[inline]
    pub fn remove_as(&mut self, class: Class, handle: *mut c_void) -> Result<T, Wrong> {
        if handle.is_null() {
            return Err(Wrong::Null);
        }
        if self.slab.mode == Mode::PerObject {
            return self.slab.remove_single(class, handle, self.irql);
        }
        let held = self.reach(stamp::address(handle)).ok_or(Wrong::Foreign)?;
        // SAFETY: the lock is held.
        let (number, slot) = unsafe { free_slot(held.run.base(), class, handle.addr()) }?;
        held.free::<T>(number);
        // SAFETY: the slot was made free just now.
        Ok(unsafe { value_out(slot) })
    }

    /// Removes and drops the object that `handle` names. NULL stands for no object.
    ///
    /// # Errors
    ///
    /// Why `handle` was refused; nothing changes then.
    #[inline(always)]
    pub fn discard(&mut self, class: Class, handle: *mut c_void) -> Result<(), Wrong> {
        if self.sweep(class, &[handle]) == 1 {
            return Ok(());
        }
        self.refused(class, handle)
    }

    /// Removes and drops every object of `class` that `handles` name. NULL stands for no object.
    /// Tells the first entry that was refused; the others are removed all the same.
    #[inline(always)]
    pub fn discard_all(&mut self, class: Class, handles: &[*mut c_void]) -> Option<Refused> {
        let mut refused = None;
        let mut index: usize = 0;
        if let Some(first) = handles.first() {
            self.begin(stamp::address(*first));
        }
        while let Some(rest) = handles.get(index..)
            && let Some(handle) = rest.first()
        {
            // Mostly once, for all.
            let swept = self.sweep(class, rest);
            index = index.wrapping_add(swept);
            if swept == 0 {
                if let Err(wrong) = self.refused(class, *handle) {
                    refused.get_or_insert(Refused { index, wrong });
                }
                index = index.wrapping_add(1);
            }
        }
        refused
    }

    /// What is to be done with a handle that [`ReleaseBatch::sweep`] does not take.
    #[cold]
    #[inline(never)]
    fn refused(&mut self, class: Class, handle: *mut c_void) -> Result<(), Wrong> {
        match self.remove_as(class, handle) {
            Ok(_) | Err(Wrong::Null) => Ok(()),
            Err(wrong) => Err(wrong),
        }
    }

    /// Removes the first objects, as long as all is as it mostly is: good handles of one run. Tells
    /// how many that were.
    #[inline(always)]
    fn sweep(&mut self, class: Class, handles: &[*mut c_void]) -> usize {
        let Some(first) = handles.first() else {
            return 0;
        };
        if self.slab.mode == Mode::PerObject || first.is_null() {
            return 0;
        }
        let Some(held) = self.reach(stamp::address(*first)) else {
            return 0;
        };
        let (base, most, mut gone) = (held.run.base(), held.left, held.gone);
        let mut swept: usize = 0;
        let mut later = handles.get(AHEAD..).unwrap_or_default().iter();
        for handle in handles.iter().take(most) {
            if let Some(later) = later.next() {
                slot::prefetch(*later);
            }
            // SAFETY: the lock is held.
            let Ok((number, slot)) = (unsafe { free_slot::<T>(base, class, handle.addr()) }) else {
                break;
            };
            held.note::<T>(&mut gone, number);
            if needs_drop::<T>() {
                // SAFETY: the slot was made free just now.
                drop(unsafe { value_out(slot) });
            }
            swept = swept.wrapping_add(1);
        }
        held.gone = gone;
        held.left = most.wrapping_sub(swept);
        swept
    }

    /// Pins the object that `handle` names.
    pub(super) fn pin(
        mut self,
        class: Class,
        handle: *mut c_void,
    ) -> Result<NonNull<Slot<T>>, Wrong> {
        let (address, generation) = stamp::split(handle.addr());
        let held = self.reach(address).ok_or(Wrong::Foreign)?;
        let (number, pinned) = held.slot::<T>(address).ok_or(Wrong::Foreign)?;
        // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
        let slot = unsafe { pinned.as_ref() };
        // SAFETY: as above.
        let stamp = unsafe { Run::stamp_of::<T>(held.run.base(), number) };
        // SAFETY: the lock of the slot's shard is held.
        unsafe { slot.pin(stamp, class, generation) }?;
        Ok(pinned)
    }

    /// Gives back the slot of a batch, whose object is dropped.
    pub(super) fn give_held(&mut self, slot: NonNull<Slot<T>>) {
        if self.slab.mode == Mode::PerObject {
            self.slab.release_single(slot, self.irql);
            return;
        }
        let address = slot.addr().get();
        if let Some(held) = self.reach(address)
            && let Some((number, _)) = held.slot::<T>(address)
        {
            // SAFETY: the slot is held by the batch, so its run stays mapped.
            let stamp = unsafe { Run::stamp_of::<T>(held.run.base(), number) };
            stamp.close(stamp.generation());
            held.free::<T>(number);
        }
    }

    /// Gives back slots of a batch that had no object.
    pub(super) fn give_unused(&mut self, run: &'static Run, slots: Slots) {
        self.let_go();
        let number = run.shard();
        self.held = Some(Held {
            shard: self.slab.lock_shard(number, self.irql),
            number,
            run,
            gone: slots,
            left: HOLD,
        });
        self.settle();
    }
}

impl<T: Send + Sync> Drop for ReleaseBatch<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.let_go();
    }
}
