//! QueryAdapterInfo (contract: Q4 to Q8).

use core::ffi::c_void;
use core::mem::offset_of;

use dxgk_sys::{
    DXGK_DRIVERCAPS, DXGK_QUERYADAPTERINFOTYPE, DXGK_QUERYSEGMENTOUT3, DXGK_SEGMENTDESCRIPTOR3,
    DXGK_WDDMVERSION, DXGKARG_HISTORYBUFFERPRECISION, DXGKARG_QUERYADAPTERINFO, LARGE_INTEGER,
};
use zerocopy::IntoBytes;

use super::output::Output;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{Kind, handles, kind, view};
use crate::adapter::{self, Adapter, Caps, PRIVATE_BYTES, SegmentDescriptor};
use crate::kernel::irql::Passive;
use crate::kernel::{complain, note};
use crate::memory::segments;

type Type = DXGK_QUERYADAPTERINFOTYPE;

/// What time stamps hold.
const TIME_STAMP_BITS: u32 = 64;
const _: () = assert!(size_of::<DXGKARG_HISTORYBUFFERPRECISION>() == 4);

/// Where the members of `DXGK_QUERYSEGMENTOUT3` that are written end.
const SEGMENTS_BYTES: u32 = 28;
const _: () = assert!(offset_of!(DXGK_QUERYSEGMENTOUT3, PagingBufferPrivateDataSize) + 4 == 28);

callbacks! {
    /// `DxgkDdiQueryAdapterInfo`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, the output buffer that it names for reads and
    /// writes, and so is the array of segments that that names.
    #[traced(c"QueryAdapterInfo")]
    pub unsafe fn query_adapter_info(
        context: *mut c_void,
        argument: *const DXGKARG_QUERYADAPTERINFO,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(c"QueryAdapterInfo", c"hAdapter", 0, c"no adapter of this driver");
            return status::of(Err(InvalidParameter));
        };
        let (buffer, bytes) = (argument.pOutputData, argument.OutputDataSize);
        // A display-only driver has no memory manager above it, and no user-mode driver.
        let full = kind() == Kind::Full;
        status::of(match argument.Type {
            // SAFETY: dxgkrnl's output buffer.
            Type::DXGKQAITYPE_DRIVERCAPS => unsafe { driver_caps(buffer, bytes) },
            // SAFETY: as above.
            Type::DXGKQAITYPE_UMDRIVERPRIVATE if full => unsafe {
                private_data(adapter, buffer, bytes, irql)
            },
            // SAFETY: as above.
            Type::DXGKQAITYPE_QUERYSEGMENT3 if full => unsafe {
                query_segments(adapter, buffer, bytes)
            },
            // SAFETY: as above.
            Type::DXGKQAITYPE_HISTORYBUFFERPRECISION if full => unsafe {
                history_buffer_precision(buffer, bytes)
            },
            // SAFETY: as above.
            Type::DXGKQAITYPE_NUMPOWERCOMPONENTS => unsafe { power_components(buffer, bytes) },
            DXGK_QUERYADAPTERINFOTYPE(other) => {
                note(c"QueryAdapterInfo", c"unknown type", other.cast_unsigned().into());
                Err(InvalidParameter)
            }
        })
    }
}

/// Capabilities, as long as the caller's version has them: 552 bytes for WDDM 1.3.
///
/// # Safety
///
/// As [`Output::zeroed`].
unsafe fn driver_caps(buffer: *mut c_void, bytes: u32) -> Result<(), InvalidParameter> {
    // SAFETY: the caller's contract.
    let Some(mut out) = (unsafe { Output::zeroed(buffer, bytes) }) else {
        return wrong_size(bytes, c"no room for capabilities");
    };
    let caps = match kind() {
        Kind::Full => Caps::FULL,
        Kind::DisplayOnly => Caps::DISPLAY_ONLY,
    };
    out.put(
        offset_of!(DXGK_DRIVERCAPS, HighestAcceptableAddress),
        caps.highest_acceptable_address.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, MaxAllocationListSlotId),
        caps.slots.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, ApertureSegmentCommitLimit),
        caps.aperture_commit_limit.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, WDDMVersion),
        DXGK_WDDMVERSION::DXGKDDI_WDDMv1_3.0.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, MaxQueuedFlipOnVSync),
        caps.queued_flips.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, FlipCaps),
        caps.flips.bits().to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, SchedulingCaps),
        caps.scheduling.bits().to_le_bytes(),
    );
    out.put(
        offset_of!(
            DXGK_DRIVERCAPS,
            GpuEngineTopology.NbAsymetricProcessingNodes
        ),
        caps.nodes.to_le_bytes(),
    );
    out.put(
        offset_of!(
            DXGK_DRIVERCAPS,
            PreemptionCaps.GraphicsPreemptionGranularity
        ),
        caps.graphics_preemption.0.to_le_bytes(),
    );
    out.put(
        offset_of!(DXGK_DRIVERCAPS, PreemptionCaps.ComputePreemptionGranularity),
        caps.compute_preemption.0.to_le_bytes(),
    );
    let yes = [u8::from(caps.engine_reset_and_direct_flip)];
    out.put(offset_of!(DXGK_DRIVERCAPS, SupportPerEngineTDR), yes);
    out.put(offset_of!(DXGK_DRIVERCAPS, SupportDirectFlip), yes);
    let yes = [u8::from(caps.non_vga_and_smooth_rotation)];
    out.put(offset_of!(DXGK_DRIVERCAPS, SupportNonVGA), yes);
    out.put(offset_of!(DXGK_DRIVERCAPS, SupportSmoothRotation), yes);
    out.put(
        offset_of!(DXGK_DRIVERCAPS, SupportSurpriseRemovalInHibernation),
        [caps.surprise_removal_in_hibernation.into()],
    );
    Ok(())
}

