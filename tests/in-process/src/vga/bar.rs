//! A range of device memory.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// A range of device memory.
pub struct Bar {
    /// 0 or 2.
    pub number: u8,
    /// Where the machine has it.
    pub physical: u64,
    memory: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory belongs to the bar alone, and nobody has a reference to it. The adapter reads it with volatile
// operations at any time, as a screen does; the driver and the port move bytes by pointers, one after the other,
// since a fence is told after the last move and an allocation locked after the fence.
unsafe impl Send for Bar {}
// SAFETY: as above.
unsafe impl Sync for Bar {}

impl Bar {
    /// A range of zeros; none of no bytes.
    pub fn new(number: u8, physical: u64, bytes: u64) -> Option<Self> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
        let layout = Layout::from_size_align(bytes, 4096).ok()?;
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc_zeroed(layout) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        Some(Self {
            number,
            physical,
            memory,
            layout,
        })
    }

    /// A page that no machine has anywhere.
    pub fn smallest() -> Self {
        Self::new(0, 0, 4096).unwrap_or_else(|| unreachable!("4096 bytes are not 0"))
    }

    /// Its length.
    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// The address of `bytes` bytes at `physical`, if they lie in this range.
    pub fn at(&self, physical: u64, bytes: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(physical.checked_sub(self.physical)?).ok()?;
        self.inside(offset, bytes)
    }

    fn inside(&self, offset: usize, bytes: usize) -> Option<NonNull<u8>> {
        let end = offset.checked_add(bytes)?;
        if end > self.bytes() {
            return None;
        }
        // SAFETY: the offset is within the block.
        Some(unsafe { self.memory.add(offset) })
    }

    /// Four bytes at `offset`, a multiple of four; all ones beyond the end.
    pub fn read_u32(&self, offset: usize) -> u32 {
        let at = self.inside(offset, 4).filter(|_| offset.is_multiple_of(4));
        // SAFETY: the place is in the block and aligned.
        at.map_or(u32::MAX, |at| unsafe { at.cast::<u32>().read_volatile() })
    }

    /// Makes `bytes` bytes from `offset` on, as far as they are there, what `value` gives for each four.
    pub fn fill(&self, offset: usize, bytes: usize, mut value: impl FnMut(usize) -> u32) {
        let end = offset.saturating_add(bytes).min(self.bytes());
        for offset in (offset..end).step_by(4) {
            if let Some(at) = self.inside(offset, 4) {
                // SAFETY: the place is in the block, and `offset` a multiple of four.
                unsafe { at.cast::<u32>().write_volatile(value(offset)) };
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}
