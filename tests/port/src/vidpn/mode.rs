//! What the three kinds of mode have in common, and what their pages allow in them.

use alloc::format;
use alloc::string::String;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE, STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET,
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE_MODE,
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET_MODE, STATUS_GRAPHICS_INVALID_VIDPN_SOURCEMODESET,
    STATUS_GRAPHICS_INVALID_VIDPN_TARGETMODESET,
};
use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_COLOR_BASIS, D3DKMDT_GRAPHICS_RENDERING_FORMAT,
    D3DKMDT_MONITOR_CAPABILITIES_ORIGIN, D3DKMDT_PIXEL_VALUE_ACCESS_MODE,
    D3DKMDT_VIDPN_SOURCE_MODE_TYPE, NTSTATUS,
};

use crate::pattern::{Pattern, Plain};
use crate::vidpn::handle::Kind;
use crate::vidpn::records::RecordKind;
use crate::vidpn::set::Set;
use crate::vidpn::signal;
use crate::vidpn::{MonitorMode, SourceMode, State, TargetMode};

/// Why a mode is none: the status of the function that adds it, and what is wrong.
pub(crate) type Fault = (NTSTATUS, String);

/// A mode that sets hold.
pub(crate) trait Mode: Plain + Send + 'static {
    const KIND: Kind;
    const RECORD: RecordKind;
    /// A handle that is none of a set.
    const INVALID_SET: NTSTATUS;
    /// A record or an identifier that is none of a mode.
    const INVALID_MODE: NTSTATUS;
    /// As a complaint calls a set.
    const SET: &'static str;

    /// The sets of this kind that live.
    fn sets(state: &mut State) -> &mut alloc::vec::Vec<Set<Self>>;
    fn id(&self) -> u32;
    #[must_use]
    fn with_id(&self, id: u32) -> Self;
    /// The same but for the identifier.
    fn same(&self, other: &Self) -> bool;
    /// What no page allows in it.
    fn fault(&self) -> Option<Fault>;

    /// A record for the driver to fill: its identifier is set, the rest is the pattern unless a page says more.
    fn blank(id: u32, pattern: Pattern) -> Self {
        pattern.filled::<Self>().with_id(id)
    }
}

impl Mode for SourceMode {
    const KIND: Kind = Kind::SourceModeSet;
    const RECORD: RecordKind = RecordKind::SourceMode;
    const INVALID_SET: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDPN_SOURCEMODESET;
    const INVALID_MODE: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_SOURCE_MODE;
    const SET: &'static str = "source mode set";

    fn sets(state: &mut State) -> &mut alloc::vec::Vec<Set<Self>> {
        &mut state.source_sets
    }

    fn id(&self) -> u32 {
        self.Id
    }

    fn with_id(&self, id: u32) -> Self {
        Self { Id: id, ..*self }
    }

    fn blank(id: u32, pattern: Pattern) -> Self {
        let mut mode = pattern.filled::<Self>().with_id(id);
        mode.Type = D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_UNINITIALIZED;
        mode
    }

    fn same(&self, other: &Self) -> bool {
        if self.Type != other.Type {
            return false;
        }
        match (graphics(self), graphics(other)) {
            (Some(one), Some(two)) => {
                size(&one) == size(&two)
                    && (one.VisibleRegionSize.cx, one.VisibleRegionSize.cy)
                        == (two.VisibleRegionSize.cx, two.VisibleRegionSize.cy)
                    && one.Stride == two.Stride
                    && one.PixelFormat == two.PixelFormat
                    && one.ColorBasis == two.ColorBasis
                    && one.PixelValueAccessMode == two.PixelValueAccessMode
            }
            _ => text(self) == text(other),
        }
    }

    fn fault(&self) -> Option<Fault> {
        let kind = self.Type;
        let Some(format) = graphics(self) else {
            return (kind != D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_TEXT)
                .then(|| (Self::INVALID_MODE, format!("Type is {}", kind.0)));
        };
        graphics_fault(&format).map(|what| (Self::INVALID_MODE, what))
    }
}

/// The rendering format of a source mode, unless it is text.
pub(crate) fn graphics(mode: &SourceMode) -> Option<D3DKMDT_GRAPHICS_RENDERING_FORMAT> {
    let graphics = D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_GRAPHICS
        ..=D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_GRAPHICS_STEREO_ADVANCED_SCAN;
    let is = graphics.contains(&mode.Type)
        && mode.Type != D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_TEXT;
    if !is {
        return None;
    }
    // SAFETY: any bytes are integers, and the type says which member is meant.
    Some(unsafe { mode.Format.Graphics })
}

/// The text mode of a source mode that is no graphics mode.
fn text(mode: &SourceMode) -> i32 {
    // SAFETY: any bytes are an integer.
    unsafe { mode.Format.Text.0 }
}

/// Width and height of the primary surface.
pub(crate) fn size(format: &D3DKMDT_GRAPHICS_RENDERING_FORMAT) -> (u32, u32) {
    (format.PrimSurfSize.cx, format.PrimSurfSize.cy)
}

