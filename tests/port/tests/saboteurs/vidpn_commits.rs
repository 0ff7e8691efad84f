//! CommitVidPn, and the DDIs about what is active.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::vidpn::{self as good, ROTATIONS};
use super::common::miniport::vidpn_objects::{interface, topology};
use super::common::miniport::{self, context};
use super::with;

fn gamma(path: &D3DKMDT_VIDPN_PRESENT_PATH) -> bool {
    path.GammaRamp.Type != D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT
}

ddi_fn! {
    unsafe fn commit_fails(_this: PVOID, _argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY
    }

    unsafe fn commit_pends(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        unsafe { good::commit_vidpn(this, argument) };
        STATUS_PENDING
    }

    unsafe fn commit_nothing(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let enforce = D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_ENFORCE;
        let unplugged = unsafe { &context(this).screen.unplugged };
        let unplugged = unplugged.load(std::sync::atomic::Ordering::Relaxed);
        if unsafe { (*argument).MonitorConnectivityChecks } == enforce && unplugged {
            return STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY;
        }
        STATUS_SUCCESS
    }

    unsafe fn commit_unseen(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let mut ignoring = unsafe { *argument };
        ignoring.MonitorConnectivityChecks =
            D3DKMDT_MONITOR_CONNECTIVITY_CHECKS::D3DKMDT_MCC_IGNORE;
        unsafe { good::commit_vidpn(this, &raw const ignoring) }
    }

    unsafe fn commit_never_ends(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let before = unsafe { context(this) }.shown;
        let status = unsafe { good::commit_vidpn(this, argument) };
        let context = unsafe { context(this) };
        if context.shown.is_none() {
            context.shown = before;
        }
        status
    }

    unsafe fn commit_half(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let status = unsafe { good::commit_vidpn(this, argument) };
        if status != STATUS_SUCCESS {
            unsafe { context(this) }.shown = None;
        }
        status
    }

    unsafe fn commit_scaled(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        match unsafe { good::commit_vidpn(this, argument) } {
            STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED => STATUS_SUCCESS,
            status => status,
        }
    }

    unsafe fn commit_keeps(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let handle = unsafe { (*argument).hFunctionalVidPn };
        let (paths, table) =
            topology(interface(unsafe { context(this) }, handle).unwrap(), handle).unwrap();
        let mut info = std::ptr::null();
        unsafe { table.pfnAcquireFirstPathInfo.unwrap()(paths, &raw mut info) };
        unsafe { good::commit_vidpn(this, argument) }
    }

    unsafe fn commit_marks(this: PVOID, argument: *const DXGKARG_COMMITVIDPN) -> NTSTATUS {
        let status = unsafe { good::commit_vidpn(this, argument) };
        unsafe { (*argument.cast_mut()).AffectedVidPnSourceId = 3 };
        status
    }

    unsafe fn updates_anything(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        match unsafe { good::update_active_path(this, argument) } {
            STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY => STATUS_SUCCESS,
            status => status,
        }
    }

    unsafe fn updates_any_rotation(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        let path = unsafe { &(*argument).VidPnPresentPathInfo };
        match unsafe { good::update_active_path(this, argument) } {
            STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED if !gamma(path) => {
                STATUS_SUCCESS
            }
            status => status,
        }
    }

    unsafe fn updates_no_rotation(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        let path = unsafe { &(*argument).VidPnPresentPathInfo };
        if path.ContentTransformation.Rotation == ROTATIONS[1] {
            return STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED;
        }
        unsafe { good::update_active_path(this, argument) }
    }

    unsafe fn updates_nothing(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        match unsafe { good::update_active_path(this, argument) } {
            STATUS_SUCCESS => STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED,
            status => status,
        }
    }

    unsafe fn update_is_not_supported(
        this: PVOID,
        argument: *const DXGKARG_UPDATEACTIVEVIDPNPRESENTPATH,
    ) -> NTSTATUS {
        match unsafe { good::update_active_path(this, argument) } {
            STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED => {
                STATUS_NOT_SUPPORTED
            }
            status => status,
        }
    }

    /// Capabilities that promise a gamma ramp.
    unsafe fn promises_gamma(this: PVOID, argument: *const DXGKARG_QUERYADAPTERINFO) -> NTSTATUS {
        let status = unsafe { miniport::query_adapter_info(this, argument) };
        let argument = unsafe { &*argument };
        let caps = argument.Type == DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS;
        if caps && status == STATUS_SUCCESS {
            let caps = argument.pOutputData.cast::<DXGK_DRIVERCAPS>();
            unsafe { (*caps).u0.GammaRampCaps = DXGK_GAMMARAMPCAPS::Gamma_Rgb256x3x16 };
        }
        status
    }

    unsafe fn hardware_unset(
        _this: PVOID,
        _argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn hardware_reserved(
        _this: PVOID,
        argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        let caps = D3DKMDT_VIDPN_HW_CAPABILITY::from_bits_retain(1 << 6);
        unsafe { (*argument).VidPnHWCaps = caps };
        STATUS_SUCCESS
    }

    unsafe fn hardware_elsewhere(
        this: PVOID,
        argument: *mut DXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        unsafe { (*argument).TargetId += 1 };
        unsafe { good::query_hw_capability(this, argument) }
    }
}

macro_rules! commits {
    ($name:ident) => {
        with(|table| table.DxgkDdiCommitVidPn = Some($name))
    };
}

macro_rules! updates {
    ($name:ident) => {
        with(|table| table.DxgkDdiUpdateActiveVidPnPresentPath = Some($name))
    };
}

macro_rules! hardware {
    ($name:ident) => {
        with(|table| table.DxgkDdiQueryVidPnHWCapability = Some($name))
    };
}

bad_drivers! {
    a_supported_vidpn_is_refused breaks "V4" saying "which is supported" => commits!(commit_fails);
    a_commit_pends breaks "G6" "V4" saying "not on the page" => commits!(commit_pends);
    a_commit_changes_nothing breaks "V4" saying "says that the path is not active" => commits!(commit_nothing);
    a_commit_needs_no_monitor breaks "V4" saying "a target has no monitor" => commits!(commit_unseen);
    a_path_stays_when_none_is_committed breaks "V7" saying "no active path" => commits!(commit_never_ends);
    a_refused_commit_ends_what_is_shown breaks "V4" saying "says that the path is not active" => commits!(commit_half);
    a_scaling_is_ignored breaks "V4" saying "a scaling that the path does not support" => commits!(commit_scaled);
    a_commit_keeps_a_path breaks "V4" saying "1 path info" => commits!(commit_keeps);
    a_commit_writes_the_source breaks "B2.13" saying "argument was written" => commits!(commit_marks);
    a_path_that_is_not_active_is_updated breaks "V7" saying "no active path" => updates!(updates_anything);
    any_rotation_is_taken breaks "V7" saying "which the path does not support" => updates!(updates_any_rotation);
    rotation_needs_a_commit breaks "V7" saying "for rotation 3, which the path supports" => updates!(updates_no_rotation);
    the_path_as_it_is_is_refused breaks "V7" saying "for the path as it is" => updates!(updates_nothing);
    an_update_is_not_supported breaks "G6" "V7" saying "not on the page" => updates!(update_is_not_supported);
    a_promised_ramp_is_refused breaks "V7" saying "gamma ramp that the capabilities promise" => with(|table| {
        table.DxgkDdiQueryAdapterInfo = Some(promises_gamma);
    });
    hardware_is_not_described breaks "V9" saying "nothing was written" => hardware!(hardware_unset);
    reserved_hardware_is_described breaks "V9" saying "Reserved is not 0" => hardware!(hardware_reserved);
    the_target_is_written breaks "B2.13" saying "an input was written" => hardware!(hardware_elsewhere);
}
