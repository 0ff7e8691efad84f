//! Paging buffers: what is being filled, what the scheduler gets, and the pool that they come from and go back to.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Range;

use spin::Mutex;

use crate::memory::backing::Backing;
use crate::memory::usage::{References, Stage, Usage};
use crate::scheduler::buffer::Buffer;

/// Buffers that nobody uses. Private data and content stay as the driver left them.
pub(in crate::memory) type Pool = Arc<Mutex<Vec<Arc<Buffer>>>>;

/// A paging buffer with operations in it, ready for the scheduler. Dropping it says that the GPU is done with it:
/// the allocations are not in use any more, their old pages go back, and so does the buffer.
pub(crate) struct PagingBuffer {
    pub buffer: Arc<Buffer>,
    /// Bytes that the driver has written.
    pub bytes: u32,
    /// The part of the private data that the driver went past while it built; all of it if it never moved the pointer.
    pub private: Range<u32>,
    /// `PagingBufferSegmentId`.
    pub segment: u32,
    /// Where the buffer begins, in that segment or on the bus.
    pub physical: u64,
    references: Vec<References>,
    kept: Vec<Arc<Backing>>,
    pool: Pool,
}

impl Drop for PagingBuffer {
    fn drop(&mut self) {
        self.references.clear();
        self.kept.clear();
        self.pool.lock().push(self.buffer.clone());
    }
}

/// A paging buffer that operations are put into.
pub(in crate::memory) struct Filling {
    pub buffer: Arc<Buffer>,
    pub used: u32,
    pub private_used: u32,
    kept: Vec<Arc<Backing>>,
    usages: Vec<Arc<Usage>>,
    /// From the first operation on, so that nobody takes the allocation for idle.
    references: Vec<References>,
}

impl Filling {
    /// One from the pool, or a new one.
    pub(in crate::memory) fn new(pool: &Pool, bytes: u32, private: u32) -> Self {
        let old = pool.lock().pop();
        Self {
            buffer: old.unwrap_or_else(|| Buffer::new(bytes, private)),
            used: 0,
            private_used: 0,
            kept: Vec::new(),
            usages: Vec::new(),
            references: Vec::new(),
        }
    }

    /// The GPU uses this allocation until the buffer is done.
    pub(in crate::memory) fn uses(&mut self, usage: &Arc<Usage>) {
        if !self.usages.iter().any(|known| Arc::ptr_eq(known, usage)) {
            self.usages.push(usage.clone());
            let one = References::new(Stage::Hardware, alloc::vec![usage.clone()]);
            self.references.push(one);
        }
    }

    /// The GPU uses these pages until the buffer is done.
    pub(in crate::memory) fn keep(&mut self, backing: &Arc<Backing>) {
        if !self.kept.iter().any(|known| Arc::ptr_eq(known, backing)) {
            self.kept.push(backing.clone());
        }
    }

    /// As the scheduler gets it.
    pub(in crate::memory) fn finish(self, segment: u32, pool: &Pool) -> PagingBuffer {
        let private = match self.private_used {
            0 => self.buffer.private_bytes(),
            used => used,
        };
        PagingBuffer {
            bytes: self.used,
            private: 0..private,
            segment,
            physical: self.buffer.physical(),
            references: self.references,
            kept: self.kept,
            pool: pool.clone(),
            buffer: self.buffer,
        }
    }
}
