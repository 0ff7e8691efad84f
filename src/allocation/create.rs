//! `DxgkDdiCreateAllocation`: allocations, and a resource to hold them.
//!
//! All or nothing (contract: C34): the pool's batch and [`Rollback`] undo what a failed call has
//! done when they are dropped.

use core::ffi::CStr;
use core::ptr;

use dxgk_sys::{
    D3DDDI_ALLOCATIONPRIORITY_NORMAL, DXGK_ALLOCATIONINFO, DXGK_ALLOCATIONINFOFLAGS,
    DXGK_CREATEALLOCATIONFLAGS, DXGK_SEGMENTBANKPREFERENCE, DXGK_SEGMENTPREFERENCE, HANDLE,
};
use vmdisp_abi::allocation::AllocationFlags;

use super::object::Object;
use super::rollback::Rollback;
use super::spec::{self, Decided, Reader, Refusal, usage};
use super::{Allocation, Resource, Store};
use crate::kernel::caller::CallerData;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::memory::segments::{APERTURE, SegmentSet, Segments, Sizes, VIDEO_MEMORY};
use crate::pool::Full;

pub(super) const CALL: &CStr = c"CreateAllocation";

/// Alignment of every allocation in bytes: a page, which the memory manager places by anyway.
const ALIGNMENT: u32 = 4096;

/// A checked view of `DXGKARG_CREATEALLOCATION`.
pub struct Call<'a, V> {
    /// Only `Resource` is defined (contract: C8).
    pub flags: DXGK_CREATEALLOCATIONFLAGS,
    /// Private data for the whole call.
    pub group: CallerData<'a>,
    /// One element an allocation, with its private data.
    pub elements: Elements<'a, V>,
    /// `hResource`: in, the resource to add to, or NULL; out, the new resource.
    pub resource: &'a mut HANDLE,
}

/// `pAllocationInfo`, each element with a view of its private data.
pub struct Elements<'a, V> {
    infos: &'a mut [DXGK_ALLOCATIONINFO],
    /// Makes the view of an element's private data: the pointer in it is the caller's.
    view: V,
}

impl<'a, V: Fn(&DXGK_ALLOCATIONINFO) -> CallerData<'_>> Elements<'a, V> {
    /// The elements, and how to view the private data of one.
    pub const fn new(infos: &'a mut [DXGK_ALLOCATIONINFO], view: V) -> Self {
        Self { infos, view }
    }
}

/// Why no allocation was created: the statuses that the page lists (contract: C2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Error {
    /// `STATUS_INVALID_PARAMETER`
    InvalidParameter,
    /// `STATUS_NO_MEMORY`
    NoMemory,
    /// `STATUS_GRAPHICS_DRIVER_MISMATCH`
    DriverMismatch,
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Malformed => Self::InvalidParameter,
            Refusal::Mismatch => Self::DriverMismatch,
        }
    }
}

impl From<Full> for Error {
    fn from(_: Full) -> Self {
        Self::NoMemory
    }
}

/// The sizes of the segments, if the adapter is started.
#[inline]
pub(super) fn started(segments: &Segments) -> Result<Sizes, Error> {
    let sizes = segments.sizes();
    if sizes.video_memory == 0 {
        complain(CALL, c"adapter", 0, c"not started");
        return Err(Error::InvalidParameter);
    }
    Ok(sizes)
}

