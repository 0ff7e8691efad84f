//! What `DxgkDdiQueryAdapterInfo` answers. `ddi/` lays it out in dxgkrnl's buffers.

use dxgk_sys::{
    D3DKMDT_COMPUTE_PREEMPTION_GRANULARITY as ComputePreemption,
    D3DKMDT_GRAPHICS_PREEMPTION_GRANULARITY as GraphicsPreemption, DXGK_FLIPCAPS,
    DXGK_SEGMENTFLAGS, DXGK_VIDSCHCAPS,
};
use vmdisp_abi::adapter::AdapterData;

use super::Adapter;
use crate::engine::context::NODES;
use crate::kernel::irql::Passive;
use crate::memory::segments::{APERTURE_BASE, APERTURE_BYTES, COUNT, Segments, VIDEO_MEMORY_BASE};

/// Bytes of the answer to `DXGKQAITYPE_UMDRIVERPRIVATE`.
pub const PRIVATE_BYTES: u32 = vmdisp_abi::adapter::BYTES as u32;

/// The capabilities that differ from zero. The rest of `DXGK_DRIVERCAPS` promises things that the
/// driver does not do: no GDI acceleration, no pointer, no overlay, no gamma ramp. docs/caps.md says what is
/// behind each.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// `HighestAcceptableAddress`: the hardware does no DMA, so any system memory will do.
    pub highest_acceptable_address: u64,
    /// `MaxAllocationListSlotId`: what a patch location can be for, reading (0) and writing (1).
    pub slots: u32,
    /// `ApertureSegmentCommitLimit`, in bytes.
    pub aperture_commit_limit: u64,
    /// `SupportNonVGA` and `SupportSmoothRotation`, without which Windows starts no adapter from WDDM
    /// 1.2 on (Q7): the screen is handed over without VGA hardware, and a rotation needs no change of
    /// the mode.
    pub non_vga_and_smooth_rotation: bool,
    /// `FlipCaps`: a flip is register writes at the device's IRQL (V5), of any primary, whoever drew it
    /// (Q7).
    pub flips: DXGK_FLIPCAPS,
    /// `MaxQueuedFlipOnVSync`: the hardware has one place to write a flip to.
    pub queued_flips: u32,
    /// `SchedulingCaps`: contexts, preemption, cancelling, and a vertical sync that can be switched off (Q8).
    pub scheduling: DXGK_VIDSCHCAPS,
    /// `GpuEngineTopology`: how many nodes there are.
    pub nodes: u32,
    /// `PreemptionCaps`: a rectangle is not finished once a preemption is asked for, but 64 KiB of it are.
    pub graphics_preemption: GraphicsPreemption,
    /// `PreemptionCaps`, of a GPU that computes nothing: what waits is not begun.
    pub compute_preemption: ComputePreemption,
    /// `SupportPerEngineTDR` and `SupportDirectFlip` (Q7).
    pub engine_reset_and_direct_flip: bool,
    /// `SupportSurpriseRemovalInHibernation`, with which NotifySurpriseRemoval is called (L8).
    pub surprise_removal_in_hibernation: bool,
}

impl Caps {
    /// A full driver's, the same for every adapter.
    pub const FULL: Self = Self {
        highest_acceptable_address: u64::MAX,
        slots: 2,
        aperture_commit_limit: APERTURE_BYTES,
        non_vga_and_smooth_rotation: true,
        flips: DXGK_FLIPCAPS::FlipOnVSyncMmIo.union(DXGK_FLIPCAPS::FlipIndependent),
        queued_flips: 1,
        scheduling: DXGK_VIDSCHCAPS::MultiEngineAware
            .union(DXGK_VIDSCHCAPS::PreemptionAware)
            .union(DXGK_VIDSCHCAPS::CancelCommandAware)
            .union(DXGK_VIDSCHCAPS::VSyncPowerSaveAware),
        nodes: NODES,
        graphics_preemption: GraphicsPreemption::D3DKMDT_GRAPHICS_PREEMPTION_PRIMITIVE_BOUNDARY,
        compute_preemption: ComputePreemption::D3DKMDT_COMPUTE_PREEMPTION_DMA_BUFFER_BOUNDARY,
        engine_reset_and_direct_flip: true,
        surprise_removal_in_hibernation: true,
    };

    /// A display-only driver's: there is no memory manager and thus no aperture, nothing to flip and no
    /// engine.
    pub const DISPLAY_ONLY: Self = Self {
        slots: 0,
        aperture_commit_limit: 0,
        flips: DXGK_FLIPCAPS::empty(),
        queued_flips: 0,
        scheduling: DXGK_VIDSCHCAPS::empty(),
        nodes: 0,
        graphics_preemption: GraphicsPreemption::D3DKMDT_GRAPHICS_PREEMPTION_NONE,
        compute_preemption: ComputePreemption::D3DKMDT_COMPUTE_PREEMPTION_NONE,
        engine_reset_and_direct_flip: false,
        ..Self::FULL
    };
}

/// What `DXGK_SEGMENTDESCRIPTOR3` says of one segment, the rest of it zero.
#[derive(Clone, Copy, Debug)]
pub struct SegmentDescriptor {
    /// Contract: Q6.
    pub flags: DXGK_SEGMENTFLAGS,
    /// In the GPU's address space.
    pub base: u64,
    /// Where the CPU sees it, if it does.
    pub physical: u64,
    /// In bytes.
    pub bytes: u64,
    /// How much of it may be in use, in bytes.
    pub commit_limit: u64,
}

/// The segments in the order of their ids.
pub fn segments(segments: &Segments) -> [SegmentDescriptor; COUNT as usize] {
    let bytes = segments.video_memory_bytes();
    [
        SegmentDescriptor {
            flags: DXGK_SEGMENTFLAGS::CpuVisible | DXGK_SEGMENTFLAGS::DirectFlip,
            base: VIDEO_MEMORY_BASE,
            physical: segments.video_memory_physical(),
            bytes,
            commit_limit: bytes,
        },
        SegmentDescriptor {
            flags: DXGK_SEGMENTFLAGS::Aperture | DXGK_SEGMENTFLAGS::CacheCoherent,
            base: APERTURE_BASE,
            physical: 0,
            bytes: APERTURE_BYTES,
            commit_limit: APERTURE_BYTES,
        },
    ]
}

/// What a user-mode driver is told.
pub fn private_data(adapter: &Adapter, irql: Passive) -> AdapterData {
    let id = adapter
        .running(irql)
        .map_or(0, |running| running.hardware.hardware().id());
    let sizes = adapter.segments.sizes();
    AdapterData::new(id, sizes.video_memory, sizes.largest_primary())
}
