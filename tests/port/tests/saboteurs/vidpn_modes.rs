//! What an enumeration reports: modes, support flags, cofunctionality.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::context;
use super::common::miniport::vidpn::{self as good, Bend};
use super::common::miniport::vidpn_objects::{Path, SourceMode, TargetMode};
use super::with;

fn graphics(mode: &mut SourceMode) -> &mut D3DKMDT_GRAPHICS_RENDERING_FORMAT {
    unsafe { &mut mode.Format.Graphics }
}

fn signal(mode: &mut TargetMode) -> &mut D3DKMDT_VIDEO_SIGNAL_INFO {
    &mut mode.VideoSignalInfo
}

fn flags(path: &mut Path) -> &mut D3DKMDT_VIDPN_PRESENT_PATH_TRANSFORMATION {
    &mut path.ContentTransformation
}

/// Enumerations that are bent in one thing.
macro_rules! bent {
    ($($name:ident $field:ident $bend:expr;)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                this: PVOID,
                argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
            ) -> NTSTATUS {
                let bend = Bend { $field: $bend, ..Bend::NONE };
                unsafe { good::enumerate(context(this), &*argument, &bend) }
            }
        )*}
    };
}

bent! {
    no_type source |mode| mode.Type = D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_UNINITIALIZED;
    no_width source |mode| graphics(mode).PrimSurfSize.cx = 0;
    nothing_visible source |mode| graphics(mode).VisibleRegionSize.cy = 0;
    more_visible source |mode| graphics(mode).VisibleRegionSize.cx += 1;
    odd_format source |mode| graphics(mode).PixelFormat = D3DDDIFORMAT::D3DDDIFMT_D16;
    short_stride source |mode| graphics(mode).Stride -= 4;
    no_basis source |mode| graphics(mode).ColorBasis = D3DKMDT_COLOR_BASIS(0);
    palette source |mode| {
        graphics(mode).PixelValueAccessMode =
            D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_PRESETPALETTE;
    };
    one_id source |mode| mode.Id = 7;
    no_standard target |mode| signal(mode).VideoStandard = D3DKMDT_VIDEO_SIGNAL_STANDARD(0);
    no_height target |mode| signal(mode).ActiveSize.cy = 0;
    small_total target |mode| signal(mode).TotalSize.cx = signal(mode).ActiveSize.cx - 1;
    no_rate target |mode| signal(mode).VSyncFreq.Denominator = 0;
    other_rate target |mode| signal(mode).VSyncFreq.Numerator = 75;
    no_line_rate target |mode| signal(mode).HSyncFreq.Numerator = 0;
    other_line_rate target |mode| signal(mode).HSyncFreq.Denominator /= 2;
    no_clock target |mode| signal(mode).PixelRate = 0;
    no_ordering target |mode| {
        signal(mode).u0.ScanLineOrdering = D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING(4);
    };
    divider target |mode| unsafe { signal(mode).u0.AdditionalSignalInfo.set_VSyncFreqDivider(2) };
    no_preference target |mode| unsafe { mode.u0.s0.set_Preference(0) };
    odd_size target |mode| signal(mode).ActiveSize.cy -= 8;
    fast target |mode| {
        let signal = signal(mode);
        signal.VSyncFreq.Numerator *= 2;
        signal.HSyncFreq.Numerator *= 2;
        signal.PixelRate *= 2;
    };
    no_scaling path |path| {
        if flags(path).Scaling.0 > 5 {
            flags(path).ScalingSupport = D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::empty();
        }
    };
    no_rotation path |path| {
        if flags(path).Rotation.0 > 16 {
            flags(path).RotationSupport = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::Offset0;
        }
    };
    reserved_scaling path |path| {
        flags(path).ScalingSupport |= D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::from_bits_retain(32);
    };
    reserved_rotation path |path| {
        flags(path).RotationSupport |=
            D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::from_bits_retain(256);
    };
    some_protection path |path| {
        path.CopyProtection.CopyProtectionSupport =
            D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::NoProtection
                | D3DKMDT_VIDPN_PRESENT_PATH_COPYPROTECTION_SUPPORT::MacroVisionFull;
    };
    rotates path |path| {
        flags(path).Rotation = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_ROTATE180;
    };
    always_scales path |path| {
        flags(path).ScalingSupport ^= D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::Centered;
    };
    always_rotates path |path| {
        flags(path).RotationSupport ^= D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::Rotate90;
    };
    another_path path |path| path.VidPnTargetId += 1;
    minds_no_pin constrained false;
    replaces_nothing replaces false;
}

ddi_fn! {
    /// Every other time one size is missing.
    unsafe fn moody(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        static CALLS: AtomicU32 = AtomicU32::new(0);
        let bend = if CALLS.fetch_add(1, Relaxed).is_multiple_of(2) {
            Bend::NONE
        } else {
            Bend { source: |mode| graphics(mode).Stride += 64, ..Bend::NONE }
        };
        unsafe { good::enumerate(context(this), &*argument, &bend) }
    }

    unsafe fn fails(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        let status = unsafe { good::enum_cofunc_modality(this, argument) };
        let rotation = D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE::D3DKMDT_EPT_ROTATION;
        if unsafe { (*argument).EnumPivotType } == rotation {
            return STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;
        }
        status
    }

    unsafe fn pends(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        unsafe { good::enum_cofunc_modality(this, argument) };
        STATUS_PENDING
    }

    unsafe fn writes_the_pivot(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        let status = unsafe { good::enum_cofunc_modality(this, argument) };
        unsafe { (*argument.cast_mut()).EnumPivot.VidPnSourceId = 5 };
        status
    }

    /// A set that stays as it was when allocations fail.
    unsafe fn hides_failures(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        static BROKEN: AtomicU32 = AtomicU32::new(0);
        let status = unsafe { good::enum_cofunc_modality(this, argument) };
        if status == STATUS_NO_MEMORY {
            BROKEN.store(1, Relaxed);
        }
        if BROKEN.load(Relaxed) == 1 { STATUS_NO_MEMORY } else { status }
    }
}

