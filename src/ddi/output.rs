//! A caller's output buffer whose size is not what the newest header says.
//!
//! Dxgkrnl asks for structures of the interface version that the driver declared: shorter than the
//! newest ones. So the buffer is zeroed to exactly its size, and a member is written only if it lies
//! inside.

use core::ffi::c_void;
use core::slice;

/// An output buffer, all of it zero at first.
pub struct Output<'call> {
    bytes: &'call mut [u8],
}

impl Output<'_> {
    /// Zeroes a buffer of `bytes` bytes; `None` if it is NULL or empty.
    ///
    /// # Safety
    ///
    /// `buffer` is NULL or good for writes of `bytes` bytes, by nobody else, while the DDI runs that
    /// it was passed to.
    pub unsafe fn zeroed(buffer: *mut c_void, bytes: u32) -> Option<Self> {
        let buffer = buffer.cast::<u8>();
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
        if buffer.is_null() {
            return None;
        }
        // SAFETY: the caller vouches for so many bytes.
        unsafe { buffer.write_bytes(0, bytes) };
        // SAFETY: as above, and they are initialised now.
        let bytes = unsafe { slice::from_raw_parts_mut(buffer, bytes) };
        Some(Self { bytes })
    }

    /// Writes `value` at `offset`, if it lies inside; as memory has it, little-endian.
    pub fn put<const N: usize>(&mut self, offset: usize, value: [u8; N]) {
        let Some(end) = offset.checked_add(N) else {
            return;
        };
        if let Some(place) = self.bytes.get_mut(offset..end) {
            for (to, from) in place.iter_mut().zip(value) {
                *to = from;
            }
        }
    }

    /// Writes all of `value` at the beginning; `false`, and nothing, if it does not fit.
    #[must_use]
    pub fn put_all(&mut self, value: &[u8]) -> bool {
        let Some(place) = self.bytes.get_mut(..value.len()) else {
            return false;
        };
        for (to, from) in place.iter_mut().zip(value) {
            *to = *from;
        }
        true
    }
}
