//! The slab pool that allocation objects live in.
//!
//! This module is responsible for objects of one type that come and go in great numbers and are
//! known to the outside by a handle: it finds memory for them, checks every handle before it
//! touches what it names, and gives back all that it took.
//!
//! # How it is built
//!
//! * A [`Pool`] takes **runs** of 64 KiB from nonpaged pool and cuts each into **slots** of a
//!   multiple of 32 bytes (`slot.rs`): one word, then the object. Before them lie their **stamps**, a
//!   byte each (`stamp.rs`), which say what the slots are; nothing else lies in a run. A run's free
//!   slots are bits in its descriptor (`run.rs`).
//! * Objects of two [`Class`]es can share a pool, as those do that come and go together: a
//!   handle is good for its class only.
//! * A **handle** is the slot's address with a generation in the five lowest bits and the highest one,
//!   which counts the objects that the slot has held, modulo 64.
//! * The **set** (`set.rs`) says which addresses belong to the pool's runs, and where in which run and
//!   shard each lies (`place.rs`). It is read without a lock, so a handle is refused before anything is
//!   read through it.
//! * Runs belong to **shards** (`shard.rs`), each with a spin lock, chosen by processor: two
//!   processors rarely meet at a lock.
//! * A **batch** (`batch.rs`) inserts many objects for one lock, and takes all of them back if it
//!   is dropped before it is committed. A **release batch** (`release.rs`, `held.rs`) removes many.
//!   Two objects that come and go together need neither (`pair.rs`, `spare.rs`).
//! * A stamp or slot is looked at under its shard's lock only, and so is never one of a run that is gone.
//!   Looking an object up pins it: it cannot be removed before the pin is taken back.
//! * With Driver Verifier each object gets a pool block of its own (`single.rs`), so that Verifier
//!   sees objects and not runs.

// Measured: a batch lives in registers only where its calls are expanded.
#![allow(clippy::inline_always)]

mod batch;
mod granules;
mod growth;
mod held;
mod pair;
mod place;
mod release;
mod run;
mod set;
mod shard;
mod single;
mod slab;
mod slot;
mod spare;
mod stamp;

use core::ffi::{CStr, c_void};
use core::marker::PhantomData;
use core::ops::Deref;
use core::ptr::NonNull;

use self::slab::Slab;
use self::slot::Slot;
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{NoMemory, Tag, complain, is_verified};

pub use self::batch::Batch;
pub use self::release::{AHEAD, Refused, ReleaseBatch};

/// Where a pool's objects live.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    /// Many in a run of 64 KiB.
    Slab,
    /// Each in a pool block of its own, for Driver Verifier and special pool.
    PerObject,
}

impl Mode {
    /// One block an object if the service's parameter asks for it or Driver Verifier looks on.
    #[must_use]
    pub fn chosen(per_object: bool) -> Self {
        if per_object || is_verified() {
            Self::PerObject
        } else {
            Self::Slab
        }
    }
}

/// What names an object outside the driver. Never NULL.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Handle(NonNull<c_void>);

// SAFETY: it is a name; only a pool's lookup, after its checks, follows the address in it.
unsafe impl Send for Handle {}
// SAFETY: as above.
unsafe impl Sync for Handle {}

impl Handle {
    /// The handle as a DDI's field takes it.
    #[must_use]
    pub const fn as_ptr(self) -> *mut c_void {
        self.0.as_ptr()
    }
}

/// Which kind of object a handle is for, of those that a pool holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Class(u8);

impl Class {
    /// The only class of most pools.
    pub const FIRST: Self = Self(0);
    /// Another class.
    pub const SECOND: Self = Self(1);

    #[inline(always)]
    const fn number(self) -> usize {
        self.0 as usize
    }
}

/// There is no slot for another object: nonpaged pool is used up, or the pool has all the runs it can have.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Full;

/// Why a handle names no object that can be had.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// It is NULL.
    Null,
    /// It is no address of a slot of this pool.
    Foreign,
    /// The object that it named is gone.
    Stale,
    /// A [`Ref`] to the object is held: it cannot be removed now.
    Busy,
}

impl Wrong {
    /// The reason, for a debug line.
    #[must_use]
    pub const fn why(self) -> &'static CStr {
        match self {
            Self::Null => c"is NULL",
            Self::Foreign => c"is none of this adapter's objects",
            Self::Stale => c"names an object that was destroyed",
            Self::Busy => c"names an object that is in use",
        }
    }
}

/// How much a pool holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Statistics {
    /// Slots that are taken: objects, and slots that batches have reserved.
    pub live: usize,
    /// The most that were taken at once. With several processors each counts its own peak, so the
    /// sum can be above the true one, never below it.
    pub high_water: usize,
    /// Runs, or with [`Mode::PerObject`] blocks, that are in use.
    pub runs: usize,
    /// Pool calls that gave memory, since the pool was made.
    pub pool_calls: usize,
}

/// A pool of objects of type `T` with handles.
///
/// It is a pointer to a nonpaged block, so it can be moved. A `T` of up to 24 bytes takes 33 bytes
/// of a run, one of up to 56 takes 65, and so on up to a page. There are 8,188 runs at most, 512 MiB:
/// room for 16 million objects of 24 bytes.
pub struct Pool<T: Send + Sync> {
    slab: NonNull<Slab<T>>,
    owns: PhantomData<Slab<T>>,
}

