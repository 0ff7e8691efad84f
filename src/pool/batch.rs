//! Inserting many objects, all of them or none.
//!
//! A batch takes slots from its shard up to 64 at a time, under one hold of the lock. It links the
//! slots that it has filled through their headers, so it needs no memory of its own, however long
//! it gets. Its objects cannot be found before the batch is committed.

use core::ptr::{self, NonNull};

use super::release::ReleaseBatch;
use super::run::{Run, Slots};
use super::slab::Slab;
use super::slot::Slot;
use super::{Full, Handle, Mode};
use crate::kernel::irql::Dispatch;
use crate::kernel::{slot_allowed, slots_watched};

/// Slots taken at a time once a batch is longer than its hint.
const MORE: usize = 8;

/// Objects on their way into a pool. Dropping it takes them out again.
pub struct Batch<'a, T: Send + Sync> {
    slab: &'a Slab<T>,
    irql: Dispatch,
    /// Whether each slot has to be asked for.
    watched: bool,
    /// Objects that are still expected.
    expected: usize,
    /// Slots that were taken and have no object yet, and their run.
    free: Slots,
    run: Option<&'static Run>,
    /// The slot with the newest object.
    newest: *mut Slot<T>,
}

impl<'a, T: Send + Sync> Batch<'a, T> {
    #[inline]
    pub(super) fn new(slab: &'a Slab<T>, hint: usize, irql: impl Into<Dispatch>) -> Self {
        let (free, run, newest) = (Slots::NONE, None, ptr::null_mut());
        Self {
            slab,
            irql: irql.into(),
            watched: slots_watched(),
            expected: hint,
            free,
            run,
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
        let slot = self.slot()?;
        // SAFETY: the batch has taken the slot, so it lives.
        let held = unsafe { slot.as_ref() };
        let handle = held.hold(self.newest);
        self.newest = slot.as_ptr();
        // SAFETY: the batch holds the slot, which has no value yet.
        unsafe { held.write(value) };
        Ok(Handle(handle))
    }

    /// Moves one object in at once, for a batch of one.
    #[inline(always)]
    pub(super) fn insert_only(mut self, value: T) -> Result<Handle, Full> {
        let slot = self.slot()?;
        // SAFETY: the batch has taken the slot, so it lives.
        let held = unsafe { slot.as_ref() };
        // SAFETY: the slot is the batch's and has no value yet.
        unsafe { held.write(value) };
        Ok(Handle(held.publish()))
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

    /// The next slot without an object.
    #[inline(always)]
    fn slot(&mut self) -> Result<NonNull<Slot<T>>, Full> {
        if self.watched && !slot_allowed() {
            return Err(Full);
        }
        if self.slab.mode == Mode::PerObject {
            return self.slab.reserve_single(self.irql).ok_or(Full);
        }
        if self.free.is_none() {
            let want = if self.expected == 0 {
                MORE
            } else {
                self.expected
            };
            let (run, free) = self.slab.reserve(want, self.irql).ok_or(Full)?;
            self.run = Some(run);
            self.free = free;
            self.expected = self.expected.saturating_sub(free.count);
        }
        let run = self.run.ok_or(Full)?;
        NonNull::new(run.slot(self.free.next())).ok_or(Full)
    }
}

/// What a batch has when it is given up.
struct Remains<T> {
    free: Slots,
    run: Option<&'static Run>,
    newest: *mut Slot<T>,
}

impl<T: Send + Sync> Remains<T> {
    /// Drops the objects, and gives back the slots.
    #[cold]
    fn clear(self, slab: &Slab<T>, irql: Dispatch) {
        let mut release = ReleaseBatch::new(slab, irql);
        if let Some(run) = self.run
            && !self.free.is_none()
        {
            release.give_unused(run, self.free);
        }
        let mut at = self.newest;
        while let Some(slot) = NonNull::new(at) {
            // SAFETY: the batch held the slot.
            let object = unsafe { slot.as_ref() };
            at = object.next();
            release.let_go();
            // SAFETY: the slot has a value and the batch alone has the slot.
            unsafe { object.drop_value() };
            release.give_held(slot);
        }
    }
}

impl<T: Send + Sync> Drop for Batch<'_, T> {
    #[inline]
    fn drop(&mut self) {
        if !self.newest.is_null() || !self.free.is_none() {
            // By value, so that a batch can live in registers.
            let Self {
                free, run, newest, ..
            } = *self;
            Remains { free, run, newest }.clear(self.slab, self.irql);
        }
    }
}
