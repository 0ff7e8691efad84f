//! One pool block an object, so that Driver Verifier sees objects.
//!
//! Such a block is a slot by itself. The set has every block's address; everything else is done
//! under the growth lock, as speed is not asked for here.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::growth::Growth;
use super::slab::{Slab, granule};
use super::slot::{self, Slot};
use super::{Class, Mode, Wrong};
use crate::kernel::free;
use crate::kernel::irql::Dispatch;

impl<T> Slab<T> {
    /// Takes a block; its slot is the caller's.
    #[cold]
    pub(super) fn reserve_single(&self, irql: Dispatch) -> Option<NonNull<Slot<T>>> {
        let mut growth = self.growth.lock(irql);
        if !self.make_room(&mut growth, 1, irql) {
            return None;
        }
        let block = growth.block(Slot::<T>::BYTES, irql)?;
        block.as_ptr().expose_provenance();
        let slot = block.cast::<Slot<T>>();
        // SAFETY: the block is new, zeroed and has a slot's bytes.
        unsafe { Slot::from_zeroes(slot.as_ptr()) };
        growth.count_up();
        self.set.insert(&mut growth.set, slot.addr().get(), 0);
        Some(slot)
    }

    /// The block at `address`, if the pool has one there.
    fn find_single(&self, address: usize) -> Option<NonNull<Slot<T>>> {
        self.set.find(address, granule(Mode::PerObject), |_| {
            NonNull::new(ptr::with_exposed_provenance_mut(address))
        })
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
        let slot = self
            .find_single(slot::address(handle))
            .ok_or(Wrong::Foreign)?;
        // SAFETY: the block is in the set, so it lives, and the growth lock is held, under which
        // alone a block goes.
        let object = unsafe { slot.as_ref() };
        // SAFETY: the growth lock stands for a shard's here.
        unsafe { object.free(class, slot::generation(handle)) }?;
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
        let slot = self
            .find_single(slot::address(handle))
            .ok_or(Wrong::Foreign)?;
        // SAFETY: as in `remove_single`.
        let object = unsafe { slot.as_ref() };
        // SAFETY: as in `remove_single`.
        unsafe { object.pin(class, slot::generation(handle)) }?;
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
        unsafe { free(self.tag, slot.cast(), Slot::<T>::BYTES) };
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
            if object.is_live() {
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