// SAFETY: the slab is made to be shared between processors; a T is used by several of them and
// dropped by any, which T: Send + Sync allows.
unsafe impl<T: Send + Sync> Send for Pool<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Pool<T> {}

impl<T: Send + Sync> Pool<T> {
    /// A pool without objects, which takes its memory with `tag`. One pool call; the first run is
    /// taken with the first object.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn try_new(tag: Tag, mode: Mode, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            slab: Slab::try_new(tag, mode, irql)?,
            owns: PhantomData,
        })
    }

    fn slab(&self) -> &Slab<T> {
        // SAFETY: the slab lives until the pool is dropped.
        unsafe { self.slab.as_ref() }
    }

    /// Moves one object in.
    ///
    /// # Errors
    ///
    /// [`Full`] when nonpaged pool is used up; `value` is dropped.
    #[inline]
    pub fn insert(&self, value: T, irql: impl AtMostDispatch) -> Result<Handle, Full> {
        let mut batch = self.batch(1, irql);
        let handle = batch.insert(value)?;
        batch.commit();
        Ok(handle)
    }

    /// Moves one object out.
    ///
    /// # Errors
    ///
    /// Why `handle` was refused; nothing changes then.
    #[inline]
    pub fn remove(&self, handle: *mut c_void, irql: impl AtMostDispatch) -> Result<T, Wrong> {
        self.release_batch(irql).remove(handle)
    }

    /// Begins to insert about `hint` objects, all or none of them.
    #[inline]
    pub fn batch<I: AtMostDispatch>(&self, hint: usize, irql: I) -> Batch<'_, T> {
        Batch::new(self.slab(), hint, irql)
    }

    /// Begins to remove objects.
    #[inline]
    pub fn release_batch<I: AtMostDispatch>(&self, irql: I) -> ReleaseBatch<'_, T> {
        ReleaseBatch::new(self.slab(), irql)
    }

    /// Finds the object of the first class that `handle` names, as [`Pool::get_as`] does it.
    ///
    /// # Errors
    ///
    /// As [`Pool::get_as`].
    pub fn get(&self, handle: *mut c_void, irql: impl AtMostDispatch) -> Result<Ref<'_, T>, Wrong> {
        self.get_as(Class::FIRST, handle, irql)
    }

    /// Finds the object that `handle` names and keeps it from being removed while the [`Ref`]
    /// lives. Takes a shard's lock for a moment, so not while a [`ReleaseBatch`] of the pool lives.
    ///
    /// # Errors
    ///
    /// Why `handle` was refused.
    pub fn get_as(
        &self,
        class: Class,
        handle: *mut c_void,
        irql: impl AtMostDispatch,
    ) -> Result<Ref<'_, T>, Wrong> {
        if handle.is_null() {
            return Err(Wrong::Null);
        }
        let slab = self.slab();
        let slot = match slab.mode {
            Mode::Slab => ReleaseBatch::new(slab, irql).pin(class, handle),
            Mode::PerObject => slab.pin_single(class, handle, irql.into()),
        }?;
        // It named the object, so it is not NULL.
        let handle = Handle(NonNull::new(handle).ok_or(Wrong::Null)?);
        Ok(Ref {
            slot,
            handle,
            pool: PhantomData,
        })
    }

    /// Says that the object which `handle` names will be needed soon. Any value will do; nothing
    /// is read through it.
    #[inline]
    pub fn prefetch(&self, handle: *mut c_void) {
        slot::prefetch(handle);
    }

    /// How much the pool holds now. Takes each of its locks for a moment.
    pub fn statistics(&self, irql: impl AtMostDispatch) -> Statistics {
        self.slab().statistics(irql)
    }
}

impl<T: Send + Sync> Drop for Pool<T> {
    fn drop(&mut self) {
        // SAFETY: nothing borrows the pool any more, and this is its only drop.
        let left = unsafe { Slab::destroy(self.slab) };
        if left != 0 {
            complain(
                c"Pool",
                c"objects left",
                left as u64,
                c"were not destroyed before the pool",
            );
        }
    }
}

/// A borrowed object of a [`Pool`], which cannot be removed before this is dropped.
pub struct Ref<'a, T: Send + Sync> {
    slot: NonNull<Slot<T>>,
    handle: Handle,
    pool: PhantomData<&'a Pool<T>>,
}

// SAFETY: it is a &T with a count that is atomic.
unsafe impl<T: Send + Sync> Send for Ref<'_, T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Ref<'_, T> {}

impl<T: Send + Sync> Ref<'_, T> {
    /// The object's handle.
    #[must_use]
    pub fn handle(&self) -> Handle {
        self.handle
    }

    fn slot(&self) -> &Slot<T> {
        // SAFETY: the slot is pinned, so it stays live and its run stays mapped.
        unsafe { self.slot.as_ref() }
    }
}

impl<T: Send + Sync> Deref for Ref<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the slot is pinned, so its value stays in place.
        unsafe { self.slot().value() }
    }
}

impl<T: Send + Sync> Drop for Ref<'_, T> {
    fn drop(&mut self) {
        self.slot().unpin();
    }
}
