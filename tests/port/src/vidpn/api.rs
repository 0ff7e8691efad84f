//! What scenarios say and learn of VidPNs.

use alloc::vec::Vec;

use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_MODE_PREFERENCE, D3DKMDT_MONITOR_CAPABILITIES_ORIGIN,
    D3DKMDT_VIDEO_SIGNAL_INFO, D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT as RotationSupport,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING as Scaling,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT as ScalingSupport,
};

use crate::adapter::Adapter;
use crate::objects::AllocationId;
use crate::vidpn::mode::{graphics, size, target_preference};
use crate::vidpn::network::Path;
use crate::vidpn::{MonitorMode, SourceMode, TargetMode, signal};

/// A video signal. What the driver has not specified is `None`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Active width and height in pixels.
    pub active: (u32, u32),
    /// Total width and height in pixels, with blanking.
    pub total: Option<(u32, u32)>,
    /// Vertical rate in hertz: numerator and denominator.
    pub vertical: Option<(u32, u32)>,
    /// Horizontal rate in hertz: numerator and denominator.
    pub horizontal: Option<(u32, u32)>,
    /// Pixel clock in hertz.
    pub pixel_rate: Option<u64>,
}

impl Timing {
    fn new(signal: &D3DKMDT_VIDEO_SIGNAL_INFO) -> Self {
        let rate = |rate: &dxgk_sys::D3DDDI_RATIONAL| {
            signal::millihertz(*rate).map(|_| (rate.Numerator, rate.Denominator))
        };
        Self {
            active: signal::active(signal),
            total: signal::total(signal),
            vertical: rate(&signal.VSyncFreq),
            horizontal: rate(&signal.HSyncFreq),
            pixel_rate: signal::pixel_rate(signal),
        }
    }

    /// The vertical rate in millihertz, if it is specified.
    pub fn millihertz(&self) -> Option<u64> {
        let (numerator, denominator) = self.vertical?;
        Some(u64::from(numerator) * 1000 / u64::from(denominator.max(1)))
    }
}

/// A source mode and a target mode that go together on a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VidPnMode {
    /// VidPN source.
    pub source: u32,
    /// VidPN target: the uid of its child.
    pub target: u32,
    /// Width of the primary surface in pixels.
    pub width: u32,
    /// Height of the primary surface in pixels.
    pub height: u32,
    /// Bytes from a row of it to the next.
    pub stride: u32,
    /// Its pixel format.
    pub format: D3DDDIFORMAT,
    /// What goes to the monitor.
    pub timing: Timing,
    /// The monitor prefers the target mode.
    pub preferred: bool,
    /// Scalings that the path supports with these modes.
    pub scaling: ScalingSupport,
    /// Rotations that the path supports with these modes.
    pub rotation: RotationSupport,
}

impl VidPnMode {
    /// `None` for text modes.
    pub(crate) fn new(path: &Path, source: &SourceMode, target: &TargetMode) -> Option<Self> {
        let format = graphics(source)?;
        let (width, height) = size(&format);
        Some(Self {
            source: path.VidPnSourceId,
            target: path.VidPnTargetId,
            width,
            height,
            stride: format.Stride,
            format: format.PixelFormat,
            timing: Timing::new(&target.VideoSignalInfo),
            preferred: target_preference(target) == 1,
            scaling: path.ContentTransformation.ScalingSupport,
            rotation: path.ContentTransformation.RotationSupport,
        })
    }
}

/// A mode that a monitor shows, as dxgkrnl knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MonitorTiming {
    /// The signal.
    pub timing: Timing,
    /// The one that the monitor prefers.
    pub preferred: bool,
    /// Added by RecommendMonitorModes; otherwise from the EDID, or from the default profile.
    pub by_driver: bool,
}

impl MonitorTiming {
    fn new(mode: &MonitorMode) -> Self {
        Self {
            timing: Timing::new(&mode.VideoSignalInfo),
            preferred: mode.Preference == D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_PREFERRED,
            by_driver: mode.Origin == D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_DRIVER,
        }
    }
}

/// What to show: [`Choice::size`] with what else matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choice {
    /// VidPN source.
    pub source: u32,
    /// VidPN target; `None`: the first that will do, connected ones first.
    pub target: Option<u32>,
    /// Width of the primary surface in pixels.
    pub width: u32,
    /// Height of the primary surface in pixels.
    pub height: u32,
    /// Pixel format; `None`: 32 bits if there is such a mode, otherwise any.
    pub format: Option<D3DDDIFORMAT>,
    /// Vertical rate in hertz, numerator and denominator, within half a hertz; `None`: the preferred, or any.
    pub refresh: Option<(u32, u32)>,
    /// Rotation of the path.
    pub rotation: Rotation,
    /// Scaling of the path.
    pub scaling: Scaling,
    /// The primary, for a driver that has allocations.
    pub primary: Option<AllocationId>,
}

impl Choice {
    /// That size on source 0, not rotated, not scaled.
    pub const fn size(width: u32, height: u32) -> Self {
        Self {
            source: 0,
            target: None,
            width,
            height,
            format: None,
            refresh: None,
            rotation: Rotation::D3DKMDT_VPPR_IDENTITY,
            scaling: Scaling::D3DKMDT_VPPS_IDENTITY,
            primary: None,
        }
    }
}

impl From<&VidPnMode> for Choice {
    /// Just that mode, not rotated, not scaled.
    fn from(mode: &VidPnMode) -> Self {
        Self {
            source: mode.source,
            target: Some(mode.target),
            format: Some(mode.format),
            refresh: mode.timing.vertical,
            ..Self::size(mode.width, mode.height)
        }
    }
}

/// How a VidPN is committed. The default is a mode change of one source in daily work.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools)] // flags of the DDI, each its own
pub struct CommitFlags {
    /// AffectedVidPnSourceId is D3DDDI_ID_ALL, not the source.
    pub all_sources: bool,
    /// D3DKMDT_MCC_ENFORCE: fail if a target has no monitor.
    pub enforce_monitors: bool,
    /// PathPowerTransition: monitors go off or on.
    pub power_transition: bool,
    /// PathPoweredOff: monitors are off and stay off.
    pub powered_off: bool,
}

/// The path that is active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Its modes.
    pub mode: VidPnMode,
    /// Its rotation.
    pub rotation: Rotation,
    /// Its scaling.
    pub scaling: Scaling,
    /// It was committed with the monitor off.
    pub powered_off: bool,
}

/// A change of the active path that needs no new VidPN.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathUpdate {
    /// Another rotation.
    pub rotation: Option<Rotation>,
    /// A gamma ramp: 256 values each for red, green and blue. Fewer are filled up with 0xFFFF.
    pub gamma: Option<Vec<[u16; 3]>>,
}

impl Adapter {
    /// The path that is active, if any: the last CommitVidPn that succeeded, with updates since.
    pub fn committed(&self) -> Option<Committed> {
        let active = self.0.vidpn.active.lock();
        active.as_ref().map(|active| active.committed)
    }

    /// What the monitor on a target shows, as dxgkrnl knows it. Empty without a monitor.
    pub fn monitor_modes(&self, target: u32) -> Vec<MonitorTiming> {
        let _ = self.0.may_negotiate();
        let state = self.0.vidpn.lock(&self.0.port);
        let modes = state.monitor_modes(target).unwrap_or(&[]);
        modes.iter().map(MonitorTiming::new).collect()
    }

    /// Whether a monitor is on the target.
    pub fn is_monitor_connected(&self, target: u32) -> bool {
        let _ = self.0.may_negotiate();
        self.0.has_monitor(target)
    }
}
