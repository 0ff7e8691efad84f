//! `DXGKRNL_INTERFACE`: what the driver gets to call back, as long as its interface version says.

use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::{DXGKRNL_INTERFACE, HANDLE};

use crate::callbacks::{absent, device, handles, interrupt};
use crate::version::Version;
use crate::vidpn::functions::query;

/// The table in memory of exactly its size. StartDevice must copy it: it is wiped when this is dropped.
pub(crate) struct Interface(Vec<u64>);

impl Interface {
    pub(crate) fn new(version: Version, device: HANDLE) -> Self {
        let bytes = version.interface();
        let mut table = whole();
        table.Size = u32::try_from(bytes).unwrap_or(0);
        table.Version = version.value();
        table.DeviceHandle = device;
        let mut memory = alloc::vec![0u64; bytes / 8];
        // SAFETY: both are at least that long; every version's size is a multiple of 8.
        unsafe {
            ptr::copy_nonoverlapping(
                ptr::from_ref(&table).cast::<u8>(),
                memory.as_mut_ptr().cast::<u8>(),
                bytes,
            );
        }
        Self(memory)
    }

    pub(crate) fn pointer(&mut self) -> *mut DXGKRNL_INTERFACE {
        self.0.as_mut_ptr().cast()
    }
}

impl Drop for Interface {
    fn drop(&mut self) {
        for word in &mut self.0 {
            // SAFETY: our own memory; volatile, since nothing of ours reads it again.
            unsafe { ptr::write_volatile(word, 0) };
        }
    }
}

