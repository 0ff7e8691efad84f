//! What the growth lock guards: the pool's memory, taken and given back.

use core::ptr::{self, NonNull};

use super::run::Run;
use super::set::SetState;
use crate::kernel::irql::Dispatch;
use crate::kernel::sync::{AtomicPtr, Ordering};
use crate::kernel::{Align, Tag, allocate};

/// Descriptors in the first array of them; later arrays double the number.
pub(super) const FIRST_RUNS: usize = 4;

/// Arrays of descriptors: enough for every number that an entry of the set can carry.
const ARRAYS: usize = 15;

/// Descriptors that a pool can have.
const MOST_RUNS: usize = 1 << 16;

/// What the growth lock guards.
pub(super) struct Growth {
    tag: Tag,
    pub(super) set: SetState,
    /// Descriptors that were made.
    pub(super) made: usize,
    /// The first descriptor that is not used; the others follow through their `next`.
    unused: *const Run,
    /// Runs, or objects in blocks of their own, that are in use.
    pub(super) in_use: usize,
    /// The most that were in use at once.
    pub(super) high_water: usize,
    /// Pool calls that gave memory.
    pub(super) calls: usize,
}

// SAFETY: the pointers lead to memory that is shared between processors by design.
unsafe impl Send for Growth {}

impl Growth {
    /// The state of a pool that has made one pool call, for itself.
    pub(super) const fn new(tag: Tag) -> Self {
        Self {
            tag,
            set: SetState::new(),
            made: 0,
            unused: ptr::null(),
            in_use: 0,
            high_water: 0,
            calls: 1,
        }
    }

    /// Takes a block of the pool's.
    pub(super) fn block(&mut self, bytes: usize, irql: Dispatch) -> Option<NonNull<u8>> {
        let block = allocate(self.tag, bytes, Align::CacheLine, irql)?;
        self.calls = self.calls.wrapping_add(1);
        Some(block)
    }

    /// Counts one more in use.
    pub(super) fn count_up(&mut self) {
        self.in_use = self.in_use.wrapping_add(1);
        self.high_water = self.high_water.max(self.in_use);
    }

    /// Counts one less in use.
    pub(super) fn count_down(&mut self) {
        self.in_use = self.in_use.wrapping_sub(1);
    }

    /// Takes a descriptor that is not used.
    pub(super) fn descriptor(&mut self, runs: &Runs, irql: Dispatch) -> Option<&'static Run> {
        // SAFETY: the list leads to descriptors, which live as long as the pool.
        if let Some(run) = unsafe { self.unused.as_ref() } {
            // SAFETY: the descriptor is not used, and such ones are guarded by the growth lock.
            self.unused = unsafe { run.state() }.next;
            return Some(run);
        }
        if self.made >= MOST_RUNS {
            return None;
        }
        if !runs.has(self.made) {
            let count = Runs::array_of(self.made).1;
            let array = self.block(count.checked_mul(size_of::<Run>())?, irql)?;
            // SAFETY: the block has room for so many, and nobody knows it yet.
            unsafe { runs.place(self.made, array.cast()) };
        }
        let run = runs.get(self.made);
        self.made = self.made.wrapping_add(1);
        run
    }

    /// Gives a descriptor back.
    pub(super) fn unused(&mut self, run: &'static Run) {
        run.close();
        // SAFETY: the run is out of its shard, so the growth lock guards it.
        unsafe { run.state() }.next = self.unused;
        self.unused = run;
    }
}

/// The descriptors by number, in arrays that double.
pub(super) struct Runs([AtomicPtr<Run>; ARRAYS]);

impl Runs {
    pub(super) fn new() -> Self {
        Self([(); ARRAYS].map(|()| AtomicPtr::new(ptr::null_mut())))
    }

    /// The array that has descriptor `index`, as its number, its length and its first descriptor.
    #[inline]
    const fn array_of(index: usize) -> (usize, usize, usize) {
        // Without a branch, which would go either way.
        let top = (index | (FIRST_RUNS - 1)).ilog2();
        let length = 1 << top;
        (
            top.wrapping_sub(FIRST_RUNS.ilog2() - 1) as usize,
            if length < FIRST_RUNS {
                FIRST_RUNS
            } else {
                length
            },
            length & !(FIRST_RUNS - 1),
        )
    }

    #[inline]
    fn array(&self, array: usize) -> *mut Run {
        self.0
            .get(array)
            .map_or(ptr::null_mut(), |array| array.load(Ordering::Acquire))
    }

    fn has(&self, index: usize) -> bool {
        !self.array(Self::array_of(index).0).is_null()
    }

    /// The descriptor with this number, if it was made. (`'static` stands for the pool's life.)
    #[inline]
    pub(super) fn get(&self, index: usize) -> Option<&'static Run> {
        let (array, _, first) = Self::array_of(index);
        let array = NonNull::new(self.array(array))?;
        // SAFETY: the array has all numbers from its first one to that of the next array.
        let run = unsafe { array.add(index.wrapping_sub(first)) };
        // SAFETY: as above, and descriptors live as long as the pool.
        Some(unsafe { run.as_ref() })
    }

    /// Makes the array that begins with descriptor `index`.
    ///
    /// # Safety
    ///
    /// `at` points to zeroed memory for as many descriptors as the array has, which lives as long
    /// as the pool.
    pub(super) unsafe fn place(&self, index: usize, at: NonNull<Run>) {
        let (array, length, first) = Self::array_of(index);
        for offset in 0..length {
            let run = at.as_ptr().wrapping_add(offset);
            // SAFETY: the caller gives room for all of them.
            unsafe { run.write(Run::new(first.wrapping_add(offset))) };
        }
        if let Some(array) = self.0.get(array) {
            array.store(at.as_ptr(), Ordering::Release);
        }
    }

    /// Calls `free` with every array that has a block of its own, and its bytes.
    ///
    /// # Safety
    ///
    /// No descriptor is used after this.
    pub(super) unsafe fn dissolve(&self, mut free: impl FnMut(NonNull<u8>, usize)) {
        // The first array lies in the pool.
        let mut length = FIRST_RUNS;
        for array in self.0.iter().skip(1) {
            if let Some(array) = NonNull::new(array.load(Ordering::Acquire)) {
                free(array.cast(), length.wrapping_mul(size_of::<Run>()));
            }
            length = length.wrapping_mul(2);
        }
    }
}
