//! VidMm: where allocations are, what moves them, and how the CPU reaches them.
//!
//! An allocation is in a memory segment, in system pages that an aperture segment shows, or in system pages alone. What
//! moves it are paging buffers, which the driver builds ([`paging`]) and the scheduler submits in order, so that a range
//! can be given away before the GPU has left it: whoever comes next is paged in behind. Only what may take effect at
//! once, the unmapping of an aperture's pages, waits for the GPU.
//!
//! Locks are taken in this order: the scheduler's, the manager's.

mod api;
mod backing;
mod heap;
mod lock;
mod mdl;
mod movement;
mod options;
mod paging;
mod placement;
mod raw_copy;
mod release;
mod reset;
mod residency;
mod seam;
mod segment;
mod sleep;
mod temporary;
mod transfer;
mod usage;
mod vidmm;

pub use api::Residency;
pub use lock::{Lock, Locked};
pub use options::MemoryOptions;
pub use placement::{Placement, Surface};

pub(crate) use paging::buffer::PagingBuffer;
pub(crate) use usage::{References, Stage, Usage, Wanted};
pub(crate) use vidmm::Memory;

/// Bytes of a page.
const PAGE: u64 = 4096;

/// The segment that tests limit.
const VIDEO_SEGMENT: u32 = 1;

/// Where an allocation is for the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Identifier of the segment, counted from 1; 0 if it is in none.
    pub segment: u32,
    /// The segment's base address and the offset in it.
    pub address: u64,
}