fn graphics_fault(format: &D3DKMDT_GRAPHICS_RENDERING_FORMAT) -> Option<String> {
    let (width, height) = size(format);
    if !signal::is_size(width) || !signal::is_size(height) {
        return Some(format!("PrimSurfSize is {width} x {height}"));
    }
    let visible = (format.VisibleRegionSize.cx, format.VisibleRegionSize.cy);
    if visible.0 == 0 || visible.1 == 0 || visible.0 > width || visible.1 > height {
        let (x, y) = visible;
        return Some(format!(
            "VisibleRegionSize is {x} x {y} of {width} x {height}"
        ));
    }
    let Some(pixel) = pixel_bytes(format.PixelFormat) else {
        return Some(format!("PixelFormat is {}", format.PixelFormat.0));
    };
    if u64::from(format.Stride) < u64::from(width) * u64::from(pixel) {
        let stride = format.Stride;
        return Some(format!(
            "Stride is {stride} for {width} pixels of {pixel} bytes"
        ));
    }
    if !is_basis(format.ColorBasis) {
        return Some(format!("ColorBasis is {}", format.ColorBasis.0));
    }
    let access = format.PixelValueAccessMode;
    let palette = format.PixelFormat == D3DDDIFORMAT::D3DDDIFMT_P8;
    let fits = if palette {
        access == D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_PRESETPALETTE
            || access == D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_SETTABLEPALETTE
    } else {
        access == D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_DIRECT
    };
    (!fits).then(|| format!("PixelValueAccessMode is {}", access.0))
}

/// Bytes of a pixel of the formats that a primary may have.
pub(crate) fn pixel_bytes(format: D3DDDIFORMAT) -> Option<u32> {
    Some(match format {
        D3DDDIFORMAT::D3DDDIFMT_P8 => 1,
        D3DDDIFORMAT::D3DDDIFMT_R5G6B5
        | D3DDDIFORMAT::D3DDDIFMT_X1R5G5B5
        | D3DDDIFORMAT::D3DDDIFMT_A1R5G5B5 => 2,
        D3DDDIFORMAT::D3DDDIFMT_R8G8B8 => 3,
        D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8
        | D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8
        | D3DDDIFORMAT::D3DDDIFMT_A8B8G8R8
        | D3DDDIFORMAT::D3DDDIFMT_X8B8G8R8
        | D3DDDIFORMAT::D3DDDIFMT_A2R10G10B10
        | D3DDDIFORMAT::D3DDDIFMT_A2B10G10R10 => 4,
        D3DDDIFORMAT::D3DDDIFMT_A16B16G16R16 | D3DDDIFORMAT::D3DDDIFMT_A16B16G16R16F => 8,
        _ => return None,
    })
}

/// A colour basis that has a meaning.
pub(crate) fn is_basis(basis: D3DKMDT_COLOR_BASIS) -> bool {
    (D3DKMDT_COLOR_BASIS::D3DKMDT_CB_INTENSITY..=D3DKMDT_COLOR_BASIS::D3DKMDT_CB_YPBPR)
        .contains(&basis)
}

impl Mode for TargetMode {
    const KIND: Kind = Kind::TargetModeSet;
    const RECORD: RecordKind = RecordKind::TargetMode;
    const INVALID_SET: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDPN_TARGETMODESET;
    const INVALID_MODE: NTSTATUS = STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET_MODE;
    const SET: &'static str = "target mode set";

    fn sets(state: &mut State) -> &mut alloc::vec::Vec<Set<Self>> {
        &mut state.target_sets
    }

    fn id(&self) -> u32 {
        self.Id
    }

    fn with_id(&self, id: u32) -> Self {
        Self { Id: id, ..*self }
    }

    fn same(&self, other: &Self) -> bool {
        signal::same(&self.VideoSignalInfo, &other.VideoSignalInfo)
    }

    fn fault(&self) -> Option<Fault> {
        let what = signal::fault(&self.VideoSignalInfo).map(|(_, what)| what);
        let preference = target_preference(self);
        what.or_else(|| (!is_preference(preference)).then(|| format!("Preference is {preference}")))
            .map(|what| (Self::INVALID_MODE, what))
    }
}

/// The preference of a target mode: the low two bits in every version.
pub(crate) fn target_preference(mode: &TargetMode) -> u32 {
    // SAFETY: any bytes are an integer.
    unsafe { mode.u0.s0 }.Preference()
}

fn is_preference(preference: u32) -> bool {
    preference == 1 || preference == 2
}

impl Mode for MonitorMode {
    const KIND: Kind = Kind::MonitorModeSet;
    const RECORD: RecordKind = RecordKind::MonitorMode;
    const INVALID_SET: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITOR_SOURCEMODESET;
    const INVALID_MODE: NTSTATUS = STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE;
    const SET: &'static str = "monitor source mode set";

    fn sets(state: &mut State) -> &mut alloc::vec::Vec<Set<Self>> {
        &mut state.monitor_sets
    }

    fn id(&self) -> u32 {
        self.Id
    }

    fn with_id(&self, id: u32) -> Self {
        Self { Id: id, ..*self }
    }

    fn same(&self, other: &Self) -> bool {
        signal::same(&self.VideoSignalInfo, &other.VideoSignalInfo)
    }

    fn fault(&self) -> Option<Fault> {
        if let Some(fault) = signal::fault(&self.VideoSignalInfo) {
            return Some(fault);
        }
        let invalid = |what| Some((Self::INVALID_MODE, what));
        if !is_basis(self.ColorBasis) {
            return invalid(format!("ColorBasis is {}", self.ColorBasis.0));
        }
        let ranges = &self.ColorCoeffDynamicRanges;
        for bits in [
            ranges.FirstChannel,
            ranges.SecondChannel,
            ranges.ThirdChannel,
            ranges.FourthChannel,
        ] {
            if bits > 64 {
                return invalid(format!("a channel of ColorCoeffDynamicRanges is {bits}"));
            }
        }
        if self.Origin != D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_DRIVER {
            return invalid(format!("Origin of a driver's mode is {}", self.Origin.0));
        }
        let preference = self.Preference.0.cast_unsigned();
        (!is_preference(preference))
            .then(|| (Self::INVALID_MODE, format!("Preference is {preference}")))
    }
}
