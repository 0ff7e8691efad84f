//! The DMA buffers of a context: made when they are needed, used again as they were left.

use alloc::sync::Arc;

use crate::scheduler::buffer::Buffer;
use crate::scheduler::context::ContextObject;
use crate::scheduler::random::Random;

/// Buffers that a context keeps for later.
const KEPT: usize = 16;

impl ContextObject {
    /// A buffer that nobody uses. Some are larger than the driver asked for, as DMA buffers may grow.
    pub(crate) fn take_buffer(&self, random: &mut Random) -> Arc<Buffer> {
        let mut pool = self.pool.lock();
        if !pool.is_empty() {
            let which = random.below(pool.len());
            return pool.swap_remove(which);
        }
        drop(pool);
        let bytes = self.info.dma_bytes;
        let grown = if random.once_in(4) {
            bytes.next_multiple_of(4096) + 4096
        } else {
            bytes
        };
        Buffer::new(grown, self.info.private_bytes)
    }

    /// The node is through with it.
    pub(crate) fn give_back(&self, buffer: Arc<Buffer>) {
        let mut pool = self.pool.lock();
        if pool.len() < KEPT {
            pool.push(buffer);
        }
    }
}
