//! The shared part of a pool: shards, set, descriptors, and what they are made of.

use core::marker::PhantomData;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::batch::{PIECES, Piece};
use super::granules::Granules;
use super::growth::{FIRST_RUNS, Growth, Runs};
use super::place::Place;
use super::run::{self, Run, slots};
use super::set::{Room, Set, Table};
use super::shard::{SHARDS, Shard, ShardState};
use super::slot::Slot;
use super::spare::Pair;
use super::stamp::Stamp;
use super::{Mode, Statistics};
use crate::kernel::irql::{AtMostDispatch, Dispatch, Passive};
use crate::kernel::{Align, NoMemory, SpinGuard, SpinLock, Tag, allocate, free, processor};

/// A pool's own block. Lock order: a shard's lock, then the growth lock.
pub(super) struct Slab<T> {
    pub(super) tag: Tag,
    pub(super) mode: Mode,
    pub(super) set: Set,
    pub(super) runs: Runs,
    shards: [Shard; SHARDS],
    pub(super) growth: SpinLock<Growth>,
    first_runs: [Run; FIRST_RUNS],
    objects: PhantomData<T>,
}

impl<T> Slab<T> {
    /// Makes the block.
    pub(super) fn try_new(tag: Tag, mode: Mode, irql: Passive) -> Result<NonNull<Self>, NoMemory> {
        let block = allocate(tag, size_of::<Self>(), Align::CacheLine, irql).ok_or(NoMemory)?;
        let slab = block.cast::<Self>();
        // Field by field, since the whole is too large for a kernel stack.
        // SAFETY: the block is new and large enough.
        unsafe { Self::place(slab.as_ptr(), tag, mode) };
        Ok(slab)
    }

    /// # Safety
    ///
    /// `at` points to zeroed memory for a slab, which stays there.
    unsafe fn place(at: *mut Self, tag: Tag, mode: Mode) {
        /// Writes one field of the slab.
        macro_rules! write {
            ($field:ident, $value:expr) => {
                // SAFETY: `at` points to memory for a slab.
                let field = unsafe { &raw mut (*at).$field };
                // SAFETY: as above, and nothing else uses it.
                unsafe { field.write($value) };
            };
        }
        write!(tag, tag);
        write!(mode, mode);
        write!(runs, Runs::new());
        write!(growth, SpinLock::new(Growth::new(tag)));
        // SAFETY: `at` points to zeroed memory for a slab.
        let set = unsafe { &raw mut (*at).set };
        // SAFETY: as above; a slab does not move.
        unsafe { Set::place(set, Granules::of(mode)) };
        // SAFETY: as above.
        let shards = unsafe { &raw mut (*at).shards }.cast::<Shard>();
        for number in 0..SHARDS {
            // SAFETY: as above, an element of the array.
            unsafe { shards.wrapping_add(number).write(Shard::new()) };
        }
        // SAFETY: as above.
        let first = unsafe { &raw mut (*at).first_runs }.cast::<Run>();
        // SAFETY: `runs` was written above.
        let runs = unsafe { &(*at).runs };
        if let Some(first) = NonNull::new(first) {
            // SAFETY: the field has room for the first array's descriptors.
            unsafe { runs.place(FIRST_RUNS, first) };
        }
    }

    /// The shard with this number.
    #[inline]
    fn shard(&self, number: usize) -> &Shard {
        let [first, ..] = &self.shards;
        // It is below that anyway; so the compiler knows.
        self.shards.get(number % SHARDS).unwrap_or(first)
    }

