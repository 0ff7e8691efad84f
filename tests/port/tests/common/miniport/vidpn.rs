//! The good miniport's VidPN DDIs: one source, one target, three sizes, no scaling, upright or upside down.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::vidpn_objects::{ModeSet, Path, Plan, SourceMode, TargetMode, interface};
use super::{Context, TARGET, context};

/// Sizes, largest first.
pub const SIZES: [(u32, u32); 3] = [(1024, 768), (800, 600), (640, 480)];

pub const FORMATS: [D3DDDIFORMAT; 2] = [
    D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
    D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
];

pub const ROTATIONS: [D3DKMDT_VIDPN_PRESENT_PATH_ROTATION; 2] = [
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_IDENTITY,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_ROTATE180,
];

pub const SCALING: D3DKMDT_VIDPN_PRESENT_PATH_SCALING =
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY;

type Pivot = D3DKMDT_ENUMCOFUNCMODALITY_PIVOT_TYPE;

/// A signal of that size, with blanking of a quarter, at 60 Hz.
pub fn signal((width, height): (u32, u32)) -> D3DKMDT_VIDEO_SIGNAL_INFO {
    let (total_width, total_height) = (width * 5 / 4, height * 5 / 4);
    let clock = total_width * total_height * 60;
    let mut signal = D3DKMDT_VIDEO_SIGNAL_INFO::ZERO;
    signal.VideoStandard = D3DKMDT_VIDEO_SIGNAL_STANDARD::D3DKMDT_VSS_OTHER;
    signal.TotalSize = D3DKMDT_2DREGION {
        cx: total_width,
        cy: total_height,
    };
    signal.ActiveSize = D3DKMDT_2DREGION {
        cx: width,
        cy: height,
    };
    signal.VSyncFreq = D3DDDI_RATIONAL {
        Numerator: 60,
        Denominator: 1,
    };
    signal.HSyncFreq = D3DDDI_RATIONAL {
        Numerator: clock,
        Denominator: total_width,
    };
    signal.PixelRate = clock as usize;
    signal.u0.ScanLineOrdering = D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING::D3DDDI_VSSLO_PROGRESSIVE;
    signal
}

pub fn fill_source(mode: &mut SourceMode, (width, height): (u32, u32), format: D3DDDIFORMAT) {
    mode.Type = D3DKMDT_VIDPN_SOURCE_MODE_TYPE::D3DKMDT_RMT_GRAPHICS;
    mode.Format.Graphics = D3DKMDT_GRAPHICS_RENDERING_FORMAT {
        PrimSurfSize: D3DKMDT_2DREGION {
            cx: width,
            cy: height,
        },
        VisibleRegionSize: D3DKMDT_2DREGION {
            cx: width,
            cy: height,
        },
        Stride: width * 4,
        PixelFormat: format,
        ColorBasis: D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB,
        PixelValueAccessMode: D3DKMDT_PIXEL_VALUE_ACCESS_MODE::D3DKMDT_PVAM_DIRECT,
    };
}

pub fn fill_target(mode: &mut TargetMode, size: (u32, u32)) {
    mode.VideoSignalInfo = signal(size);
    let preference = if size == SIZES[0] { 1 } else { 2 };
    mode.u0.s0 = D3DKMDT_VIDPN_TARGET_MODE_s0::ZERO.with_Preference(preference);
}

pub fn source_size(mode: &SourceMode) -> (u32, u32) {
    let size = unsafe { mode.Format.Graphics }.PrimSurfSize;
    (size.cx, size.cy)
}

pub fn target_size(mode: &TargetMode) -> (u32, u32) {
    (
        mode.VideoSignalInfo.ActiveSize.cx,
        mode.VideoSignalInfo.ActiveSize.cy,
    )
}

/// Whether the hardware can do all that is pinned.
pub fn can(plan: &Plan) -> bool {
    let source = plan.pinned_source.as_ref().is_none_or(|mode| {
        let format = unsafe { mode.Format.Graphics }.PixelFormat;
        SIZES.contains(&source_size(mode)) && FORMATS.contains(&format)
    });
    let target = plan.pinned_target.as_ref().is_none_or(|mode| {
        SIZES.contains(&target_size(mode)) && mode.VideoSignalInfo.VSyncFreq.Numerator == 60
    });
    let (one, other) = (plan.pinned_source.as_ref(), plan.pinned_target.as_ref());
    let same = match (one, other) {
        (Some(one), Some(other)) => source_size(one) == target_size(other),
        _ => true,
    };
    let transformation = &plan.path.ContentTransformation;
    let scaling = transformation.Scaling.0 > 5 || transformation.Scaling == SCALING;
    let rotation = transformation.Rotation.0 > 16 || ROTATIONS.contains(&transformation.Rotation);
    source && target && same && scaling && rotation
}

