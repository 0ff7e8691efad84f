//! A slot: one word, then room for one object.
//!
//! What a slot is says its [`Stamp`]. The word belongs to a batch that holds the slot (the address of
//! another slot of the batch or 0, and the object's class in its lowest bit), and to pins (their number,
//! above the class in the lowest bit); otherwise it means nothing.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::stamp::{self, Finding, Generation, Stamp};
use super::{Class, Wrong};
use crate::kernel::PAGE;
use crate::kernel::sync::{AtomicUsize, Ordering, from_zeroes};

/// A cache line.
pub(super) const LINE: usize = 64;

/// Bytes that every slot is a multiple of and aligned to: an object of 24 bytes and its word.
pub(super) const GRAIN: usize = 32;

const CLASS: usize = 1;
const PIN: usize = 2;

/// One slot. [`Slot::BYTES`] of a run belong to it, of which this is the beginning.
#[repr(C)]
pub(super) struct Slot<T> {
    word: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// Asks the processor to fetch the line of a slot.
#[inline]
pub(super) fn prefetch(handle: *mut c_void) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        let slot = handle.map_addr(|handle| stamp::split(handle).0);
        // SAFETY: a prefetch of any address is allowed and has no effect that a program sees.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(slot.cast_const().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = handle;
}

impl<T> Slot<T> {
    /// Bytes from one slot to the next.
    pub(super) const BYTES: usize = {
        assert!(
            align_of::<Self>() <= GRAIN,
            "objects are aligned to 32 bytes at most"
        );
        let bytes = size_of::<Self>().next_multiple_of(GRAIN);
        assert!(bytes <= PAGE, "objects are smaller than a page");
        bytes
    };

    /// Makes a slot of zeroed memory.
    ///
    /// # Safety
    ///
    /// `at` points to [`Slot::BYTES`] zeroed bytes, aligned to [`GRAIN`], that nothing else uses.
    pub(super) unsafe fn from_zeroes(at: *mut Self) {
        // SAFETY: `at` points to a slot's bytes.
        let word = unsafe { &raw mut (*at).word };
        // SAFETY: the caller gives zeroed memory that nothing else uses.
        unsafe { from_zeroes(word) };
    }

    /// The slot `number` places after the one at `first`.
    ///
    /// # Safety
    ///
    /// Both are slots of one run.
    #[inline(always)]
    pub(super) unsafe fn nth(first: NonNull<Self>, number: usize) -> NonNull<Self> {
        // SAFETY: the caller vouches that the run goes on so far.
        unsafe { first.byte_add(number.wrapping_mul(Self::BYTES)) }
    }

    /// Notes for the batch that took the slot which class its object is of, and another slot of the
    /// batch's or none.
    #[inline(always)]
    pub(super) fn hold(&self, class: Class, next: *mut Self) {
        let word = next.expose_provenance() | class.number();
        self.word.store(word, Ordering::Relaxed);
    }

    /// Links a held slot to another one of the batch's.
    pub(super) fn link(&self, next: *mut Self) {
        self.hold(self.class(), next);
    }

    /// Unlinks a held slot, and tells which one it was linked to.
    pub(super) fn unlink(&self) -> *mut Self {
        let word = self.word.load(Ordering::Relaxed);
        self.word.store(word & CLASS, Ordering::Relaxed);
        ptr::with_exposed_provenance_mut(word & !CLASS)
    }

    /// The class of the object of a slot that is held or pinned.
    #[inline(always)]
    pub(super) fn class(&self) -> Class {
        if self.word.load(Ordering::Relaxed) & CLASS == Class::FIRST.number() {
            Class::FIRST
        } else {
            Class::SECOND
        }
    }

    /// Writes the value of a held slot.
    ///
    /// # Safety
    ///
    /// The slot is held by the caller and has no value.
    #[inline(always)]
    pub(super) unsafe fn write(&self, value: T) {
        // SAFETY: only the caller reaches the value of a slot that it holds.
        unsafe { self.value.get().write(MaybeUninit::new(value)) };
    }

