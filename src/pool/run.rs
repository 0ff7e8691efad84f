//! Runs: 64 KiB of slots, and their descriptors, which lie elsewhere.
//!
//! A descriptor is never freed before the pool. It is used again for another run, so who found one
//! without a lock looks again at what it says once it holds the lock of the run's shard.

use core::cell::UnsafeCell;
use core::ptr;

use super::slot::{LINE, Slot};
use crate::kernel::sync::{AtomicPtr, AtomicUsize, MODEL, Ordering};

/// Bytes of a run. (A model's has two slots.)
pub(super) const RUN: usize = if MODEL { 2 * LINE } else { 64 * 1024 };

/// Words of the map of free slots, enough for slots of 64 bytes.
const WORDS: usize = RUN.div_ceil(64 * LINE);

/// How many slots of `T` a run has.
pub(super) const fn slots<T>() -> usize {
    RUN / Slot::<T>::BYTES
}

/// The descriptor of a run.
#[repr(align(64))]
pub(super) struct Run {
    /// Where the slots begin; null while the descriptor is not used.
    base: AtomicPtr<u8>,
    /// Number of the shard that the run belongs to.
    shard: AtomicUsize,
    state: UnsafeCell<RunState>,
}

/// What the lock of the run's shard guards.
pub(super) struct RunState {
    /// Number of the descriptor.
    pub(super) index: usize,
    /// Neighbours in the shard's list of runs with free slots.
    pub(super) next: *const Run,
    pub(super) previous: *const Run,
    /// Free slots.
    pub(super) free: usize,
    /// Which words of the map have a bit.
    summary: u32,
    /// A bit for each free slot.
    map: [u64; WORDS],
}

// SAFETY: what is not atomic is reached under the lock of the run's shard only.
unsafe impl Sync for Run {}
// SAFETY: as above.
unsafe impl Send for Run {}

impl Run {
    /// Makes the descriptor with this number, which is not used yet.
    pub(super) const fn new(index: usize) -> Self {
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
        let base = self.base();
        let offset = address.wrapping_sub(base.addr());
        let number = offset / Slot::<T>::BYTES;
        let whole =
            offset.is_multiple_of(Slot::<T>::BYTES) && number < slots::<T>() && !base.is_null();
        whole.then(|| (number, base.wrapping_add(offset).cast()))
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
    /// Takes a free slot's number out of the map.
    #[inline]
    pub(super) fn take(&mut self) -> Option<usize> {
        let number = self.summary.trailing_zeros() as usize;
        let word = self.map.get_mut(number)?;
        let bit = word.trailing_zeros() as usize;
        *word &= word.wrapping_sub(1);
        if *word == 0 {
            self.summary &= self.summary.wrapping_sub(1);
        }
        self.free = self.free.wrapping_sub(1);
        Some(number.wrapping_mul(64).wrapping_add(bit))
    }

    /// Puts a slot's number into the map.
    #[inline]
    pub(super) fn give(&mut self, slot: usize) {
        let number = slot / 64;
        if let Some(word) = self.map.get_mut(number) {
            *word |= 1 << (slot % 64);
            self.summary |= 1 << number;
            self.free = self.free.wrapping_add(1);
        }
    }
}