/// The support flags of a path, as far as they are the driver's to change.
pub fn supported(plan: &Plan, pivot: Pivot) -> Path {
    let mut path = plan.path;
    let transformation = &mut path.ContentTransformation;
    if transformation.Scaling.0 > 5 && pivot != Pivot::D3DKMDT_EPT_SCALING {
        transformation.ScalingSupport = D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT::Identity;
    }
    if transformation.Rotation.0 > 16 && pivot != Pivot::D3DKMDT_EPT_ROTATION {
        transformation.RotationSupport = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::Identity
            | D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT::Rotate180;
    }
    path
}

/// How a saboteur bends what an enumeration reports.
pub struct Bend {
    pub source: fn(&mut SourceMode),
    pub target: fn(&mut TargetMode),
    pub path: fn(&mut Path),
    /// Whether pinned modes are minded.
    pub constrained: bool,
    /// Whether sets are replaced.
    pub replaces: bool,
}

impl Bend {
    pub const NONE: Self = Self {
        source: |_| (),
        target: |_| (),
        path: |_| (),
        constrained: true,
        replaces: true,
    };
}

pub fn enumerate(
    context: &Context,
    argument: &DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    bend: &Bend,
) -> NTSTATUS {
    let handle = argument.hConstrainingVidPn;
    let vidpn = match interface(context, handle) {
        Ok(vidpn) => vidpn,
        Err(status) => return status,
    };
    let plan = match Plan::read(vidpn, handle) {
        Ok(Some(plan)) => plan,
        Ok(None) => return STATUS_SUCCESS,
        Err(status) => return status,
    };
    let pivot = argument.EnumPivotType;
    let open_source =
        bend.replaces && plan.pinned_source.is_none() && pivot != Pivot::D3DKMDT_EPT_VIDPNSOURCE;
    let open_target =
        bend.replaces && plan.pinned_target.is_none() && pivot != Pivot::D3DKMDT_EPT_VIDPNTARGET;
    // Sizes that are left by what is pinned.
    let left = |size: &(u32, u32)| {
        if !bend.constrained {
            return true;
        }
        plan.pinned_source
            .as_ref()
            .is_none_or(|mode| source_size(mode) == *size)
            && plan
                .pinned_target
                .as_ref()
                .is_none_or(|mode| target_size(mode) == *size)
    };
    if open_source {
        let status = ModeSet::<SourceMode>::replace(vidpn, handle, 0, |set| {
            for size in SIZES.into_iter().filter(left) {
                for format in FORMATS {
                    set.add(|mode| {
                        fill_source(mode, size, format);
                        (bend.source)(mode);
                    })?;
                }
            }
            Ok(())
        });
        if status != STATUS_SUCCESS {
            return status;
        }
    }
    if open_target {
        let status = ModeSet::<TargetMode>::replace(vidpn, handle, TARGET, |set| {
            for size in SIZES.into_iter().filter(left) {
                set.add(|mode| {
                    fill_target(mode, size);
                    (bend.target)(mode);
                })?;
            }
            Ok(())
        });
        if status != STATUS_SUCCESS {
            return status;
        }
    }
    let mut path = supported(&plan, pivot);
    (bend.path)(&mut path);
    Plan::update(vidpn, handle, &path)
}

/// The largest size; `pins` says whether its modes are pinned.
pub fn recommend(
    context: &Context,
    handle: D3DKMDT_HVIDPN,
    bend: fn(&mut Path),
    pins: bool,
) -> Result<(), NTSTATUS> {
    let vidpn = interface(context, handle)?;
    Plan::add_path(vidpn, handle, bend)?;
    let done = |status| (status == STATUS_SUCCESS).then_some(()).ok_or(status);
    done(ModeSet::<SourceMode>::replace(vidpn, handle, 0, |set| {
        let id = set.add(|mode| fill_source(mode, SIZES[0], FORMATS[0]))?;
        if pins { set.pin(id) } else { Ok(()) }
    }))?;
    done(ModeSet::<TargetMode>::replace(
        vidpn,
        handle,
        TARGET,
        |set| {
            let id = set.add(|mode| fill_target(mode, SIZES[0]))?;
            if pins { set.pin(id) } else { Ok(()) }
        },
    ))
}

/// Adds the miniport's sizes to a monitor's, those that it lacks.
pub fn add_monitor_modes(
    argument: &DXGKARG_RECOMMENDMONITORMODES,
    bend: fn(&mut D3DKMDT_MONITOR_SOURCE_MODE),
) -> NTSTATUS {
    let (table, set) = unsafe {
        (
            &*argument.pMonitorSourceModeSetInterface,
            argument.hMonitorSourceModeSet,
        )
    };
    for size in SIZES {
        let mut info = ptr::null_mut();
        let status = unsafe { table.pfnCreateNewModeInfo.unwrap()(set, &raw mut info) };
        if status != STATUS_SUCCESS {
            return status;
        }
        let mode = unsafe { &mut *info };
        mode.VideoSignalInfo = signal(size);
        mode.ColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
        mode.ColorCoeffDynamicRanges = D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES {
            FirstChannel: 8,
            SecondChannel: 8,
            ThirdChannel: 8,
            FourthChannel: 8,
        };
        mode.Origin = D3DKMDT_MONITOR_CAPABILITIES_ORIGIN::D3DKMDT_MCO_DRIVER;
        mode.Preference = D3DKMDT_MODE_PREFERENCE::D3DKMDT_MP_NOTPREFERRED;
        bend(mode);
        let status = unsafe { table.pfnAddMode.unwrap()(set, info) };
        if status != STATUS_SUCCESS {
            unsafe { table.pfnReleaseModeInfo.unwrap()(set, info) };
        }
        if status != STATUS_SUCCESS && status != STATUS_GRAPHICS_MODE_ALREADY_IN_MODESET {
            return status;
        }
    }
    STATUS_SUCCESS
}

