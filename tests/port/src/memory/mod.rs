//! VidMm: where allocations are, what moves them, and how the CPU reaches them.

mod seam;
mod usage;

pub(crate) use seam::PagingBuffer;
pub(crate) use usage::{References, Stage, Usage, Wanted};

/// Where an allocation is for the GPU.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Location {
    /// Identifier of the segment, counted from 1; 0 if it is in none.
    pub segment: u32,
    /// The segment's base address and the offset in it.
    pub address: u64,
}
