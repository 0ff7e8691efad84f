//! The operations that BuildPagingBuffer is asked for, as `DXGKARG_BUILDPAGINGBUFFER` holds them.

use core::ptr;

use dxgk_sys::{
    DXGK_BUILDPAGINGBUFFER_OPERATION as Kind, DXGK_DISCARDCONTENTFLAGS, DXGK_MAPAPERTUREFLAGS,
    DXGK_TRANSFERFLAGS, DXGKARG_BUILDPAGINGBUFFER, DXGKARG_BUILDPAGINGBUFFER_DiscardContent,
    DXGKARG_BUILDPAGINGBUFFER_Fill, DXGKARG_BUILDPAGINGBUFFER_Fill_Destination,
    DXGKARG_BUILDPAGINGBUFFER_InitContextResource,
    DXGKARG_BUILDPAGINGBUFFER_InitContextResource_Destination,
    DXGKARG_BUILDPAGINGBUFFER_MapApertureSegment, DXGKARG_BUILDPAGINGBUFFER_ReadPhysical,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Destination,
    DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Source, DXGKARG_BUILDPAGINGBUFFER_Transfer,
    DXGKARG_BUILDPAGINGBUFFER_Transfer_Destination, DXGKARG_BUILDPAGINGBUFFER_Transfer_Source,
    DXGKARG_BUILDPAGINGBUFFER_UnmapApertureSegment, DXGKARG_BUILDPAGINGBUFFER_WritePhysical,
    DXGKARG_BUILDPAGINGBUFFER_u0 as Union, HANDLE, MDL, PHYSICAL_ADDRESS,
};

use crate::pattern::Pattern;

/// One side of a transfer.
#[derive(Clone, Copy)]
pub(in crate::memory) enum Side {
    /// Where the allocation begins in a segment.
    Segment { id: u32, address: u64 },
    /// System pages, from a page of the list on.
    Pages { mdl: *mut MDL, page: u32 },
}

impl Side {
    fn segment(self) -> u32 {
        match self {
            Self::Segment { id, .. } => id,
            Self::Pages { .. } => 0,
        }
    }

    fn page(self) -> u32 {
        match self {
            Self::Segment { .. } => 0,
            Self::Pages { page, .. } => page,
        }
    }
}

/// A part of an allocation that is moved.
#[derive(Clone, Copy)]
pub(in crate::memory) struct Part {
    /// Bytes from the allocation's start. It counts in a segment, not in a list of pages.
    pub offset: u64,
    pub bytes: u64,
    /// The first and the last part.
    pub start: bool,
    pub end: bool,
}

/// One operation, which outlives the calls that it takes.
pub(in crate::memory) struct Operation {
    pub kind: Kind,
    union: Union,
}

fn address(value: u64) -> PHYSICAL_ADDRESS {
    PHYSICAL_ADDRESS {
        QuadPart: value.cast_signed(),
    }
}

