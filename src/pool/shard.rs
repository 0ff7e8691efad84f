//! Shards: the runs of a processor, and the lock that guards them.

use core::ptr;

use super::run::{Run, Slots, slots};
use crate::kernel::SpinLock;
use crate::kernel::sync::MODEL;

/// Number of shards. A processor uses the one of its number, modulo this.
pub(super) const SHARDS: usize = if MODEL { 2 } else { 4 };

/// A lock and what it guards, apart from other shards' cache lines.
#[repr(align(128))]
pub(super) struct Shard(pub(super) SpinLock<ShardState>);

/// The runs of a shard, and how many of their slots are taken.
pub(super) struct ShardState {
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
        if state.free == slots::<T>() {
            self.empty = self.empty.wrapping_sub(1);
        }
        let taken = state.take(want);
        if state.free == 0 {
            self.unlink(run);
        }
        self.live = self.live.wrapping_add(taken.count);
        self.high_water = self.high_water.max(self.live);
        taken
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
        if was_full {
            self.push(run);
        }
        if !is_empty {
            return After::Keep;
        }
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
