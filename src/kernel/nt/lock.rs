//! Locks.

use core::cell::UnsafeCell;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};

use wdk_sys::ntddk::{
    ExAcquirePushLockExclusiveEx, ExReleasePushLockExclusiveEx, KeAcquireSpinLockRaiseToDpc,
    KeEnterCriticalRegion, KeLeaveCriticalRegion, KeReleaseSpinLock,
};
use wdk_sys::{EX_PUSH_LOCK, KIRQL, KSPIN_LOCK};

use super::super::irql::{Apc, AtMostApc, AtMostDispatch, Dispatch};

/// A spin lock around a `T`. It raises to `DISPATCH_LEVEL` while it is held.
#[repr(C)] // the lock shares a cache line with what the value begins with
pub struct SpinLock<T> {
    lock: UnsafeCell<KSPIN_LOCK>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time at the T.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// A [`SpinLock`] that is held. Guards are dropped in the reverse of the order they were made in.
pub struct SpinGuard<'lock, T> {
    lock: &'lock SpinLock<T>,
    before: KIRQL,
    thread_bound: PhantomData<*mut ()>,
}

impl<T> SpinLock<T> {
    /// A lock that is free. (KeInitializeSpinLock stores zero, which is all that it does.)
    pub const fn new(value: T) -> Self {
        Self {
            lock: UnsafeCell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock by spinning.
    pub fn lock(&self, _irql: impl AtMostDispatch) -> SpinGuard<'_, T> {
        // SAFETY: the lock is in nonpaged memory as all of the driver's, and does not move while
        // the guard borrows it; the token shows that the IRQL is not above DISPATCH_LEVEL.
        let before = unsafe { KeAcquireSpinLockRaiseToDpc(self.lock.get()) };
        SpinGuard {
            lock: self,
            before,
            thread_bound: PhantomData,
        }
    }

    /// The value, without a lock: the borrow shows that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> SpinGuard<'_, T> {
    /// The level under the lock.
    #[must_use]
    pub fn irql(&self) -> Dispatch {
        // SAFETY: the lock raised to DISPATCH_LEVEL and the guard cannot leave this thread.
        unsafe { Dispatch::assume() }
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this borrow of the guard is the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this guard holds the lock, and was taken at that level.
        unsafe { KeReleaseSpinLock(self.lock.lock.get(), self.before) };
    }
}

/// A lock around a `T` that waits asleep.
///
/// It is a push lock in a critical region. A `FAST_MUTEX` would do, but it points into itself and
/// could not be moved, nor made in a constant.
pub struct FastMutex<T> {
    lock: UnsafeCell<EX_PUSH_LOCK>,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time at the T.
unsafe impl<T: Send> Sync for FastMutex<T> {}

/// A [`FastMutex`] that is held.
pub struct FastMutexGuard<'lock, T> {
    lock: &'lock FastMutex<T>,
    thread_bound: PhantomData<*mut ()>,
}

/// `EX_DEFAULT_PUSH_LOCK_FLAGS`.
const PUSH_LOCK_FLAGS: u32 = 0;

impl<T> FastMutex<T> {
    /// A lock that is free.
    pub const fn new(value: T) -> Self {
        Self {
            lock: UnsafeCell::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Waits for the lock. A thread that holds it already hangs.
    pub fn lock(&self, _irql: impl AtMostApc) -> FastMutexGuard<'_, T> {
        // So that the thread cannot be suspended while others wait for it.
        // SAFETY: the token shows that the IRQL is not above APC_LEVEL.
        unsafe { KeEnterCriticalRegion() };
        // SAFETY: the lock was made free, does not move while the guard borrows it, and APCs that
        // could take it again are off.
        unsafe { ExAcquirePushLockExclusiveEx(self.lock.get(), PUSH_LOCK_FLAGS) };
        FastMutexGuard {
            lock: self,
            thread_bound: PhantomData,
        }
    }

    /// The value, without a lock: the borrow shows that nobody else has it.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> FastMutexGuard<'_, T> {
    /// The level under the lock.
    #[must_use]
    pub fn irql(&self) -> Apc {
        // SAFETY: it was taken at APC_LEVEL at most, and the guard cannot leave this thread.
        unsafe { Apc::assume() }
    }
}

impl<T> Deref for FastMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the lock is held.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for FastMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the lock is held, and this borrow of the guard is the only one.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for FastMutexGuard<'_, T> {
    fn drop(&mut self) {
        // SAFETY: this guard holds the lock.
        unsafe { ExReleasePushLockExclusiveEx(self.lock.lock.get(), PUSH_LOCK_FLAGS) };
        // SAFETY: it was entered when the lock was taken, by this thread.
        unsafe { KeLeaveCriticalRegion() };
    }
}
