//! Memory for tests of what copies: pages with frame numbers, or memory of an adapter.

use core::slice;
use std::vec::Vec;

use crate::kernel::host::{SystemPages, World};
use crate::kernel::{PAGE, Window};

/// Pages of a world's, zero at first.
pub struct Memory {
    pages: SystemPages,
    world: World,
}

impl Memory {
    /// `pages` pages of the calling thread's world.
    pub fn new(pages: usize) -> Self {
        let world = World::current();
        Self {
            pages: world.system_pages(pages).expect("there are pages"),
            world,
        }
    }

    /// Their frame numbers.
    pub fn frames(&self) -> &[u64] {
        &self.pages.frames
    }

    /// All of it in one piece, as an adapter's memory would be mapped.
    pub fn window(&self) -> Window<'_> {
        // SAFETY: as many bytes as there are pages, until they are given back.
        unsafe { Window::from_raw(self.pages.address, self.pages.frames.len() * PAGE) }
    }

    /// What the bytes are now.
    pub fn bytes(&self) -> Vec<u8> {
        let count = self.window().bytes();
        // SAFETY: inside of the pages, which nobody writes meanwhile: a test copies in its own thread.
        unsafe { slice::from_raw_parts(self.pages.address.as_ptr(), count) }.to_vec()
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        self.world.free_system_pages(self.pages.address);
    }
}