    /// Pins a live object of this class and generation.
    ///
    /// # Safety
    ///
    /// `stamp` is the slot's, and the caller holds the lock of its shard, so nobody frees it meanwhile.
    pub(super) unsafe fn pin(
        &self,
        stamp: &Stamp,
        class: Class,
        generation: Generation,
    ) -> Result<(), Wrong> {
        match stamp.look(class, generation) {
            Finding::Live => {
                self.word.store(class.number() | PIN, Ordering::Relaxed);
                stamp.note_pin(generation);
                Ok(())
            }
            Finding::Pinned if self.class() == class => {
                // Atomic, as pins are taken back without the lock.
                self.word.fetch_add(PIN, Ordering::Relaxed);
                Ok(())
            }
            Finding::Pinned | Finding::OtherClass => Err(Wrong::Foreign),
            Finding::Gone => Err(Wrong::Stale),
        }
    }

    /// Takes a pin back.
    pub(super) fn unpin(&self) {
        self.word.fetch_sub(PIN, Ordering::Release);
    }

    /// Why the object of this class and generation cannot be removed, if it cannot.
    ///
    /// # Safety
    ///
    /// As [`Slot::pin`].
    #[cold]
    unsafe fn check(
        &self,
        stamp: &Stamp,
        class: Class,
        generation: Generation,
    ) -> Result<(), Wrong> {
        match stamp.look(class, generation) {
            Finding::Live => Ok(()),
            Finding::Pinned => {
                let word = self.word.load(Ordering::Acquire);
                if word & CLASS != class.number() {
                    Err(Wrong::Foreign)
                } else if word >= PIN {
                    Err(Wrong::Busy)
                } else {
                    Ok(())
                }
            }
            Finding::OtherClass => Err(Wrong::Foreign),
            Finding::Gone => Err(Wrong::Stale),
        }
    }

    /// Makes a live slot of this class and generation free; its value is the caller's then, to
    /// [take](Slot::value_out) before the lock is let go.
    ///
    /// # Safety
    ///
    /// `stamp` is that of the slot at `slot`, which is mapped, and the caller holds the lock of its shard,
    /// so nobody else frees or pins it.
    #[inline(always)]
    pub(super) unsafe fn free(
        slot: NonNull<Self>,
        stamp: &Stamp,
        class: Class,
        generation: Generation,
    ) -> Result<(), Wrong> {
        // SAFETY: the caller's contract.
        unsafe { Self::may_free(slot, stamp, class, generation) }?;
        // No pin can come without the lock, and there is none that could go.
        stamp.close(generation);
        Ok(())
    }

    /// Whether a slot has a live object of this class and generation, without a pin; why not.
    ///
    /// # Safety
    ///
    /// As [`Slot::free`].
    #[inline(always)]
    pub(super) unsafe fn may_free(
        slot: NonNull<Self>,
        stamp: &Stamp,
        class: Class,
        generation: Generation,
    ) -> Result<(), Wrong> {
        if stamp.is(class, generation) {
            return Ok(());
        }
        // SAFETY: the slot is mapped. (Only here is it looked at.)
        let slot = unsafe { slot.as_ref() };
        // SAFETY: the caller's contract.
        unsafe { slot.check(stamp, class, generation) }
    }

    /// Moves the value of a slot out.
    ///
    /// # Safety
    ///
    /// The caller has made the slot [free](Slot::free) and has not let go of the lock since, nor
    /// done this.
    #[inline(always)]
    pub(super) unsafe fn value_out(&self) -> T {
        // SAFETY: the slot was live, so it has a value, which nobody else reaches.
        let value = unsafe { self.value.get().cast::<T>().read() };
        if cfg!(debug_assertions) {
            // SAFETY: as above; it is moved out.
            unsafe { self.value.get().write_bytes(0xDD, 1) };
        }
        value
    }

    /// The object of a slot that is kept from being freed.
    ///
    /// # Safety
    ///
    /// The slot is pinned, or held with a value, for as long as the reference lives.
    pub(super) unsafe fn value(&self) -> &T {
        // SAFETY: the slot has a value, and it is not written while the slot is live.
        let value = unsafe { &*self.value.get() };
        // SAFETY: as above.
        unsafe { value.assume_init_ref() }
    }

    /// Drops the object of a held slot, or of a live one when the pool goes.
    ///
    /// # Safety
    ///
    /// The slot has a value, which nobody uses any more.
    pub(super) unsafe fn drop_value(&self) {
        // SAFETY: nobody else reaches the value.
        let value = unsafe { &mut *self.value.get() };
        // SAFETY: the slot has a value.
        unsafe { value.assume_init_drop() };
    }
}
