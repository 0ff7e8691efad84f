//! Inserting many objects, all of them or none.
//!
//! A batch takes slots from its shard, up to 64 of a piece and a few pieces under one hold of the
//! lock. It needs no memory of its own, however long it gets: what does not fit among its pieces is
//! linked through the slots' words. Its objects cannot be found before the batch is committed.

use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::num::NonZeroU64;
use core::ptr::{self, NonNull};
use core::slice;

use super::release::ReleaseBatch;
use super::run::{Run, Slots};
use super::slab::Slab;
use super::slot::Slot;
use super::stamp::Stamp;
use super::{Class, Full, Handle, Mode};
use crate::kernel::irql::Dispatch;
use crate::kernel::sync::MODEL;
use crate::kernel::{slot_allowed, slots_watched};

/// Slots taken at a time once a batch is longer than its hint.
const MORE: usize = 8;

/// Pieces that are taken under one hold of a lock, at most.
pub(super) const PIECES: usize = if MODEL { 1 } else { 6 };

/// Slots that were taken from one word of a run's map.
#[derive(Clone, Copy)]
pub(super) struct Piece {
    pub(super) run: &'static Run,
    pub(super) slots: Slots,
    /// The slot that bit 0 of the word stands for, a [`Slot`] of the pool's type.
    pub(super) word: NonNull<c_void>,
    /// The stamp of that slot.
    pub(super) stamps: NonNull<Stamp>,
}

/// What a batch has taken.
struct Taken<T> {
    /// The slots of the last piece in use that have no object: bits, as of its word.
    left: u64,
    /// All slots of that piece.
    bits: u64,
    /// The slot that bit 0 of that word stands for, and its stamp.
    word: NonNull<Slot<T>>,
    stamps: NonNull<Stamp>,
    /// How many pieces are in use, and how many there are.
    used: usize,
    count: usize,
    /// The newest object of those that are linked through their words, and the one before it.
    linked: *mut Slot<T>,
    before: *mut Slot<T>,
    /// As many of them are written as `count` says.
    pieces: [MaybeUninit<Piece>; PIECES],
}

/// Objects on their way into a pool. Dropping it takes them out again.
pub struct Batch<'a, T: Send + Sync> {
    slab: &'a Slab<T>,
    irql: Dispatch,
    /// Whether each slot has to be asked for.
    watched: bool,
    /// Objects that are still expected.
    expected: usize,
    taken: Taken<T>,
}

impl<'a, T: Send + Sync> Batch<'a, T> {
    #[inline(always)]
    pub(super) fn new(slab: &'a Slab<T>, hint: usize, irql: impl Into<Dispatch>) -> Self {
        Self {
            slab,
            irql: irql.into(),
            watched: slots_watched(),
            expected: hint,
            taken: Taken::nothing(),
        }
    }

    /// As [`Batch::new`], where it has been asked for each slot before.
    pub(super) fn unwatched(slab: &'a Slab<T>, hint: usize, irql: Dispatch) -> Self {
        let mut batch = Self::new(slab, hint, irql);
        batch.watched = false;
        batch
    }

    /// Takes the slots that are expected now, and not with the first object: for a caller who will
    /// insert one in any case. Once, before the first object.
    #[inline(always)]
    pub fn ready(&mut self) {
        if self.slab.mode == Mode::Slab && self.taken.count == 0 && self.expected != 0 {
            self.reserve(self.expected);
        }
    }

    /// Takes about `want` slots. There are no others.
    #[inline(always)]
    fn reserve(&mut self, want: usize) {
        let taken = &mut self.taken;
        let (pieces, slots) = self.slab.reserve(want, &mut taken.pieces, self.irql);
        taken.count = pieces;
        self.expected = self.expected.saturating_sub(slots);
        taken.begin(0);
    }

    /// Moves one object of the first class in, as [`Batch::insert_with`] does it.
    ///
    /// # Errors
    ///
    /// As [`Batch::insert_with`].
    #[inline]
    pub fn insert(&mut self, value: T) -> Result<Handle, Full> {
        self.insert_with(Class::FIRST, || value)
    }

