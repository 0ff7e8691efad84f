//! The modes of a source: surfaces that are shown.

use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_COLOR_BASIS, D3DKMDT_GRAPHICS_RENDERING_FORMAT,
    D3DKMDT_HVIDPNSOURCEMODESET__, D3DKMDT_PIXEL_VALUE_ACCESS_MODE, D3DKMDT_VIDPN_SOURCE_MODE,
    D3DKMDT_VIDPN_SOURCE_MODE_TYPE, DXGK_VIDPN_INTERFACE, DXGK_VIDPNSOURCEMODESET_INTERFACE,
};

use super::Size;
use super::set::{Functions, ModeSet};
use super::sides::{Side, SideFunctions};

/// Sets of a source's modes.
pub enum Source {}

/// A surface that a source shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SourceMode {
    /// The primary, all of it visible.
    pub size: Size,
    /// From one line to the next, in bytes.
    pub stride: u32,
    /// Its pixels.
    pub format: D3DDDIFORMAT,
}

impl SourceMode {
    /// Text and stereo, which no source of this driver has.
    pub const NO_GRAPHICS: Self = Self {
        size: Size {
            width: 0,
            height: 0,
        },
        stride: 0,
        format: D3DDDIFORMAT::D3DDDIFMT_UNKNOWN,
    };
}

const GRAPHICS: D3DKMDT_VIDPN_SOURCE_MODE_TYPE =
    D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_GRAPHICS;

// SAFETY: the functions are the interface's, each under its own name; the record is the same in
// every version.
unsafe impl ModeSet for Source {
    type Object = D3DKMDT_HVIDPNSOURCEMODESET__;
    type Info = D3DKMDT_VIDPN_SOURCE_MODE;
    type Interface = DXGK_VIDPNSOURCEMODESET_INTERFACE;
    type Mode = SourceMode;

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
        // SAFETY: the caller's promise.
        let info = unsafe { &*info };
        if info.Type != GRAPHICS {
            return SourceMode::NO_GRAPHICS;
        }
        // SAFETY: the type says that it is this member.
        let graphics = unsafe { info.Format.Graphics };
        SourceMode {
            size: graphics.PrimSurfSize.into(),
            stride: graphics.Stride,
            format: graphics.PixelFormat,
        }
    }

    unsafe fn write(info: *mut Self::Info, mode: &Self::Mode) -> u32 {
        // SAFETY: the caller's promise.
        let info = unsafe { &mut *info };
        info.Type = GRAPHICS;
        info.Format.Graphics = D3DKMDT_GRAPHICS_RENDERING_FORMAT {
            PrimSurfSize: mode.size.into(),
            VisibleRegionSize: mode.size.into(),
            Stride: mode.stride,
            PixelFormat: mode.format,
            ColorBasis: D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB,
            PixelValueAccessMode: D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_DIRECT,
        };
        info.Id
    }
}

impl Side for Source {
    fn side(interface: &DXGK_VIDPN_INTERFACE) -> SideFunctions<Self> {
        SideFunctions {
            acquire: interface.pfnAcquireSourceModeSet,
            create: interface.pfnCreateNewSourceModeSet,
            assign: interface.pfnAssignSourceModeSet,
            release: interface.pfnReleaseSourceModeSet,
        }
    }
}