fn small(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

macro_rules! side {
    ($record:ident, $union:ident, $pattern:expr, $side:expr) => {{
        let side: Side = $side;
        let mut record: $record = $pattern.filled();
        record.SegmentId = side.segment();
        match side {
            Side::Segment { address: value, .. } => {
                record.$union.SegmentAddress = address(value);
            }
            Side::Pages { mdl, .. } => record.$union.pMdl = mdl,
        }
        record
    }};
}

impl Operation {
    /// `fill` writes one member of the union, whose other bytes hold a pattern.
    fn new(kind: Kind, pattern: Pattern, fill: impl FnOnce(&mut Union)) -> Self {
        let mut union: Union = pattern.filled();
        fill(&mut union);
        Self { kind, union }
    }

    pub(in crate::memory) fn transfer(
        pattern: Pattern,
        allocation: HANDLE,
        part: Part,
        from: Side,
        to: Side,
    ) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_Transfer = pattern.filled();
        record.hAllocation = allocation;
        record.TransferOffset = small(part.offset);
        record.TransferSize = usize::try_from(part.bytes).unwrap_or(usize::MAX);
        record.Source = side!(DXGKARG_BUILDPAGINGBUFFER_Transfer_Source, u1, pattern, from);
        record.Destination = side!(
            DXGKARG_BUILDPAGINGBUFFER_Transfer_Destination,
            u2,
            pattern,
            to
        );
        record.Flags = part.flags();
        record.MdlOffset = from.page().max(to.page());
        Self::new(Kind::DXGK_OPERATION_TRANSFER, pattern, |union| {
            union.Transfer = record;
        })
    }

    /// Like a transfer, from or to the pages of an alternate virtual address. There is no page offset: `pMdl` begins
    /// at the part.
    pub(in crate::memory) fn special_lock_transfer(
        pattern: Pattern,
        allocation: HANDLE,
        part: Part,
        from: Side,
        to: Side,
    ) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer = pattern.filled();
        record.hAllocation = allocation;
        record.TransferOffset = small(part.offset);
        record.TransferSize = usize::try_from(part.bytes).unwrap_or(usize::MAX);
        record.Source = side!(
            DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Source,
            u3,
            pattern,
            from
        );
        record.Destination = side!(
            DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer_Destination,
            u4,
            pattern,
            to
        );
        record.Flags = part.flags();
        record.SwizzlingRangeId = 0;
        record.SwizzlingRangeData = 0;
        Self::new(
            Kind::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER,
            pattern,
            |union| {
                union.SpecialLockTransfer = record;
            },
        )
    }

    pub(in crate::memory) fn fill(
        pattern: Pattern,
        allocation: HANDLE,
        bytes: u64,
        value: u32,
        segment: u32,
        at: u64,
    ) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_Fill = pattern.filled();
        record.hAllocation = allocation;
        record.FillSize = usize::try_from(bytes).unwrap_or(usize::MAX);
        record.FillPattern = value;
        let mut destination: DXGKARG_BUILDPAGINGBUFFER_Fill_Destination = pattern.filled();
        destination.SegmentId = segment;
        destination.SegmentAddress = address(at);
        record.Destination = destination;
        Self::new(Kind::DXGK_OPERATION_FILL, pattern, |union| {
            union.Fill = record;
        })
    }

    pub(in crate::memory) fn discard(
        pattern: Pattern,
        allocation: HANDLE,
        segment: u32,
        at: u64,
    ) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_DiscardContent = pattern.filled();
        record.hAllocation = allocation;
        record.Flags = DXGK_DISCARDCONTENTFLAGS::empty();
        record.SegmentId = segment;
        record.SegmentAddress = address(at);
        Self::new(Kind::DXGK_OPERATION_DISCARD_CONTENT, pattern, |union| {
            union.DiscardContent = record;
        })
    }

    pub(in crate::memory) fn read_physical(pattern: Pattern, segment: u32, at: u64) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_ReadPhysical = pattern.filled();
        record.SegmentId = segment;
        record.PhysicalAddress = address(at);
        Self::new(Kind::DXGK_OPERATION_READ_PHYSICAL, pattern, |union| {
            union.ReadPhysical = record;
        })
    }

    pub(in crate::memory) fn write_physical(pattern: Pattern, segment: u32, at: u64) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_WritePhysical = pattern.filled();
        record.SegmentId = segment;
        record.PhysicalAddress = address(at);
        Self::new(Kind::DXGK_OPERATION_WRITE_PHYSICAL, pattern, |union| {
            union.WritePhysical = record;
        })
    }

    pub(in crate::memory) fn map(pattern: Pattern, map: &Map, mdl: *mut MDL, page: u32) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_MapApertureSegment = pattern.filled();
        record.hDevice = map.device;
        record.hAllocation = map.allocation;
        record.SegmentId = map.segment;
        record.OffsetInPages = usize::try_from(map.first).unwrap_or(usize::MAX);
        record.NumberOfPages = usize::try_from(map.pages).unwrap_or(usize::MAX);
        record.pMdl = mdl;
        record.Flags = DXGK_MAPAPERTUREFLAGS::empty();
        record
            .Flags
            .set(DXGK_MAPAPERTUREFLAGS::CacheCoherent, map.cache_coherent);
        record.MdlOffset = page;
        Self::new(
            Kind::DXGK_OPERATION_MAP_APERTURE_SEGMENT,
            pattern,
            |union| {
                union.MapApertureSegment = record;
            },
        )
    }

    pub(in crate::memory) fn unmap(pattern: Pattern, map: &Map, dummy: u64) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_UnmapApertureSegment = pattern.filled();
        record.hDevice = map.device;
        record.hAllocation = map.allocation;
        record.SegmentId = map.segment;
        record.OffsetInPages = usize::try_from(map.first).unwrap_or(usize::MAX);
        record.NumberOfPages = usize::try_from(map.pages).unwrap_or(usize::MAX);
        record.DummyPage = address(dummy);
        Self::new(
            Kind::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT,
            pattern,
            |union| {
                union.UnmapApertureSegment = record;
            },
        )
    }

    pub(in crate::memory) fn init_context_resource(
        pattern: Pattern,
        allocation: HANDLE,
        to: Side,
    ) -> Self {
        let mut record: DXGKARG_BUILDPAGINGBUFFER_InitContextResource = pattern.filled();
        record.hAllocation = allocation;
        record.Destination = side!(
            DXGKARG_BUILDPAGINGBUFFER_InitContextResource_Destination,
            u5,
            pattern,
            to
        );
        record.Destination.VirtualAddress = ptr::null_mut();
        record.Destination.GpuVirtualAddress = 0;
        Self::new(
            Kind::DXGK_OPERATION_INIT_CONTEXT_RESOURCE,
            pattern,
            |union| {
                union.InitContextResource = record;
            },
        )
    }

    /// One that the driver cannot know.
    pub(in crate::memory) fn unknown(pattern: Pattern, kind: Kind) -> Self {
        Self::new(kind, pattern, |_| ())
    }

    /// The allocation is idle now (the second call after `STATUS_GRAPHICS_ALLOCATION_BUSY`). False if this kind of
    /// operation has no flag to say so.
    pub(in crate::memory) fn set_idle(&mut self) -> bool {
        match self.kind {
            Kind::DXGK_OPERATION_TRANSFER => {
                // SAFETY: the member that the operation names.
                let record = unsafe { &mut self.union.Transfer };
                record.Flags |= DXGK_TRANSFERFLAGS::AllocationIsIdle;
            }
            Kind::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER => {
                // SAFETY: the member that the operation names.
                let record = unsafe { &mut self.union.SpecialLockTransfer };
                record.Flags |= DXGK_TRANSFERFLAGS::AllocationIsIdle;
            }
            Kind::DXGK_OPERATION_DISCARD_CONTENT => {
                // SAFETY: the member that the operation names.
                let record = unsafe { &mut self.union.DiscardContent };
                record.Flags |= DXGK_DISCARDCONTENTFLAGS::AllocationIsIdle;
            }
            _ => return false,
        }
        true
    }

    /// The argument, in which the buffer's members are still to be set.
    pub(in crate::memory) fn argument(&self, pattern: Pattern) -> DXGKARG_BUILDPAGINGBUFFER {
        let mut argument: DXGKARG_BUILDPAGINGBUFFER = pattern.filled();
        argument.Operation = self.kind;
        argument.u0 = self.union;
        argument
    }

    /// What a violation calls it.
    pub(in crate::memory) fn name(&self) -> &'static str {
        let name = self.kind.name().unwrap_or("an unknown operation");
        name.strip_prefix("DXGK_OPERATION_").unwrap_or(name)
    }
}

impl Part {
    fn flags(self) -> DXGK_TRANSFERFLAGS {
        let mut flags = DXGK_TRANSFERFLAGS::empty();
        flags.set(DXGK_TRANSFERFLAGS::TransferStart, self.start);
        flags.set(DXGK_TRANSFERFLAGS::TransferEnd, self.end);
        flags
    }
}

/// A range of an aperture segment and whose pages are there.
#[derive(Clone, Copy)]
pub(in crate::memory) struct Map {
    pub device: HANDLE,
    pub allocation: HANDLE,
    pub segment: u32,
    /// In pages from the segment's start.
    pub first: u64,
    pub pages: u64,
    pub cache_coherent: bool,
}
