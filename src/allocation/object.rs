//! What the driver keeps for each allocation, resource and opening.

use core::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use vmdisp_abi::allocation::{AllocationFlags, Kind};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout, transmute_ref};

use super::spec::{Decided, Words};
use crate::memory::segments::SegmentSet;
use crate::pool::{Class, Handle};

/// One allocation, 48 bytes. It is written once, when it is created.
///
/// It is kept in words, not in members: a processor that stores members and then copies them in larger
/// pieces has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocation([u64; WORDS]);

const WORDS: usize = size_of::<Members>() / size_of::<u64>();

/// What the words are: the members of its private data, checked and completed.
#[derive(FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
struct Members {
    kind: u32,
    flags: u32,
    width: u32,
    height: u32,
    format: u32,
    pitch: u32,
    bytes: u64,
    refresh: [u32; 2],
    vidpn_source: u32,
    segments: u32,
}

impl Allocation {
    /// Checked data, completed by what the driver has decided.
    #[inline]
    pub(super) fn new(data: &Words, decided: &Decided) -> Self {
        // The driver's own in place of the upper half.
        let with = |word: u64, high: u32| word & u64::from(u32::MAX) | u64::from(high) << 32;
        let [_, usage, extent, layout, _, refresh, place] = *data;
        Self([
            usage,
            extent,
            with(layout, decided.pitch),
            decided.bytes.get(),
            refresh,
            with(place, decided.segments.bits()),
        ])
    }

    /// The members.
    #[inline]
    fn data(&self) -> &Members {
        transmute_ref!(&self.0)
    }

    /// Its size in bytes, as dxgkrnl was told.
    pub fn bytes(&self) -> u64 {
        self.data().bytes
    }

    /// Pixels in a row; 0 for a buffer.
    pub fn width(&self) -> u32 {
        self.data().width
    }

    /// Rows; 0 for a buffer.
    pub fn height(&self) -> u32 {
        self.data().height
    }

    /// Bytes from one row to the next; 0 for a buffer.
    pub fn pitch(&self) -> u32 {
        self.data().pitch
    }

    /// `D3DDDIFORMAT`; 0 (`D3DDDIFMT_UNKNOWN`) for a buffer.
    pub fn format(&self) -> u32 {
        self.data().format
    }

    /// Refresh rate of a primary in Hz as numerator and denominator; 0/0 for everything else.
    pub fn refresh(&self) -> (u32, u32) {
        self.data().refresh.into()
    }

    /// `VidPN` source of a primary, else `D3DDDI_ID_UNINITIALIZED`.
    pub fn vidpn_source(&self) -> u32 {
        self.data().vidpn_source
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        match Kind::from_number(self.data().kind) {
            Some(kind) => kind,
            // It was checked: there is no other.
            None => Kind::Buffer,
        }
    }

    /// How it is used.
    pub fn flags(&self) -> AllocationFlags {
        AllocationFlags::from_bits_truncate(self.data().flags)
    }

    /// The segments that it may be in: at least one, and it fits into each.
    pub fn segments(&self) -> SegmentSet {
        SegmentSet::from_bits(self.data().segments)
    }
}

/// What the pool of allocations and resources holds: the two come and go together. 56 bytes, so that
/// one shares a cache line with the pool's word for its slot.
pub enum Object {
    /// Of the class [`Object::ALLOCATION`].
    Allocation(Allocation),
    /// Of the class [`Object::RESOURCE`].
    Resource(Resource),
}

const _: () = assert!(size_of::<Object>() == 56);

impl Object {
    /// The class of allocations.
    pub const ALLOCATION: Class = Class::FIRST;
    /// The class of resources.
    pub const RESOURCE: Class = Class::SECOND;
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
    /// A resource with its first `count` allocations of `bytes` bytes together.
    pub const fn new(label: u32, count: usize, bytes: u64) -> Self {
        Self {
            label,
            made: AtomicUsize::new(count),
            bytes: AtomicU64::new(bytes),
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
    /// The device that has opened it: no other one's commands may use it.
    pub device: Handle,
    /// Only reads are allowed (`DXGK_OPENALLOCATIONFLAGS::ReadOnly`).
    pub read_only: bool,
}