    /// Makes one object in its place and tells its handle, which is good once the batch is committed.
    /// `value` is to be plain: the slot waits for it.
    ///
    /// # Errors
    ///
    /// [`Full`] when nonpaged pool is used up; `value` is not called, and the batch is as before.
    #[inline(always)]
    pub fn insert_with(&mut self, class: Class, value: impl FnOnce() -> T) -> Result<Handle, Full> {
        if self.watched && !ask() {
            return Err(Full);
        }
        let ((slot, stamp), link) = match self.taken.next() {
            Some(next) => (next, ptr::null_mut()),
            None => (self.take().ok_or(Full)?, self.taken.before),
        };
        // SAFETY: the batch has taken the slot, so it lives.
        let held = unsafe { slot.as_ref() };
        held.hold(class, link);
        // SAFETY: the batch holds the slot, which has no value yet.
        unsafe { held.write(value()) };
        // SAFETY: as above, so its stamp lives, too.
        let stamp = unsafe { stamp.as_ref() };
        Ok(Handle(stamp.generation().handle_of(slot)))
    }

    /// Makes every object visible.
    #[inline(always)]
    pub fn commit(&mut self) {
        let (slab, irql) = (self.slab, self.irql);
        let taken = &mut self.taken;
        let publish = |slot: NonNull<Slot<T>>, stamp: NonNull<Stamp>| {
            // SAFETY: the batch holds the slot.
            let class = unsafe { slot.as_ref() }.class();
            // SAFETY: as above, and the stamp is the slot's.
            unsafe { stamp.as_ref() }.open(class);
        };
        if taken.count == 1 && taken.linked.is_null() {
            let filled = taken.bits ^ taken.left;
            Taken::each_of(taken.word, taken.stamps, filled, publish);
        } else {
            taken.each(|slot| slab.stamp(slot, irql), publish);
        }
        if taken.left != 0 || taken.used != taken.count {
            taken.give_unused(&mut ReleaseBatch::new(self.slab, self.irql));
        }
        taken.forget();
    }

    /// The first slot of the next piece, or of those that are taken now.
    #[inline(never)]
    fn take(&mut self) -> Option<(NonNull<Slot<T>>, NonNull<Stamp>)> {
        let taken = &mut self.taken;
        if self.slab.mode == Mode::PerObject {
            let slot = self.slab.reserve_single(self.irql)?;
            taken.before = core::mem::replace(&mut taken.linked, slot.as_ptr());
            return Some((slot, Slab::stamp_of_single(slot)));
        }
        if !taken.begin(taken.used) {
            taken.link();
            self.reserve(if self.expected == 0 {
                MORE
            } else {
                self.expected
            });
        }
        self.taken.next()
    }
}

impl<T> Taken<T> {
    #[inline(always)]
    const fn nothing() -> Self {
        Self {
            left: 0,
            bits: 0,
            word: NonNull::dangling(),
            stamps: NonNull::dangling(),
            used: 0,
            count: 0,
            linked: ptr::null_mut(),
            before: ptr::null_mut(),
            pieces: [const { MaybeUninit::uninit() }; PIECES],
        }
    }

    /// Has nothing any more.
    #[inline(always)]
    const fn forget(&mut self) {
        self.left = 0;
        self.used = 0;
        self.count = 0;
        self.linked = ptr::null_mut();
    }

    /// Begins to use the piece with this number, if there is one.
    #[inline(always)]
    fn begin(&mut self, number: usize) -> bool {
        let Some(piece) = self.pieces().get(number) else {
            return false;
        };
        let (bits, word, stamps) = (piece.slots.bits, piece.word.cast(), piece.stamps);
        self.stamps = stamps;
        self.bits = bits;
        self.left = bits;
        self.word = word;
        self.used = number.wrapping_add(1);
        true
    }

    /// The next slot without an object of the piece in use, and its stamp.
    #[inline(always)]
    fn next(&mut self) -> Option<(NonNull<Slot<T>>, NonNull<Stamp>)> {
        let left = NonZeroU64::new(self.left)?;
        self.left = left.get() & left.get().wrapping_sub(1);
        let number = left.trailing_zeros() as usize;
        // SAFETY: a slot that the word has a bit for, so it is of the run.
        let slot = unsafe { Slot::nth(self.word, number) };
        // SAFETY: as above.
        Some((slot, unsafe { self.stamps.add(number) }))
    }

