//! A slot: one header word, then room for one object.
//!
//! The header says what the slot is and counts what it has been:
//!
//! | bits | free | held by a batch | live |
//! |---|---|---|---|
//! | 0..6 | generation of the next object | the object's generation | the object's generation |
//! | 6 | 0 | 0 | 1 |
//! | 7 | 0 | 1 | 0 |
//! | 8..10 | 0 | the object's class | the object's class |
//! | 10..64 | 0 | address of another slot of the batch, or 0 | number of pins |
//!
//! Who may change it: a free slot's is its shard's (under the lock), a held one's is the batch's;
//! a live one is pinned and freed by who holds the shard's lock, freed only without a pin, and
//! unpinned by anybody.

use core::cell::UnsafeCell;
use core::ffi::c_void;
use core::mem::{MaybeUninit, needs_drop};
use core::ptr::{self, NonNull};

use super::{Class, Wrong};
use crate::kernel::PAGE;
use crate::kernel::sync::{AtomicUsize, Ordering, from_zeroes};

/// Bytes that every slot is a multiple of and aligned to: a cache line, and what leaves a handle
/// six bits for the generation.
pub(super) const LINE: usize = 64;

// A header holds an address without its low six bits, and ten bits more, so four bits fewer than
// there are: addresses of x86-64 and ARM64 repeat their upper seven. A handle is one word.
const _: () = assert!(usize::BITS == 64);

const GENERATION: usize = LINE - 1;
const LIVE: usize = 0x40;
const HELD: usize = 0x80;
const CLASS: u32 = 8;
const FIELD: u32 = 10;
const PIN: usize = 1 << FIELD;

/// One slot. [`Slot::BYTES`] of a run belong to it, of which this is the beginning.
#[repr(C)]
pub(super) struct Slot<T> {
    header: AtomicUsize,
    value: UnsafeCell<MaybeUninit<T>>,
}

/// The address of the slot that a handle names, and the generation that it carries.
#[inline(always)]
pub(super) const fn split(handle: usize) -> (usize, usize) {
    (handle & !GENERATION, handle & GENERATION)
}

/// The generation that a handle carries.
pub(super) fn generation(handle: *mut c_void) -> usize {
    split(handle.addr()).1
}

