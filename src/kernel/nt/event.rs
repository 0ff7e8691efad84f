//! Waiting.

use core::cell::UnsafeCell;
use core::ptr;

use wdk_sys::_EVENT_TYPE::{NotificationEvent, SynchronizationEvent};
use wdk_sys::_KWAIT_REASON::Executive;
use wdk_sys::ntddk::{
    KeClearEvent, KeDelayExecutionThread, KeInitializeEvent, KeSetEvent, KeWaitForSingleObject,
};
use wdk_sys::{KEVENT, LARGE_INTEGER, STATUS_TIMEOUT};

use super::super::irql::{AtMostDispatch, Passive};
use super::super::{NoMemory, Owned, Reset, Span, Tag, Wait};
use super::{FALSE, KERNEL_MODE, relative};

/// Waits for `span` at least.
pub fn delay(span: Span, _irql: Passive) {
    let mut interval = relative(span);
    // It ends early only if it is alertable.
    // SAFETY: the token shows PASSIVE_LEVEL; the interval is read before the call returns.
    let _ = unsafe { KeDelayExecutionThread(KERNEL_MODE, FALSE, &raw mut interval) };
}

/// Something a thread can wait for. The `KEVENT` lives in a block of its own, because waiters are
/// chained to it.
pub struct Event {
    event: Owned<Kevent>,
}

struct Kevent(UnsafeCell<KEVENT>);

// SAFETY: an event is made to be used by many threads, through the kernel alone.
unsafe impl Send for Kevent {}
// SAFETY: as above.
unsafe impl Sync for Kevent {}

// The size that the kernel has for it. Where headers disagree, they are not the kernel's.
const _: () = assert!(size_of::<KEVENT>() == 24);

impl Event {
    /// An event that is not signalled.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn try_new(tag: Tag, reset: Reset, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let empty = Kevent(UnsafeCell::new(KEVENT::default()));
        let event = Self {
            event: Owned::try_new(tag, empty, irql)?,
        };
        let kind = match reset {
            Reset::Auto => SynchronizationEvent,
            Reset::Manual => NotificationEvent,
        };
        // SAFETY: the block is the event's alone and does not move.
        unsafe { KeInitializeEvent(event.raw(), kind, FALSE) };
        Ok(event)
    }

    fn raw(&self) -> *mut KEVENT {
        self.event.0.get()
    }

    /// Signals it: lets through one waiter or all of them, now or when they come.
    pub fn set(&self, _irql: impl AtMostDispatch) {
        // Without an increment (IO_NO_INCREMENT) and without a wait that follows.
        // SAFETY: the event is initialised; the token shows DISPATCH_LEVEL at most.
        unsafe { KeSetEvent(self.raw(), 0, FALSE) };
    }

    /// Takes the signal back.
    pub fn clear(&self, _irql: impl AtMostDispatch) {
        // SAFETY: the event is initialised; the token shows DISPATCH_LEVEL at most.
        unsafe { KeClearEvent(self.raw()) };
    }

    /// Waits until it is signalled, without a bound: for a thread of ours that has nothing to do.
    pub fn wait(&self, irql: Passive) {
        self.wait_until(ptr::null_mut(), irql);
    }

    /// Waits until it is signalled or `span` has passed; with [`Span::ZERO`] it does not wait.
    #[must_use]
    pub fn wait_for(&self, span: Span, irql: Passive) -> Wait {
        let mut timeout = relative(span);
        self.wait_until(&raw mut timeout, irql)
    }

    /// `timeout` is NULL or points to a time for the length of the call.
    fn wait_until(&self, timeout: *mut LARGE_INTEGER, _irql: Passive) -> Wait {
        let event = self.raw().cast();
        // SAFETY: the event is initialised; the token shows PASSIVE_LEVEL; both callers pass a
        // timeout that is NULL or valid.
        let status =
            unsafe { KeWaitForSingleObject(event, Executive, KERNEL_MODE, FALSE, timeout) };
        if status == STATUS_TIMEOUT {
            Wait::TimedOut
        } else {
            Wait::Signalled
        }
    }
}
