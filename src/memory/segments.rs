//! The segment layout.
//!
//! | id | segment | GPU address | size |
//! |---|---|---|---|
//! | 1 | video memory: linear, CPU-visible, scanned out | 4 GiB | all of the adapter's video memory |
//! | 2 | aperture: system memory, cache-coherent | 8 GiB | 256 MiB |
//!
//! Paging buffers are in segment 0, locked system memory: the engine that reads them is software,
//! and a paging buffer must be in an aperture segment or 0 (contract: Q5).
//!
//! **Two primaries' reserve.** Video memory must always hold two primaries, the one that is shown
//! and the one that is drawn, so no primary may be larger than half of it. A mode whose primary is
//! larger is not offered.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The id of the video memory segment.
pub const VIDEO_MEMORY: u32 = 1;
/// The id of the aperture segment.
pub const APERTURE: u32 = 2;
/// How many segments there are.
pub const COUNT: u32 = 2;

/// Where video memory begins in the GPU's address space. Not at 0: a vertical sync must report an
/// address that is not NULL, also of a primary at the beginning.
pub const VIDEO_MEMORY_BASE: u64 = 1 << 32;
/// Where the aperture begins in the GPU's address space: above any video memory.
pub const APERTURE_BASE: u64 = 2 << 32;
// Video memory is mapped through a 32-bit length, so it ends below the aperture.
const _: () = assert!(APERTURE_BASE >= VIDEO_MEMORY_BASE + (1 << 32));
/// The size of the aperture, and how much system memory may be behind it, in bytes.
pub const APERTURE_BYTES: u64 = 256 << 20;

/// The segment of paging buffers: locked system memory.
pub const PAGING_BUFFER_SEGMENT: u32 = 0;
/// The size of a paging buffer in bytes. Mapping a page into the aperture takes 8 of them, so one
/// buffer maps up to 32 MiB.
pub const PAGING_BUFFER_BYTES: u32 = 64 << 10;
/// Bytes of private data with each paging buffer: a block of `engine::private::BYTES` for each of up to
/// 64 operations that are packed into one.
pub const PAGING_BUFFER_PRIVATE_BYTES: u32 = 64 * 64;

/// A page of the memory manager, in bytes: sizes are rounded up to it.
const PAGE: u64 = 4096;

/// A set of segments as the DDI writes it: bit `n` is segment `n + 1` (contract: C19).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SegmentSet(u32);

impl SegmentSet {
    /// No segment.
    pub const NONE: Self = Self(0);
    /// Video memory alone.
    pub const VIDEO_MEMORY: Self = Self(1 << (VIDEO_MEMORY - 1));
    /// The aperture alone.
    pub const APERTURE: Self = Self(1 << (APERTURE - 1));
    /// Both.
    pub const BOTH: Self = Self(Self::VIDEO_MEMORY.0 | Self::APERTURE.0);

    /// The set as the DDI writes it.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// What [`SegmentSet::bits`] gave.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::BOTH.0)
    }

    /// Whether every segment of `other` is in this set.
    #[must_use]
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// This set without the segments of `other`.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }
}

/// The segments of one adapter. Empty until the adapter is started.
#[derive(Debug)]
pub struct Segments {
    /// Bytes of video memory, a multiple of a page; 0 while the adapter is not started.
    video_memory: AtomicU64,
    /// Where the CPU sees it: a physical address.
    physical: AtomicU64,
    /// The shortest pitch of a primary, in bytes.
    least_pitch: AtomicU32,
}

impl Segments {
    /// The segments of an adapter that is not started.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            video_memory: AtomicU64::new(0),
            physical: AtomicU64::new(0),
            least_pitch: AtomicU32::new(0),
        }
    }

    /// Takes over what the hardware has: `bytes` of video memory at `physical`, where it scans out
    /// primaries whose pitch is `least_pitch` bytes or more.
    pub fn set(&self, physical: u64, bytes: u64, least_pitch: u32) {
        self.least_pitch.store(least_pitch, Ordering::Relaxed);
        self.physical.store(physical, Ordering::Relaxed);
        self.video_memory
            .store(bytes & !(PAGE - 1), Ordering::Release);
    }

    /// Forgets them when the adapter stops.
    pub fn clear(&self) {
        self.video_memory.store(0, Ordering::Release);
    }

    /// Bytes of video memory; 0 while the adapter is not started.
    #[must_use]
    pub fn video_memory_bytes(&self) -> u64 {
        self.video_memory.load(Ordering::Acquire)
    }

    /// The physical address of video memory, meaningful while the adapter is started.
    #[must_use]
    pub fn video_memory_physical(&self) -> u64 {
        self.physical.load(Ordering::Relaxed)
    }

    /// The sizes as they are now.
    #[must_use]
    pub fn sizes(&self) -> Sizes {
        let video_memory = self.video_memory_bytes();
        Sizes {
            video_memory,
            least_pitch: self.least_pitch.load(Ordering::Relaxed),
        }
    }
}

/// How large the segments are, for the length of one call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sizes {
    /// Bytes of video memory; 0 while the adapter is not started.
    pub video_memory: u64,
    /// The shortest pitch of a primary, in bytes.
    pub least_pitch: u32,
}

impl Sizes {
    /// The largest primary, in bytes: half of video memory, in whole pages.
    #[must_use]
    pub const fn largest_primary(&self) -> u64 {
        (self.video_memory / 2) & !(PAGE - 1)
    }

    /// The size of the smallest segment, in bytes: what fits there fits into any.
    #[must_use]
    #[inline]
    pub const fn smallest(&self) -> u64 {
        if self.video_memory < APERTURE_BYTES {
            self.video_memory
        } else {
            APERTURE_BYTES
        }
    }

    /// Those of `wanted` that an allocation of `bytes` bytes fits into.
    #[must_use]
    #[inline]
    pub const fn that_hold(&self, bytes: u64, wanted: SegmentSet) -> SegmentSet {
        let mut fitting = wanted;
        if bytes > self.video_memory {
            fitting = fitting.without(SegmentSet::VIDEO_MEMORY);
        }
        if bytes > APERTURE_BYTES {
            fitting = fitting.without(SegmentSet::APERTURE);
        }
        fitting
    }
}

impl Default for Segments {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_allocation_only_goes_where_it_fits() {
        let segments = Segments::new();
        segments.set(0xe000_0000, 16 << 20, 0);
        let sizes = segments.sizes();
        assert_eq!(
            sizes.that_hold(16 << 20, SegmentSet::BOTH),
            SegmentSet::BOTH
        );
        assert_eq!(
            sizes.that_hold((16 << 20) + 1, SegmentSet::BOTH),
            SegmentSet::APERTURE
        );
        assert_eq!(
            sizes.that_hold(APERTURE_BYTES + 1, SegmentSet::BOTH),
            SegmentSet::NONE
        );
        assert_eq!(
            sizes.that_hold(1, SegmentSet::APERTURE),
            SegmentSet::APERTURE
        );
    }

    #[test]
    fn two_of_the_largest_primary_fit() {
        let segments = Segments::new();
        for bytes in [16 << 20, (16 << 20) + 4096, 8 << 20, 4096, 0] {
            segments.set(0, bytes, 0);
            assert!(segments.sizes().largest_primary() * 2 <= bytes);
            assert_eq!(segments.sizes().largest_primary() % 4096, 0);
        }
    }
}
