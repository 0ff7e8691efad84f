//! What drivers with a fault do: for the self-test, which damages a copy of the driver so that it imports one of these
//! in place of the service that it wants. A name has as many letters as the service's, so that it fits into the file.
//!
//! No kernel has these names: a driver that is not damaged cannot come here.

use core::sync::atomic::{AtomicU32, Ordering};

use crate::{lock, pool, wait};

/// Every so many frees are forgotten.
const FORGETFUL: u32 = 7;

static FREES: AtomicU32 = AtomicU32::new(0);

/// In place of `ExFreePoolWithTag`: a driver that forgets some of its blocks.
pub unsafe extern "system" fn forget_some_blocks(block: *mut u8, tag: u32) {
    if !FREES
        .fetch_add(1, Ordering::Relaxed)
        .is_multiple_of(FORGETFUL)
    {
        // SAFETY: the caller's arguments.
        unsafe { pool::free_pool_with_tag(block, tag) };
    }
}

/// In place of `ExFreePoolWithTag`: a driver that frees twice.
pub unsafe extern "system" fn free_twice(block: *mut u8, tag: u32) {
    // SAFETY: the caller's arguments.
    unsafe { pool::free_pool_with_tag(block, tag) };
    // SAFETY: as above; that it is wrong is what this is for.
    unsafe { pool::free_pool_with_tag(block, tag) };
}

/// In place of `KeReleaseSpinLock`: a driver that waits for a millisecond while it holds the lock.
pub unsafe extern "system" fn wait_then_release(spin_lock: *mut usize, irql: u8) {
    let millisecond = -10_000_i64;
    // SAFETY: the interval lives through the call; that the level is wrong is what this is for.
    unsafe { wait::delay_execution_thread(0, 0, &raw const millisecond) };
    // SAFETY: the caller's arguments.
    unsafe { lock::release_spin_lock(spin_lock, irql) };
}

/// In place of `ExFreePoolWithTag`: a driver that writes behind its block before it frees it.
pub unsafe extern "system" fn overrun_then_free(block: *mut u8, tag: u32) {
    let end = block.wrapping_add(pool::length(block));
    // SAFETY: none: that it is wrong is what this is for. It lies in the block's page, or in the page behind it.
    unsafe { end.write_volatile(0) };
    // SAFETY: the caller's arguments.
    unsafe { pool::free_pool_with_tag(block, tag) };
}
