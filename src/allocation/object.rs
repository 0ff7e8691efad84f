//! What the driver keeps for each allocation, resource and opening.

use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use vmdisp_abi::allocation::Kind;

use crate::memory::segments::SegmentSet;
use crate::pool::Handle;

/// One allocation. It is written once, when it is created; 56 bytes, so that it shares a cache line
/// with the pool's word for its slot.
#[derive(Clone, Copy, Debug)]
pub struct Allocation {
    /// Its size in bytes, as dxgkrnl was told.
    pub bytes: u64,
    /// Pixels in a row; 0 for a buffer.
    pub width: u32,
    /// Rows; 0 for a buffer.
    pub height: u32,
    /// Bytes from one row to the next; 0 for a buffer.
    pub pitch: u32,
    /// `D3DDDIFORMAT`; 0 (`D3DDDIFMT_UNKNOWN`) for a buffer.
    pub format: u32,
    /// Refresh rate of a primary in Hz as numerator and denominator; 0/0 for everything else.
    pub refresh: (u32, u32),
    /// `VidPN` source of a primary, else `D3DDDI_ID_UNINITIALIZED`.
    pub vidpn_source: u32,
    /// What it is for.
    pub kind: Kind,
    /// The segments that it may be in.
    pub segments: SegmentSet,
}

const _: () = assert!(size_of::<Allocation>() <= 56);

/// One resource: the handle under which dxgkrnl keeps several allocations together.
#[derive(Debug)]
pub struct Resource {
    /// [`vmdisp_abi::resource::ResourceData::label`]; 0 if there was no such data.
    pub label: u32,
    /// Allocations made for it so far, those that are gone included.
    made: AtomicU32,
    /// Bytes of all those.
    bytes: AtomicU64,
}

impl Resource {
    /// A resource without allocations.
    pub const fn new(label: u32) -> Self {
        Self {
            label,
            made: AtomicU32::new(0),
            bytes: AtomicU64::new(0),
        }
    }

    /// Counts `count` more allocations of `bytes` bytes together.
    pub fn add(&self, count: u32, bytes: u64) {
        self.made.fetch_add(count, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Allocations made for it so far, and their bytes.
    pub fn made(&self) -> (u32, u64) {
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