/// Creates every allocation of the call, or none.
///
/// With `Flags.Resource` and no `hResource` a resource is made and returned there; with a resource
/// in `hResource` the allocations are added to it and it stays what it is (contract: C10, C11).
/// Without the flag `hResource` means nothing, and is neither read nor written.
///
/// # Errors
///
/// See [`Error`]; each comes with one debug line, but for want of memory.
pub fn create<V: Fn(&DXGK_ALLOCATIONINFO) -> CallerData<'_>>(
    store: &Store,
    segments: &Segments,
    call: Call<'_, V>,
    irql: Passive,
) -> Result<(), Error> {
    let Call {
        flags,
        group,
        elements: Elements { infos, view },
        resource,
    } = call;
    let undefined = flags.difference(DXGK_CREATEALLOCATIONFLAGS::Resource);
    if !undefined.is_empty() {
        complain(CALL, c"Flags", flags.bits().into(), c"has undefined bits");
        return Err(Error::InvalidParameter);
    }
    let sizes = started(segments)?;
    let label = spec::fetch_label(CALL, group, irql)?;
    let with_resource = flags.contains(DXGK_CREATEALLOCATIONFLAGS::Resource);
    let existing = if with_resource && !resource.is_null() {
        match store.resource(*resource, irql) {
            Ok(found) => Some(found),
            Err(wrong) => {
                complain(CALL, c"hResource", 0, wrong.why());
                return Err(Error::InvalidParameter);
            }
        }
    } else {
        None
    };

    let mut reader = Reader::new(CALL, sizes, irql);
    let count = infos.len();
    let new_resource = with_resource && existing.is_none();
    let slots = count.saturating_add(usize::from(new_resource));
    let mut batch = store.objects.batch(slots, irql);
    batch.ready();
    let mut infos = Rollback::new(infos, |info| info.hAllocation = ptr::null_mut());
    let mut bytes = 0_u64;
    infos.try_each(|info| {
        let (words, decided) = reader.read(view(info))?;
        let handle = batch.insert_with(Object::ALLOCATION, || {
            Object::Allocation(Allocation::new(&words, &decided))
        })?;
        info.hAllocation = handle.as_ptr();
        describe(info, usage(&words), &decided);
        // At most 65,536 allocations of 4 GiB.
        bytes = bytes.wrapping_add(decided.bytes.get());
        Ok::<_, Error>(())
    })?;

    // At most 65,536.
    let count = u32::try_from(count).unwrap_or(u32::MAX);
    if let Some(existing) = existing {
        existing.add(count, bytes);
    } else if new_resource {
        let new = || Object::Resource(Resource::new(label, count, bytes));
        *resource = batch.insert_with(Object::RESOURCE, new)?.as_ptr();
    }
    batch.commit();
    infos.keep();
    Ok(())
}

/// Writes the `[out]` members of an element that interface version WDDM 1.3 has
/// (contract: C13 to C24).
#[inline]
pub(super) fn describe(info: &mut DXGK_ALLOCATIONINFO, usage: AllocationFlags, decided: &Decided) {
    let mut flags = DXGK_ALLOCATIONINFOFLAGS::empty();
    if usage.contains(AllocationFlags::CPU_VISIBLE) {
        flags |= DXGK_ALLOCATIONINFOFLAGS::CpuVisible;
    }
    if usage.contains(AllocationFlags::CPU_READS) {
        flags |= DXGK_ALLOCATIONINFOFLAGS::Cached;
    }
    let segments = decided.segments;
    info.u0.Alignment = ALIGNMENT;
    // 64-bit Windows: SIZE_T holds every u64.
    info.Size = usize::try_from(decided.bytes.get()).unwrap_or(usize::MAX);
    info.PitchAlignedSize = 0;
    info.HintedBank = DXGK_SEGMENTBANKPREFERENCE::ZERO;
    info.PreferredSegment = preferred(segments);
    info.u1.SupportedReadSegmentSet = segments.bits();
    info.SupportedWriteSegmentSet = segments.bits();
    info.EvictionSegmentSet = SegmentSet::NONE.bits();
    info.u2.MaximumRenamingListLength = 0;
    info.u3.Flags = flags;
    info.pAllocationUsageHint = ptr::null_mut();
    info.AllocationPriority = D3DDDI_ALLOCATIONPRIORITY_NORMAL.cast_unsigned();
}

/// Video memory first, then the aperture, each only if it is in the set (contract: C18).
#[inline]
fn preferred(set: SegmentSet) -> DXGK_SEGMENTPREFERENCE {
    const NONE: DXGK_SEGMENTPREFERENCE = DXGK_SEGMENTPREFERENCE::ZERO;
    /// By [`SegmentSet::bits`].
    const BY_SET: [DXGK_SEGMENTPREFERENCE; 4] = [
        NONE,
        NONE.with_SegmentId0(VIDEO_MEMORY),
        NONE.with_SegmentId0(APERTURE),
        NONE.with_SegmentId0(VIDEO_MEMORY).with_SegmentId1(APERTURE),
    ];
    let set = usize::try_from(set.bits() & 3).unwrap_or(0);
    BY_SET.get(set).copied().unwrap_or(NONE)
}
