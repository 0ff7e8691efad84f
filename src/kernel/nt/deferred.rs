//! Work that the kernel calls back for: DPCs and timers.
//!
//! Both keep what the kernel points at, and the closure that it is to call, in one nonpaged block
//! that never moves. The kernel gets the block's address as the context of its callback; the closure's
//! type is known to that callback and to the function that drops the block, and to nothing else.

use core::cell::UnsafeCell;
use core::mem::ManuallyDrop;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, Ordering};

use wdk_sys::ntddk::{
    ExAllocateTimer, ExCancelTimer, ExDeleteTimer, ExSetTimer, KeFlushQueuedDpcs, KeInitializeDpc,
    KeInsertQueueDpc, KeRemoveQueueDpc,
};
use wdk_sys::{EX_TIMER_HIGH_RESOLUTION, KDPC, PEX_TIMER, PVOID};

use super::super::irql::{AtMostDispatch, Dispatch, Passive};
use super::super::{NoMemory, Owned, Tag, Time};
use super::{TRUE, now};

/// The kernel's part of a block (`head`, first in it, so that both have one address), and ours.
#[repr(C)]
struct Block<H, F> {
    head: Head<H>,
    tag: Tag,
    routine: F,
}

#[repr(C)]
struct Head<H> {
    object: H,
    /// Drops the whole block, whatever the type of its closure.
    release: unsafe fn(NonNull<Head<H>>),
}

impl<H, F> Block<H, F> {
    /// Puts it into a pool block. [`Head::release`] gives that back.
    fn place(tag: Tag, object: H, routine: F, irql: Passive) -> Result<NonNull<Head<H>>, NoMemory> {
        let head = Head {
            object,
            release: Self::release,
        };
        let block = Owned::try_new(tag, Self { head, tag, routine }, irql)?;
        Ok(block.into_raw().cast())
    }

    /// # Safety
    ///
    /// `head` came from [`Block::place`] of this type and nothing uses it any more.
    unsafe fn release(head: NonNull<Head<H>>) {
        let block = head.cast::<Self>();
        // SAFETY: the block is initialised while its owner lives.
        let tag = unsafe { block.as_ref() }.tag;
        // SAFETY: `place` gave this block up, with this tag.
        drop(unsafe { Owned::from_raw(tag, block) });
    }
}

// The size that the kernel has for it. Where headers disagree, they are not the kernel's.
const _: () = assert!(size_of::<KDPC>() == 64);

/// A closure that runs at `DISPATCH_LEVEL` soon after it is queued, once for however many times it
/// was queued before it began. It is dropped at `PASSIVE_LEVEL`, never by its own closure.
pub struct Dpc {
    head: NonNull<Head<UnsafeCell<KDPC>>>,
}

// SAFETY: the kernel guards the KDPC, and the closure is Send + Sync.
unsafe impl Send for Dpc {}
// SAFETY: as above.
unsafe impl Sync for Dpc {}