macro_rules! enumerates {
    ($name:ident) => {
        with(|table| table.DxgkDdiEnumVidPnCofuncModality = Some($name))
    };
}

bad_drivers! {
    a_source_mode_has_no_type breaks "V3" saying "Type is 0" => enumerates!(no_type);
    a_primary_has_no_width breaks "V3" saying "PrimSurfSize is 0 x" => enumerates!(no_width);
    nothing_of_a_primary_is_visible breaks "V3" saying "VisibleRegionSize" => enumerates!(nothing_visible);
    more_than_a_primary_is_visible breaks "V3" saying "VisibleRegionSize" => enumerates!(more_visible);
    a_depth_format_is_shown breaks "V3" saying "PixelFormat" => enumerates!(odd_format);
    rows_overlap breaks "V3" saying "Stride" => enumerates!(short_stride);
    a_source_mode_has_no_color_basis breaks "V3" saying "ColorBasis" => enumerates!(no_basis);
    colors_are_indices breaks "V3" saying "PixelValueAccessMode" => enumerates!(palette);
    modes_share_an_identifier breaks "V3" saying "identifier 7" => enumerates!(one_id);
    a_signal_has_no_standard breaks "V3" saying "VideoStandard" => enumerates!(no_standard);
    a_signal_has_no_height breaks "V3" saying "ActiveSize is" => enumerates!(no_height);
    a_signal_has_no_blanking_space breaks "V3" saying "TotalSize" => enumerates!(small_total);
    a_rate_is_divided_by_0 breaks "V3" saying "VSyncFreq is 60 / 0" => enumerates!(no_rate);
    a_rate_is_not_the_clocks breaks "V3" saying "VSyncFreq is 75000 mHz" => enumerates!(other_rate);
    lines_have_no_rate breaks "V3" saying "HSyncFreq is 0" => enumerates!(no_line_rate);
    lines_are_too_fast breaks "V3" saying "mHz" => enumerates!(other_line_rate);
    a_signal_has_no_clock breaks "V3" saying "PixelRate is 0" => enumerates!(no_clock);
    lines_have_no_order breaks "V3" saying "ScanLineOrdering" => enumerates!(no_ordering);
    a_rate_is_divided_for_no_radio breaks "V3" saying "VSyncFreqDivider" => enumerates!(divider);
    a_target_mode_is_neither_preferred_nor_not breaks "V3" saying "Preference" => enumerates!(no_preference);
    sizes_differ_without_scaling breaks "V3" saying "no target mode of its size" => enumerates!(odd_size);
    the_monitor_shows_no_such_mode breaks "V1" "V3" saying "none of the monitor's" => enumerates!(fast);
    no_scaling_is_supported breaks "V1" "V3" saying "no bit of ScalingSupport" => enumerates!(no_scaling);
    no_rotation_is_supported breaks "V1" "V3" saying "no rotation of RotationSupport" => enumerates!(no_rotation);
    a_reserved_scaling_is_supported breaks "V3" saying "reserved bits of ScalingSupport" => enumerates!(reserved_scaling);
    a_reserved_rotation_is_supported breaks "V3" saying "reserved bits of RotationSupport" => enumerates!(reserved_rotation);
    a_path_protects_and_does_not breaks "V3" saying "CopyProtectionSupport" => enumerates!(some_protection);
    an_enumeration_rotates_the_path breaks "V3" saying "Scaling or Rotation differs" => enumerates!(rotates);
    support_changes_though_scaling_is_fixed breaks "V1" "V3" saying "scaling is pinned or the pivot" => enumerates!(always_scales);
    support_changes_though_rotation_is_fixed breaks "V1" "V3" "V7" saying "rotation is pinned or the pivot" => enumerates!(always_rotates);
    support_of_another_path_is_reported breaks "V3" saying "no path from" => enumerates!(another_path);
    pinned_modes_are_not_minded breaks "V3" saying "is no source mode's size" => enumerates!(minds_no_pin);
    sets_stay_empty breaks "V3" saying "is empty" => enumerates!(replaces_nothing);
    one_vidpn_has_two_answers breaks "V3" saying "gives other modes" => enumerates!(moody);
    a_pivot_is_refused breaks "V3" saying "which is supported" => enumerates!(fails);
    enumeration_pends breaks "G6" "V3" saying "not on the page" => enumerates!(pends);
    the_pivot_is_written breaks "B2.13" saying "argument was written" => enumerates!(writes_the_pivot);
    one_failure_lasts breaks "V3" saying "fails after allocations had failed" => enumerates!(hides_failures);
}
