//! What the growth lock guards: the pool's memory, taken and given back.

use core::ptr::{self, NonNull};

use super::place::MOST_RUNS;
use super::run::Run;
use super::set::SetState;
use crate::kernel::irql::Dispatch;
use crate::kernel::sync::{AtomicPtr, Ordering};
use crate::kernel::{Align, Tag, allocate};

/// Descriptors in the first array of them, and the first one's number; later arrays double both, so the
/// highest bit of a number tells its array.
pub(super) const FIRST_RUNS: usize = 4;

/// Arrays of descriptors: enough for every number that a word of the set can carry.
const ARRAYS: usize = (MOST_RUNS.ilog2() - FIRST_RUNS.ilog2()) as usize;

/// What the growth lock guards.
pub(super) struct Growth {
    tag: Tag,
    pub(super) set: SetState,
    /// The number of the next descriptor that is made.
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
            made: FIRST_RUNS,
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
            // The number of an array's first descriptor is how many it has.
            let count = self.made;
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

/// The descriptors by number, in arrays that double. Each pointer leads to where the array would have its
/// descriptor 0.
pub(super) struct Runs([AtomicPtr<Run>; ARRAYS]);

impl Runs {
    pub(super) fn new() -> Self {
        Self([(); ARRAYS].map(|()| AtomicPtr::new(ptr::null_mut())))
    }

    /// The place of the array that has descriptor `index`.
    #[inline(always)]
    fn cell(&self, index: usize) -> Option<&AtomicPtr<Run>> {
        // No number is below the first one; so the compiler knows that there is a highest bit.
        let array = (index | FIRST_RUNS)
            .ilog2()
            .wrapping_sub(FIRST_RUNS.ilog2());
        self.0.get(array as usize)
    }

    /// The array that has descriptor `index`; null if it was not made.
    #[inline(always)]
    fn array(&self, index: usize) -> *mut Run {
        self.cell(index)
            .map_or(ptr::null_mut(), |array| array.load(Ordering::Acquire))
    }

    fn has(&self, index: usize) -> bool {
        !self.array(index).is_null()
    }

    /// The descriptor with this number, if it was made. (`'static` stands for the pool's life.)
    #[inline(always)]
    pub(super) fn get(&self, index: usize) -> Option<&'static Run> {
        let array = self.array(index);
        if array.is_null() {
            return None;
        }
        let run = array.wrapping_add(index);
        // SAFETY: the array has it, and descriptors live as long as the pool.
        Some(unsafe { &*run })
    }

    /// Makes the array that begins with descriptor `index`, and has as many.
    ///
    /// # Safety
    ///
    /// `at` points to zeroed memory for so many descriptors, which lives as long as the pool.
    pub(super) unsafe fn place(&self, index: usize, at: NonNull<Run>) {
        for offset in 0..index {
            let run = at.as_ptr().wrapping_add(offset);
            // SAFETY: the caller gives room for all of them.
            unsafe { run.write(Run::new(index.wrapping_add(offset))) };
        }
        if let Some(array) = self.cell(index) {
            array.store(at.as_ptr().wrapping_sub(index), Ordering::Release);
        }
    }

    /// Calls `free` with every array that has a block of its own, and its bytes.
    ///
    /// # Safety
    ///
    /// No descriptor is used after this.
    pub(super) unsafe fn dissolve(&self, mut free: impl FnMut(NonNull<u8>, usize)) {
        let mut length = FIRST_RUNS;
        // The first array lies in the pool.
        for array in self.0.iter().skip(1) {
            length = length.wrapping_mul(2);
            let array = array.load(Ordering::Acquire);
            if !array.is_null()
                && let Some(array) = NonNull::new(array.wrapping_add(length))
            {
                free(array.cast(), length.wrapping_mul(size_of::<Run>()));
            }
        }
    }
}
