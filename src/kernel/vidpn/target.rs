//! The modes of a target: signals.

use dxgk_sys::{
    D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING, D3DKMDT_HVIDPNTARGETMODESET__, D3DKMDT_MODE_PREFERENCE,
    D3DKMDT_VIDEO_SIGNAL_INFO, D3DKMDT_VIDEO_SIGNAL_INFO_u0, D3DKMDT_VIDEO_SIGNAL_STANDARD,
    D3DKMDT_VIDPN_TARGET_MODE, D3DKMDT_VIDPN_TARGET_MODE_s0, DXGK_VIDPN_INTERFACE,
    DXGK_VIDPNTARGETMODESET_INTERFACE,
};

use super::Signal;
use super::set::{Functions, ModeSet};
use super::sides::{Side, SideFunctions};

/// Sets of a target's modes.
pub enum Target {}

/// A signal that a target sends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TargetMode {
    /// The signal.
    pub signal: Signal,
    /// The monitor likes it best.
    pub preferred: bool,
}

// SAFETY: the functions are the interface's, each under its own name. `read` and `write` take
// members one by one, and never MinimumVSyncFreq, before which the record of WDDM 1.3 ends.
unsafe impl ModeSet for Target {
    type Object = D3DKMDT_HVIDPNTARGETMODESET__;
    type Info = D3DKMDT_VIDPN_TARGET_MODE;
    type Interface = DXGK_VIDPNTARGETMODESET_INTERFACE;
    type Mode = TargetMode;

    fn functions(interface: &Self::Interface) -> Functions<Self::Object, Self::Info> {
        Functions {
            first: interface.pfnAcquireFirstModeInfo,
            next: interface.pfnAcquireNextModeInfo,
            chosen: interface.pfnAcquirePinnedModeInfo,
            release: interface.pfnReleaseModeInfo,
            create: interface.pfnCreateNewModeInfo,
            add: interface.pfnAddMode,
            pin: interface.pfnPinMode,
        }
    }

    unsafe fn read(info: *const Self::Info) -> Self::Mode {
        // SAFETY: the caller's promise; every version has the member.
        let signal = unsafe { (*info).VideoSignalInfo };
        // SAFETY: as above.
        let word = unsafe { &raw const (*info).u0 }.cast::<D3DKMDT_VIDPN_TARGET_MODE_s0>();
        // SAFETY: as above; the word is in it whichever member of the union is meant.
        let preference = unsafe { word.read() }.Preference();
        TargetMode {
            signal: (&signal).into(),
            preferred: preference == bits(true),
        }
    }

    unsafe fn write(info: *mut Self::Info, mode: &Self::Mode) -> u32 {
        // SAFETY: the caller's promise; every version has the member.
        unsafe { (*info).VideoSignalInfo = (&mode.signal).into() };
        let preference =
            D3DKMDT_VIDPN_TARGET_MODE_s0::empty().with_Preference(bits(mode.preferred));
        // SAFETY: as above.
        let word = unsafe { &raw mut (*info).u0 }.cast::<D3DKMDT_VIDPN_TARGET_MODE_s0>();
        // SAFETY: as above.
        unsafe { word.write(preference) };
        // SAFETY: as above.
        unsafe { (*info).Id }
    }
}

impl Side for Target {
    fn side(interface: &DXGK_VIDPN_INTERFACE) -> SideFunctions<Self> {
        SideFunctions {
            acquire: interface.pfnAcquireTargetModeSet,
            create: interface.pfnCreateNewTargetModeSet,
            assign: interface.pfnAssignTargetModeSet,
            release: interface.pfnReleaseTargetModeSet,
        }
    }
}

/// What the DDI calls a mode that is liked best, or is not.
pub(super) const fn preference(preferred: bool) -> D3DKMDT_MODE_PREFERENCE {
    if preferred {
        D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_PREFERRED
    } else {
        D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_NOTPREFERRED
    }
}

/// As it stands in a target mode, beside the wire formats of later versions.
const fn bits(preferred: bool) -> u32 {
    preference(preferred).0.cast_unsigned()
}

impl From<&D3DKMDT_VIDEO_SIGNAL_INFO> for Signal {
    fn from(info: &D3DKMDT_VIDEO_SIGNAL_INFO) -> Self {
        Self {
            active: info.ActiveSize.into(),
            total: info.TotalSize.into(),
            vertical: info.VSyncFreq.into(),
            horizontal: info.HSyncFreq.into(),
            pixel_rate: info.PixelRate,
        }
    }
}

/// Progressive, as all that these adapters send. The member beside the ordering, VSyncFreqDivider, is
/// 0 for all but Miracast.
impl From<&Signal> for D3DKMDT_VIDEO_SIGNAL_INFO {
    fn from(signal: &Signal) -> Self {
        Self {
            VideoStandard: D3DKMDT_VIDEO_SIGNAL_STANDARD::D3DKMDT_VSS_OTHER,
            TotalSize: signal.total.into(),
            ActiveSize: signal.active.into(),
            VSyncFreq: signal.vertical.into(),
            HSyncFreq: signal.horizontal.into(),
            PixelRate: signal.pixel_rate,
            u0: D3DKMDT_VIDEO_SIGNAL_INFO_u0 {
                ScanLineOrdering: D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING::D3DDDI_VSSLO_PROGRESSIVE,
            },
        }
    }
}
