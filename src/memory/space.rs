//! The GPU's address space: what is behind an address.

use super::aperture::{Aperture, PAGES};
use super::segments::{APERTURE_BASE, APERTURE_BYTES, VIDEO_MEMORY_BASE};
use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, PAGE, ReservedPages, Tag, Window};

/// The most bytes that a range of pages has which is mapped for the CPU at a time.
pub const MAPPED_BYTES: usize = 64 << 10;
/// Pages of such a range, which may begin and end within a page.
pub const MAPPED_PAGES: usize = MAPPED_BYTES / PAGE + 1;

/// What a GPU address leads to: video memory and the aperture.
#[derive(Clone, Copy)]
pub struct Space<'run> {
    memory: Window<'run>,
    aperture: &'run Aperture,
}

/// What is behind a range of GPU addresses.
#[derive(Clone, Copy)]
pub enum Region<'run> {
    /// These bytes of video memory.
    VideoMemory(Window<'run>),
    /// The aperture, from `offset` bytes into page `page` on.
    Aperture {
        /// The first page.
        page: u32,
        /// Where in it, in bytes.
        offset: usize,
    },
}

impl<'run> Space<'run> {
    /// The space of an adapter with this video memory, which begins with its segment, and this aperture.
    #[must_use]
    pub const fn new(memory: Window<'run>, aperture: &'run Aperture) -> Self {
        Self { memory, aperture }
    }

    /// The aperture.
    #[must_use]
    pub const fn aperture(&self) -> &'run Aperture {
        self.aperture
    }

    /// What is behind the `bytes` bytes at `address`; `None` unless they all lie in one segment. Any
    /// IRQL.
    #[must_use]
    pub fn resolve(&self, address: u64, bytes: u64) -> Option<Region<'run>> {
        if let Some(offset) = inside(address, bytes, APERTURE_BASE, APERTURE_BYTES) {
            let page = u32::try_from(offset / PAGE as u64).ok()?;
            let offset = usize::try_from(offset % PAGE as u64).ok()?;
            return (page < PAGES).then_some(Region::Aperture { page, offset });
        }
        let size = u64::try_from(self.memory.bytes()).ok()?;
        let offset = inside(address, bytes, VIDEO_MEMORY_BASE, size)?;
        let (offset, bytes) = (usize::try_from(offset).ok()?, usize::try_from(bytes).ok()?);
        self.memory.part(offset, bytes).map(Region::VideoMemory)
    }
}

/// How far into the segment of `size` bytes at `base` the `bytes` bytes at `address` begin, if all of
/// them lie there.
#[must_use]
pub fn inside(address: u64, bytes: u64, base: u64, size: u64) -> Option<u64> {
    let offset = address.checked_sub(base)?;
    (offset.checked_add(bytes)? <= size).then_some(offset)
}

/// Address ranges and lists for one thread that copies: one for the source's pages, one for the
/// destination's. Made when the adapter starts, so that paging allocates nothing.
pub struct Reserve {
    /// For the source.
    pub from: ReservedPages,
    /// For the destination.
    pub to: ReservedPages,
}

impl Reserve {
    /// Reserves both.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if there are no addresses or no memory for it.
    pub fn try_new(tag: Tag, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            from: ReservedPages::try_new(tag, MAPPED_PAGES, irql)?,
            to: ReservedPages::try_new(tag, MAPPED_PAGES, irql)?,
        })
    }
}

/// One thread's way to the bytes behind GPU addresses.
pub struct Access<'run> {
    /// What is reached.
    pub space: Space<'run>,
    /// The ranges that its pages are mapped into.
    pub reserve: &'run mut Reserve,
}

impl<'run> Access<'run> {
    /// The way to `space` through `reserve`.
    pub const fn new(space: Space<'run>, reserve: &'run mut Reserve) -> Self {
        Self { space, reserve }
    }
}
