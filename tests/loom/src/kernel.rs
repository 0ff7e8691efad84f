//! The part of the driver's kernel face that the pool uses.

#[path = "../../../src/kernel/irql.rs"]
pub mod irql;
mod memory;

use core::cell::Cell;
use core::ffi::CStr;
use core::ops::{Deref, DerefMut};

use loom::sync::{Mutex, MutexGuard};

use self::irql::{AtMostDispatch, Dispatch};

pub use self::memory::{allocate, begin, free, live_blocks, reuse};

/// Bytes of a page.
pub const PAGE: usize = 4096;

/// A pool tag.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Tag(pub [u8; 4]);

/// How a block is aligned: here always to a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// 64 bytes.
    CacheLine,
}

/// Memory is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

/// Loom's atomics under the names of the driver's.
pub mod sync {
    pub use loom::sync::atomic::{
        AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
    };

    /// Makes an atomic out of zeroed memory.
    ///
    /// # Safety
    ///
    /// `at` points to memory for an atomic that nothing else uses.
    pub unsafe fn from_zeroes<A: Default>(at: *mut A) {
        // SAFETY: the caller gives memory that nothing else uses.
        unsafe { at.write(A::default()) };
    }

    /// This is a model: parts are as small as they can be.
    pub const MODEL: bool = true;
}

/// A lock that loom knows.
pub struct SpinLock<T>(Mutex<T>);

/// A held [`SpinLock`].
pub struct SpinGuard<'a, T>(MutexGuard<'a, T>);

impl<T> SpinLock<T> {
    /// A lock that nobody holds.
    pub fn new(value: T) -> Self {
        Self(Mutex::new(value))
    }

    /// Waits until the lock is this thread's.
    ///
    /// # Panics
    ///
    /// When a thread panicked that held it.
    pub fn lock(&self, _irql: impl AtMostDispatch) -> SpinGuard<'_, T> {
        SpinGuard(self.0.lock().expect("no thread panics under the lock"))
    }
}

impl<T> SpinGuard<'_, T> {
    /// Proof of the level.
    #[must_use]
    pub fn irql(&self) -> Dispatch {
        // SAFETY: a model has no levels.
        unsafe { Dispatch::assume() }
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

loom::thread_local! {
    static PROCESSOR: Cell<usize> = Cell::new(0);
}

/// The calling thread's processor: the first one, so that threads meet at its locks and counters,
/// unless the thread said otherwise.
#[must_use]
pub fn processor() -> usize {
    PROCESSOR.with(Cell::get)
}

/// Puts the calling thread on another processor.
pub fn run_on(processor: usize) {
    PROCESSOR.with(|number| number.set(processor));
}

/// Nothing is refused.
#[must_use]
pub fn slot_allowed() -> bool {
    true
}

/// Nobody is asked.
#[must_use]
pub fn slots_watched() -> bool {
    false
}

/// Nobody verifies.
#[must_use]
pub fn is_verified() -> bool {
    false
}

/// A complaint ends the model.
///
/// # Panics
///
/// Always.
pub fn complain(call: &'static CStr, field: &'static CStr, value: u64, why: &'static CStr) {
    panic!("{call:?}: {field:?} = {value}: {why:?}");
}
