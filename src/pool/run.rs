//! Runs: 64 KiB of stamps and slots, and their descriptors, which lie elsewhere.
//!
//! A descriptor is never freed before the pool. It is used again for another run, so who found one
//! without a lock looks again at what it says once it holds the lock of the run's shard.

use core::cell::UnsafeCell;
use core::num::NonZeroU64;
use core::ptr::{self, NonNull};

use super::slot::{GRAIN, LINE, Slot};
use super::stamp::Stamp;
use crate::kernel::sync::{AtomicPtr, AtomicUsize, MODEL, Ordering};

/// Bytes of a run.
const RUN: usize = 64 * 1024;

/// Words of the map of free slots, enough for slots of 32 bytes.
const WORDS: usize = RUN.div_ceil(64 * GRAIN);

/// Bytes of `count` slots' stamps, rounded up so that the slots begin with a cache line.
const fn stamps(count: usize) -> usize {
    (count * size_of::<Stamp>()).next_multiple_of(LINE)
}

/// How many slots of `T` a run has. (A model's has two.)
pub(super) const fn slots<T>() -> usize {
    const {
        let mut count = if MODEL { 2 } else { RUN / Slot::<T>::BYTES };
        while !MODEL && stamps(count) + count * Slot::<T>::BYTES > RUN {
            count -= 1;
        }
        count
    }
}

/// Bytes from the beginning of a run to its first slot: its stamps.
pub(super) const fn head<T>() -> usize {
    const { stamps(slots::<T>()) }
}

/// Bytes of a run of `T`.
pub(super) const fn bytes<T>() -> usize {
    if MODEL {
        const { head::<T>() + slots::<T>() * Slot::<T>::BYTES }
    } else {
        RUN
    }
}

/// The descriptor of a run.
#[repr(C, align(64))]
pub(super) struct Run {
    /// Where the slots begin, which is not where the run does; null while the descriptor is not used.
    base: AtomicPtr<u8>,
    /// Number of the shard that the run belongs to.
    shard: AtomicUsize,
    state: UnsafeCell<RunState>,
}

/// What the lock of the run's shard guards. (In this order, one line has all but the map.)
#[repr(C)]
pub(super) struct RunState {
    /// Number of the descriptor.
    pub(super) index: usize,
    /// Neighbours in the shard's list of runs with free slots.
    pub(super) next: *const Run,
    pub(super) previous: *const Run,
    /// Free slots.
    pub(super) free: usize,
    /// Which words of the map have a bit.
    summary: usize,
    /// A bit for each free slot.
    map: [u64; WORDS],
}

// SAFETY: what is not atomic is reached under the lock of the run's shard only.
unsafe impl Sync for Run {}
// SAFETY: as above.
unsafe impl Send for Run {}

impl Run {
    /// Makes the descriptor with this number, which is not used yet.
    pub(super) fn new(index: usize) -> Self {
        Self {
            base: AtomicPtr::new(ptr::null_mut()),
            shard: AtomicUsize::new(0),
            state: UnsafeCell::new(RunState {
                index,
                next: ptr::null(),
                previous: ptr::null(),
                free: 0,
                summary: 0,
                map: [0; WORDS],
            }),
        }
    }

    /// Where the slots begin.
    #[inline]
    pub(super) fn base(&self) -> *mut u8 {
        self.base.load(Ordering::Acquire)
    }

    /// Number of the shard that the run belongs to.
    #[inline]
    pub(super) fn shard(&self) -> usize {
        self.shard.load(Ordering::Relaxed)
    }

    /// The slot that begins at `address`, if the run has one there.
    #[inline]
    pub(super) fn slot_at<T>(&self, address: usize) -> Option<(usize, *mut Slot<T>)> {
        Self::slot_of(self.base(), address)
    }

    /// The slot that begins at `address`, if a run with this base has one there.
    #[inline(always)]
    pub(super) fn slot_of<T>(base: *mut u8, address: usize) -> Option<(usize, *mut Slot<T>)> {
        let offset = address.wrapping_sub(base.addr());
        let number = offset / Slot::<T>::BYTES;
        if base.is_null() || number >= slots::<T>() {
            return None;
        }
        if !offset.is_multiple_of(Slot::<T>::BYTES) {
            return None;
        }
        Some((number, base.wrapping_add(offset).cast()))
    }

    /// The slot with this number, in a run with this base.
    ///
    /// # Safety
    ///
    /// The run is mapped and has so many slots.
    #[inline(always)]
    pub(super) unsafe fn slot_in<T>(base: NonNull<u8>, number: usize) -> NonNull<Slot<T>> {
        // SAFETY: the caller's contract.
        unsafe { Slot::nth(base.cast(), number) }
    }

    /// The stamp of the slot with this number, in a run with this base.
    ///
    /// # Safety
    ///
    /// The run stays mapped as long as the stamp is used, and has so many slots.
    #[inline(always)]
    pub(super) unsafe fn stamp_of<'a, T>(base: *mut u8, number: usize) -> &'a Stamp {
        #[allow(clippy::cast_ptr_alignment)] // a model's stamps are wider; they begin with a line
        let first = base.wrapping_sub(head::<T>()).cast::<Stamp>();
        // SAFETY: the caller's contract; stamps lie before the slots.
        unsafe { &*first.wrapping_add(number) }
    }

