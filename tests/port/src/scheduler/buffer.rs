//! Memory of DMA and paging buffers: pages with a guard behind them, and the driver's private data beside them.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::cell::UnsafeCell;
use core::ops::Range;
use core::sync::atomic::{AtomicU64, Ordering};

const PAGE: usize = 4096;
/// Bytes behind the buffer, and behind the private data, that nobody may write.
const GUARD: usize = 256;
const GUARD_BYTE: u8 = 0xE7;
/// What a new buffer holds: nothing that a driver could take for commands.
const FRESH_BYTE: u8 = 0xCC;

/// Physical addresses of buffers: they name a buffer and nobody can reach memory through them.
static NEXT_PHYSICAL: AtomicU64 = AtomicU64::new(0x20_0000_0000);

#[repr(C, align(4096))]
struct Page(UnsafeCell<[u8; PAGE]>);

/// A buffer of locked system memory, 4 KiB aligned, with its private data.
///
/// New memory holds a pattern and private data are zero; both stay as they are when the buffer is used again.
pub(crate) struct Buffer {
    pages: Vec<Page>,
    private: Vec<UnsafeCell<u64>>,
    bytes: u32,
    private_bytes: u32,
    physical: u64,
}

// SAFETY: the port reads guards only while no DDI has the buffer; else it only hands the addresses out.
unsafe impl Send for Buffer {}
// SAFETY: as above.
unsafe impl Sync for Buffer {}

impl Buffer {
    pub(crate) fn new(bytes: u32, private_bytes: u32) -> Arc<Self> {
        let count = (bytes as usize + GUARD).div_ceil(PAGE);
        let pages: Vec<_> = (0..count)
            .map(|_| Page(UnsafeCell::new([FRESH_BYTE; PAGE])))
            .collect();
        let words = (private_bytes as usize).div_ceil(8) + GUARD / 8;
        let buffer = Self {
            pages,
            private: (0..words).map(|_| UnsafeCell::new(0)).collect(),
            bytes,
            private_bytes,
            physical: NEXT_PHYSICAL.fetch_add((count * PAGE) as u64, Ordering::Relaxed),
        };
        for (start, range) in buffer.guards() {
            for at in range {
                // SAFETY: a byte of our own memory, which nobody else has yet.
                unsafe { start.wrapping_add(at).write(GUARD_BYTE) };
            }
        }
        Arc::new(buffer)
    }

    /// First byte.
    pub(crate) fn address(&self) -> *mut u8 {
        self.pages.as_ptr().cast_mut().cast()
    }

    /// First byte of the private data; NULL if there are none.
    pub(crate) fn private(&self) -> *mut u8 {
        if self.private_bytes == 0 {
            core::ptr::null_mut()
        } else {
            self.private.as_ptr().cast_mut().cast()
        }
    }

    pub(crate) fn bytes(&self) -> u32 {
        self.bytes
    }

    pub(crate) fn private_bytes(&self) -> u32 {
        self.private_bytes
    }

    pub(crate) fn physical(&self) -> u64 {
        self.physical
    }

    fn guards(&self) -> [(*mut u8, Range<usize>); 2] {
        let bytes = self.bytes as usize;
        let private = self.private_bytes as usize;
        [
            (self.address(), bytes..bytes + GUARD),
            (
                self.private.as_ptr().cast_mut().cast(),
                private..private + GUARD,
            ),
        ]
    }

    /// Nothing was written behind the buffer and behind its private data.
    pub(crate) fn guards_hold(&self) -> bool {
        self.each_guard_holds() == [true, true]
    }

    /// Nothing was written behind the buffer; nothing behind its private data.
    pub(crate) fn each_guard_holds(&self) -> [bool; 2] {
        self.guards().map(|(start, range)| {
            range.into_iter().all(|at| {
                // SAFETY: a byte of our own memory.
                unsafe { start.wrapping_add(at).read() == GUARD_BYTE }
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_byte_behind_it_is_seen() {
        let buffer = Buffer::new(4096, 20);
        assert!(buffer.guards_hold());
        assert_eq!(buffer.address().addr() % PAGE, 0);
        // SAFETY: the last byte of the buffer.
        unsafe { buffer.address().wrapping_add(4095).write(1) };
        assert!(buffer.guards_hold());
        // SAFETY: the first byte of the private data's guard.
        unsafe { buffer.private().wrapping_add(20).write(1) };
        assert!(!buffer.guards_hold());
        let bare = Buffer::new(64, 0);
        assert!(bare.private().is_null() && bare.guards_hold());
        assert_ne!(bare.physical(), buffer.physical());
    }
}
