//! One pool block an object, so that Driver Verifier sees objects.
//!
//! Such a block is a slot by itself, with its stamp behind it. The set has every block's address; everything else is done
//! under the growth lock, as speed is not asked for here.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::granules::Granules;
use super::growth::Growth;
use super::slab::Slab;
use super::slot::Slot;
use super::stamp::{self, Stamp};
use super::{Class, Wrong};
use crate::kernel::free;
use crate::kernel::irql::Dispatch;

impl<T> Slab<T> {
    /// Bytes of such a block.
    const SINGLE: usize = Slot::<T>::BYTES + size_of::<Stamp>();

    /// The stamp of a slot that has a block of its own.
    pub(super) fn stamp_of_single(slot: NonNull<Slot<T>>) -> NonNull<Stamp> {
        // SAFETY: it lies in the block, behind the slot.
        unsafe { slot.byte_add(Slot::<T>::BYTES) }.cast()
    }

    /// Takes a block; its slot is the caller's.
    #[cold]
    pub(super) fn reserve_single(&self, irql: Dispatch) -> Option<NonNull<Slot<T>>> {
        let mut growth = self.growth.lock(irql);
        if !self.make_room(&mut growth, 1, irql) {
            return None;
        }
        let block = growth.block(Self::SINGLE, irql)?;
        block.as_ptr().expose_provenance();
        let slot = block.cast::<Slot<T>>();
        // SAFETY: the block is new, zeroed and has a slot's bytes.
        unsafe { Slot::from_zeroes(slot.as_ptr()) };
        // SAFETY: as above, and a stamp's behind them.
        unsafe { Stamp::from_zeroes(Self::stamp_of_single(slot).as_ptr()) };
        growth.count_up();
        self.set.insert(&mut growth.set, slot.addr().get(), 0);
        Some(slot)
    }

    /// The block at `address`, if the pool has one there.
    fn find_single(&self, address: usize) -> Option<NonNull<Slot<T>>> {
        // Slots begin where their lines do.
        self.set
            .find(address, Granules::LINES)
            .filter(|_| address.is_multiple_of(Granules::LINES.bytes()))
            .and_then(|_| NonNull::new(ptr::with_exposed_provenance_mut(address)))
    }

    /// Moves the object that a handle names out, and gives its block back.
    #[cold]
    pub(super) fn remove_single(
        &self,
        class: Class,
        handle: *mut c_void,
        irql: Dispatch,
    ) -> Result<T, Wrong> {
        let mut growth = self.growth.lock(irql);
        let (address, generation) = stamp::split(handle.addr());
        let slot = self.find_single(address).ok_or(Wrong::Foreign)?;
        // SAFETY: the block is in the set, so it lives, and the growth lock is held, under which
        // alone a block goes.
        let stamp = unsafe { Self::stamp_of_single(slot).as_ref() };
        // SAFETY: the growth lock stands for a shard's here.
        unsafe { Slot::free(slot, stamp, class, generation) }?;
        // SAFETY: as above.
        let object = unsafe { slot.as_ref() };
        // SAFETY: as above.
        let value = unsafe { object.value_out() };
        self.take_out(&mut growth, slot);
        drop(growth);
        // SAFETY: the block is out of the set and has no value.
        unsafe { self.free_single(slot) };
        Ok(value)
    }

    /// Pins the object that a handle names.
    #[cold]
    pub(super) fn pin_single(
        &self,
        class: Class,
        handle: *mut c_void,
        irql: Dispatch,
    ) -> Result<NonNull<Slot<T>>, Wrong> {
        let _growth = self.growth.lock(irql);
        let (address, generation) = stamp::split(handle.addr());
        let slot = self.find_single(address).ok_or(Wrong::Foreign)?;
        // SAFETY: as in `remove_single`.
        let object = unsafe { slot.as_ref() };
        // SAFETY: as in `remove_single`.
        let stamp = unsafe { Self::stamp_of_single(slot).as_ref() };
        // SAFETY: as in `remove_single`.
        unsafe { object.pin(stamp, class, generation) }?;
        Ok(slot)
    }

    /// Gives back a block that a batch held and that has no object.
    pub(super) fn release_single(&self, slot: NonNull<Slot<T>>, irql: Dispatch) {
        let mut growth = self.growth.lock(irql);
        self.take_out(&mut growth, slot);
        drop(growth);
        // SAFETY: the block is out of the set and has no value.
        unsafe { self.free_single(slot) };
    }

    /// Takes a block out of the set.
    fn take_out(&self, growth: &mut Growth, slot: NonNull<Slot<T>>) {
        self.set.remove(&mut growth.set, slot.addr().get(), 0);
        growth.count_down();
    }

    /// Frees a block.
    ///
    /// # Safety
    ///
    /// `slot` is a block of the pool's without a value, which nothing leads to any more.
    unsafe fn free_single(&self, slot: NonNull<Slot<T>>) {
        // SAFETY: the block was taken with this tag and size.
        unsafe { free(self.tag, slot.cast(), Self::SINGLE) };
    }

    /// Drops the objects that are left and frees their blocks. For a pool that goes.
    pub(super) fn drop_singles(&self) -> usize {
        let mut left: usize = 0;
        self.set.each(|address| {
            let Some(slot) = NonNull::new(ptr::with_exposed_provenance_mut::<Slot<T>>(address))
            else {
                return;
            };
            // SAFETY: the block is in the set, so it lives; nothing else uses the pool.
            let object = unsafe { slot.as_ref() };
            // SAFETY: as above.
            if unsafe { Self::stamp_of_single(slot).as_ref() }.is_live() {
                // SAFETY: a live slot has a value, which nobody uses any more.
                unsafe { object.drop_value() };
                left = left.wrapping_add(1);
            }
            // SAFETY: lookups have ended, and the object is dropped.
            unsafe { self.free_single(slot) };
        });
        left
    }
}
