//! A slot: one header word, then room for one object.
//!
//! The header says what the slot is and counts what it has been:
//!
//! | bits | free | held by a batch | live |
//! |---|---|---|---|
//! | 0..6 | generation of the next object | the object's generation | the object's generation |
//! | 6 | 0 | 0 | 1 |
//! | 7 | 0 | 1 | 0 |
//! | 8..64 | 0 | address of another slot of the batch | number of pins |
//!
//! Who may change it: a free slot's is its shard's (under the lock), a held one's is the batch's;
//! a live one is pinned by anybody, and freed by who holds the shard's lock and finds no pin.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{self, NonNull};

use super::Wrong;
use crate::kernel::PAGE;
use crate::kernel::sync::{AtomicUsize, Ordering, from_zeroes};

/// Bytes that every slot is a multiple of and aligned to: a cache line, and what leaves a handle
/// six bits for the generation.
pub(super) const LINE: usize = 64;

// A header holds an address without its low six bits, and eight bits more; a handle is one word.
const _: () = assert!(usize::BITS == 64);

const GENERATION: usize = 0x3F;
const LIVE: usize = 0x40;
const HELD: usize = 0x80;
const FIELD: u32 = 8;
const PIN: usize = 1 << FIELD;

/// One slot. [`Slot::BYTES`] of a run belong to it, of which this is the beginning.
#[repr(C)]
pub(super) struct Slot<T> {
    header: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// The generation that a handle carries.
pub(super) fn generation(handle: *mut c_void) -> usize {
    handle.addr() & GENERATION
}

/// The address of the slot that a handle names.
pub(super) fn address(handle: *mut c_void) -> usize {
    handle.addr() & !(LINE - 1)
}

/// Asks the processor to fetch the line of a slot.
#[inline]
pub(super) fn prefetch(handle: *mut c_void) {
    #[cfg(target_arch = "x86_64")]
    {
        use core::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        // SAFETY: a prefetch of any address is allowed and has no effect that a program sees.
        unsafe { _mm_prefetch::<_MM_HINT_T0>(handle.cast_const().cast()) };
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = handle;
}

impl<T> Slot<T> {
    /// Bytes from one slot to the next.
    pub(super) const BYTES: usize = {
        assert!(
            align_of::<Self>() <= LINE,
            "objects are aligned to 64 bytes at most"
        );
        let bytes = size_of::<Self>().next_multiple_of(LINE);
        assert!(bytes <= PAGE, "objects are smaller than a page");
        bytes
    };

    /// Makes a free slot of zeroed memory.
    ///
    /// # Safety
    ///
    /// `at` points to [`Slot::BYTES`] zeroed bytes, aligned to [`LINE`], that nothing else uses.
    pub(super) unsafe fn from_zeroes(at: *mut Self) {
        // SAFETY: `at` points to a slot's bytes.
        let header = unsafe { &raw mut (*at).header };
        // SAFETY: the caller gives zeroed memory that nothing else uses.
        unsafe { from_zeroes(header) };
    }

    /// Makes a slot that a batch took held, and links it to another one of the batch's. Tells the
    /// handle of the object that it will have.
    #[inline]
    pub(super) fn hold(&self, next: *mut Self) -> NonNull<c_void> {
        let generation = self.header.load(Ordering::Relaxed) & GENERATION;
        self.header
            .store(generation | HELD | link(next), Ordering::Relaxed);
        self.handle_of(generation)
    }

    /// The slot that a held one is linked to.
    #[inline]
    pub(super) fn next(&self) -> *mut Self {
        // Shifted as a signed number: addresses of the kernel have their upper bits set.
        let field = self.header.load(Ordering::Relaxed).cast_signed() >> FIELD;
        ptr::with_exposed_provenance_mut((field << LINE.ilog2()).cast_unsigned())
    }

    /// Writes the value of a held slot.
    ///
    /// # Safety
    ///
    /// The slot is held by the caller and has no value.
    #[inline]
    pub(super) unsafe fn write(&self, value: T) {
        // SAFETY: only the caller reaches the value of a slot that it holds.
        unsafe { self.value.get().write(MaybeUninit::new(value)) };
    }

    /// The handle of the object of this generation.
    #[inline]
    fn handle_of(&self, generation: usize) -> NonNull<c_void> {
        NonNull::from(self)
            .cast::<c_void>()
            .map_addr(|address| address | generation)
    }

    /// The handle of a live object.
    pub(super) fn handle(&self) -> NonNull<c_void> {
        self.handle_of(self.header.load(Ordering::Relaxed) & GENERATION)
    }

    /// Makes the object of a taken slot visible to lookups, and tells its handle.
    #[inline]
    pub(super) fn publish(&self) -> NonNull<c_void> {
        let generation = self.header.load(Ordering::Relaxed) & GENERATION;
        self.header.store(generation | LIVE, Ordering::Release);
        self.handle_of(generation)
    }

    /// Makes a held slot free, with the next generation.
    pub(super) fn let_go(&self) {
        let generation = self.header.load(Ordering::Relaxed).wrapping_add(1) & GENERATION;
        self.header.store(generation, Ordering::Release);
    }

    /// Pins a live object of this generation.
    pub(super) fn pin(&self, generation: usize) -> Result<(), Wrong> {
        let mut header = self.header.load(Ordering::Relaxed);
        loop {
            if header & (LIVE | GENERATION) != LIVE | generation {
                return Err(Wrong::Stale);
            }
            let pinned = header.wrapping_add(PIN);
            match self.header.compare_exchange_weak(
                header,
                pinned,
                Ordering::Acquire,
                Ordering::Relaxed,
            ) {
                Ok(_) => return Ok(()),
                Err(found) => header = found,
            }
        }
    }

    /// Takes a pin back.
    pub(super) fn unpin(&self) {
        self.header.fetch_sub(PIN, Ordering::Release);
    }

    /// Makes a live slot of this generation free and moves its object out.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the slot's shard, so nobody else frees it.
    #[inline]
    pub(super) unsafe fn take(&self, generation: usize) -> Result<T, Wrong> {
        let free = generation.wrapping_add(1) & GENERATION;
        let live = generation | LIVE;
        self.header
            .compare_exchange(live, free, Ordering::Acquire, Ordering::Relaxed)
            .map_err(|found| {
                let named = found & (LIVE | GENERATION) == live;
                if named { Wrong::Busy } else { Wrong::Stale }
            })?;
        // SAFETY: the slot was live, so it has a value; it is free now and not pinned, so nobody
        // else reaches it before the lock is let go.
        Ok(unsafe { self.value.get().cast::<T>().read() })
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

    /// Whether the slot has a live object.
    pub(super) fn is_live(&self) -> bool {
        self.header.load(Ordering::Acquire) & LIVE != 0
    }

    /// Overwrites what an object left behind, in debug builds.
    ///
    /// # Safety
    ///
    /// The slot has no value and the caller holds the lock of its shard.
    #[inline]
    pub(super) unsafe fn overwrite(&self) {
        if cfg!(debug_assertions) {
            // SAFETY: nobody else reaches the bytes of a slot without a value.
            unsafe { self.value.get().write_bytes(0xDD, 1) };
        }
    }
}

/// The header field for the address of a slot, or for none.
fn link<T>(slot: *mut Slot<T>) -> usize {
    (slot.expose_provenance() >> LINE.ilog2()) << FIELD
}
