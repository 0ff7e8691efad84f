//! The pair of slots that a shard keeps at hand.
//!
//! What a pair leaves behind is what the next pair takes, mostly at once. So the slots of the last pair
//! that went stay out of their run's map, and the run is spared two changes and its place in the list.
//! They count as taken, for the run and for the shard, and not in
//! [`Statistics`](super::Statistics). Only pairs come by them: whoever else locks
//! the shard has them put back first, so that no run is kept for their sake.

use core::ptr::{self, NonNull};

use super::run::{Run, slots};
use super::shard::{After, ShardState};

const HALF: u32 = usize::BITS / 2;

/// Two slots of one run.
#[derive(Clone, Copy)]
pub(super) struct Pair {
    /// Where the run's slots begin.
    pub(super) base: NonNull<u8>,
    /// The slots' numbers, in a half of this each: in one word, because they are mostly read right after
    /// they were written, and a processor that reads two words as one, which were written as two, has to
    /// wait.
    numbers: usize,
}

impl Pair {
    #[inline(always)]
    pub(super) const fn new(base: NonNull<u8>, [one, other]: [usize; 2]) -> Self {
        let numbers = one | other << HALF;
        Self { base, numbers }
    }

    /// The slots' numbers.
    #[inline(always)]
    pub(super) const fn numbers(self) -> [usize; 2] {
        [self.numbers & (usize::MAX >> HALF), self.numbers >> HALF]
    }
}

/// A pair, or none.
pub(super) struct Spare {
    /// Null if there is none.
    run: *const Run,
    pair: Pair,
}

impl Spare {
    /// How many slots it has.
    pub(super) fn count(&self) -> usize {
        if self.run.is_null() {
            0
        } else {
            self.pair.numbers().len()
        }
    }

    pub(super) const NONE: Self = Self {
        run: ptr::null(),
        pair: Pair::new(NonNull::dangling(), [0; 2]),
    };
}

impl ShardState {
    /// Takes the spare pair, if there is one.
    #[inline(always)]
    pub(super) fn take_spare(&mut self) -> Option<Pair> {
        if self.spare.run.is_null() {
            return None;
        }
        self.spare.run = ptr::null();
        Some(self.spare.pair)
    }

    /// Keeps two slots of a run that became free, in place of those that were kept before. If these are
    /// the last that the run had, they are given back to it.
    #[inline(always)]
    pub(super) fn keep_pair<T>(
        &mut self,
        run: &Run,
        base: NonNull<u8>,
        numbers: [usize; 2],
    ) -> After {
        if !self.spare.run.is_null() {
            self.put_spare_back::<T>();
        }
        let pair = Pair::new(base, numbers);
        self.spare = Spare { run, pair };
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let free = unsafe { run.state() }.free;
        if free.wrapping_add(numbers.len()) == slots::<T>() {
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
        self.give_pair::<T>(run, self.spare.pair.numbers())
    }
}
