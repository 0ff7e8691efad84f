//! A run of bytes in nonpaged pool, as long as its maker says.

use core::ops::{Deref, DerefMut};
use core::ptr::NonNull;
use core::slice;

use super::irql::AtMostDispatch;
use super::{Align, NoMemory, Tag, allocate, free};

/// Bytes in a pool block of their own, zero at first. Dropping it gives the block back, at
/// `DISPATCH_LEVEL` or below.
pub struct Buffer {
    block: NonNull<u8>,
    bytes: usize,
    tag: Tag,
}

impl Buffer {
    /// Takes a block of `bytes` bytes, at least one.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn zeroed(tag: Tag, bytes: usize, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let block = allocate(tag, bytes, Align::CacheLine, irql).ok_or(NoMemory)?;
        Ok(Self { block, bytes, tag })
    }
}

impl Deref for Buffer {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        // SAFETY: the block has so many bytes, zeroed when it was taken, and is this value's own.
        unsafe { slice::from_raw_parts(self.block.as_ptr(), self.bytes) }
    }
}

impl DerefMut for Buffer {
    fn deref_mut(&mut self) -> &mut [u8] {
        // SAFETY: as above, and `self` is borrowed mutably.
        unsafe { slice::from_raw_parts_mut(self.block.as_ptr(), self.bytes) }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the block was taken with this tag and size, and nothing refers to it any more.
        unsafe { free(self.tag, self.block, self.bytes) };
    }
}
