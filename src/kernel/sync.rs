//! The atomics that `pool/` and the trace are built on.
//!
//! They are named here, and not taken from `core` by each file, so that the model checker loom can
//! put its own in their place and run that code as it stands.

pub use core::sync::atomic::{
    AtomicBool, AtomicPtr, AtomicU8, AtomicU64, AtomicUsize, Ordering, fence,
};

/// Whether this is a model: then the pool's parts are as small as they can be, so that a few steps
/// fill them.
pub const MODEL: bool = false;

/// Makes an atomic out of zeroed memory, which it is already. (For loom's it is work.)
///
/// # Safety
///
/// `at` points to zeroed memory that nothing else uses, aligned for the atomic.
#[inline]
pub unsafe fn from_zeroes<A>(at: *mut A) {
    let _ = at;
}
