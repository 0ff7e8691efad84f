//! Single objects in nonpaged pool: [`Owned`] with one owner, [`Shared`] with a count.
//!
//! Both give up with [`NoMemory`] where `alloc`'s `Box` and `Arc` would abort, carry the tag that
//! their block was taken with, and never move the object.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::sync::atomic::{AtomicUsize, Ordering, fence};

use zerocopy::FromZeros;

use super::irql::AtMostDispatch;
use super::{Align, NoMemory, Tag, allocate, free};

/// The alignment class for a `T`; `T`s above 64 bytes of alignment do not compile.
const fn block_align<T>() -> Align {
    const {
        assert!(
            align_of::<T>() <= 64,
            "pool blocks are aligned to 64 bytes at most"
        );
    };
    if align_of::<T>() > Align::Natural.bytes() {
        Align::CacheLine
    } else {
        Align::Natural
    }
}

/// Bytes of the block for a `T`: at least one, because a pool block of none is an error.
const fn block_bytes<T>() -> usize {
    let bytes = size_of::<T>();
    if bytes == 0 { 1 } else { bytes }
}

/// Takes a block for a `T`, filled with zeros.
fn zeroed<T>(tag: Tag, irql: impl AtMostDispatch) -> Result<NonNull<T>, NoMemory> {
    let block = allocate(tag, block_bytes::<T>(), block_align::<T>(), irql);
    block.map(NonNull::cast).ok_or(NoMemory)
}

/// Takes a block and moves `value` into it.
fn place<T>(tag: Tag, value: T, irql: impl AtMostDispatch) -> Result<NonNull<T>, NoMemory> {
    let block = zeroed::<T>(tag, irql)?;
    // SAFETY: the block is new, large enough and aligned for a T.
    unsafe { block.write(value) };
    Ok(block)
}

/// Drops the object in a block and gives the block back.
///
/// # Safety
///
/// `block` came from [`place`] with the same tag and nothing refers to it any more.
unsafe fn displace<T>(tag: Tag, block: NonNull<T>) {
    // SAFETY: the object is initialised and the caller gives up the last reference.
    unsafe { block.drop_in_place() };
    // SAFETY: the block was taken with this tag and size by `place`.
    unsafe { free(tag, block.cast(), block_bytes::<T>()) };
}

/// One `T` in a nonpaged pool block of its own. Dropping it drops the `T` and frees the block, at
/// `DISPATCH_LEVEL` or below.
pub struct Owned<T> {
    block: NonNull<T>,
    tag: Tag,
}

// SAFETY: it owns its T as a Box does.
unsafe impl<T: Send> Send for Owned<T> {}
// SAFETY: it gives out &T only.
unsafe impl<T: Sync> Sync for Owned<T> {}

impl<T> Owned<T> {
    /// Moves `value` into a block of its own.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `value` is dropped.
    pub fn try_new(tag: Tag, value: T, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        Ok(Self {
            block: place(tag, value, irql)?,
            tag,
        })
    }

    /// Makes a `T` of zeros in a block of its own and fills it there: for what is too large for a
    /// kernel stack.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `fill` is not called.
    pub fn try_zeroed(
        tag: Tag,
        irql: impl AtMostDispatch,
        fill: impl FnOnce(&mut T),
    ) -> Result<Self, NoMemory>
    where
        T: FromZeros,
    {
        let mut block = zeroed::<T>(tag, irql)?;
        // SAFETY: the block is new and large enough, its zeros are a T, and nobody else knows it.
        fill(unsafe { block.as_mut() });
        Ok(Self { block, tag })
    }

    /// Gives the block up as a pointer, to be kept by the system (a device extension, a context).
    #[must_use]
    pub fn into_raw(self) -> NonNull<T> {
        let block = self.block;
        core::mem::forget(self);
        block
    }

    /// Takes back what [`Owned::into_raw`] gave up.
    ///
    /// # Safety
    ///
    /// `block` came from `into_raw` of an `Owned<T>` made with `tag`, once.
    #[must_use]
    pub unsafe fn from_raw(tag: Tag, block: NonNull<T>) -> Self {
        Self { block, tag }
    }
}

impl<T> Deref for Owned<T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: the block holds an initialised T for as long as `self` lives.
        unsafe { self.block.as_ref() }
    }
}

impl<T> DerefMut for Owned<T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { self.block.as_mut() }
    }
}

impl<T> Drop for Owned<T> {
    fn drop(&mut self) {
        // SAFETY: the block came from `place` and `self` was its only owner.
        unsafe { displace(self.tag, self.block) };
    }
}

/// One `T` with a reference count, in a nonpaged pool block. The last owner's drop frees it, at
/// `DISPATCH_LEVEL` or below: this is how a DPC, a timer or a thread shares an adapter's state.
pub struct Shared<T> {
    block: NonNull<Counted<T>>,
}

struct Counted<T> {
    owners: AtomicUsize,
    tag: Tag,
    value: T,
}

// SAFETY: as for alloc's Arc: owners on several threads share &T, and any of them may drop it.
unsafe impl<T: Send + Sync> Send for Shared<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Shared<T> {}

impl<T> Shared<T> {
    /// Moves `value` into a block with one owner.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `value` is dropped.
    pub fn try_new(tag: Tag, value: T, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let counted = Counted {
            owners: AtomicUsize::new(1),
            tag,
            value,
        };
        Ok(Self {
            block: place(tag, counted, irql)?,
        })
    }

    /// Makes a `T` of zeros in a block with one owner and fills it there: for what is too large for a
    /// kernel stack.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up; `fill` is not called.
    pub fn try_zeroed(
        tag: Tag,
        irql: impl AtMostDispatch,
        fill: impl FnOnce(&mut T),
    ) -> Result<Self, NoMemory>
    where
        T: FromZeros,
    {
        let mut block = zeroed::<Counted<T>>(tag, irql)?;
        // SAFETY: the block is new and large enough, its zeros are a count, a tag and a T, and nobody
        // else knows it.
        let counted = unsafe { block.as_mut() };
        counted.owners = AtomicUsize::new(1);
        counted.tag = tag;
        fill(&mut counted.value);
        Ok(Self { block })
    }

    fn counted(&self) -> &Counted<T> {
        // SAFETY: the block holds an initialised object while an owner lives, and `self` is one.
        unsafe { self.block.as_ref() }
    }
}

impl<T> Clone for Shared<T> {
    fn clone(&self) -> Self {
        // Relaxed: a new owner is made from an owner, so the object is already visible here.
        self.counted().owners.fetch_add(1, Ordering::Relaxed);
        Self { block: self.block }
    }
}

impl<T> Deref for Shared<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.counted().value
    }
}

impl<T> Drop for Shared<T> {
    fn drop(&mut self) {
        let counted = self.counted();
        let tag = counted.tag;
        if counted.owners.fetch_sub(1, Ordering::Release) == 1 {
            // What the other owners did to the object happens before it is dropped.
            fence(Ordering::Acquire);
            // SAFETY: the block came from `place` with this tag and the last owner is going.
            unsafe { displace(tag, self.block) };
        }
    }
}
