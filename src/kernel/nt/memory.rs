//! Nonpaged pool.

use core::ptr::NonNull;

use wdk_sys::ntddk::{ExAllocatePool2, ExFreePoolWithTag};
use wdk_sys::{POOL_FLAG_CACHE_ALIGNED, POOL_FLAG_NON_PAGED};

use super::super::irql::AtMostDispatch;
use super::super::{Align, Tag};

/// Takes zeroed, nonpaged, non-executable memory.
#[must_use]
pub fn allocate(
    tag: Tag,
    bytes: usize,
    align: Align,
    _irql: impl AtMostDispatch,
) -> Option<NonNull<u8>> {
    let flags = match align {
        Align::Natural => POOL_FLAG_NON_PAGED,
        Align::CacheLine => POOL_FLAG_NON_PAGED | POOL_FLAG_CACHE_ALIGNED,
    };
    let bytes = u64::try_from(bytes).ok()?;
    // SAFETY: the token shows an IRQL of DISPATCH_LEVEL at most.
    NonNull::new(unsafe { ExAllocatePool2(flags, bytes, tag.bits()) }.cast())
}

/// Gives a block back. At `DISPATCH_LEVEL` or below.
///
/// # Safety
///
/// `block` came from [`allocate`] with this tag and size, and nothing uses it any more.
pub unsafe fn free(tag: Tag, block: NonNull<u8>, _bytes: usize) {
    // SAFETY: the caller gives back a block of this tag.
    unsafe { ExFreePoolWithTag(block.as_ptr().cast(), tag.bits()) };
}

/// Whether [`slot_allowed`] has to be asked: never.
#[must_use]
#[inline]
pub const fn slots_watched() -> bool {
    false
}

/// Whether the pool may hand out one more slot: always. Only tests refuse.
#[must_use]
#[inline]
pub fn slot_allowed() -> bool {
    true
}