    /// Locks the shard with this number.
    #[inline]
    pub(super) fn lock_shard(&self, number: usize, irql: Dispatch) -> SpinGuard<'_, ShardState> {
        let mut shard = self.shard(number).0.lock(irql);
        shard.settle_spares::<T>();
        shard
    }

    /// Locks the shard with this number, and leaves it its spare pairs.
    #[inline(always)]
    pub(super) fn lock_for_pair(&self, number: usize, irql: Dispatch) -> SpinGuard<'_, ShardState> {
        self.shard(number).0.lock(irql)
    }

    /// Takes up to `want` free slots of the caller's shard, in as many pieces as there is room for
    /// and memory is had. Tells how many pieces and slots that is.
    #[inline(always)]
    pub(super) fn reserve(
        &self,
        want: usize,
        pieces: &mut [MaybeUninit<Piece>; PIECES],
        irql: Dispatch,
    ) -> (usize, usize) {
        let number = processor() % SHARDS;
        let mut shard = self.lock_shard(number, irql);
        let [first, others @ ..] = pieces;
        let Some(piece) = self.piece(&mut shard, number, want, irql) else {
            return (0, 0);
        };
        first.write(piece);
        let left = want.saturating_sub(piece.slots.count);
        if left == 0 {
            return (1, piece.slots.count);
        }
        let (taken, slots) = self.reserve_more(&mut shard, number, left, others, irql);
        (taken.wrapping_add(1), slots.wrapping_add(piece.slots.count))
    }

    /// As [`Slab::reserve`], for the pieces after the first one.
    #[inline(never)]
    fn reserve_more(
        &self,
        shard: &mut ShardState,
        number: usize,
        want: usize,
        pieces: &mut [MaybeUninit<Piece>],
        irql: Dispatch,
    ) -> (usize, usize) {
        let (mut taken, mut slots): (usize, usize) = (0, 0);
        for place in pieces {
            let left = want.saturating_sub(slots);
            if left == 0 {
                break;
            }
            let Some(piece) = self.piece(shard, number, left, irql) else {
                break;
            };
            place.write(piece);
            taken = taken.wrapping_add(1);
            slots = slots.wrapping_add(piece.slots.count);
        }
        (taken, slots)
    }

    /// Takes two free slots of the caller's shard, if it has two at hand.
    #[inline(always)]
    pub(super) fn take_pair(&self, irql: Dispatch) -> Option<Pair> {
        if self.mode != Mode::Slab {
            return None;
        }
        let mut shard = self.lock_for_pair(processor() % SHARDS, irql);
        shard
            .take_spare()
            .or_else(|| shard.take_pair::<T>())
            .or_else(|| shard.take_only_spare())
    }

    /// Takes up to `want` free slots of one word of a run's map, for a shard whose lock is held.
    #[inline(always)]
    fn piece(
        &self,
        shard: &mut ShardState,
        number: usize,
        want: usize,
        irql: Dispatch,
    ) -> Option<Piece> {
        let run = if let Some(run) = shard.first() {
            run
        } else {
            let run = self.grow(number, irql)?;
            shard.add(run);
            run
        };
        let slots = shard.take::<T>(run, want);
        let word = run.slot::<T>(slots.first)?.cast();
        // SAFETY: the run stays mapped while a slot of it is taken.
        let stamps = unsafe { Run::stamp_of::<T>(run.base(), slots.first) }.into();
        Some(Piece {
            run,
            slots,
            word,
            stamps,
        })
    }

    /// Takes a new run for a shard.
    #[cold]
    fn grow(&self, shard: usize, irql: Dispatch) -> Option<&'static Run> {
        let mut growth = self.growth.lock(irql);
        if !self.make_room(
            &mut growth,
            Granules::of_run::<T>(ptr::null_mut()).count(),
            irql,
        ) {
            return None;
        }
        let run = growth.descriptor(&self.runs, irql)?;
        let Some(block) = growth.block(run::bytes::<T>(), irql) else {
            growth.unused(run);
            return None;
        };
        let block = block.as_ptr();
        block.expose_provenance();
        let base = block.wrapping_add(run::head::<T>());
        for number in 0..slots::<T>() {
            let slot = base.wrapping_add(number.wrapping_mul(Slot::<T>::BYTES));
            // SAFETY: the block is new and zeroed; each slot has its own bytes.
            unsafe { Slot::<T>::from_zeroes(slot.cast()) };
            #[allow(clippy::cast_ptr_alignment)] // a model's stamps are wider; a block is aligned
            let stamp = block.cast::<Stamp>().wrapping_add(number);
            // SAFETY: as above, and so has each stamp.
            unsafe { Stamp::from_zeroes(stamp) };
        }
        growth.count_up();
        // SAFETY: the descriptor was not used and is this caller's.
        unsafe { run.open(base, shard, slots::<T>()) };
        // SAFETY: nobody else knows the run yet.
        let index = unsafe { run.state() }.index;
        for (page, granule) in Granules::of_run::<T>(block).enumerate() {
            let place = Place::new(index, shard, page);
            self.set.insert(&mut growth.set, granule, place.word());
        }
        Some(run)
    }

    /// Takes an empty run, which is out of its shard, out of the pool. Its block is the caller's to
    /// free.
    fn close(&self, run: &'static Run, irql: Dispatch) -> *mut u8 {
        let mut growth = self.growth.lock(irql);
        let block = run.base().wrapping_sub(run::head::<T>());
        // SAFETY: the run is out of its shard, and the shard's lock is still held.
        let index = unsafe { run.state() }.index;
        for (page, granule) in Granules::of_run::<T>(block).enumerate() {
            let place = Place::new(index, run.shard(), page);
            self.set.remove(&mut growth.set, granule, place.word());
        }
        growth.unused(run);
        growth.count_down();
        block
    }

    /// Frees a run that is empty and out of its shard, and lets go of the shard's lock.
    #[cold]
    #[inline(never)]
    pub(super) fn give_back(
        &self,
        run: &'static Run,
        shard: SpinGuard<'_, ShardState>,
        irql: Dispatch,
    ) {
        let block = self.close(run, irql);
        drop(shard);
        if let Some(block) = NonNull::new(block) {
            // SAFETY: the run was taken with this tag and size, and nothing leads to it any more.
            unsafe { free(self.tag, block, run::bytes::<T>()) };
        }
    }

    /// Makes room for `more` granules in the set.
    pub(super) fn make_room(&self, growth: &mut Growth, more: usize, irql: Dispatch) -> bool {
        let Room::Wanted(cells) = self.set.room(&growth.set, more) else {
            return true;
        };
        let table = Set::reuse(&mut growth.set, cells).or_else(|| {
            let table = growth.block(Table::bytes(cells), irql)?.cast::<Table>();
            // SAFETY: the block is new, zeroed and of this size.
            unsafe { Table::place(table.as_ptr(), cells) };
            Some(table)
        });
        match table {
            Some(table) => {
                self.set.replace(&mut growth.set, table);
                true
            }
            None => self.set.squeeze(&growth.set, more),
        }
    }

    /// The run that has a slot at `address`, if the set leads to one. Without a lock that is a
    /// guess, to be looked at again.
    #[inline(always)]
    pub(super) fn find_run(&self, address: usize) -> Option<&'static Run> {
        let place = self.find_place(address)?;
        let run = self.runs.get(place.run())?;
        run.slot_at::<T>(address).map(|_| run)
    }

    /// What the set says of the page of `address`.
    #[inline(always)]
    pub(super) fn find_place(&self, address: usize) -> Option<Place> {
        let word = self.set.find(address, Granules::PAGES)?;
        Some(Place::from_word(word))
    }

    /// The stamp of a slot that is taken.
    #[cold]
    pub(super) fn stamp(&self, slot: NonNull<Slot<T>>, irql: Dispatch) -> Option<NonNull<Stamp>> {
        if self.mode == Mode::PerObject {
            return Some(Self::stamp_of_single(slot));
        }
        let address = slot.addr().get();
        let run = self
            .find_run(address)
            .or_else(|| self.find_run_locked(address, irql))?;
        let (number, _) = run.slot_at::<T>(address)?;
        // SAFETY: the run stays mapped while a slot of it is taken.
        Some(unsafe { Run::stamp_of::<T>(run.base(), number) }.into())
    }

    /// As [`Slab::find_run`], with the growth lock, so that the set is as it should be.
    #[cold]
    pub(super) fn find_run_locked(&self, address: usize, irql: Dispatch) -> Option<&'static Run> {
        let _growth = self.growth.lock(irql);
        self.find_run(address)
    }

    pub(super) fn statistics(&self, irql: impl AtMostDispatch) -> Statistics {
        let mut statistics = Statistics::default();
        for shard in &self.shards {
            let shard = shard.0.lock(irql);
            let live = shard.live.saturating_sub(shard.spares.count());
            statistics.live = statistics.live.saturating_add(live);
            statistics.high_water = statistics.high_water.saturating_add(shard.high_water);
        }
        let growth = self.growth.lock(irql);
        if self.mode == Mode::PerObject {
            statistics.live = growth.in_use;
            statistics.high_water = growth.high_water;
        }
        statistics.runs = growth.in_use;
        statistics.pool_calls = growth.calls;
        statistics
    }

    /// Drops the objects that are left, frees all memory, and says how many there were.
    ///
    /// # Safety
    ///
    /// `slab` came from [`Slab::try_new`] and nothing uses it any more.
    pub(super) unsafe fn destroy(slab: NonNull<Self>) -> usize {
        // SAFETY: the slab lives and nothing else uses it.
        let this = unsafe { slab.as_ref() };
        let tag = this.tag;
        // SAFETY: a pool is dropped at DISPATCH_LEVEL at most.
        let irql = unsafe { Dispatch::assume() };
        let left = this.drop_objects(irql);
        let growth = this.growth.lock(irql);
        let release = |block: NonNull<u8>, bytes: usize| {
            // SAFETY: a block of the pool's, taken with this tag and size; nothing uses it.
            unsafe { free(tag, block, bytes) };
        };
        // SAFETY: nothing uses the set any more.
        unsafe { this.set.dissolve(&growth.set, release) };
        // SAFETY: nothing uses the descriptors any more.
        unsafe { this.runs.dissolve(release) };
        drop(growth);
        release(slab.cast(), size_of::<Self>());
        left
    }

    /// Drops the objects that are left and frees their memory. For a pool that goes.
    fn drop_objects(&self, irql: Dispatch) -> usize {
        if self.mode == Mode::PerObject {
            return self.drop_singles();
        }
        let mut left: usize = 0;
        let made = self.growth.lock(irql).made;
        for run in (FIRST_RUNS..made).filter_map(|index| self.runs.get(index)) {
            let base = run.base();
            if base.is_null() {
                continue;
            }
            for number in 0..slots::<T>() {
                // SAFETY: the run is mapped and has so many slots.
                if unsafe { Run::stamp_of::<T>(base, number) }.is_live() {
                    let slot = base.wrapping_add(number.wrapping_mul(Slot::<T>::BYTES));
                    // SAFETY: a slot of a run; nothing else uses the pool.
                    let slot = unsafe { &*slot.cast::<Slot<T>>() };
                    // SAFETY: a live slot has a value, which nobody uses any more.
                    unsafe { slot.drop_value() };
                    left = left.wrapping_add(1);
                }
            }
            if let Some(block) = NonNull::new(base.wrapping_sub(run::head::<T>())) {
                // SAFETY: the run was taken with this tag and size, and lookups have ended.
                unsafe { free(self.tag, block, run::bytes::<T>()) };
            }
        }
        left
    }
}
