//! Spin locks and the sleeping lock.

use core::cell::UnsafeCell;
use core::hint::spin_loop;
use core::marker::PhantomData;
use core::ops::{Deref, DerefMut};
use core::sync::atomic::{AtomicUsize, Ordering};

use super::irql::{APC, DISPATCH, demand, demand_of, raise, set_irql};
use super::thread::thread_number;
use crate::kernel::irql::{Apc, AtMostApc, AtMostDispatch, Dispatch};

/// How often a waiting thread looks before it lets another thread run. Unlike in a kernel, the
/// thread that holds the lock can have lost its processor.
const LOOKS: u32 = 100;

/// A value that one thread at a time reaches, at `DISPATCH_LEVEL`, spinning for it.
///
/// Can be moved while it is not held. Not recursive: the host back ends the program when a thread
/// takes a lock that it holds, where the kernel would hang.
#[repr(C)] // the lock shares a cache line with what the value begins with
pub struct SpinLock<T> {
    /// Number of the thread that holds it; 0 if none does.
    owner: AtomicUsize,
    value: UnsafeCell<T>,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for SpinLock<T> {}

/// A held [`SpinLock`]. Dropping it lets go and goes back to the level before, so guards are
/// dropped in the reverse order.
pub struct SpinGuard<'a, T> {
    lock: &'a SpinLock<T>,
    before: u8,
    thread_bound: PhantomData<*mut ()>,
}

impl<T> SpinLock<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Self {
            owner: AtomicUsize::new(0),
            value: UnsafeCell::new(value),
        }
    }

    /// Raises to `DISPATCH_LEVEL` and waits until the lock is this thread's.
    #[inline]
    pub fn lock(&self, _irql: impl AtMostDispatch) -> SpinGuard<'_, T> {
        let before = raise(DISPATCH);
        demand_of(before, DISPATCH, "SpinLock::lock");
        let me = thread_number();
        if self
            .owner
            .compare_exchange(0, me, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.wait(me);
        }
        SpinGuard {
            lock: self,
            before,
            thread_bound: PhantomData,
        }
    }

    #[cold]
    fn wait(&self, me: usize) {
        let mut looks = 0;
        loop {
            match self
                .owner
                .compare_exchange_weak(0, me, Ordering::Acquire, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(owner) => assert!(owner != me, "spin lock taken twice by one thread"),
            }
            looks += 1;
            if looks % LOOKS == 0 {
                std::thread::yield_now();
            } else {
                spin_loop();
            }
        }
    }

    /// The value, which a mutable borrow proves to be held by nobody.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> SpinGuard<'_, T> {
    /// Proof of the level that the guard raised to.
    #[must_use]
    pub fn irql(&self) -> Dispatch {
        // SAFETY: the guard raised to DISPATCH_LEVEL and lowers when it is dropped.
        unsafe { Dispatch::assume() }
    }
}

impl<T> Deref for SpinGuard<'_, T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for SpinGuard<'_, T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for SpinGuard<'_, T> {
    #[inline]
    fn drop(&mut self) {
        self.lock.owner.store(0, Ordering::Release);
        set_irql(self.before);
    }
}

/// A value that one thread at a time reaches, sleeping for it, at `APC_LEVEL` at most.
///
/// Can be moved while it is not held. Not recursive.
pub struct FastMutex<T> {
    inner: std::sync::Mutex<()>,
    value: UnsafeCell<T>,
    /// Number of the thread that holds it; 0 if none does.
    owner: AtomicUsize,
}

// SAFETY: the lock lets one thread at a time reach the value.
unsafe impl<T: Send> Sync for FastMutex<T> {}

/// A held [`FastMutex`].
pub struct FastMutexGuard<'a, T> {
    lock: &'a FastMutex<T>,
    before: u8,
    _inner: std::sync::MutexGuard<'a, ()>,
}

impl<T> FastMutex<T> {
    /// A lock that nobody holds.
    pub const fn new(value: T) -> Self {
        Self {
            inner: std::sync::Mutex::new(()),
            value: UnsafeCell::new(value),
            owner: AtomicUsize::new(0),
        }
    }

    /// Waits until the lock is this thread's.
    ///
    /// # Panics
    ///
    /// When the calling thread holds it, where the kernel would hang.
    pub fn lock(&self, _irql: impl AtMostApc) -> FastMutexGuard<'_, T> {
        demand(APC, "FastMutex::lock");
        let me = thread_number();
        assert!(
            self.owner.load(Ordering::Relaxed) != me,
            "mutex taken twice by one thread"
        );
        let inner = self
            .inner
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        self.owner.store(me, Ordering::Relaxed);
        FastMutexGuard {
            lock: self,
            before: raise(APC),
            _inner: inner,
        }
    }

    /// The value, which a mutable borrow proves to be held by nobody.
    pub fn get_mut(&mut self) -> &mut T {
        self.value.get_mut()
    }
}

impl<T> FastMutexGuard<'_, T> {
    /// Proof of the level that holds under the mutex.
    #[must_use]
    pub fn irql(&self) -> Apc {
        // SAFETY: the guard raised to APC_LEVEL and lowers when it is dropped.
        unsafe { Apc::assume() }
    }
}

impl<T> Deref for FastMutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the guard holds the lock.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for FastMutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: the guard holds the lock and is borrowed mutably.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for FastMutexGuard<'_, T> {
    fn drop(&mut self) {
        self.lock.owner.store(0, Ordering::Relaxed);
        set_irql(self.before);
    }
}
