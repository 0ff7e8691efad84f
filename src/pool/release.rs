//! Removing many objects.
//!
//! A release batch keeps the lock of the shard that it is in while handles of that shard follow
//! one another, for 64 objects at most at a time.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::run::{Run, Slots};
use super::shard::{After, ShardState};
use super::slab::Slab;
use super::slot::{self, Slot};
use super::{Mode, Wrong};
use crate::kernel::SpinGuard;
use crate::kernel::irql::Dispatch;

/// Objects that are removed under one hold of a lock, at most.
const HOLD: usize = 64;

/// Lookups after which a run that keeps changing under the caller counts as gone. A handle that is
/// good has its run in place.
const LOOKUPS: usize = 3;

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
    /// Objects until the lock has to be let go.
    left: usize,
}

/// A slot of a run whose shard's lock is held.
struct Found<T> {
    run: &'static Run,
    number: usize,
    slot: *mut Slot<T>,
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

    /// Moves out the object that `handle` names and frees its slot.
    ///
    /// # Errors
    ///
    /// Why `handle` was refused; nothing changes then.
    #[inline(always)]
    pub fn remove(&mut self, handle: *mut c_void) -> Result<T, Wrong> {
        if handle.is_null() {
            return Err(Wrong::Null);
        }
        if self.slab.mode == Mode::PerObject {
            return self.slab.remove_single(handle, self.irql);
        }
        // On its way while the set, the descriptor and the lock are looked at.
        slot::prefetch(handle);
        let found = self.find(slot::address(handle)).ok_or(Wrong::Foreign)?;
        // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
        let slot = unsafe { &*found.slot };
        // SAFETY: the lock of the slot's shard is held.
        let value = unsafe { slot.take(slot::generation(handle)) }?;
        self.give(&found);
        Ok(value)
    }

    /// Gives back the slot of a batch, whose object is dropped.
    pub(super) fn give_held(&mut self, slot: NonNull<Slot<T>>) {
        if self.slab.mode == Mode::PerObject {
            self.slab.release_single(slot, self.irql);
            return;
        }
        if let Some(found) = self.find(slot.addr().get()) {
            // SAFETY: the slot is held, so it lives.
            unsafe { slot.as_ref() }.let_go();
            self.give(&found);
        }
    }

    /// Gives back slots of a batch that had no object.
    pub(super) fn give_unused(&mut self, run: &'static Run, slots: Slots) {
        let mut shard = self.slab.lock_shard(run.shard(), self.irql);
        if shard.give::<T>(run, slots) == After::GiveBack {
            self.slab.give_back(run, self.irql);
        }
    }

    /// Lets go of the lock, if it is held.
    pub(super) fn let_go(&mut self) {
        self.held = None;
    }

    /// Finds the slot at `address` and has the lock of its shard afterwards.
    #[inline(always)]
    fn find(&mut self, address: usize) -> Option<Found<T>> {
        if let Some(held) = &mut self.held {
            if held.left == 0 {
                self.held = None;
            } else if let Some((number, slot)) = held.run.slot_at(address) {
                held.left = held.left.wrapping_sub(1);
                return Some(Found {
                    run: held.run,
                    number,
                    slot,
                });
            }
        }
        for _ in 0..LOOKUPS {
            let run = self.look_up(address)?;
            let shard = run.shard();
            match &mut self.held {
                Some(held) if held.number == shard => {
                    held.run = run;
                    held.left = held.left.wrapping_sub(1);
                }
                held => {
                    // Let go before the next is taken: two shards are never locked at once.
                    *held = None;
                    let guard = self.slab.lock_shard(shard, self.irql);
                    *held = Some(Held {
                        shard: guard,
                        number: shard,
                        run,
                        left: HOLD - 1,
                    });
                }
            }
            // Looked at again now that the lock keeps the run where it is; the base before the
            // shard, the other way round from how a descriptor is opened for another shard.
            if let Some((number, slot)) = run.slot_at(address)
                && run.shard() == shard
            {
                return Some(Found { run, number, slot });
            }
        }
        None
    }

    /// Finds the run of an address, without the lock or, where that finds none, with it: a table
    /// of the set that is used again can miss what is there to a reader who is not counted.
    #[inline(always)]
    fn look_up(&mut self, address: usize) -> Option<&'static Run> {
        if let Some((run, ..)) = self.slab.find_run(address) {
            return Some(run);
        }
        self.held = None;
        self.slab.find_run_locked(address, self.irql)
    }

    /// Puts a free slot back into its run.
    #[inline(always)]
    fn give(&mut self, found: &Found<T>) {
        let Some(held) = &mut self.held else { return };
        // SAFETY: the slot lies in a run of the shard whose lock is held, so it stays mapped.
        let slot = unsafe { &*found.slot };
        // SAFETY: the slot has no value and the lock of its shard is held.
        unsafe { slot.overwrite() };
        if held.shard.give::<T>(found.run, Slots::one(found.number)) == After::GiveBack {
            self.slab.give_back(found.run, self.irql);
            // The run of the last object is gone, and memory waits to be freed without a lock.
            self.held = None;
            self.slab.reclaim(self.irql);
        }
    }
}

impl<T: Send + Sync> Drop for ReleaseBatch<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.held = None;
        self.slab.reclaim(self.irql);
    }
}
