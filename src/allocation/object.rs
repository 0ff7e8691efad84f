//! What the driver keeps for each allocation, resource and opening.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};

use crate::memory::segments::SegmentSet;
use crate::pool::Handle;

/// One allocation. It is written once, when it is created; 56 bytes, so that it shares a cache line
/// with the pool's word for its slot.
///
/// It is its private data, checked and completed: `buffer_bytes` holds the size of any allocation,
/// `pitch` is never left to the driver, and `reserved` holds the segments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocation(AllocationData);

const _: () = assert!(size_of::<Allocation>() <= 56);

impl Allocation {
    /// `data` as [`complete`](super::spec::complete) left them.
    #[inline]
    pub(super) const fn new(data: &AllocationData) -> Self {
        Self(*data)
    }

    /// Its size in bytes, as dxgkrnl was told.
    pub const fn bytes(&self) -> u64 {
        self.0.buffer_bytes
    }

    /// Pixels in a row; 0 for a buffer.
    pub const fn width(&self) -> u32 {
        self.0.width
    }

    /// Rows; 0 for a buffer.
    pub const fn height(&self) -> u32 {
        self.0.height
    }

    /// Bytes from one row to the next; 0 for a buffer.
    pub const fn pitch(&self) -> u32 {
        self.0.pitch
    }

    /// `D3DDDIFORMAT`; 0 (`D3DDDIFMT_UNKNOWN`) for a buffer.
    pub const fn format(&self) -> u32 {
        self.0.format
    }

    /// Refresh rate of a primary in Hz as numerator and denominator; 0/0 for everything else.
    pub const fn refresh(&self) -> (u32, u32) {
        (self.0.refresh_numerator, self.0.refresh_denominator)
    }

    /// `VidPN` source of a primary, else `D3DDDI_ID_UNINITIALIZED`.
    pub const fn vidpn_source(&self) -> u32 {
        self.0.vidpn_source
    }

    /// What it is for.
    pub const fn kind(&self) -> Kind {
        match Kind::from_number(self.0.kind) {
            Some(kind) => kind,
            // It was checked: there is no other.
            None => Kind::Buffer,
        }
    }

    /// How it is used.
    pub const fn flags(&self) -> AllocationFlags {
        AllocationFlags::from_bits_truncate(self.0.flags)
    }

    /// The segments that it may be in: at least one, and it fits into each.
    pub const fn segments(&self) -> SegmentSet {
        SegmentSet::from_bits(self.0.reserved)
    }
}

/// One resource: the handle under which dxgkrnl keeps several allocations together.
#[derive(Debug)]
pub struct Resource {
    /// [`vmdisp_abi::resource::ResourceData::label`]; 0 if there was no such data.
    pub label: u32,
    /// Allocations made for it so far, those that are gone included.
    made: AtomicUsize,
    /// Bytes of all those.
    bytes: AtomicU64,
}

impl Resource {
    /// A resource without allocations.
    pub const fn new(label: u32) -> Self {
        Self {
            label,
            made: AtomicUsize::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Counts `count` more allocations of `bytes` bytes together.
    pub fn add(&self, count: usize, bytes: u64) {
        self.made.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Allocations made for it so far, and their bytes.
    pub fn made(&self) -> (usize, u64) {
        (
            self.made.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }
}

/// One allocation as one device sees it: what `hDeviceSpecificAllocation` stands for.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    /// The allocation. Its lifetime is dxgkrnl's to keep: every opening is closed first
    /// (contract: D9).
    pub allocation: Handle,
    /// Only reads are allowed (`DXGK_OPENALLOCATIONFLAGS::ReadOnly`).
    pub read_only: bool,
}
