//! The pairs of slots that a shard keeps at hand.
//!
//! What a pair leaves behind is what the next pair but one takes, mostly soon. So the slots of the last
//! two pairs that went stay out of their run's map, and the run is spared two changes and its place in the
//! list. The older pair goes first, and the newer one is left where there is no other: when a pair is taken
//! its slots have had a whole call's time to come into the cache, which its removal began.
//!
//! Such slots count as taken, for the run and for the shard, and not in
//! [`Statistics`](super::Statistics). Only pairs come by them: whoever else locks the shard has them put
//! back first. Every run of theirs has another slot that is taken, so that no run is kept for their sake.

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

/// Slots of a pair.
const TWO: usize = 2;

/// A pair and its run, or none.
#[derive(Clone, Copy)]
struct Spare {
    /// Null if there is none.
    run: *const Run,
    pair: Pair,
}

/// The pairs of a shard.
pub(super) struct Spares {
    older: Spare,
    /// None unless there is an older one.
    newer: Spare,
}

impl Spare {
    const NONE: Self = Self {
        run: ptr::null(),
        pair: Pair::new(NonNull::dangling(), [0; TWO]),
    };

    const fn is_none(&self) -> bool {
        self.run.is_null()
    }
}

impl Spares {
    pub(super) const NONE: Self = Self {
        older: Spare::NONE,
        newer: Spare::NONE,
    };

    /// How many slots they have.
    pub(super) fn count(&self) -> usize {
        self.count_if(|spare| !spare.is_none())
    }

    fn count_if(&self, counts: impl Fn(&Spare) -> bool) -> usize {
        let pairs = [&self.older, &self.newer];
        let pairs = pairs.into_iter().filter(|spare| counts(spare)).count();
        pairs.wrapping_mul(TWO)
    }

    /// Takes the older one out.
    #[inline(always)]
    fn pop(&mut self) -> Spare {
        let older = self.older;
        self.older = self.newer;
        self.newer.run = ptr::null();
        older
    }
}

impl ShardState {
    /// Takes the older spare pair, if there are two.
    #[inline(always)]
    pub(super) fn take_spare(&mut self) -> Option<Pair> {
        if self.spares.newer.is_none() {
            return None;
        }
        Some(self.spares.pop().pair)
    }

    /// Takes the spare pair, if there is one: for a shard that has no others.
    #[cold]
    #[inline(never)]
    pub(super) fn take_only_spare(&mut self) -> Option<Pair> {
        let spare = self.spares.pop();
        self.count_taken(0);
        (!spare.is_none()).then_some(spare.pair)
    }

    /// Keeps two slots of a run that became free. If all that the run has are such ones, they are given
    /// back to it.
    #[inline(always)]
    pub(super) fn keep_pair<T>(
        &mut self,
        run: &Run,
        base: NonNull<u8>,
        numbers: [usize; TWO],
    ) -> After {
        if !self.spares.newer.is_none() {
            self.put_older_back::<T>();
        }
        let pair = Pair::new(base, numbers);
        let kept = Spare { run, pair };
        if self.spares.older.is_none() {
            self.spares.older = kept;
        } else {
            self.spares.newer = kept;
        }
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let free = unsafe { run.state() }.free;
        if free.wrapping_add(2 * TWO) >= slots::<T>() {
            self.leave_alone::<T>(run)
        } else {
            After::Keep
        }
    }

    /// Gives the spare pairs back to their runs.
    #[inline(always)]
    pub(super) fn settle_spares<T>(&mut self) {
        if !self.spares.older.is_none() {
            self.put_all_back::<T>();
        }
    }

    #[cold]
    #[inline(never)]
    fn put_all_back<T>(&mut self) {
        while !self.spares.older.is_none() {
            self.put_older_back::<T>();
        }
    }

    /// Gives the older one back to its run, which has another slot that is taken.
    #[cold]
    #[inline(never)]
    fn put_older_back<T>(&mut self) {
        let spare = self.spares.pop();
        let _ = self.put_back::<T>(spare);
    }

    /// Gives its spare pairs back to a run that has nothing else.
    #[cold]
    #[inline(never)]
    fn leave_alone<T>(&mut self, run: &Run) -> After {
        let is_its = |spare: &Spare| ptr::eq(spare.run, run);
        let its = self.spares.count_if(is_its);
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        if unsafe { run.state() }.free.wrapping_add(its) != slots::<T>() {
            return After::Keep;
        }
        let mut after = After::Keep;
        for spare in [self.spares.pop(), self.spares.pop()] {
            if is_its(&spare) {
                after = self.put_back::<T>(spare);
            } else if !spare.is_none() {
                self.spares.older = spare;
            }
        }
        after
    }

    fn put_back<T>(&mut self, spare: Spare) -> After {
        // SAFETY: a run with a taken slot has an open descriptor; the shard is its own.
        match unsafe { spare.run.as_ref() } {
            Some(run) => self.give_pair::<T>(run, spare.pair.numbers()),
            None => After::Keep,
        }
    }
}
