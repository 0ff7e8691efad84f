//! One pool block an object, so that Driver Verifier sees objects.
//!
//! Such a block is a slot by itself. The set has every block's address; everything else is done
//! under the growth lock, as speed is not asked for here.

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::Wrong;
use super::growth::Growth;
use super::slab::Slab;
use super::slot::{self, Slot};
use crate::kernel::irql::Dispatch;
use crate::kernel::sync::Ordering;

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
    pub(super) fn find_single(&self, address: usize) -> Option<*mut Slot<T>> {
        self.set
            .find(address, |_| Some(ptr::with_exposed_provenance_mut(address)))
    }

    /// Moves the object that a handle names out, and gives its block back.
    #[cold]
    pub(super) fn remove_single(&self, handle: *mut c_void, irql: Dispatch) -> Result<T, Wrong> {
        let mut growth = self.growth.lock(irql);
        let slot = self
            .find_single(slot::address(handle))
            .ok_or(Wrong::Foreign)?;
        // SAFETY: the block is in the set, so it lives, and the growth lock is held, under which
        // alone a block is retired.
        let object = unsafe { &*slot };
        // SAFETY: the growth lock stands for a shard's here.
        let value = unsafe { object.take(slot::generation(handle)) }?;
        self.retire_single(&mut growth, slot);
        Ok(value)
    }

    /// Gives back a block that a batch held and that has no object.
    pub(super) fn release_single(&self, slot: NonNull<Slot<T>>, irql: Dispatch) {
        // SAFETY: the slot is held, so it lives.
        unsafe { slot.as_ref() }.let_go();
        self.retire_single(&mut self.growth.lock(irql), slot.as_ptr());
    }

    fn retire_single(&self, growth: &mut Growth, slot: *mut Slot<T>) {
        self.set.remove(&mut growth.set, slot.addr(), 0);
        // SAFETY: the block was taken with this size and nothing leads to it any more.
        unsafe { growth.retire(slot.cast(), Slot::<T>::BYTES) };
        self.retired.store(true, Ordering::Relaxed);
    }

    /// Drops the objects that are left and retires their blocks. For a pool that goes.
    pub(super) fn drop_singles(&self, irql: Dispatch) -> usize {
        let mut left: usize = 0;
        self.set.each(|address| {
            let slot = ptr::with_exposed_provenance_mut::<Slot<T>>(address);
            // SAFETY: the block is in the set, so it lives; nothing else uses the pool.
            let object = unsafe { &*slot };
            if object.is_live() {
                // SAFETY: a live slot has a value, which nobody uses any more.
                unsafe { object.drop_value() };
                left = left.wrapping_add(1);
            }
            let mut growth = self.growth.lock(irql);
            // SAFETY: the block was taken with this size, and lookups have ended.
            unsafe { growth.retire(slot.cast(), Slot::<T>::BYTES) };
        });
        left
    }
}
