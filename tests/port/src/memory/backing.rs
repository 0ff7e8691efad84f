//! System memory behind an allocation.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use crate::host::Host;
use crate::memory::mdl::Mdl;

const PAGE: usize = 4096;

/// Locked pages with the list that describes them. Given back to the machine when nobody holds them any more.
pub(crate) struct Backing {
    host: Arc<dyn Host>,
    address: NonNull<u8>,
    frames: Vec<u64>,
    mdl: Mdl,
}

// SAFETY: the port reads and writes the pages by copy, and only when no DDI has them.
unsafe impl Send for Backing {}
// SAFETY: as above.
unsafe impl Sync for Backing {}

impl Backing {
    /// Zeroed pages; None if the machine has no more.
    pub(super) fn new(host: &Arc<dyn Host>, pages: usize) -> Option<Arc<Self>> {
        let memory = host.system_pages(pages)?;
        assert_eq!(
            memory.frames.len(),
            pages,
            "the host gave what was asked for"
        );
        Some(Arc::new(Self {
            host: host.clone(),
            address: memory.address,
            mdl: Mdl::new(&memory.frames),
            frames: memory.frames,
        }))
    }

    pub(super) fn mdl(&self) -> &Mdl {
        &self.mdl
    }

    pub(super) fn frame(&self, page: usize) -> u64 {
        self.frames.get(page).copied().unwrap_or(0)
    }

    pub(super) fn bytes(&self) -> usize {
        self.frames.len() * PAGE
    }

    /// A copy of all pages.
    pub(super) fn all(&self) -> Vec<u8> {
        let mut bytes = alloc::vec![0; self.bytes()];
        self.read(0, &mut bytes);
        bytes
    }

    /// # Panics
    /// If it reaches past the end.
    pub(super) fn read(&self, offset: usize, data: &mut [u8]) {
        let start = self.at(offset, data.len());
        // SAFETY: inside the pages, as `at` has checked; nobody holds a reference into them.
        unsafe { ptr::copy_nonoverlapping(start, data.as_mut_ptr(), data.len()) };
    }

    /// # Panics
    /// If it reaches past the end.
    pub(super) fn write(&self, offset: usize, data: &[u8]) {
        let start = self.at(offset, data.len());
        // SAFETY: inside the pages, as `at` has checked; nobody holds a reference into them.
        unsafe { ptr::copy_nonoverlapping(data.as_ptr(), start, data.len()) };
    }

    fn at(&self, offset: usize, bytes: usize) -> *mut u8 {
        let inside = offset
            .checked_add(bytes)
            .is_some_and(|end| end <= self.bytes());
        assert!(inside, "{bytes} bytes at {offset} of {}", self.bytes());
        self.address.as_ptr().wrapping_add(offset)
    }
}

impl Drop for Backing {
    fn drop(&mut self) {
        self.host.free_system_pages(self.address);
    }
}
