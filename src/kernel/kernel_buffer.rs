//! A buffer of dxgkrnl's in system space: a DMA buffer, or its private data.
//!
//! The driver fills it in one call and executes it after another, so it is kept by its address in
//! between. There is never a reference to it; bytes are copied out and in, bounds-checked.

use core::marker::PhantomData;
use core::ptr::{self, NonNull};

use zerocopy::FromZeros;

/// So many bytes of system space. Any IRQL: the memory is locked. Zeros are the empty one.
#[derive(Clone, Copy, Debug, FromZeros)]
pub struct KernelBuffer<'a> {
    first: Option<NonNull<u8>>,
    bytes: usize,
    lives: PhantomData<&'a mut u8>,
}

// SAFETY: the bytes belong to no thread, and are only copied.
unsafe impl Send for KernelBuffer<'_> {}
// SAFETY: as above.
unsafe impl Sync for KernelBuffer<'_> {}

impl<'a> KernelBuffer<'a> {
    /// The `bytes` bytes at `first`.
    ///
    /// # Safety
    ///
    /// They are mapped, locked, and good for reads (and writes, if [`KernelBuffer::write`] is called)
    /// for as long as the value is used, and nobody else writes them then.
    #[must_use]
    pub const unsafe fn new(first: NonNull<u8>, bytes: usize) -> Self {
        Self {
            first: Some(first),
            bytes,
            lives: PhantomData,
        }
    }

    /// No bytes at all.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            first: None,
            bytes: 0,
            lives: PhantomData,
        }
    }

    /// How many bytes there are.
    #[must_use]
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// The system address of the first byte; 0 if it is empty.
    #[must_use]
    pub fn address(&self) -> u64 {
        self.first
            .map_or(0, |first| first.as_ptr().expose_provenance() as u64)
    }

    /// The `bytes` bytes at `offset` alone; `None` unless they lie inside.
    #[must_use]
    pub fn part(&self, offset: usize, bytes: usize) -> Option<KernelBuffer<'a>> {
        let first = self.range(offset, bytes)?;
        Some(Self {
            first: Some(first),
            bytes,
            lives: PhantomData,
        })
    }

    /// Copies the bytes at `offset` into `to`; `false`, and nothing, unless they lie inside.
    #[must_use]
    pub fn read(&self, offset: usize, to: &mut [u8]) -> bool {
        let Some(from) = self.range(offset, to.len()) else {
            return false;
        };
        // SAFETY: the bytes lie in the buffer, and `to` is a place of the caller's own.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_mut_ptr(), to.len()) };
        true
    }

    /// Copies `from` to `offset`; `false`, and nothing, unless it fits.
    #[must_use]
    pub fn write(&self, offset: usize, from: &[u8]) -> bool {
        let Some(to) = self.range(offset, from.len()) else {
            return false;
        };
        // SAFETY: the bytes lie in the buffer, and `from` is the caller's own.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to.as_ptr(), from.len()) };
        true
    }

    fn range(&self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        if offset.checked_add(bytes)? > self.bytes {
            return None;
        }
        let first = self.first?;
        // SAFETY: `offset` is inside the buffer, or one past its end.
        Some(unsafe { first.add(offset) })
    }
}

impl<'a> From<&'a mut [u8]> for KernelBuffer<'a> {
    fn from(bytes: &'a mut [u8]) -> Self {
        Self {
            bytes: bytes.len(),
            first: Some(NonNull::from(bytes).cast()),
            lives: PhantomData,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_outside_is_read_or_written() {
        let mut bytes = [1, 2, 3, 4, 5, 6, 7, 8];
        let buffer = KernelBuffer::from(&mut bytes[2..6]);
        let mut to = [0; 4];
        assert!(buffer.read(0, &mut to));
        assert_eq!(to, [3, 4, 5, 6]);
        assert!(!buffer.read(1, &mut to));
        assert!(!buffer.read(usize::MAX, &mut to));
        assert!(!buffer.write(3, &[9, 9]));
        assert!(buffer.write(3, &[9]));
        assert!(buffer.part(2, 3).is_none());
        let part = buffer.part(1, 2).unwrap();
        assert!(!part.read(0, &mut to[..3]));
        assert!(part.read(0, &mut to[..2]));
        assert_eq!(to[..2], [4, 5]);
        assert_eq!(bytes, [1, 2, 3, 4, 5, 9, 7, 8]);
    }
}
