//! Callbacks that no profile plays yet: they are there, say so in the report, and refuse.

use dxgk_sys::status::STATUS_NOT_SUPPORTED;
#[allow(clippy::wildcard_imports)] // the types of some forty signatures
use dxgk_sys::*;

use crate::callbacks::calling_port;

/// What a callback that is not played returns.
trait Refusal {
    const REFUSAL: Self;
}

impl Refusal for NTSTATUS {
    const REFUSAL: Self = STATUS_NOT_SUPPORTED;
}

impl Refusal for D3DGPU_VIRTUAL_ADDRESS {
    const REFUSAL: Self = 0;
}

impl Refusal for () {
    const REFUSAL: Self = ();
}

fn refuse<R: Refusal>(name: &'static str) -> R {
    if let Some(port) = calling_port() {
        port.journal.unsupported(name);
    }
    R::REFUSAL
}

macro_rules! absent {
    ($($name:literal $function:ident($($argument:ty),*) $(-> $result:ty)?;)*) => {
        $(
            ddi_fn! {
                pub(crate) unsafe fn $function($(_: $argument),*) $(-> $result)? {
                    refuse($name)
                }
            }
        )*
    };
}

absent! {
    "DxgkCbIsDevicePresent" is_device_present(HANDLE, PPCI_DEVICE_PRESENCE_PARAMETERS, PBOOLEAN) -> NTSTATUS;
    "DxgkCbGetCaptureAddress" get_capture_address(INOUT_PDXGKARGCB_GETCAPTUREADDRESS) -> NTSTATUS;
    "DxgkCbExcludeAdapterAccess" exclude_adapter_access(HANDLE, ULONG, DXGKDDI_PROTECTED_CALLBACK, PVOID) -> NTSTATUS;
    "DxgkCbCreateContextAllocation" create_context_allocation(INOUT_PDXGKARGCB_CREATECONTEXTALLOCATION) -> NTSTATUS;
    "DxgkCbDestroyContextAllocation" destroy_context_allocation(IN_CONST_HANDLE, IN_CONST_HANDLE) -> NTSTATUS;
    "DxgkCbSetPowerComponentActive" set_power_component_active(IN_CONST_HANDLE, UINT);
    "DxgkCbSetPowerComponentIdle" set_power_component_idle(IN_CONST_HANDLE, UINT);
    "DxgkCbPowerRuntimeControlRequest" power_runtime_control_request(IN_CONST_HANDLE, LPCGUID, PVOID, SIZE_T, PVOID, SIZE_T, PSIZE_T) -> NTSTATUS;
    "DxgkCbSetPowerComponentLatency" set_power_component_latency(IN_CONST_HANDLE, UINT, ULONGLONG);
    "DxgkCbSetPowerComponentResidency" set_power_component_residency(IN_CONST_HANDLE, UINT, ULONGLONG);
    "DxgkCbCompleteFStateTransition" complete_fstate_transition(IN_CONST_HANDLE, UINT);
    "DxgkCbCompletePStateTransition" complete_pstate_transition(IN_CONST_HANDLE, UINT, UINT);
    "DxgkCbMapContextAllocation" map_context_allocation(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_MAPCONTEXTALLOCATION) -> D3DGPU_VIRTUAL_ADDRESS;
    "DxgkCbUpdateContextAllocation" update_context_allocation(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_UPDATECONTEXTALLOCATION) -> NTSTATUS;
    "DxgkCbReserveGpuVirtualAddressRange" reserve_gpu_virtual_address_range(IN_CONST_HANDLE, INOUT_PDXGKARGCB_RESERVEGPUVIRTUALADDRESSRANGE) -> NTSTATUS;
    "DxgkCbHardwareContentProtectionTeardown" hardware_content_protection_teardown(IN_CONST_HANDLE, UINT);
    "DxgkCbMultiPlaneOverlayDisabled" multi_plane_overlay_disabled(IN_CONST_HANDLE, UINT);
    "DxgkCbMitigatedRangeUpdate" mitigated_range_update(IN_CONST_HANDLE, ULONG);
    "DxgkCbInvalidateHwContext" invalidate_hw_context(IN_CONST_PDXGKARGCB_INVALIDATEHWCONTEXT) -> NTSTATUS;
    "DxgkCbIndicateConnectorChange" indicate_connector_change(IN_CONST_HANDLE) -> NTSTATUS;
    "DxgkCbUnblockUEFIFrameBufferRanges" unblock_uefi_frame_buffer_ranges(IN_CONST_HANDLE, IN_CONST_PDXGK_SEGMENTMEMORYSTATE) -> NTSTATUS;
    "DxgkCbAcquirePostDisplayOwnership2" acquire_post_display_ownership2(HANDLE, PDXGK_DISPLAY_INFORMATION, PDXGK_DISPLAY_OWNERSHIP_FLAGS) -> NTSTATUS;
    "DxgkCbSetProtectedSessionStatus" set_protected_session_status(IN_CONST_PDXGKARGCB_PROTECTEDSESSIONSTATUS) -> NTSTATUS;
    "DxgkCbAllocateContiguousMemory" allocate_contiguous_memory(IN_CONST_HANDLE, INOUT_PDXGKARGCB_ALLOCATECONTIGUOUSMEMORY) -> NTSTATUS;
    "DxgkCbFreeContiguousMemory" free_contiguous_memory(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_FREECONTIGUOUSMEMORY) -> NTSTATUS;
    "DxgkCbAllocatePagesForMdl" allocate_pages_for_mdl(IN_CONST_HANDLE, INOUT_PDXGKARGCB_ALLOCATEPAGESFORMDL) -> NTSTATUS;
    "DxgkCbFreePagesFromMdl" free_pages_from_mdl(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_FREEPAGESFROMMDL) -> NTSTATUS;
    "DxgkCbPinFrameBufferForSave" pin_frame_buffer_for_save(IN_CONST_HANDLE, INOUT_PDXGKARGCB_PINFRAMEBUFFERFORSAVE) -> NTSTATUS;
    "DxgkCbUnpinFrameBufferForSave" unpin_frame_buffer_for_save(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_UNPINFRAMEBUFFERFORSAVE) -> NTSTATUS;
    "DxgkCbMapFrameBufferPointer" map_frame_buffer_pointer(IN_CONST_HANDLE, INOUT_PDXGKARGCB_MAPFRAMEBUFFERPOINTER) -> NTSTATUS;
    "DxgkCbUnmapFrameBufferPointer" unmap_frame_buffer_pointer(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_UNMAPFRAMEBUFFERPOINTER) -> NTSTATUS;
    "DxgkCbMapMdlToIoMmu" map_mdl_to_io_mmu(IN_CONST_HANDLE, INOUT_PDXGKARGCB_MAPMDLTOIOMMU) -> NTSTATUS;
    "DxgkCbUnmapMdlFromIoMmu" unmap_mdl_from_io_mmu(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_UNMAPMDLFROMIOMMU);
    "DxgkCbReportDiagnostic" report_diagnostic(HANDLE, IN_PDXGK_DIAGNOSTIC_HEADER) -> NTSTATUS;
    "DxgkCbSignalEvent" signal_event(IN_CONST_PDXGKARGCB_SIGNALEVENT) -> NTSTATUS;
    "DxgkCbIsFeatureEnabled" is_feature_enabled(INOUT_PDXGKARGCB_ISFEATUREENABLED) -> NTSTATUS;
    "DxgkCbSaveMemoryForHotUpdate" save_memory_for_hot_update(IN_CONST_HANDLE, IN_CONST_PDXGKARGCB_SAVEMEMORYFORHOTUPDATE) -> NTSTATUS;
    "DxgkCbNotifyCursorSupportChange" notify_cursor_support_change(IN_CONST_PDXGKARGCB_NOTIFYCURSORSUPPORTCHANGE) -> NTSTATUS;
    "DxgkCbQueryFeatureSupport" query_feature_support(INOUT_PDXGKARGCB_QUERYFEATURESUPPORT) -> NTSTATUS;
    "DxgkCbCreatePhysicalMemoryObject" create_physical_memory_object(IN_OUT_PDXGKARGCB_CREATE_PHYSICAL_MEMORY_OBJECT) -> NTSTATUS;
    "DxgkCbDestroyPhysicalMemoryObject" destroy_physical_memory_object(IN_CONST_PDXGKARGCB_DESTROY_PHYSICAL_MEMORY_OBJECT);
    "DxgkCbMapPhysicalMemory" map_physical_memory(IN_OUT_PDXGKARGCB_MAP_PHYSICAL_MEMORY) -> NTSTATUS;
    "DxgkCbUnmapPhysicalMemory" unmap_physical_memory(IN_CONST_PDXGKARGCB_UNMAP_PHYSICAL_MEMORY);
    "DxgkCbAllocateAdl" allocate_adl(IN_OUT_PDXGKARGCB_ALLOCATE_ADL) -> NTSTATUS;
    "DxgkCbFreeAdl" free_adl(IN_CONST_PDXGKARGCB_FREE_ADL);
    "DxgkCbOpenPhysicalMemoryObject" open_physical_memory_object(IN_OUT_PDXGKARGCB_OPEN_PHYSICAL_MEMORY_OBJECT) -> NTSTATUS;
    "DxgkCbClosePhysicalMemoryObject" close_physical_memory_object(IN_CONST_PDXGKARGCB_CLOSE_PHYSICAL_MEMORY_OBJECT);
    "DxgkCbPinFrameBufferForSave2" pin_frame_buffer_for_save2(IN_CONST_HANDLE, INOUT_PDXGKARGCB_PINFRAMEBUFFERFORSAVE2) -> NTSTATUS;
    "DxgkCbDisconnectDoorbell" disconnect_doorbell(INOUT_PDXGKARGCB_DISCONNECTDOORBELL) -> NTSTATUS;
}
