//! What the driver keeps for each allocation, resource and opening.

use core::num::NonZeroU64;
use core::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use vmdisp_abi::allocation::{AllocationFlags, Kind, MAX_DIMENSION, NO_VIDPN_SOURCE};
use zerocopy::transmute;

use super::spec::{Decided, SOURCE, Words};
use crate::memory::segments::SegmentSet;
use crate::pool::{Class, Handle};

/// One allocation, 24 bytes. It is written once, when it is created.
///
/// It is kept in words, not in members: a processor that stores members and then copies them in larger
/// pieces has to wait.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Allocation {
    /// Kind, flags, segments, [`MARK`]: a byte each; format: four. Never zero, by which an [`Object`] tells
    /// an allocation from a resource.
    usage: NonZeroU64,
    /// Width and height: two bytes each; pitch: four.
    layout: u64,
    /// Refresh rate of a primary, numerator and denominator: four bytes each; bytes of a buffer: all
    /// eight. No allocation has both.
    rest: u64,
}

/// The bit of [`Allocation::usage`] that is always set.
const MARK: NonZeroU64 = match NonZeroU64::new(1 << 31) {
    Some(mark) => mark,
    None => NonZeroU64::MIN,
};

// What a width and a height have room for.
const _: () = assert!(MAX_DIMENSION <= u16::MAX as u32);

impl Allocation {
    /// Checked data, completed by what the driver has decided.
    #[inline]
    pub(super) fn new(data: &Words, decided: &Decided) -> Self {
        let [_, usage, extent, layout, buffer_bytes, refresh, _] = *data;
        let segments = u64::from(decided.segments.bits());
        Self {
            usage: MARK | usage & 0xff | usage >> 24 | segments << 16 | layout << 32,
            layout: extent & 0xffff | extent >> 16 | u64::from(decided.pitch) << 32,
            rest: buffer_bytes | refresh,
        }
    }

    /// A member of `word` that begins at bit `from` and has 32 bits at most.
    fn member(word: u64, from: u32, mask: u32) -> u32 {
        // The lower half of what is left.
        let [low, _]: [u32; 2] = transmute!(word >> from);
        low & mask
    }

    /// Its size in bytes, as dxgkrnl was told.
    pub fn bytes(&self) -> u64 {
        match self.kind() {
            Kind::Buffer => self.rest,
            // It was checked: a product of two 32-bit numbers.
            _ => u64::from(self.pitch()).wrapping_mul(self.height().into()),
        }
    }

    /// Pixels in a row; 0 for a buffer.
    pub fn width(&self) -> u32 {
        Self::member(self.layout, 0, 0xffff)
    }

    /// Rows; 0 for a buffer.
    pub fn height(&self) -> u32 {
        Self::member(self.layout, 16, 0xffff)
    }

    /// Bytes from one row to the next; 0 for a buffer.
    pub fn pitch(&self) -> u32 {
        Self::member(self.layout, 32, u32::MAX)
    }

    /// `D3DDDIFORMAT`; 0 (`D3DDDIFMT_UNKNOWN`) for a buffer.
    pub fn format(&self) -> u32 {
        Self::member(self.usage.get(), 32, u32::MAX)
    }

    /// Refresh rate of a primary in Hz as numerator and denominator; 0/0 for everything else.
    pub fn refresh(&self) -> (u32, u32) {
        if self.kind() == Kind::Primary {
            let rate: [u32; 2] = transmute!(self.rest);
            rate.into()
        } else {
            (0, 0)
        }
    }

    /// `VidPN` source of a primary, else `D3DDDI_ID_UNINITIALIZED`.
    pub fn vidpn_source(&self) -> u32 {
        match self.kind() {
            Kind::Primary => SOURCE,
            _ => NO_VIDPN_SOURCE,
        }
    }

    /// What it is for.
    pub fn kind(&self) -> Kind {
        match Kind::from_number(Self::member(self.usage.get(), 0, 0xff)) {
            Some(kind) => kind,
            // It was checked: there is no other.
            None => Kind::Buffer,
        }
    }

    /// How it is used.
    pub fn flags(&self) -> AllocationFlags {
        AllocationFlags::from_bits_truncate(Self::member(self.usage.get(), 8, 0xff))
    }

    /// The segments that it may be in: at least one, and it fits into each.
    pub fn segments(&self) -> SegmentSet {
        SegmentSet::from_bits(Self::member(self.usage.get(), 16, 0xff))
    }
}

/// What the pool of allocations and resources holds: the two come and go together. 24 bytes, so that
/// an allocation and its resource, with the pool's words for their slots, share a cache line.
pub enum Object {
    /// Of the class [`Object::ALLOCATION`].
    Allocation(Allocation),
    /// Of the class [`Object::RESOURCE`].
    Resource(Resource),
}

const _: () = assert!(size_of::<Object>() == 24);

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
    /// Allocations made for it so far, those that are gone included, modulo 2^32.
    made: AtomicU32,
    /// Bytes of all those.
    bytes: AtomicU64,
}

impl Resource {
    /// A resource with its first `count` allocations of `bytes` bytes together.
    pub const fn new(label: u32, count: u32, bytes: u64) -> Self {
        Self {
            label,
            made: AtomicU32::new(count),
            bytes: AtomicU64::new(bytes),
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
    /// The device that has opened it: no other one's commands may use it.
    pub device: Handle,
    /// Only reads are allowed (`DXGK_OPENALLOCATIONFLAGS::ReadOnly`).
    pub read_only: bool,
}
