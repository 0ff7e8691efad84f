//! What unit tests of the safe modules need from the border.

pub(crate) mod line;
pub(crate) mod pages;

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use super::caller::CallerData;
use super::dxgkrnl::Mapping;
use super::irql::Passive;
use super::{Named, Window};

/// The level of a test's thread.
pub fn passive() -> Passive {
    // SAFETY: tests run as threads of a process.
    unsafe { Passive::assume() }
}

/// `bytes` as a caller's data that say they are `size` bytes.
pub fn caller_data(bytes: &[u8], size: u32) -> CallerData<'_> {
    // SAFETY: tests say more than there is only where nothing is read beyond `bytes`.
    unsafe { CallerData::new(bytes.as_ptr().cast::<c_void>(), size) }
}

/// A NULL that says it is `size` bytes.
pub fn null_data(size: u32) -> CallerData<'static> {
    // SAFETY: reading NULL reports a fault.
    unsafe { CallerData::new(ptr::null(), size) }
}

/// `memory` as mapped memory of an adapter.
pub fn window(memory: &mut [u32]) -> Window<'_> {
    // SAFETY: as many bytes as the slice has, for as long as it is borrowed.
    unsafe { Window::from_raw(NonNull::from(&mut *memory).cast(), size_of_val(memory)) }
}

/// `bytes` as a block that the caller of a DDI named. Its arguments must say no more than there is.
pub fn named(bytes: &[u8]) -> Option<Named<'_>> {
    // SAFETY: the block is there as long as it is borrowed.
    unsafe { Named::new(bytes.as_ptr().cast_mut()) }
}

/// `bytes` bytes at `address` as a mapping, which nothing unmaps.
pub fn mapping(address: NonNull<u8>, bytes: usize) -> Mapping {
    Mapping::of_test(address, bytes)
}
