//! What `DxgkDdiQueryAdapterInfo` answers. `ddi/` lays it out in dxgkrnl's buffers.

use dxgk_sys::{DXGK_FLIPCAPS, DXGK_SEGMENTFLAGS};
use vmdisp_abi::adapter::AdapterData;

use super::Adapter;
use crate::kernel::irql::Passive;
use crate::memory::segments::{APERTURE_BASE, APERTURE_BYTES, COUNT, Segments, VIDEO_MEMORY_BASE};

/// Bytes of the answer to `DXGKQAITYPE_UMDRIVERPRIVATE`.
pub const PRIVATE_BYTES: u32 = vmdisp_abi::adapter::BYTES as u32;

/// The capabilities that differ from zero. The rest of `DXGK_DRIVERCAPS` promises things that the
/// driver does not do: no engine, no pointer, no overlay, no gamma ramp.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Caps {
    /// `HighestAcceptableAddress`: the hardware does no DMA, so any system memory will do.
    pub highest_acceptable_address: u64,
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
    /// `SupportSurpriseRemovalInHibernation`, with which NotifySurpriseRemoval is called (L8).
    pub surprise_removal_in_hibernation: bool,
}

impl Caps {
    /// A full driver's, the same for every adapter.
    pub const FULL: Self = Self {
        highest_acceptable_address: u64::MAX,
        aperture_commit_limit: APERTURE_BYTES,
        non_vga_and_smooth_rotation: true,
        flips: DXGK_FLIPCAPS::FlipOnVSyncMmIo.union(DXGK_FLIPCAPS::FlipIndependent),
        queued_flips: 1,
        surprise_removal_in_hibernation: true,
    };

    /// A display-only driver's: there is no memory manager and thus no aperture, and nothing to flip.
    pub const DISPLAY_ONLY: Self = Self {
        aperture_commit_limit: 0,
        flips: DXGK_FLIPCAPS::empty(),
        queued_flips: 0,
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
    AdapterData::new(id, sizes.video_memory, sizes.largest_primary)
}
