//! Stamps: a byte for each slot, which says what the slot is and counts what it has been.
//!
//! | bits | free, or held by a batch | live | pinned, once at least |
//! |---|---|---|---|
//! | 0..6 | generation of the next object | the object's generation | the object's generation |
//! | 6..8 | 0 | 1 and the object's class | 3: its class and its pins are in the slot |
//!
//! The stamps of a run lie together at its beginning: a handle is checked, and an object removed, without
//! a look at the object, which is mostly long out of the cache.
//!
//! A handle is the slot's address with the generation in bits that the address has no use for: the lower
//! five in place of its lowest, which are zero, and the sixth upon its highest, which is like the one
//! below.
//!
//! Who may change a stamp: that of a slot which was taken is the taker's; every other one is changed
//! under the lock of the shard.

use core::ffi::c_void;
use core::ptr::NonNull;

use super::Class;
use super::slot::GRAIN;
use crate::kernel::sync::{AtomicU8, Ordering, from_zeroes};

// A handle is one word, and its lower bits have room for five of the generation's.
const _: () = assert!(usize::BITS == 64 && GRAIN == 1 << (GENERATION_BITS - 1));

const GENERATION_BITS: u32 = 6;
const GENERATION: u8 = (1 << GENERATION_BITS) - 1;
/// The state of a live object that has been pinned.
const PINNED: u8 = 3 << GENERATION_BITS;

/// A count of the objects that a slot has held, modulo 64.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Generation(u8);

/// The stamp of one slot.
#[repr(transparent)]
pub(super) struct Stamp(AtomicU8);

/// What a stamp says of a handle's object.
#[derive(PartialEq, Eq)]
pub(super) enum Finding {
    /// It is there, and has never been pinned.
    Live,
    /// It is there, if it is of the class; the slot knows that, and the pins.
    Pinned,
    /// Another object of this generation is there, of the other class.
    OtherClass,
    Gone,
}

/// The address of the slot that a handle names, and the generation that it carries.
#[inline(always)]
pub(super) const fn split(handle: usize) -> (usize, Generation) {
    // Shifted back as a signed number: the highest bit becomes what the one below is.
    let signed = (handle << 1).cast_signed() >> 1;
    let address = signed.cast_unsigned() & !(GRAIN - 1);
    // The highest bit comes to the lowest place, the others above it.
    let [generation, ..] = (handle ^ address).rotate_left(1).to_le_bytes();
    (address, Generation(generation))
}

/// The address of the slot that a handle names.
pub(super) fn address(handle: *mut c_void) -> usize {
    split(handle.addr()).0
}

impl Generation {
    /// The handle of the object of this generation in a slot.
    #[inline(always)]
    pub(super) fn handle_of<T>(self, slot: NonNull<T>) -> NonNull<c_void> {
        let bits = usize::from(self.0).rotate_right(1);
        let handle = slot
            .as_ptr()
            .cast::<c_void>()
            .map_addr(|address| address ^ bits);
        // SAFETY: between the generation's two parts are bits of the address, not all of them zero.
        unsafe { NonNull::new_unchecked(handle) }
    }

    /// The next one. The lowest bit here, the highest of a handle, changes last.
    #[inline(always)]
    const fn next(self) -> Self {
        let next = self.0.wrapping_add(2);
        Self((next ^ next >> GENERATION_BITS) & GENERATION)
    }

    /// The stamp of a live object of this class.
    #[inline(always)]
    const fn live(self, class: Class) -> u8 {
        self.0 | class.0.wrapping_add(1) << GENERATION_BITS
    }
}

impl Stamp {
    /// Makes the stamp of a free slot of zeroed memory.
    ///
    /// # Safety
    ///
    /// `at` points to a zeroed stamp that nothing else uses.
    pub(super) unsafe fn from_zeroes(at: *mut Self) {
        // SAFETY: a stamp is nothing but its atomic.
        unsafe { from_zeroes(at.cast::<AtomicU8>()) };
    }

    /// The generation of the slot's object, or of its next one.
    #[inline(always)]
    pub(super) fn generation(&self) -> Generation {
        Generation(self.0.load(Ordering::Relaxed) & GENERATION)
    }

    /// Makes the object of a slot that was taken visible to lookups. Tells its generation.
    #[inline(always)]
    pub(super) fn open(&self, class: Class) -> Generation {
        // A slot that was taken has no state.
        let generation = Generation(self.0.load(Ordering::Relaxed));
        debug_assert!(generation.0 <= GENERATION);
        self.0.store(generation.live(class), Ordering::Release);
        generation
    }

    /// Makes the slot free, with the next generation: one that was taken, or an object's that was
    /// looked for.
    #[inline(always)]
    pub(super) fn close(&self, generation: Generation) {
        self.0.store(generation.next().0, Ordering::Release);
    }

    /// Whether a live object of this class and generation is there, and has never been pinned.
    #[inline(always)]
    pub(super) fn is(&self, class: Class, generation: Generation) -> bool {
        self.0.load(Ordering::Acquire) == generation.live(class)
    }

    /// Looks for the object of this class and generation.
    pub(super) fn look(&self, class: Class, generation: Generation) -> Finding {
        let found = self.0.load(Ordering::Acquire);
        if found == generation.live(class) {
            Finding::Live
        } else if found == generation.0 | PINNED {
            Finding::Pinned
        } else if found & GENERATION == generation.0 && found > GENERATION {
            Finding::OtherClass
        } else {
            Finding::Gone
        }
    }

    /// Notes that the live object of this generation has been pinned.
    pub(super) fn note_pin(&self, generation: Generation) {
        self.0.store(generation.0 | PINNED, Ordering::Relaxed);
    }

    /// Whether the slot has a live object.
    pub(super) fn is_live(&self) -> bool {
        self.0.load(Ordering::Acquire) > GENERATION
    }
}

#[cfg(test)]
mod tests {
    use core::ptr::{NonNull, without_provenance_mut};

    use super::{Generation, split};

    /// Addresses of a process, of the kernel, and of one with five levels of page tables.
    const ADDRESSES: [usize; 4] = [
        0x20,
        0x0000_7fff_dead_bee0,
        0xffff_f800_1234_5660,
        0xff12_3456_789a_bce0,
    ];

    #[test]
    fn a_handle_tells_its_slot_and_its_generation() {
        for address in ADDRESSES {
            let slot = NonNull::new(without_provenance_mut::<u8>(address)).unwrap();
            let mut generation = Generation(0);
            let mut handles = [0; 64];
            for number in 0..handles.len() {
                let handle = generation.handle_of(slot).addr().get();
                assert_eq!(split(handle), (address, generation), "{handle:#x}");
                assert!(!handles.contains(&handle));
                handles[number] = handle;
                generation = generation.next();
            }
            assert_eq!(generation, Generation(0), "the 65th is the first again");
            // While a slot is young a debugger finds it at its handle.
            assert!(
                handles
                    .iter()
                    .take(32)
                    .all(|handle| handle & !31 == address)
            );
        }
    }
}
