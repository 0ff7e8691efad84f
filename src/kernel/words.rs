//! An array of words in nonpaged pool that several threads read and write.

use core::ops::Deref;
use core::ptr::NonNull;
use core::slice;
use core::sync::atomic::AtomicU64;

use super::irql::AtMostDispatch;
use super::{Align, NoMemory, Tag, allocate, free};

/// Words in a pool block of their own, zero at first. Dropping it gives the block back, at
/// `DISPATCH_LEVEL` or below.
pub struct Words {
    block: NonNull<u8>,
    count: usize,
    tag: Tag,
}

// SAFETY: it owns its words, as a boxed slice does.
unsafe impl Send for Words {}
// SAFETY: it gives out shared references to atomics only.
unsafe impl Sync for Words {}

impl Words {
    /// Takes a block of `words` words, at least one.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn zeroed(tag: Tag, words: usize, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let bytes = words.checked_mul(size_of::<AtomicU64>()).ok_or(NoMemory)?;
        let block = allocate(tag, bytes, Align::CacheLine, irql).ok_or(NoMemory)?;
        Ok(Self {
            block,
            count: words,
            tag,
        })
    }
}

impl Deref for Words {
    type Target = [AtomicU64];

    fn deref(&self) -> &[AtomicU64] {
        // SAFETY: the block has room for so many words, was zeroed when it was taken, and is aligned.
        unsafe { slice::from_raw_parts(self.block.cast().as_ptr(), self.count) }
    }
}

impl Drop for Words {
    fn drop(&mut self) {
        // SAFETY: the block was taken with this tag and size, and nothing refers to it any more.
        unsafe { free(self.tag, self.block, self.count * size_of::<AtomicU64>()) };
    }
}