/// The newest version's table. Later members are cut off by [`Interface::new`].
fn whole() -> DXGKRNL_INTERFACE {
    DXGKRNL_INTERFACE {
        Size: 0,
        Version: 0,
        DeviceHandle: ptr::null_mut(),
        DxgkCbEvalAcpiMethod: Some(device::eval_acpi_method),
        DxgkCbGetDeviceInformation: Some(device::get_device_information),
        DxgkCbIndicateChildStatus: Some(device::indicate_child_status),
        DxgkCbMapMemory: Some(device::map_memory),
        DxgkCbQueueDpc: Some(interrupt::queue_dpc),
        DxgkCbQueryServices: Some(device::query_services),
        DxgkCbReadDeviceSpace: Some(device::read_device_space),
        DxgkCbSynchronizeExecution: Some(interrupt::synchronize_execution),
        DxgkCbUnmapMemory: Some(device::unmap_memory),
        DxgkCbWriteDeviceSpace: Some(device::write_device_space),
        DxgkCbIsDevicePresent: Some(absent::is_device_present),
        DxgkCbGetHandleData: Some(handles::get_handle_data),
        DxgkCbGetHandleParent: Some(handles::get_handle_parent),
        DxgkCbEnumHandleChildren: Some(handles::enum_handle_children),
        DxgkCbNotifyInterrupt: Some(interrupt::notify_interrupt),
        DxgkCbNotifyDpc: Some(interrupt::notify_dpc),
        DxgkCbQueryVidPnInterface: Some(query::query_vid_pn_interface),
        DxgkCbQueryMonitorInterface: Some(query::query_monitor_interface),
        DxgkCbGetCaptureAddress: Some(absent::get_capture_address),
        DxgkCbLogEtwEvent: Some(interrupt::log_etw_event),
        DxgkCbExcludeAdapterAccess: Some(absent::exclude_adapter_access),
        DxgkCbCreateContextAllocation: Some(absent::create_context_allocation),
        DxgkCbDestroyContextAllocation: Some(absent::destroy_context_allocation),
        DxgkCbSetPowerComponentActive: Some(absent::set_power_component_active),
        DxgkCbSetPowerComponentIdle: Some(absent::set_power_component_idle),
        DxgkCbAcquirePostDisplayOwnership: Some(device::acquire_post_display_ownership),
        DxgkCbPowerRuntimeControlRequest: Some(absent::power_runtime_control_request),
        DxgkCbSetPowerComponentLatency: Some(absent::set_power_component_latency),
        DxgkCbSetPowerComponentResidency: Some(absent::set_power_component_residency),
        DxgkCbCompleteFStateTransition: Some(absent::complete_fstate_transition),
        DxgkCbCompletePStateTransition: Some(absent::complete_pstate_transition),
        DxgkCbMapContextAllocation: Some(absent::map_context_allocation),
        DxgkCbUpdateContextAllocation: Some(absent::update_context_allocation),
        DxgkCbReserveGpuVirtualAddressRange: Some(absent::reserve_gpu_virtual_address_range),
        DxgkCbAcquireHandleData: Some(handles::acquire_handle_data),
        DxgkCbReleaseHandleData: Some(handles::release_handle_data),
        DxgkCbHardwareContentProtectionTeardown: Some(absent::hardware_content_protection_teardown),
        DxgkCbMultiPlaneOverlayDisabled: Some(absent::multi_plane_overlay_disabled),
        DxgkCbMitigatedRangeUpdate: Some(absent::mitigated_range_update),
        DxgkCbInvalidateHwContext: Some(absent::invalidate_hw_context),
        DxgkCbIndicateConnectorChange: Some(absent::indicate_connector_change),
        DxgkCbUnblockUEFIFrameBufferRanges: Some(absent::unblock_uefi_frame_buffer_ranges),
        DxgkCbAcquirePostDisplayOwnership2: Some(absent::acquire_post_display_ownership2),
        DxgkCbSetProtectedSessionStatus: Some(absent::set_protected_session_status),
        DxgkCbAllocateContiguousMemory: Some(absent::allocate_contiguous_memory),
        DxgkCbFreeContiguousMemory: Some(absent::free_contiguous_memory),
        DxgkCbAllocatePagesForMdl: Some(absent::allocate_pages_for_mdl),
        DxgkCbFreePagesFromMdl: Some(absent::free_pages_from_mdl),
        DxgkCbPinFrameBufferForSave: Some(absent::pin_frame_buffer_for_save),
        DxgkCbUnpinFrameBufferForSave: Some(absent::unpin_frame_buffer_for_save),
        DxgkCbMapFrameBufferPointer: Some(absent::map_frame_buffer_pointer),
        DxgkCbUnmapFrameBufferPointer: Some(absent::unmap_frame_buffer_pointer),
        DxgkCbMapMdlToIoMmu: Some(absent::map_mdl_to_io_mmu),
        DxgkCbUnmapMdlFromIoMmu: Some(absent::unmap_mdl_from_io_mmu),
        DxgkCbReportDiagnostic: Some(absent::report_diagnostic),
        DxgkCbSignalEvent: Some(absent::signal_event),
        DxgkCbIsFeatureEnabled: Some(absent::is_feature_enabled),
        DxgkCbSaveMemoryForHotUpdate: Some(absent::save_memory_for_hot_update),
        DxgkCbNotifyCursorSupportChange: Some(absent::notify_cursor_support_change),
        DxgkCbQueryFeatureSupport: Some(absent::query_feature_support),
        DxgkCbCreatePhysicalMemoryObject: Some(absent::create_physical_memory_object),
        DxgkCbDestroyPhysicalMemoryObject: Some(absent::destroy_physical_memory_object),
        DxgkCbMapPhysicalMemory: Some(absent::map_physical_memory),
        DxgkCbUnmapPhysicalMemory: Some(absent::unmap_physical_memory),
        DxgkCbAllocateAdl: Some(absent::allocate_adl),
        DxgkCbFreeAdl: Some(absent::free_adl),
        DxgkCbOpenPhysicalMemoryObject: Some(absent::open_physical_memory_object),
        DxgkCbClosePhysicalMemoryObject: Some(absent::close_physical_memory_object),
        DxgkCbPinFrameBufferForSave2: Some(absent::pin_frame_buffer_for_save2),
        DxgkCbDisconnectDoorbell: Some(absent::disconnect_doorbell),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_as_long_as_its_version_says() {
        let mut interface = Interface::new(Version::WDDM1_3, ptr::without_provenance_mut(0x1230));
        // SAFETY: at least the first members are there.
        let size = unsafe { (*interface.pointer()).Size };
        assert_eq!(size, 264);
        assert_eq!(interface.0.len() * 8, 264);
        assert!(interface.0.iter().all(|word| *word != 0));
    }
}
