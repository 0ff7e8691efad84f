//! The two ends of a path, which differ in their types alone.

use alloc::collections::BTreeMap;

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE, STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET,
};

use crate::vidpn::entry::Entered;
use crate::vidpn::mode::Mode;
use crate::vidpn::session::Pivot;
use crate::vidpn::{SourceMode, TargetMode, VidPn};

/// One end of paths: sources or targets.
pub(crate) trait End: Mode {
    const INVALID_ID: NTSTATUS;
    const PIVOT: fn(u32) -> Pivot;
    fn of(vidpn: &mut VidPn) -> &mut BTreeMap<u32, u32>;
    /// Whether an identifier is one of the adapter's.
    fn is_known(entered: &Entered<'_>, id: u32) -> bool;
}

impl End for SourceMode {
    const INVALID_ID: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE;
    const PIVOT: fn(u32) -> Pivot = Pivot::Source;

    fn of(vidpn: &mut VidPn) -> &mut BTreeMap<u32, u32> {
        &mut vidpn.sources
    }

    fn is_known(entered: &Entered<'_>, id: u32) -> bool {
        entered.adapter.is_source(id)
    }
}

impl End for TargetMode {
    const INVALID_ID: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET;
    const PIVOT: fn(u32) -> Pivot = Pivot::Target;

    fn of(vidpn: &mut VidPn) -> &mut BTreeMap<u32, u32> {
        &mut vidpn.targets
    }

    fn is_known(entered: &Entered<'_>, id: u32) -> bool {
        entered.adapter.is_target(id)
    }
}
