//! The device driver interface: what dxgkrnl calls.
//!
//! This module is responsible for the border. Each function does three things: it turns raw
//! pointers into a checked view of its argument, calls the safe function that does the work, and
//! turns the result into a status. A status that the DDI's page does not list cannot be returned,
//! because each family has its own error type (contract: G6).
//!
//! A file holds a family of callbacks. A new callback is written there and entered below: in
//! `enter_common!` if both kinds of driver have it, in [`enter`] if only a full driver has, in
//! [`enter_display_only`] if only a display-only driver has. Nothing is entered that is not real, since
//! Windows reads a driver's kind from which callbacks are present (contract: G2).

mod allocations;
mod buffers;
mod bugcheck;
mod children;
mod contexts;
mod descriptions;
mod devices;
mod escape;
mod etw;
mod events;
mod handles;
mod information;
mod interrupts;
mod kind;
mod life_cycle;
mod lists;
mod nodes;
mod openings;
mod output;
mod paging;
mod patch;
mod pointer;
mod present;
mod present_full;
mod recorded;
mod render;
#[cfg(not(feature = "wdk"))]
pub mod rig;
mod screen;
mod status;
mod submission;
mod timeouts;
mod vidpn;
mod view;

use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGKDDI_INTERFACE_VERSION_WDDM1_3, KMDDOD_INITIALIZATION_DATA,
    ULONG,
};

pub use kind::{Kind, choose, kind};

/// The interface version that the driver declares: WDDM 1.3.
pub const INTERFACE_VERSION: ULONG = DXGKDDI_INTERFACE_VERSION_WDDM1_3.cast_unsigned();

/// Enters the callbacks that the tables of both kinds have.
macro_rules! enter_common {
    ($data:ident) => {
        $data.Version = INTERFACE_VERSION;

        $data.DxgkDdiAddDevice = Some(life_cycle::add_device);
        $data.DxgkDdiStartDevice = Some(life_cycle::start_device);
        $data.DxgkDdiStopDevice = Some(life_cycle::stop_device);
        $data.DxgkDdiRemoveDevice = Some(life_cycle::remove_device);
        $data.DxgkDdiUnload = Some(life_cycle::unload);

        $data.DxgkDdiDispatchIoRequest = Some(events::dispatch_io_request);
        $data.DxgkDdiSetPowerState = Some(events::set_power_state);
        $data.DxgkDdiNotifyAcpiEvent = Some(events::notify_acpi_event);
        $data.DxgkDdiNotifySurpriseRemoval = Some(events::notify_surprise_removal);
        $data.DxgkDdiResetDevice = Some(bugcheck::reset_device);
        $data.DxgkDdiQueryInterface = Some(events::query_interface);
        $data.DxgkDdiControlEtwLogging = Some(etw::control_etw_logging);

        $data.DxgkDdiStopDeviceAndReleasePostDisplayOwnership =
            Some(life_cycle::stop_device_and_release_post_display_ownership);
        $data.DxgkDdiSystemDisplayEnable = Some(bugcheck::system_display_enable);
        $data.DxgkDdiSystemDisplayWrite = Some(bugcheck::system_display_write);
        $data.DxgkDdiInterruptRoutine = Some(interrupts::interrupt_routine);
        $data.DxgkDdiDpcRoutine = Some(interrupts::dpc_routine);
        $data.DxgkDdiQueryChildRelations = Some(children::query_child_relations);
        $data.DxgkDdiQueryChildStatus = Some(children::query_child_status);
        $data.DxgkDdiQueryDeviceDescriptor = Some(children::query_device_descriptor);

        $data.DxgkDdiIsSupportedVidPn = Some(vidpn::is_supported_vidpn);
        $data.DxgkDdiRecommendFunctionalVidPn = Some(vidpn::recommend_functional_vidpn);
        $data.DxgkDdiEnumVidPnCofuncModality = Some(vidpn::enum_vidpn_cofunc_modality);
        $data.DxgkDdiRecommendMonitorModes = Some(vidpn::recommend_monitor_modes);
        $data.DxgkDdiCommitVidPn = Some(vidpn::commit_vidpn);
        $data.DxgkDdiUpdateActiveVidPnPresentPath = Some(vidpn::update_active_vidpn_present_path);
        $data.DxgkDdiQueryVidPnHWCapability = Some(vidpn::query_vidpn_hw_capability);
        $data.DxgkDdiSetVidPnSourceVisibility = Some(screen::set_vidpn_source_visibility);

        $data.DxgkDdiQueryAdapterInfo = Some(information::query_adapter_info);

        $data.DxgkDdiSetPointerPosition = Some(pointer::set_pointer_position);
        $data.DxgkDdiSetPointerShape = Some(pointer::set_pointer_shape);
    };
}

