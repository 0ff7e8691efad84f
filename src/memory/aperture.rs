//! The aperture: which page of system memory is behind each page of segment 2.
//!
//! It is what the page table of a hardware's aperture would be. Only the engine's thread writes it, in the order of
//! its queue, so that a copy queued before an unmapping still finds its pages (contract: P5). Who
//! reads it is that thread too; the entries are atomic because a thread that a reset left behind may
//! read while the next one writes.

use core::sync::atomic::{AtomicU64, Ordering};

use super::segments::APERTURE_BYTES;
use crate::kernel::irql::AtMostDispatch;
use crate::kernel::{NoMemory, PAGE, Tag, Words};

/// Pages of the aperture.
pub const PAGES: u32 = {
    let pages = APERTURE_BYTES / PAGE as u64;
    assert!(pages <= u32::MAX as u64);
    #[allow(clippy::cast_possible_truncation)] // asserted
    let pages = pages as u32;
    pages
};

/// The largest page frame number: a physical address has 52 bits at most.
const LAST_FRAME: u64 = (1 << 40) - 1;

/// The table, in nonpaged pool: 512 KiB, made when the adapter starts.
pub struct Aperture {
    /// A frame number and one, or 0 where nothing was ever mapped.
    entries: Words,
}

impl Aperture {
    /// An aperture with nothing behind it.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] when nonpaged pool is used up.
    pub fn try_new(tag: Tag, irql: impl AtMostDispatch) -> Result<Self, NoMemory> {
        let entries = usize::try_from(PAGES).map_err(|_| NoMemory)?;
        Ok(Self {
            entries: Words::zeroed(tag, entries, irql)?,
        })
    }

    /// Puts the page frame `frame` behind page `page`; `false`, and nothing, if there is no such page
    /// or frame. Any IRQL.
    #[must_use]
    pub fn set(&self, page: u32, frame: u64) -> bool {
        let Some(entry) = self.entry(page).filter(|_| frame <= LAST_FRAME) else {
            return false;
        };
        entry.store(frame + 1, Ordering::Relaxed);
        true
    }

    /// The page frame behind page `page`; `None` if nothing was ever mapped there. Any IRQL.
    #[must_use]
    pub fn frame(&self, page: u32) -> Option<u64> {
        self.entry(page)?.load(Ordering::Relaxed).checked_sub(1)
    }

    fn entry(&self, page: u32) -> Option<&AtomicU64> {
        self.entries.get(usize::try_from(page).ok()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernel::testing::passive;

    #[test]
    fn a_page_has_the_frame_that_was_set_last() {
        let aperture = Aperture::try_new(Tag(*b"VmdT"), passive()).unwrap();
        assert_eq!(aperture.frame(0), None);
        assert!(aperture.set(0, 0));
        assert_eq!(aperture.frame(0), Some(0));
        assert!(aperture.set(PAGES - 1, LAST_FRAME));
        assert!(aperture.set(0, 7));
        assert_eq!(aperture.frame(0), Some(7));
        assert_eq!(aperture.frame(PAGES - 1), Some(LAST_FRAME));
        assert_eq!(aperture.frame(1), None);
        assert!(!aperture.set(PAGES, 1) && aperture.frame(PAGES).is_none());
        assert!(!aperture.set(1, LAST_FRAME + 1) && aperture.frame(1).is_none());
    }
}
