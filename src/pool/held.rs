//! The lock that a release batch holds, and the slots that became free under it.
//!
//! Finding the run of a handle and locking its shard is one thing: what was found without the lock is
//! looked at again with it. Free slots are gathered, and given back to their run a word of its map at
//! a time.

use core::ptr::NonNull;

use super::release::ReleaseBatch;
use super::run::{Run, Slots};
use super::shard::{After, ShardState};
use super::slot::Slot;
use super::stamp;
use super::{Class, Mode, Wrong};
use crate::kernel::SpinGuard;

/// Objects that are removed under one hold of a lock, at most.
pub(super) const HOLD: usize = 64;

/// Lookups after which a run that keeps changing under the caller counts as gone. A handle that is
/// good has its run in place.
const LOOKUPS: usize = 3;

/// A shard's lock.
pub(super) struct Held<'a> {
    pub(super) shard: SpinGuard<'a, ShardState>,
    pub(super) number: usize,
    /// The run of the last object, which often is the next one's.
    pub(super) run: &'static Run,
    /// Slots of the run that are free and not given back to it yet.
    pub(super) gone: Slots,
    /// Objects until the lock has to be let go.
    pub(super) left: usize,
}

impl Held<'_> {
    /// The slot of the run that begins at `address`.
    #[inline(always)]
    pub(super) fn slot<T>(&self, address: usize) -> Option<(usize, NonNull<Slot<T>>)> {
        let (number, slot) = self.run.slot_at(address)?;
        NonNull::new(slot).map(|slot| (number, slot))
    }

    /// Notes that a slot of the run is free.
    pub(super) fn free<T>(&mut self, number: usize) {
        let mut gone = self.gone;
        self.note::<T>(&mut gone, number);
        self.gone = gone;
        self.left = self.left.wrapping_sub(1);
    }

    /// Notes that a slot of the run is free, in `gone`: the one of the last, gathered slots.
    #[inline(always)]
    pub(super) fn note<T>(&mut self, gone: &mut Slots, number: usize) {
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
pub(super) unsafe fn free_slot<T>(
    base: *mut u8,
    class: Class,
    handle: usize,
) -> Result<(usize, NonNull<Slot<T>>), Wrong> {
    let (address, generation) = stamp::split(handle);
    let (number, slot) = Run::slot_of::<T>(base, address).ok_or(Wrong::Foreign)?;
    let slot = NonNull::new(slot).ok_or(Wrong::Foreign)?;
    // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
    let stamp = unsafe { Run::stamp_of::<T>(base, number) };
    // SAFETY: as above.
    unsafe { Slot::free(slot, stamp, class, generation) }?;
    Ok((number, slot))
}

/// Moves out the value of a slot that was freed.
///
/// # Safety
///
/// As [`Slot::value_out`].
#[inline(always)]
pub(super) unsafe fn value_out<T>(slot: NonNull<Slot<T>>) -> T {
    // SAFETY: the lock is still held, so the slot stays mapped.
    let slot = unsafe { slot.as_ref() };
    // SAFETY: the caller's contract.
    unsafe { slot.value_out() }
}

impl<'a, T: Send + Sync> ReleaseBatch<'a, T> {
    /// Lets go of the lock, if it is held.
    #[inline(always)]
    pub fn let_go(&mut self) {
        self.settle();
        self.held = None;
    }

    /// Gives the gathered slots back to their run. If that empties the run, and it goes, the lock is
    /// not held afterwards.
    #[inline(always)]
    pub(super) fn settle(&mut self) {
        let Some(held) = &mut self.held else { return };
        if held.gone.is_none() {
            return;
        }
        let gone = core::mem::replace(&mut held.gone, Slots::NONE);
        let run = held.run;
        if held.shard.give::<T>(run, gone) == After::GiveBack
            && let Some(held) = self.held.take()
        {
            self.slab.give_back(run, held.shard, self.irql);
        }
    }

    /// Has the lock of the shard of the slot at `address` afterwards, and may remove one object more
    /// under it. `None` if the pool has no such slot.
    #[inline(always)]
    pub(super) fn reach(&mut self, address: usize) -> Option<&mut Held<'a>> {
        let here = |held: &Held<'a>| held.left != 0 && held.slot::<T>(address).is_some();
        if !self.held.as_ref().is_some_and(here) && !self.lock(address) {
            return None;
        }
        self.held.as_mut()
    }

    /// As [`ReleaseBatch::reach`] where no lock is held yet, which mostly succeeds. (Apart, so that it
    /// is expanded once.)
    #[inline(always)]
    pub(super) fn begin(&mut self, address: usize) {
        if self.slab.mode == Mode::Slab
            && self.held.is_none()
            && let Some(run) = self.slab.find_run(address)
        {
            let _ = self.lock_run(run, address);
        }
    }

    /// Finds the run of the slot at `address` and has the lock of its shard afterwards.
    #[inline(never)]
    fn lock(&mut self, address: usize) -> bool {
        self.settle();
        if let Some(run) = self.slab.find_run(address)
            && self.lock_run(run, address)
        {
            return true;
        }
        self.lock_again(address)
    }

    /// As [`ReleaseBatch::lock`], where what was found was not there any more or nothing was found.
    #[cold]
    fn lock_again(&mut self, address: usize) -> bool {
        for _ in 0..LOOKUPS {
            let Some(run) = self.look_up(address) else {
                return false;
            };
            if self.lock_run(run, address) {
                return true;
            }
        }
        false
    }

    /// Has the lock of a run's shard afterwards, if the run still has the slot at `address`.
    #[inline(always)]
    fn lock_run(&mut self, run: &'static Run, address: usize) -> bool {
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
        // Looked at again now that the lock keeps the run where it is; the base before the shard,
        // the other way round from how a descriptor is opened for another shard.
        if run.slot_at::<T>(address).is_some() && run.shard() == number {
            held.run = run;
            return true;
        }
        self.held = None;
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