impl Dpc {
    /// A DPC that is not queued.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `routine` is dropped.
    pub fn try_new<F>(tag: Tag, routine: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: Fn(Dispatch) + Send + Sync + 'static,
    {
        let empty = UnsafeCell::new(KDPC::default());
        let dpc = Self {
            head: Block::place(tag, empty, routine, irql)?,
        };
        // SAFETY: the block is the DPC's alone, and is released after the DPC was flushed.
        unsafe { KeInitializeDpc(dpc.raw(), Some(run_dpc::<F>), dpc.head.as_ptr().cast()) };
        Ok(dpc)
    }

    fn raw(&self) -> *mut KDPC {
        // SAFETY: the block lives as long as `self`.
        unsafe { self.head.as_ref() }.object.get()
    }

    /// Has it run. False if it was queued already. Any IRQL.
    pub fn queue(&self) -> bool {
        // SAFETY: the DPC is initialised.
        unsafe { KeInsertQueueDpc(self.raw(), ptr::null_mut(), ptr::null_mut()) != 0 }
    }
}

impl Drop for Dpc {
    fn drop(&mut self) {
        // SAFETY: the DPC is initialised.
        unsafe { KeRemoveQueueDpc(self.raw()) };
        // It may be running on another processor.
        // SAFETY: a DPC is dropped at PASSIVE_LEVEL.
        unsafe { KeFlushQueuedDpcs() };
        // SAFETY: the block lives as long as `self`.
        let release = unsafe { self.head.as_ref() }.release;
        // SAFETY: neither the kernel nor anyone else uses the block any more.
        unsafe { release(self.head) };
    }
}

/// Calls a DPC's closure.
///
/// # Safety
///
/// The kernel's, with the context that [`Dpc::try_new`] gave it.
unsafe extern "C" fn run_dpc<F: Fn(Dispatch)>(
    _dpc: *mut KDPC,
    context: PVOID,
    _argument1: PVOID,
    _argument2: PVOID,
) {
    let block = context.cast_const().cast::<Block<UnsafeCell<KDPC>, F>>();
    // SAFETY: the context is the block, which outlives the DPC.
    let routine = unsafe { &(*block).routine };
    // SAFETY: the kernel calls DPCs at DISPATCH_LEVEL.
    routine(unsafe { Dispatch::assume() });
}

/// The timer's kernel object, behind the pointer that ExAllocateTimer gave.
type TimerHead = Head<AtomicPtr<core::ffi::c_void>>;

/// A closure that runs at `DISPATCH_LEVEL` once after a time, to a fraction of a millisecond. It is
/// dropped at `PASSIVE_LEVEL`, never by its own closure.
pub struct Timer {
    head: NonNull<TimerHead>,
}

// SAFETY: the kernel guards the timer, and the closure is Send + Sync.
unsafe impl Send for Timer {}
// SAFETY: as above.
unsafe impl Sync for Timer {}

impl Timer {
    /// A timer that is not set. The closure gets it, to set it again.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when there is no memory for it; `routine` is dropped.
    pub fn try_new<F>(tag: Tag, routine: F, irql: Passive) -> Result<Self, NoMemory>
    where
        F: Fn(&Timer, Dispatch) + Send + Sync + 'static,
    {
        let none = AtomicPtr::new(ptr::null_mut());
        let timer = Self {
            head: Block::place(tag, none, routine, irql)?,
        };
        let context = timer.head.as_ptr().cast();
        // SAFETY: the context is a block that outlives the timer.
        let object =
            unsafe { ExAllocateTimer(Some(run_timer::<F>), context, EX_TIMER_HIGH_RESOLUTION) };
        if object.is_null() {
            return Err(NoMemory);
        }
        // The closure cannot run before it is there: nobody has set the timer.
        timer.head().object.store(object.cast(), Ordering::Release);
        Ok(timer)
    }

    fn head(&self) -> &TimerHead {
        // SAFETY: the block lives as long as `self`.
        unsafe { self.head.as_ref() }
    }

    fn raw(&self) -> PEX_TIMER {
        self.head().object.load(Ordering::Acquire).cast()
    }

    /// Has it run at `due`, or at once if that has passed; a time set before is forgotten.
    pub fn set(&self, due: Time, _irql: impl AtMostDispatch) {
        // Relative to now, so that a change of the clock has no effect; zero would be a date.
        let span = due.since(now()).0.max(1);
        let due = -i64::try_from(span).unwrap_or(i64::MAX);
        // SAFETY: the timer lives as long as `self`; the token shows DISPATCH_LEVEL at most.
        unsafe { ExSetTimer(self.raw(), due, 0, ptr::null_mut()) };
    }

    /// Forgets the time that is set. True if one was set; a closure that already runs goes on.
    pub fn cancel(&self, _irql: impl AtMostDispatch) -> bool {
        // SAFETY: the timer lives as long as `self`; the token shows DISPATCH_LEVEL at most.
        unsafe { ExCancelTimer(self.raw(), ptr::null_mut()) != 0 }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let object = self.raw();
        if !object.is_null() {
            // Cancels it, and waits for a closure that runs. If that sets the timer meanwhile, the
            // kernel refuses.
            // SAFETY: a timer is dropped at PASSIVE_LEVEL, once.
            unsafe { ExDeleteTimer(object, TRUE, TRUE, ptr::null_mut()) };
        }
        let release = self.head().release;
        // SAFETY: neither the kernel nor anyone else uses the block any more.
        unsafe { release(self.head) };
    }
}

/// Calls a timer's closure.
///
/// # Safety
///
/// The kernel's, with the context that [`Timer::try_new`] gave it.
unsafe extern "C" fn run_timer<F: Fn(&Timer, Dispatch)>(_timer: PEX_TIMER, context: PVOID) {
    let Some(head) = NonNull::new(context.cast::<TimerHead>()) else {
        return;
    };
    // For the closure to borrow; the owner drops it.
    let timer = ManuallyDrop::new(Timer { head });
    let block = head.cast::<Block<AtomicPtr<core::ffi::c_void>, F>>();
    // SAFETY: the context is the block, which outlives the timer.
    let routine = unsafe { &(*block.as_ptr()).routine };
    // SAFETY: the kernel calls timers' routines at DISPATCH_LEVEL.
    routine(&timer, unsafe { Dispatch::assume() });
}