fn commit(context: &mut Context, argument: &DXGKARG_COMMITVIDPN) -> NTSTATUS {
    let handle = argument.hFunctionalVidPn;
    let plan = match interface(context, handle).and_then(|vidpn| Plan::read(vidpn, handle)) {
        Ok(plan) => plan,
        Err(status) => return status,
    };
    let Some(plan) = plan else {
        context.shown = None;
        return STATUS_SUCCESS;
    };
    let enforce = D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_ENFORCE;
    if argument.MonitorConnectivityChecks == enforce && context.screen.unplugged.load(Relaxed) {
        return STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY;
    }
    let Some(mode) = plan.pinned_source.filter(|_| plan.pinned_target.is_some()) else {
        return STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;
    };
    if !can(&plan) {
        return STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;
    }
    context.shown = Some(source_size(&mode));
    STATUS_SUCCESS
}

/// The callbacks of a table.
pub fn fill(table: &mut DRIVER_INITIALIZATION_DATA) {
    table.DxgkDdiIsSupportedVidPn = Some(is_supported);
    table.DxgkDdiRecommendFunctionalVidPn = Some(recommend_functional);
    table.DxgkDdiEnumVidPnCofuncModality = Some(enum_cofunc_modality);
    table.DxgkDdiCommitVidPn = Some(commit_vidpn);
    table.DxgkDdiUpdateActiveVidPnPresentPath = Some(update_active_path);
    table.DxgkDdiRecommendMonitorModes = Some(recommend_monitor_modes);
    table.DxgkDdiQueryVidPnHWCapability = Some(query_hw_capability);
}

ddi_fn! {
    pub unsafe fn is_supported(
        this: PVOID,
        argument: *mut DXGKARG_ISSUPPORTEDVIDPN,
    ) -> NTSTATUS {
        let (context, argument) = unsafe { (context(this), &mut *argument) };
        let handle = argument.hDesiredVidPn;
        argument.IsVidPnSupported = 0;
        if handle.is_null() {
            argument.IsVidPnSupported = 1;
            return STATUS_SUCCESS;
        }
        match interface(context, handle).and_then(|vidpn| Plan::read(vidpn, handle)) {
            Ok(plan) => {
                argument.IsVidPnSupported = BOOLEAN::from(plan.as_ref().is_none_or(can));
                STATUS_SUCCESS
            }
            Err(status) => status,
        }
    }

    pub unsafe fn enum_cofunc_modality(
        this: PVOID,
        argument: *const DXGKARG_ENUMVIDPNCOFUNCMODALITY,
    ) -> NTSTATUS {
        unsafe { enumerate(context(this), &*argument, &Bend::NONE) }
    }

    pub unsafe fn recommend_functional(
        this: PVOID,
        argument: *const DXGKARG_RECOMMENDFUNCTIONALVIDPN,
    ) -> NTSTATUS {
        let handle = unsafe { &*argument }.hRecommendedFunctionalVidPn;
        match recommend(unsafe { context(this) }, handle, |_| (), true) {
            Ok(()) => STATUS_SUCCESS,
            Err(STATUS_NO_MEMORY) => STATUS_NO_MEMORY,
            // Nothing is plugged in, or dxgkrnl knows no such target.
            Err(_) => STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN,
        }
    }

    pub unsafe fn recommend_monitor_modes(
        _this: PVOID,
        argument: *const DXGKARG_RECOMMENDMONITORMODES,
    ) -> NTSTATUS {
        add_monitor_modes(unsafe { &*argument }, |_| ())
    }

    pub unsafe fn commit_vidpn(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        unsafe { commit(context(this), &*argument) }
    }

    pub unsafe fn update_active_path(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        let path = unsafe { &(*argument).VidPnPresentPathInfo };
        let ends = (path.VidPnSourceId, path.VidPnTargetId);
        if unsafe { context(this) }.shown.is_none() || ends != (0, TARGET) {
            return STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY;
        }
        let default = path.GammaRamp.Type == D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT;
        if !default || !ROTATIONS.contains(&path.ContentTransformation.Rotation) {
            return STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED;
        }
        STATUS_SUCCESS
    }

    pub unsafe fn query_hw_capability(
        _this: PVOID,
        argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        unsafe { (*argument).VidPnHWCaps = D3DKMDT_VIDPN_HW_CAPABILITY::empty() };
        STATUS_SUCCESS
    }
}
