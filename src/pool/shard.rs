//! Shards: the runs of a processor, and the lock that guards them.

use core::ptr::{self, NonNull};

use super::run::{Run, Slots, slots};
use super::spare::{Pair, Spares};
use crate::kernel::SpinLock;
use crate::kernel::sync::MODEL;

/// Number of shards. A processor uses the one of its number, modulo this.
pub(super) const SHARDS: usize = if MODEL { 2 } else { 4 };

/// A lock and what it guards, apart from other shards' cache lines.
#[repr(align(128))]
pub(super) struct Shard(pub(super) SpinLock<ShardState>);

/// The runs of a shard, and how many of their slots are taken.
#[repr(C)] // in this order, the lock and the spare pairs are one line
pub(super) struct ShardState {
    pub(super) spares: Spares,
    /// The first run with a free slot.
    head: *const Run,
    /// Runs with no taken slot.
    empty: usize,
    pub(super) live: usize,
    pub(super) high_water: usize,
}

// SAFETY: the pointers lead to descriptors, which are shared between processors by design.
unsafe impl Send for ShardState {}

/// What is to be done with a run after a slot was given back.
#[derive(PartialEq, Eq)]
pub(super) enum After {
    Keep,
    /// The run is empty and out of the shard, which has another empty one.
    GiveBack,
}

impl Shard {
    pub(super) fn new() -> Self {
        Self(SpinLock::new(ShardState {
            head: ptr::null(),
            empty: 0,
            live: 0,
            high_water: 0,
            spares: Spares::NONE,
        }))
    }
}

impl ShardState {
    /// A run with a free slot.
    #[inline]
    pub(super) fn first(&self) -> Option<&'static Run> {
        // SAFETY: a run of the shard has an open descriptor, and descriptors live as long as the
        // pool. ('static stands for that; no reference is kept after the lock.)
        unsafe { self.head.as_ref() }
    }

    /// Adds a new run, with all of its slots free.
    pub(super) fn add(&mut self, run: &Run) {
        self.push(run);
        self.empty = self.empty.wrapping_add(1);
    }

    /// Takes up to `want` slots of a run that has free ones.
    #[inline]
    pub(super) fn take<T>(&mut self, run: &Run, want: usize) -> Slots {
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let state = unsafe { run.state() };
        let was_empty = state.free == slots::<T>();
        let taken = state.take(want);
        self.taken(run, was_empty, taken.count);
        taken
    }

    /// Takes two slots of the first run with free ones, if two lie together there.
    #[inline(never)]
    pub(super) fn take_pair<T>(&mut self) -> Option<Pair> {
        let run = self.first()?;
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let state = unsafe { run.state() };
        let was_empty = state.free == slots::<T>();
        let base = NonNull::new(run.base())?;
        let numbers = state.take_pair()?;
        self.taken(run, was_empty, numbers.len());
        Some(Pair::new(base, numbers))
    }

    /// Counts slots that were taken of a run.
    #[inline(always)]
    fn taken(&mut self, run: &Run, was_empty: bool, count: usize) {
        // SAFETY: as in `take`.
        let is_full = unsafe { run.state() }.free == 0;
        if was_empty {
            self.empty = self.empty.wrapping_sub(1);
        }
        if is_full {
            self.unlink(run);
        }
        self.count_taken(count);
    }

    /// Counts slots that are not free any more.
    #[inline(always)]
    pub(super) fn count_taken(&mut self, count: usize) {
        self.live = self.live.wrapping_add(count);
        let without_spares = self.live.wrapping_sub(self.spares.count());
        self.high_water = self.high_water.max(without_spares);
    }

    /// Gives two slots back to their run.
    pub(super) fn give_pair<T>(&mut self, run: &Run, pair: [usize; 2]) -> After {
        // SAFETY: as in `take`.
        let state = unsafe { run.state() };
        let was_full = state.free == 0;
        for number in pair {
            state.give(Slots::one(number));
        }
        self.live = self.live.wrapping_sub(pair.len());
        let is_empty = state.free == slots::<T>();
        self.given(run, was_full, is_empty)
    }

    /// Gives slots back to their run.
    #[inline]
    pub(super) fn give<T>(&mut self, run: &Run, given: Slots) -> After {
        // SAFETY: the caller holds the lock, since it has `self`, and the run is the shard's.
        let state = unsafe { run.state() };
        let was_full = state.free == 0;
        state.give(given);
        let is_empty = state.free == slots::<T>();
        self.live = self.live.wrapping_sub(given.count);
        self.given(run, was_full, is_empty)
    }

    /// Puts a run that was given slots where it belongs.
    #[inline(always)]
    fn given(&mut self, run: &Run, was_full: bool, is_empty: bool) -> After {
        if was_full {
            self.push(run);
        }
        if is_empty {
            self.emptied(run)
        } else {
            After::Keep
        }
    }

    /// What is to be done with a run that has no taken slot any more.
    #[cold]
    fn emptied(&mut self, run: &Run) -> After {
        if self.empty == 0 {
            self.empty = 1;
            return After::Keep;
        }
        self.unlink(run);
        After::GiveBack
    }

    fn push(&mut self, run: &Run) {
        // SAFETY: as in `give`.
        let state = unsafe { run.state() };
        state.previous = ptr::null();
        state.next = self.head;
        // SAFETY: the list leads to descriptors of the shard's runs.
        if let Some(next) = unsafe { self.head.as_ref() } {
            // SAFETY: as in `give`; another run than `run`.
            unsafe { next.state() }.previous = run;
        }
        self.head = run;
    }

    fn unlink(&mut self, run: &Run) {
        // SAFETY: as in `give`.
        let state = unsafe { run.state() };
        let (next, previous) = (state.next, state.previous);
        // SAFETY: the list leads to descriptors of the shard's runs.
        match unsafe { previous.as_ref() } {
            // SAFETY: as in `give`; another run than `run`.
            Some(previous) => unsafe { previous.state() }.next = next,
            None => self.head = next,
        }
        // SAFETY: the list leads to descriptors of the shard's runs.
        if let Some(next) = unsafe { next.as_ref() } {
            // SAFETY: as in `give`; another run than `run`.
            unsafe { next.state() }.previous = previous;
        }
    }
}
