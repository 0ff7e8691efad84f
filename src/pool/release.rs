//! Removing many objects.
//!
//! A release batch keeps the lock of the shard that it is in while handles of that shard follow
//! one another, for 64 objects at most at a time. It gathers the slots that become free, and gives
//! them back to their run a word of its map at a time.

use core::ffi::c_void;
use core::mem::needs_drop;
use core::ptr::NonNull;

use super::run::{RUN, Run, Slots};
use super::shard::{After, ShardState};
use super::slab::Slab;
use super::slot::{self, Slot};
use super::{Class, Mode, Wrong};
use crate::kernel::irql::Dispatch;
use crate::kernel::{SpinGuard, free};

/// Objects that are removed under one hold of a lock, at most.
const HOLD: usize = 64;

/// Lookups after which a run that keeps changing under the caller counts as gone. A handle that is
/// good has its run in place.
const LOOKUPS: usize = 3;

/// How many handles ahead [`ReleaseBatch::discard_all`] fetches objects into the cache, since one is
/// mostly long out of it when it is removed. The first ones are the caller's to fetch.
pub const AHEAD: usize = 8;

/// Objects on their way out of a pool.
///
/// While it lives it may hold a spin lock of the pool, so the caller is at `DISPATCH_LEVEL`, does
/// only quick things in between, and takes no other lock of this pool.
pub struct ReleaseBatch<'a, T: Send + Sync> {
    slab: &'a Slab<T>,
    irql: Dispatch,
    held: Option<Held<'a>>,
}

/// A shard's lock.
struct Held<'a> {
    shard: SpinGuard<'a, ShardState>,
    number: usize,
    /// The run of the last object, which often is the next one's.
    run: &'static Run,
    /// Slots of the run that are free and not given back to it yet.
    gone: Slots,
    /// Objects until the lock has to be let go.
    left: usize,
}

/// An entry of a list that was not removed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused {
    /// Its place in the list.
    pub index: usize,
    /// What is wrong with it.
    pub wrong: Wrong,
}

impl Held<'_> {
    /// The slot of the run that begins at `address`.
    #[inline(always)]
    fn slot<T>(&self, address: usize) -> Option<(usize, NonNull<Slot<T>>)> {
        let (number, slot) = self.run.slot_at(address)?;
        NonNull::new(slot).map(|slot| (number, slot))
    }

    /// Notes that a slot of the run is free.
    fn free<T>(&mut self, number: usize) {
        let mut gone = self.gone;
        self.note::<T>(&mut gone, number);
        self.gone = gone;
        self.left = self.left.wrapping_sub(1);
    }

    /// Notes that a slot of the run is free, in `gone`: the one of the last, gathered slots.
    #[inline(always)]
    fn note<T>(&mut self, gone: &mut Slots, number: usize) {
        let slot = Slots::one(number);
        if !gone.join(slot) {
            // The slot itself is not given back yet, so this does not empty the run.
            let _ = self.shard.give::<T>(self.run, *gone);
            *gone = slot;
        }
    }
}

/// Frees the slot of a handle's object, if it is one of the run with this base. Its number, and its
/// value, are the caller's then.
///
/// # Safety
///
/// The lock of the run's shard is held.
#[inline(always)]
unsafe fn free_slot<T>(
    base: *mut u8,
    class: Class,
    handle: usize,
) -> Result<(usize, NonNull<Slot<T>>), Wrong> {
    let (address, generation) = slot::split(handle);
    let (number, slot) = Run::slot_of::<T>(base, address).ok_or(Wrong::Foreign)?;
    let slot = NonNull::new(slot).ok_or(Wrong::Foreign)?;
    // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
    let found = unsafe { slot.as_ref() };
    // SAFETY: the lock of the slot's shard is held.
    unsafe { found.free(class, generation) }?;
    Ok((number, slot))
}