    #[inline]
    fn pieces(&self) -> &[Piece] {
        let count = self.count.min(PIECES);
        // SAFETY: so many are written, and they lie in one array.
        unsafe { slice::from_raw_parts(self.pieces.as_ptr().cast(), count) }
    }

    /// Calls `each` with every slot of a word's that `filled` has a bit for, and its stamp.
    #[inline(always)]
    fn each_of(
        word: NonNull<Slot<T>>,
        stamps: NonNull<Stamp>,
        mut filled: u64,
        mut each: impl FnMut(NonNull<Slot<T>>, NonNull<Stamp>),
    ) {
        while let Some(bits) = NonZeroU64::new(filled) {
            filled = bits.get() & bits.get().wrapping_sub(1);
            let number = bits.trailing_zeros() as usize;
            // SAFETY: a slot that the word has a bit for, so it is of the run.
            let slot = unsafe { Slot::nth(word, number) };
            // SAFETY: as above.
            each(slot, unsafe { stamps.add(number) });
        }
    }

    /// Calls `each` with every slot that has an object, and its stamp, which `stamp` tells of those that are
    /// linked.
    #[inline(always)]
    fn each(
        &self,
        stamp: impl Fn(NonNull<Slot<T>>) -> Option<NonNull<Stamp>>,
        mut each: impl FnMut(NonNull<Slot<T>>, NonNull<Stamp>),
    ) {
        for (number, piece) in self.pieces().iter().take(self.used).enumerate() {
            let mut filled = piece.slots.bits;
            if number.wrapping_add(1) == self.used {
                filled ^= self.left;
            }
            Self::each_of(piece.word.cast(), piece.stamps, filled, &mut each);
        }
        let mut at = self.linked;
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: the batch holds the slot.
            at = unsafe { slot.as_ref() }.unlink();
            if let Some(stamp) = stamp(slot) {
                each(slot, stamp);
            }
        }
    }

    /// Links the objects of the pieces, all of which are used up, through their words.
    #[cold]
    fn link(&mut self) {
        let linked = core::mem::replace(&mut self.linked, ptr::null_mut());
        let mut newest = linked;
        let none_linked = |_| None;
        self.each(none_linked, |slot, _| {
            // SAFETY: the batch holds the slot.
            unsafe { slot.as_ref() }.link(newest);
            newest = slot.as_ptr();
        });
        self.linked = newest;
        self.count = 0;
        self.used = 0;
    }

    /// Gives back the slots that have no object.
    #[cold]
    fn give_unused(&self, release: &mut ReleaseBatch<'_, T>)
    where
        T: Send + Sync,
    {
        for (number, piece) in self.pieces().iter().enumerate() {
            let unused = if number >= self.used {
                piece.slots
            } else if number.wrapping_add(1) == self.used {
                piece.slots.only(self.left)
            } else {
                Slots::NONE
            };
            if !unused.is_none() {
                release.give_unused(piece.run, unused);
            }
        }
    }

    /// Drops the objects, and gives back the slots.
    #[cold]
    fn clear(&self, slab: &Slab<T>, irql: Dispatch)
    where
        T: Send + Sync,
    {
        let mut release = ReleaseBatch::new(slab, irql);
        self.give_unused(&mut release);
        let stamp = |slot| slab.stamp(slot, irql);
        self.each(stamp, |slot, _| {
            release.let_go();
            // SAFETY: the batch holds the slot.
            let object = unsafe { slot.as_ref() };
            // SAFETY: the slot has a value and the batch alone has the slot.
            unsafe { object.drop_value() };
            release.give_held(slot);
        });
    }
}

/// Asks for a slot, in a world that watches.
#[cold]
#[inline(never)]
pub(super) fn ask() -> bool {
    slot_allowed()
}

impl<T: Send + Sync> Drop for Batch<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if self.taken.count != 0 || !self.taken.linked.is_null() {
            self.taken.clear(self.slab, self.irql);
        }
    }
}
