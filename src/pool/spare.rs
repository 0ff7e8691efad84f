//! The pair of slots that a shard keeps at hand.
//!
//! What a pair leaves behind is what the next pair takes, mostly at once. So the slots of the last pair
//! that went stay out of their run's map, and the run is spared two changes and its place in the list.
//! They count as taken for the run and as free for the shard. Only pairs come by them: whoever else locks
//! the shard has them put back first, so that no run is kept for their sake.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::run::{Run, slots};
use super::shard::{After, ShardState};
use super::slot::Slot;

/// Two slots of one run, or none.
pub(super) struct Spare {
    /// Null if there are none.
    run: *const Run,
    slots: [NonNull<c_void>; 2],
}

impl Spare {
    pub(super) const NONE: Self = Self {
        run: ptr::null(),
        slots: [NonNull::dangling(); 2],
    };
}

impl ShardState {
    /// Takes the spare pair, if there is one.
    #[inline(always)]
    pub(super) fn take_spare<T>(&mut self) -> Option<[NonNull<Slot<T>>; 2]> {
        if self.spare.run.is_null() {
            return None;
        }
        self.spare.run = ptr::null();
        self.count_taken(self.spare.slots.len());
        Some(self.spare.slots.map(NonNull::cast))
    }

    /// Keeps two slots of a run that became free, in place of those that were kept before. If these are
    /// the last that the run had, they are given back to it.
    #[inline(always)]
    pub(super) fn keep_pair<T>(&mut self, run: &Run, pair: [&Slot<T>; 2]) -> After {
        if !self.spare.run.is_null() {
            self.put_spare_back::<T>();
        }
        self.spare = Spare {
            run,
            slots: pair.map(|slot| NonNull::from(slot).cast()),
        };
        self.live = self.live.wrapping_sub(pair.len());
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let free = unsafe { run.state() }.free;
        if free.wrapping_add(pair.len()) == slots::<T>() {
            self.put_spare_back::<T>()
        } else {
            After::Keep
        }
    }

    /// Gives the spare pair back to its run, if there is one.
    #[inline(always)]
    pub(super) fn settle_spare<T>(&mut self) {
        if !self.spare.run.is_null() {
            // It does not empty its run: nothing came back to that since the pair was kept.
            let _ = self.put_spare_back::<T>();
        }
    }

    #[cold]
    #[inline(never)]
    fn put_spare_back<T>(&mut self) -> After {
        // SAFETY: a run with a taken slot has an open descriptor; the shard is its own.
        let Some(run) = (unsafe { self.spare.run.as_ref() }) else {
            return After::Keep;
        };
        self.spare.run = ptr::null();
        let numbers = self.spare.slots.map(|slot| run.number_of::<T>(slot.cast()));
        self.give_pair::<T>(run, numbers)
    }
}