/// The address of the slot that a handle names.
pub(super) fn address(handle: *mut c_void) -> usize {
    split(handle.addr()).0
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

/// The header of an object without pins.
#[inline(always)]
fn live(class: Class, generation: usize) -> usize {
    generation | LIVE | class.number() << CLASS
}

/// Why a slot with the header `found` is not the one that was looked for.
#[cold]
fn wrong(found: usize, wanted: usize) -> Wrong {
    let named = found & (PIN - 1);
    if named == wanted {
        Wrong::Busy
    } else if (named ^ wanted) >> CLASS != 0 && (named ^ wanted) & (LIVE | GENERATION) == 0 {
        Wrong::Foreign
    } else {
        Wrong::Stale
    }
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

    /// Makes a slot that a batch took held, and links it to another one of the batch's or to none.
    /// Tells the handle of the object that it will have.
    #[inline(always)]
    pub(super) fn hold(&self, class: Class, next: *mut Self) -> NonNull<c_void> {
        let generation = self.header.load(Ordering::Relaxed) & GENERATION;
        let header = generation | HELD | class.number() << CLASS | link(next);
        self.header.store(header, Ordering::Relaxed);
        self.handle_of(generation)
    }

    /// Makes the object of a slot that was taken, and makes it visible to lookups. Tells its handle.
    ///
    /// # Safety
    ///
    /// The caller has taken the slot, which has no value, and has not held it for a batch.
    #[inline(always)]
    pub(super) unsafe fn open(&self, class: Class, value: T) -> NonNull<c_void> {
        let generation = self.header.load(Ordering::Relaxed) & GENERATION;
        // SAFETY: only the caller reaches the slot.
        unsafe { self.write(value) };
        self.header
            .store(live(class, generation), Ordering::Release);
        self.handle_of(generation)
    }

    /// Links a held slot to another one of the batch's.
    pub(super) fn link(&self, next: *mut Self) {
        let header = self.header.load(Ordering::Relaxed) & (PIN - 1);
        self.header.store(header | link(next), Ordering::Relaxed);
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

    /// Makes the object of a held slot that is linked to none visible to lookups.
    #[inline(always)]
    pub(super) fn publish(&self) {
        let header = self.header.load(Ordering::Relaxed);
        self.header.store(header ^ HELD ^ LIVE, Ordering::Release);
    }

    /// Unlinks a held slot, and tells which one it was linked to.
    pub(super) fn unlink(&self) -> *mut Self {
        let header = self.header.load(Ordering::Relaxed);
        self.header.store(header & (PIN - 1), Ordering::Relaxed);
        // Shifted as a signed number: addresses of the kernel have their upper bits set.
        let field = header.cast_signed() >> FIELD;
        ptr::with_exposed_provenance_mut((field << LINE.ilog2()).cast_unsigned())
    }

    /// Makes a held slot free, with the next generation.
    pub(super) fn let_go(&self) {
        let generation = self.header.load(Ordering::Relaxed).wrapping_add(1) & GENERATION;
        self.header.store(generation, Ordering::Release);
    }

    /// Pins a live object of this class and generation.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the slot's shard, so nobody frees it meanwhile.
    pub(super) unsafe fn pin(&self, class: Class, generation: usize) -> Result<(), Wrong> {
        let wanted = live(class, generation);
        let found = self.header.load(Ordering::Acquire);
        if found & (PIN - 1) != wanted {
            return Err(wrong(found, wanted));
        }
        // Atomic, as pins are taken back without the lock.
        self.header.fetch_add(PIN, Ordering::Relaxed);
        Ok(())
    }

    /// Takes a pin back.
    pub(super) fn unpin(&self) {
        self.header.fetch_sub(PIN, Ordering::Release);
    }

    /// Whether the slot has a live object of this class and generation, without a pin.
    #[inline(always)]
    pub(super) fn is_removable(&self, class: Class, generation: usize) -> bool {
        self.header.load(Ordering::Acquire) == live(class, generation)
    }

    /// Makes the slot of a handle free and drops its object.
    ///
    /// # Safety
    ///
    /// As [`Slot::free`], which would succeed.
    #[inline(always)]
    pub(super) unsafe fn discard(&self, handle: usize) {
        let free = handle.wrapping_add(1) & GENERATION;
        self.header.store(free, Ordering::Relaxed);
        if needs_drop::<T>() {
            // SAFETY: the slot was made free just now, and the lock is held.
            drop(unsafe { self.value_out() });
        }
    }

    /// Makes a live slot of this class and generation free; its value is the caller's then, to
    /// [take](Slot::value_out) before the lock is let go.
    ///
    /// # Safety
    ///
    /// The caller holds the lock of the slot's shard, so nobody else frees or pins it.
    #[inline(always)]
    pub(super) unsafe fn free(&self, class: Class, generation: usize) -> Result<(), Wrong> {
        let wanted = live(class, generation);
        let found = self.header.load(Ordering::Acquire);
        if found != wanted {
            return Err(wrong(found, wanted));
        }
        // No pin can come without the lock, and there is none that could go.
        let free = generation.wrapping_add(1) & GENERATION;
        self.header.store(free, Ordering::Relaxed);
        Ok(())
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

    /// Whether the slot has a live object.
    pub(super) fn is_live(&self) -> bool {
        self.header.load(Ordering::Acquire) & LIVE != 0
    }
}

/// The header field for the address of a slot, or for none.
fn link<T>(slot: *mut Slot<T>) -> usize {
    (slot.expose_provenance() >> LINE.ilog2()) << FIELD
}