/// How many bits of a time stamp in a history buffer are good, for each node: all 64, of the clock that
/// `now` reads.
///
/// # Safety
///
/// As [`Output::zeroed`].
unsafe fn history_buffer_precision(
    buffer: *mut c_void,
    bytes: u32,
) -> Result<(), InvalidParameter> {
    const EACH: usize = size_of::<DXGKARG_HISTORYBUFFERPRECISION>();
    // SAFETY: the caller's contract.
    let out = unsafe { Output::zeroed(buffer, bytes) };
    let nodes = (0..Caps::FULL.nodes).map_while(|node| usize::try_from(node).ok());
    let (Some(mut out), true) = (out, bytes >= Caps::FULL.nodes.saturating_mul(4)) else {
        return wrong_size(bytes, c"no room for the precision of each node");
    };
    for node in nodes {
        out.put(node.saturating_mul(EACH), TIME_STAMP_BITS.to_le_bytes());
    }
    Ok(())
}

/// No component of the adapter has power of its own.
///
/// # Safety
///
/// As [`Output::zeroed`].
unsafe fn power_components(buffer: *mut c_void, bytes: u32) -> Result<(), InvalidParameter> {
    // SAFETY: the caller's contract.
    match unsafe { Output::zeroed(buffer, bytes) } {
        Some(_) if bytes >= 4 => Ok(()),
        _ => wrong_size(bytes, c"no room for a number"),
    }
}

/// What a user-mode driver asks for (`vmdisp_abi::adapter`).
///
/// # Safety
///
/// As [`Output::zeroed`].
unsafe fn private_data(
    adapter: &Adapter,
    buffer: *mut c_void,
    bytes: u32,
    irql: Passive,
) -> Result<(), InvalidParameter> {
    if bytes < PRIVATE_BYTES {
        return wrong_size(bytes, c"no room for the 32 bytes of private data");
    }
    // SAFETY: the caller's contract.
    let out = unsafe { Output::zeroed(buffer, bytes) };
    let data = adapter::private_data(adapter, irql);
    match out.map(|mut out| out.put_all(data.as_bytes())) {
        Some(true) => Ok(()),
        _ => wrong_size(bytes, c"NULL, or no room for private data"),
    }
}

/// The segments: without an array their number, with one their descriptors (contract: Q5).
///
/// # Safety
///
/// `buffer` is NULL or good for reads and writes of `bytes` bytes; the array that it names is NULL or
/// has room for as many descriptors as the first call reported.
unsafe fn query_segments(
    adapter: &Adapter,
    buffer: *mut c_void,
    bytes: u32,
) -> Result<(), InvalidParameter> {
    if bytes < SEGMENTS_BYTES || buffer.is_null() || !buffer.cast::<u64>().is_aligned() {
        return wrong_size(bytes, c"no room for the segments, or NULL");
    }
    let out = buffer.cast::<DXGK_QUERYSEGMENTOUT3>();
    // SAFETY: checked for NULL, room and alignment; members are written one by one because the
    // structure may end at the last of them.
    let array = unsafe { (*out).pSegmentDescriptor };
    // SAFETY: as above.
    unsafe { (*out).NbSegment = segments::COUNT };
    // SAFETY: as above.
    unsafe { (*out).PagingBufferSegmentId = segments::PAGING_BUFFER_SEGMENT };
    // SAFETY: as above.
    unsafe { (*out).PagingBufferSize = segments::PAGING_BUFFER_BYTES };
    // SAFETY: as above.
    unsafe { (*out).PagingBufferPrivateDataSize = segments::PAGING_BUFFER_PRIVATE_BYTES };
    if array.is_null() {
        return Ok(());
    }
    // SAFETY: dxgkrnl's array, as long as the first call said.
    let Some(array) = (unsafe { view::list_mut(array, segments::COUNT) }) else {
        return wrong_size(bytes, c"pSegmentDescriptor is misaligned");
    };
    for (to, from) in array.iter_mut().zip(adapter::segments(&adapter.segments)) {
        *to = descriptor(&from);
    }
    Ok(())
}

fn descriptor(segment: &SegmentDescriptor) -> DXGK_SEGMENTDESCRIPTOR3 {
    let size = |bytes: u64| usize::try_from(bytes).unwrap_or(0);
    let address = |at: u64| LARGE_INTEGER {
        QuadPart: at.cast_signed(),
    };
    DXGK_SEGMENTDESCRIPTOR3 {
        Flags: segment.flags,
        BaseAddress: address(segment.base),
        CpuTranslatedAddress: address(segment.physical),
        Size: size(segment.bytes),
        CommitLimit: size(segment.commit_limit),
        ..DXGK_SEGMENTDESCRIPTOR3::ZERO
    }
}

fn wrong_size(bytes: u32, why: &'static core::ffi::CStr) -> Result<(), InvalidParameter> {
    complain(c"QueryAdapterInfo", c"OutputDataSize", bytes.into(), why);
    Err(InvalidParameter)
}
