//! Where Render and Present write, as pointers of an argument and as a checked view.

use core::ffi::c_void;
use core::slice;

use dxgk_sys::D3DDDI_PATCHLOCATIONLIST;

use super::view;
use crate::engine::emit::{Room, Written};

/// The members of the argument.
#[derive(Clone, Copy)]
pub struct Place {
    /// `pDmaBuffer`
    pub buffer: *mut c_void,
    /// `DmaSize`
    pub buffer_bytes: u32,
    /// `pDmaBufferPrivateData`
    pub private: *mut c_void,
    /// `DmaBufferPrivateDataSize`
    pub private_bytes: u32,
    /// `pPatchLocationListOut`
    pub patches: *mut D3DDDI_PATCHLOCATIONLIST,
    /// `PatchLocationListOutSize`
    pub patch_count: u32,
}

/// The pointers as the argument shows them after the call: behind what was written.
pub struct After {
    /// `pDmaBuffer`
    pub buffer: *mut c_void,
    /// `pDmaBufferPrivateData`
    pub private: *mut c_void,
    /// `pPatchLocationListOut`
    pub patches: *mut D3DDDI_PATCHLOCATIONLIST,
}

impl Place {
    /// The checked view; `None` if a pointer is NULL or misaligned although there is a size beside it, or
    /// if there is no DMA buffer.
    ///
    /// # Safety
    ///
    /// Each pointer is NULL or good for reads and writes of what stands beside it, by nobody else while
    /// the DDI runs that it was passed to.
    pub unsafe fn room<'call>(&self) -> Option<Room<'call>> {
        if self.buffer.is_null() {
            return None;
        }
        // SAFETY: the caller's contract.
        let buffer = unsafe { bytes(self.buffer, self.buffer_bytes) }?;
        // SAFETY: as above.
        let private = unsafe { bytes(self.private, self.private_bytes) }?;
        // SAFETY: as above.
        let patches = unsafe { view::list_mut(self.patches, self.patch_count) }?;
        Some(Room {
            buffer,
            address: self.buffer.expose_provenance() as u64,
            private,
            patches,
        })
    }

    /// The pointers behind `written`, which lies inside.
    pub fn after(&self, written: &Written) -> After {
        let bytes = |count: u32| usize::try_from(count).unwrap_or(0);
        After {
            buffer: self.buffer.wrapping_byte_add(bytes(written.bytes)),
            private: self.private.wrapping_byte_add(bytes(written.private)),
            patches: self.patches.wrapping_add(bytes(written.patches)),
        }
    }
}

/// # Safety
///
/// As [`Place::room`].
unsafe fn bytes<'call>(first: *mut c_void, count: u32) -> Option<&'call mut [u8]> {
    let length = usize::try_from(count).ok()?;
    if length == 0 {
        return Some(&mut []);
    }
    if first.is_null() {
        return None;
    }
    // SAFETY: the caller vouches for so many bytes.
    Some(unsafe { slice::from_raw_parts_mut(first.cast(), length) })
}