/// The table of a full driver. DriverEntry hands one to `DxgkInitialize`.
#[must_use]
pub fn initialization_data() -> DRIVER_INITIALIZATION_DATA {
    let mut data = DRIVER_INITIALIZATION_DATA::ZERO;
    enter(&mut data);
    data
}

/// The table of a display-only driver. DriverEntry hands one to `DxgkInitializeDisplayOnlyDriver`.
#[must_use]
pub fn display_only_data() -> KMDDOD_INITIALIZATION_DATA {
    let mut data = KMDDOD_INITIALIZATION_DATA::ZERO;
    enter_display_only(&mut data);
    data
}

/// Enters a full driver's callbacks into a table that is all zero.
pub fn enter(data: &mut DRIVER_INITIALIZATION_DATA) {
    enter_common!(data);

    data.DxgkDdiSetVidPnSourceAddress = Some(screen::set_vidpn_source_address);
    data.DxgkDdiControlInterrupt = Some(screen::control_interrupt);
    data.DxgkDdiGetScanLine = Some(screen::get_scan_line);

    data.DxgkDdiCreateDevice = Some(devices::create_device);
    data.DxgkDdiDestroyDevice = Some(devices::destroy_device);

    data.DxgkDdiCreateContext = Some(contexts::create_context);
    data.DxgkDdiDestroyContext = Some(contexts::destroy_context);
    data.DxgkDdiRender = Some(render::render_commands);
    data.DxgkDdiPresent = Some(present_full::present_full);
    data.DxgkDdiSubmitCommand = Some(submission::submit_command);
    data.DxgkDdiPreemptCommand = Some(submission::preempt_command);
    data.DxgkDdiCancelCommand = Some(submission::cancel_command);
    data.DxgkDdiQueryCurrentFence = Some(submission::query_current_fence);
    data.DxgkDdiQueryEngineStatus = Some(timeouts::query_engine_status);
    data.DxgkDdiQueryDependentEngineGroup = Some(timeouts::query_dependent_engine_group);
    data.DxgkDdiResetEngine = Some(timeouts::reset_engine);
    data.DxgkDdiResetFromTimeout = Some(timeouts::reset_from_timeout);
    data.DxgkDdiRestartFromTimeout = Some(timeouts::restart_from_timeout);
    data.DxgkDdiCollectDbgInfo = Some(timeouts::collect_dbg_info);
    data.DxgkDdiBuildPagingBuffer = Some(paging::build_paging_buffer);
    data.DxgkDdiPatch = Some(patch::patch_buffer);
    data.DxgkDdiEscape = Some(escape::answer_escape);
    data.DxgkDdiGetNodeMetadata = Some(nodes::get_node_metadata);

    data.DxgkDdiCreateAllocation = Some(allocations::create_allocation);
    data.DxgkDdiDestroyAllocation = Some(allocations::destroy_allocation);
    data.DxgkDdiDescribeAllocation = Some(descriptions::describe_allocation);
    data.DxgkDdiGetStandardAllocationDriverData = Some(descriptions::get_standard_allocation_data);
    data.DxgkDdiOpenAllocation = Some(openings::open_allocation);
    data.DxgkDdiCloseAllocation = Some(openings::close_allocation);
}

/// Enters a display-only driver's callbacks into a table that is all zero.
///
/// ControlInterrupt and GetScanLine stay NULL: a display-only driver has both or none, and without
/// them dxgkrnl plays the vertical sync itself, which on hardware without an interrupt it does as well
/// as a timer of the driver's could. Its frequencies are then all `D3DKMDT_FREQUENCY_NOTSPECIFIED`.
pub fn enter_display_only(data: &mut KMDDOD_INITIALIZATION_DATA) {
    enter_common!(data);

    data.DxgkDdiPresentDisplayOnly = Some(present::present_display_only);
}

#[cfg(test)]
mod caps_tests;
#[cfg(test)]
mod engine_tests;
#[cfg(test)]
mod tests;
