//! Blocks that end at an unmapped page.

#[cfg(not(unix))]
pub(super) use none::{AVAILABLE, allocate, free};
#[cfg(unix)]
pub(super) use pages::{AVAILABLE, allocate, free};

#[cfg(unix)]
mod pages {
    use core::ptr::{self, NonNull};
    use core::slice;
    use std::collections::VecDeque;
    use std::sync::Mutex;

    use super::super::world::locked;
    use crate::kernel::{Align, PAGE};

    /// Whether there are guard pages here.
    pub const AVAILABLE: bool = true;

    /// What lies between the end of a block and the end of its last page.
    const SLACK: u8 = 0xFD;

    /// Freed mappings that are kept without access before their addresses can be used again.
    const KEPT: usize = 4096;

    /// The oldest first.
    static FREED: Mutex<VecDeque<(usize, usize)>> = Mutex::new(VecDeque::new());

    /// Bytes of the block with what its alignment adds, and of the pages that hold it.
    fn sizes(bytes: usize, align: Align) -> Option<(usize, usize)> {
        let align = if bytes >= PAGE { PAGE } else { align.bytes() };
        let padded = bytes.checked_next_multiple_of(align)?;
        Some((padded, padded.checked_next_multiple_of(PAGE)?))
    }

    pub fn allocate(bytes: usize, align: Align) -> Option<NonNull<u8>> {
        if bytes == 0 {
            return None;
        }
        let (padded, pages) = sizes(bytes, align)?;
        let all = pages.checked_add(2 * PAGE)?;
        let flags = libc::MAP_PRIVATE | libc::MAP_ANONYMOUS;
        // SAFETY: a new mapping touches no memory that is in use.
        let map = unsafe { libc::mmap(ptr::null_mut(), all, libc::PROT_NONE, flags, -1, 0) };
        if map == libc::MAP_FAILED {
            return None;
        }
        let inner = map.wrapping_byte_add(PAGE);
        // SAFETY: the pages lie inside the new mapping.
        let opened = unsafe { libc::mprotect(inner, pages, libc::PROT_READ | libc::PROT_WRITE) };
        if opened != 0 {
            // SAFETY: the mapping was made above and nothing points into it.
            unsafe { libc::munmap(map, all) };
            return None;
        }
        let block = NonNull::new(inner.cast::<u8>().wrapping_add(pages - padded))?;
        let behind = block.as_ptr().wrapping_add(bytes);
        // SAFETY: the last bytes of the opened pages, behind the block.
        unsafe { behind.write_bytes(SLACK, padded - bytes) };
        Some(block)
    }

    /// Takes all access from a block; `false` if the bytes behind it were written.
    ///
    /// # Safety
    ///
    /// The block came from `allocate` with these arguments and is not used any more.
    pub unsafe fn free(block: NonNull<u8>, bytes: usize, align: Align) -> bool {
        let Some((padded, pages)) = sizes(bytes, align) else {
            return false;
        };
        let start = block
            .as_ptr()
            .wrapping_add(padded)
            .wrapping_sub(pages)
            .wrapping_sub(PAGE);
        let behind = block.as_ptr().wrapping_add(bytes);
        // SAFETY: the bytes between the block and the end of its pages are still mapped.
        let slack = unsafe { slice::from_raw_parts(behind, padded - bytes) };
        let intact = slack.iter().all(|&byte| byte == SLACK);
        let all = pages + 2 * PAGE;
        // SAFETY: the whole mapping of this block, which is not used any more.
        unsafe { libc::mprotect(start.cast(), all, libc::PROT_NONE) };
        // SAFETY: as above; its memory can go, its addresses stay taken.
        unsafe { libc::madvise(start.cast(), all, libc::MADV_DONTNEED) };
        let mut freed = locked(&FREED);
        freed.push_back((start.expose_provenance(), all));
        if freed.len() > KEPT
            && let Some((start, all)) = freed.pop_front()
        {
            // SAFETY: a mapping made by `allocate` and freed long ago.
            unsafe { libc::munmap(ptr::with_exposed_provenance_mut(start), all) };
        }
        intact
    }
}

#[cfg(not(unix))]
mod none {
    use core::ptr::NonNull;

    use crate::kernel::Align;

    /// Whether there are guard pages here.
    pub const AVAILABLE: bool = false;

    pub fn allocate(_bytes: usize, _align: Align) -> Option<NonNull<u8>> {
        None
    }

    pub unsafe fn free(_block: NonNull<u8>, _bytes: usize, _align: Align) -> bool {
        false
    }
}
