//! The good miniport: VidPNs, which nobody negotiates yet.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_sys::status::*;
use dxgk_sys::*;

pub fn fill(table: &mut DRIVER_INITIALIZATION_DATA) {
    table.DxgkDdiIsSupportedVidPn = Some(is_supported_vidpn);
    table.DxgkDdiRecommendFunctionalVidPn = Some(recommend_functional_vidpn);
    table.DxgkDdiEnumVidPnCofuncModality = Some(enum_vidpn_cofunc_modality);
    table.DxgkDdiCommitVidPn = Some(commit_vidpn);
    table.DxgkDdiUpdateActiveVidPnPresentPath = Some(update_active_vidpn_present_path);
    table.DxgkDdiRecommendMonitorModes = Some(recommend_monitor_modes);
    table.DxgkDdiQueryVidPnHWCapability = Some(query_vidpn_hw_capability);
}

ddi_fn! {
    pub unsafe fn is_supported_vidpn(
        _this: HANDLE,
        _argument: INOUT_PDXGKARG_ISSUPPORTEDVIDPN,
    ) -> NTSTATUS {
        STATUS_NO_MEMORY
    }

    pub unsafe fn recommend_functional_vidpn(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_RECOMMENDFUNCTIONALVIDPN_CONST,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_NO_RECOMMENDED_FUNCTIONAL_VIDPN
    }

    pub unsafe fn enum_vidpn_cofunc_modality(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_ENUMVIDPNCOFUNCMODALITY_CONST,
    ) -> NTSTATUS {
        STATUS_NO_MEMORY
    }

    pub unsafe fn commit_vidpn(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_COMMITVIDPN_CONST,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_INVALID_VIDPN_TOPOLOGY
    }

    pub unsafe fn update_active_vidpn_present_path(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_UPDATEACTIVEVIDPNPRESENTPATH_CONST,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY
    }

    pub unsafe fn recommend_monitor_modes(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_RECOMMENDMONITORMODES_CONST,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn query_vidpn_hw_capability(
        _this: HANDLE,
        _argument: INOUT_PDXGKARG_QUERYVIDPNHWCAPABILITY,
    ) -> NTSTATUS {
        STATUS_NO_MEMORY
    }
}
