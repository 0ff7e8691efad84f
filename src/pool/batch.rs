//! Inserting many objects, all of them or none.
//!
//! A batch takes slots from its shard up to 64 at a time, under one hold of the lock, and links
//! them through their headers: it needs no memory of its own, however long it gets. Its objects
//! cannot be found before the batch is committed.

use core::ptr::{self, NonNull};

use super::release::ReleaseBatch;
use super::slab::Slab;
use super::slot::Slot;
use super::{Full, Handle, Mode};
use crate::kernel::irql::Dispatch;
use crate::kernel::slot_allowed;

/// Slots that are taken under one hold of a lock, at most.
pub(super) const HOLD: usize = 64;

/// Slots taken at a time once a batch is longer than its hint.
const MORE: usize = 8;

/// Objects on their way into a pool. Dropping it takes them out again, the last one first.
pub struct Batch<'a, T: Send + Sync> {
    slab: &'a Slab<T>,
    irql: Dispatch,
    /// Objects that are still expected.
    expected: usize,
    /// The first held slot without an object.
    free: *mut Slot<T>,
    /// The held slot with the newest object.
    newest: *mut Slot<T>,
}

impl<'a, T: Send + Sync> Batch<'a, T> {
    #[inline]
    pub(super) fn new(slab: &'a Slab<T>, hint: usize, irql: impl Into<Dispatch>) -> Self {
        let (free, newest) = (ptr::null_mut(), ptr::null_mut());
        Self {
            slab,
            irql: irql.into(),
            expected: hint,
            free,
            newest,
        }
    }

    /// Moves one object in and tells its handle, which is good once the batch is committed.
    ///
    /// # Errors
    ///
    /// [`Full`] when nonpaged pool is used up; `value` is dropped, and the batch is as before.
    #[inline]
    pub fn insert(&mut self, value: T) -> Result<Handle, Full> {
        if !slot_allowed() {
            return Err(Full);
        }
        if self.free.is_null() {
            self.reserve();
        }
        let slot = NonNull::new(self.free).ok_or(Full)?;
        // SAFETY: the batch holds the slot.
        let held = unsafe { slot.as_ref() };
        self.free = held.next();
        held.set_next(self.newest);
        self.newest = slot.as_ptr();
        self.expected = self.expected.saturating_sub(1);
        // SAFETY: the batch holds the slot, which has no value yet.
        unsafe { held.write(value) };
        Ok(Handle(held.handle()))
    }

    /// Makes every object visible.
    #[inline]
    pub fn commit(mut self) {
        let mut at = self.newest;
        self.newest = ptr::null_mut();
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: the batch holds the slot.
            let slot = unsafe { slot.as_ref() };
            at = slot.next();
            slot.publish();
        }
    }

    fn reserve(&mut self) {
        self.free = match self.slab.mode {
            Mode::Slab => {
                let want = if self.expected == 0 {
                    MORE
                } else {
                    self.expected.min(HOLD)
                };
                self.slab.reserve(want, self.irql)
            }
            Mode::PerObject => self.slab.reserve_single(self.irql),
        };
    }

    /// Drops the objects, and gives back the slots.
    #[cold]
    fn roll_back(&mut self) {
        let mut at = self.newest;
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: the batch holds the slot.
            let slot = unsafe { slot.as_ref() };
            at = slot.next();
            // SAFETY: the slot has a value and the batch alone has the slot.
            unsafe { slot.drop_value() };
        }
        let mut release = ReleaseBatch::new(self.slab, self.irql);
        for (list, had_object) in [(self.newest, true), (self.free, false)] {
            let mut at = list;
            while let Some(slot) = NonNull::new(at) {
                // SAFETY: the batch holds the slot.
                at = unsafe { slot.as_ref() }.next();
                release.give_held(slot, had_object);
            }
        }
    }
}

impl<T: Send + Sync> Drop for Batch<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.newest.is_null() || !self.free.is_null() {
            self.roll_back();
        }
    }
}