    /// The slot with this number, or none while the descriptor is not used.
    #[inline]
    pub(super) fn slot<T>(&self, number: usize) -> Option<NonNull<Slot<T>>> {
        let first = NonNull::new(self.base().cast::<Slot<T>>())?;
        // SAFETY: callers know numbers of slots of the run.
        Some(unsafe { Slot::nth(first, number) })
    }

    /// What the shard's lock guards.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the run's shard, or is the only one who knows the run, and has
    /// no other reference to the state while this one lives.
    #[inline]
    #[allow(clippy::mut_from_ref)] // the lock lies outside
    pub(super) unsafe fn state(&self) -> &mut RunState {
        // SAFETY: the caller vouches that nobody else reaches it.
        unsafe { &mut *self.state.get() }
    }

    /// Begins to use the descriptor for a run with all of its slots free.
    ///
    /// # Safety
    ///
    /// The descriptor is not used and the caller is the only one who may begin to.
    pub(super) unsafe fn open(&self, base: *mut u8, shard: usize, slots: usize) {
        // SAFETY: nobody else knows the run yet.
        let state = unsafe { self.state() };
        state.next = ptr::null();
        state.previous = ptr::null();
        state.free = slots;
        state.summary = 0;
        for (number, word) in state.map.iter_mut().enumerate() {
            let bits = slots.saturating_sub(number.saturating_mul(64)).min(64);
            *word = if bits == 64 {
                u64::MAX
            } else {
                (1 << bits) - 1
            };
            if bits != 0 {
                state.summary |= 1 << number;
            }
        }
        self.shard.store(shard, Ordering::Relaxed);
        self.base.store(base, Ordering::Release);
    }

    /// Ends the use of the descriptor.
    pub(super) fn close(&self) {
        self.base.store(ptr::null_mut(), Ordering::Release);
    }
}

impl RunState {
    /// Takes up to `want` free slots out of one word of the map. There is one.
    #[inline]
    pub(super) fn take(&mut self, want: usize) -> Slots {
        let number = self.summary.trailing_zeros() as usize;
        let Some(word) = self.map.get_mut(number) else {
            return Slots::NONE;
        };
        let (bits, count) = lowest(*word, want);
        *word ^= bits;
        if *word == 0 {
            self.summary &= self.summary.wrapping_sub(1);
        }
        self.free = self.free.wrapping_sub(count);
        Slots {
            first: number.wrapping_mul(64),
            bits,
            count,
        }
    }

    /// Takes the two lowest free slots of one word of the map, if it has two: their numbers.
    #[inline(always)]
    pub(super) fn take_pair(&mut self) -> Option<[usize; 2]> {
        let number = self.summary.trailing_zeros() as usize;
        let word = self.map.get_mut(number)?;
        let one = NonZeroU64::new(*word)?;
        let other = NonZeroU64::new(one.get() & one.get().wrapping_sub(1))?;
        *word = other.get() & other.get().wrapping_sub(1);
        if *word == 0 {
            self.summary &= self.summary.wrapping_sub(1);
        }
        self.free = self.free.wrapping_sub(2);
        let first = number.wrapping_mul(64);
        Some([one, other].map(|bits| first.wrapping_add(bits.trailing_zeros() as usize)))
    }

    /// Puts slots back into the map.
    #[inline]
    pub(super) fn give(&mut self, slots: Slots) {
        let number = slots.first / 64;
        if let Some(word) = self.map.get_mut(number) {
            *word |= slots.bits;
            self.summary |= 1 << number;
            self.free = self.free.wrapping_add(slots.count);
        }
    }
}

/// The lowest bits of a word, `want` of them or all that it has, and how many that is.
#[inline]
fn lowest(word: u64, want: usize) -> (u64, usize) {
    if want >= 64 {
        return (word, word.count_ones() as usize);
    }
    // Mostly they lie side by side.
    let side_by_side = ((1 << want) - 1_u64) << (word.trailing_zeros() & 63);
    if word & side_by_side == side_by_side {
        let above = 64_usize.wrapping_sub(word.trailing_zeros() as usize);
        return (side_by_side, want.min(above));
    }
    let (mut left, mut count) = (word, 0);
    while left != 0 && count < want {
        left &= left.wrapping_sub(1);
        count = count.wrapping_add(1);
    }
    (word ^ left, count)
}

/// Some slots of a run, of those that a word of its map stands for.
#[derive(Clone, Copy)]
pub(super) struct Slots {
    /// Number of the slot that bit 0 stands for.
    pub(super) first: usize,
    pub(super) bits: u64,
    /// How many there are.
    pub(super) count: usize,
}

impl Slots {
    pub(super) const NONE: Self = Self {
        first: 0,
        bits: 0,
        count: 0,
    };

    /// The slot with this number.
    #[inline]
    pub(super) const fn one(number: usize) -> Self {
        Self {
            first: number & !63,
            bits: 1 << (number & 63),
            count: 1,
        }
    }

    #[inline]
    pub(super) const fn is_none(self) -> bool {
        self.bits == 0
    }

    /// Those of `bits`, which are some of these.
    pub(super) fn only(self, bits: u64) -> Self {
        Self {
            first: self.first,
            bits,
            count: bits.count_ones() as usize,
        }
    }

    /// Takes others of the same word in; `false` if they are of another one.
    #[inline(always)]
    pub(super) const fn join(&mut self, others: Self) -> bool {
        if self.first != others.first && self.bits != 0 {
            return false;
        }
        self.first = others.first;
        self.bits |= others.bits;
        self.count = self.count.wrapping_add(others.count);
        true
    }
}