/// Moves out the value of a slot that was freed.
///
/// # Safety
///
/// As [`Slot::value_out`].
#[inline(always)]
unsafe fn value_out<T>(slot: NonNull<Slot<T>>) -> T {
    // SAFETY: the lock is still held, so the slot stays mapped.
    let slot = unsafe { slot.as_ref() };
    // SAFETY: the caller's contract.
    unsafe { slot.value_out() }
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
        let held = self.reach(slot::address(handle)).ok_or(Wrong::Foreign)?;
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
        if self.slab.mode == Mode::PerObject {
            return 0;
        }
        let Some(held) = self.reach(slot::address(*first)) else {
            return 0;
        };
        let (base, most, mut gone) = (held.run.base(), held.left, held.gone);
        let mut swept: usize = 0;
        for handle in handles.iter().take(most) {
            if let Some(later) = handles.get(swept.wrapping_add(AHEAD)) {
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
        let address = slot::address(handle);
        let held = self.reach(address).ok_or(Wrong::Foreign)?;
        let (_, pinned) = held.slot::<T>(address).ok_or(Wrong::Foreign)?;
        // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
        let slot = unsafe { pinned.as_ref() };
        // SAFETY: the lock of the slot's shard is held.
        unsafe { slot.pin(class, slot::generation(handle)) }?;
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
            // SAFETY: the slot is held by the batch, so it lives.
            unsafe { slot.as_ref() }.let_go();
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

    /// Lets go of the lock, if it is held.
    #[inline(always)]
    pub(super) fn let_go(&mut self) {
        self.settle();
        self.held = None;
    }

    /// Gives the gathered slots back to their run. If that empties the run, and it goes, the lock is
    /// not held afterwards.
    #[inline(always)]
    fn settle(&mut self) {
        let Some(held) = &mut self.held else { return };
        if held.gone.is_none() {
            return;
        }
        let gone = core::mem::replace(&mut held.gone, Slots::NONE);
        let run = held.run;
        if held.shard.give::<T>(run, gone) == After::GiveBack {
            self.give_back(run);
        }
    }

    /// Frees a run that is empty and out of its shard.
    #[cold]
    fn give_back(&mut self, run: &'static Run) {
        let block = self.slab.close(run, self.irql);
        self.held = None;
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the run was taken with this tag and size, and nothing leads to it any more.
            unsafe { free(self.slab.tag, block, RUN) };
        }
    }

    /// Has the lock of the shard of the slot at `address` afterwards, and may remove one object more
    /// under it. `None` if the pool has no such slot.
    #[inline(always)]
    fn reach(&mut self, address: usize) -> Option<&mut Held<'a>> {
        let here = |held: &Held<'a>| held.left != 0 && held.slot::<T>(address).is_some();
        if !self.held.as_ref().is_some_and(here) && !self.lock(address) {
            return None;
        }
        self.held.as_mut()
    }

    /// Finds the run of the slot at `address` and has the lock of its shard afterwards.
    #[inline(never)]
    fn lock(&mut self, address: usize) -> bool {
        self.settle();
        for _ in 0..LOOKUPS {
            let Some(run) = self.look_up(address) else {
                return false;
            };
            let number = run.shard();
            let held = match &mut self.held {
                Some(held) if held.number == number && held.left != 0 => held,
                // Let go before the next is taken: two are never held at once.
                held => {
                    *held = None;
                    held.insert(Held {
                        shard: self.slab.lock_shard(number, self.irql),
                        number,
                        run,
                        gone: Slots::NONE,
                        left: HOLD,
                    })
                }
            };
            // Looked at again now that the lock keeps the run where it is; the base before the
            // shard, the other way round from how a descriptor is opened for another shard.
            if run.slot_at::<T>(address).is_some() && run.shard() == number {
                held.run = run;
                return true;
            }
            self.held = None;
        }
        false
    }

    /// Finds the run of an address, without the lock or, where that finds none, with it: a table
    /// of the set that is used again can miss what is there to who has no lock.
    #[inline(always)]
    fn look_up(&mut self, address: usize) -> Option<&'static Run> {
        if let Some(run) = self.slab.find_run(address) {
            return Some(run);
        }
        self.held = None;
        self.slab.find_run_locked(address, self.irql)
    }
}

impl<T: Send + Sync> Drop for ReleaseBatch<'_, T> {
    #[inline(always)]
    fn drop(&mut self) {
        self.let_go();
    }
}
