//! Pages of system memory for a thread that copies.
//!
//! Here pages lie wherever the world has put them, so what is mapped is reached page by page.

use std::vec::Vec;

use core::ptr::NonNull;

use super::frames::{frame_map, frame_unmap};
use super::irql::{DISPATCH, PASSIVE, demand};
use super::memory::{allocate, free};
use super::system_threads::stall_point;
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{Align, NoMemory, PAGE, Tag, Window};

/// A range of system addresses, and the list that says what is mapped there. Dropping it gives both
/// back, at `APC_LEVEL` or below.
pub struct ReservedPages {
    /// Stands for the list that the kernel needs, so that a test can fail it.
    list: NonNull<u8>,
    mapped: Vec<(u64, NonNull<u8>)>,
    pages: usize,
    tag: Tag,
}

// SAFETY: pages are the world's, not a thread's.
unsafe impl Send for ReservedPages {}

/// Bytes of a list of `pages` pages.
const fn list_bytes(pages: usize) -> usize {
    48 + pages * 8
}

impl ReservedPages {
    /// Reserves addresses for `pages` pages, at least one.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if there are no addresses or no memory for the list, or if a list cannot have so
    /// many.
    pub fn try_new(tag: Tag, pages: usize, irql: Passive) -> Result<Self, NoMemory> {
        demand(PASSIVE, "ReservedPages::try_new");
        if pages == 0 || list_bytes(pages) > 0x7fff {
            return Err(NoMemory);
        }
        let list = allocate(tag, list_bytes(pages), Align::CacheLine, irql).ok_or(NoMemory)?;
        Ok(Self {
            list,
            mapped: Vec::with_capacity(pages),
            pages,
            tag,
        })
    }

    /// Maps the pages with these frame numbers one after the other. `None` if there are none, more than
    /// were reserved, or the system will not.
    pub fn map(&mut self, frames: &[u64], _irql: impl AtMostDispatch) -> Option<Mapped<'_>> {
        stall_point();
        demand(DISPATCH, "ReservedPages::map");
        if frames.is_empty() || frames.len() > self.pages {
            return None;
        }
        self.mapped.clear();
        let mapped = Mapped { reserved: self };
        for &frame in frames {
            // What was mapped so far goes with `mapped`.
            mapped.reserved.mapped.push((frame, frame_map(frame)?));
        }
        Some(mapped)
    }
}

impl Drop for ReservedPages {
    fn drop(&mut self) {
        demand(DISPATCH, "ReservedPages::drop");
        // SAFETY: taken with this tag and size, once.
        unsafe { free(self.tag, self.list, list_bytes(self.pages)) };
    }
}

/// Pages that are mapped until this is dropped, at `DISPATCH_LEVEL` or below.
pub struct Mapped<'pages> {
    reserved: &'pages mut ReservedPages,
}

impl Mapped<'_> {
    /// The bytes from `offset` on, `most` at most and one at least, that lie in one piece.
    #[must_use]
    pub fn piece(&self, offset: usize, most: usize) -> Option<Window<'_>> {
        let within = offset % PAGE;
        self.within_page(offset / PAGE, within, most.min(PAGE - within))
    }

    /// The bytes up to `end`, `most` at most and one at least, that lie in one piece.
    #[must_use]
    pub fn piece_before(&self, end: usize, most: usize) -> Option<Window<'_>> {
        let last = end.checked_sub(1)?;
        let bytes = most.min(last % PAGE + 1);
        self.within_page(last / PAGE, last % PAGE + 1 - bytes, bytes)
    }

    fn within_page(&self, page: usize, offset: usize, bytes: usize) -> Option<Window<'_>> {
        let &(_, address) = self.reserved.mapped.get(page)?;
        // SAFETY: the page is mapped until `self` is dropped.
        let window = unsafe { Window::from_raw(address, PAGE) };
        (bytes != 0).then(|| window.part(offset, bytes))?
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        demand(DISPATCH, "Mapped::drop");
        for (frame, _) in self.reserved.mapped.drain(..) {
            frame_unmap(frame);
        }
    }
}
