//! Power, removal, ACPI, and requests that this driver has no answer to
//! (contract: L6 to L9).

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DEVICE_POWER_STATE, DXGK_EVENT_TYPE, DXGK_SURPRISE_REMOVAL_TYPE, POWER_ACTION, QUERY_INTERFACE,
    ULONG, VIDEO_REQUEST_PACKET,
};

use super::handles;
use super::recorded::callbacks;
use crate::kernel::irql::Passive;
use crate::kernel::note;

/// `DISPLAY_ADAPTER_HW_ID` of video.h: the adapter itself, and none of its children.
const DISPLAY_ADAPTER_HW_ID: ULONG = ULONG::MAX;

callbacks! {
    /// `DxgkDdiSetPowerState`: never fails (contract: L6). `PASSIVE_LEVEL`.
    ///
    /// A virtual adapter draws no less in another state. What a sleep takes from the screen is set
    /// again: the mode, after hibernation, and the source's visibility, which is Windows' to set.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"SetPowerState")]
    pub unsafe fn set_power_state(
        context: *mut c_void,
        device: ULONG,
        state: DEVICE_POWER_STATE,
        reason: POWER_ACTION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        note(c"SetPowerState", c"state", state.0.cast_unsigned().into());
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return STATUS_SUCCESS;
        };
        let on = state == DEVICE_POWER_STATE::PowerDeviceD0;
        match device {
            DISPLAY_ADAPTER_HW_ID if on => adapter.wake(irql),
            DISPLAY_ADAPTER_HW_ID => {
                adapter.sleep(reason == POWER_ACTION::PowerActionHibernate, irql);
            }
            child => adapter.screen.set_monitor_power(child, on, irql),
        }
        STATUS_SUCCESS
    }

    /// `DxgkDdiNotifySurpriseRemoval`: from here on no hardware is touched (contract: L8).
    /// `PASSIVE_LEVEL`, while other DDIs run.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"NotifySurpriseRemoval")]
    pub unsafe fn notify_surprise_removal(
        context: *mut c_void,
        _kind: DXGK_SURPRISE_REMOVAL_TYPE,
    ) -> i32 {
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return STATUS_INVALID_PARAMETER;
        };
        // SAFETY: the DDI's documented level.
        adapter.surprise_removed(unsafe { Passive::assume() });
        STATUS_SUCCESS
    }

    /// `DxgkDdiNotifyAcpiEvent`: a virtual adapter has no keys, lid or dock, so no event asks for a
    /// change of the display. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `flags` is NULL or good for one write.
    #[traced(c"NotifyAcpiEvent")]
    pub unsafe fn notify_acpi_event(
        _context: *mut c_void,
        kind: DXGK_EVENT_TYPE,
        event: ULONG,
        _argument: *mut c_void,
        flags: *mut ULONG,
    ) -> i32 {
        let event = u64::from(kind.0.cast_unsigned()) << 32 | u64::from(event);
        note(c"NotifyAcpiEvent", c"type and event", event);
        if !flags.is_null() {
            // SAFETY: checked for NULL; dxgkrnl's own variable.
            unsafe { flags.write(0) };
        }
        STATUS_SUCCESS
    }

    /// `DxgkDdiDispatchIoRequest`: no I/O control code is implemented (contract: L9).
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `packet` is NULL or a request.
    #[traced(c"DispatchIoRequest")]
    pub unsafe fn dispatch_io_request(
        _context: *mut c_void,
        _source: ULONG,
        _packet: *mut VIDEO_REQUEST_PACKET,
    ) -> i32 {
        STATUS_NOT_SUPPORTED
    }

    /// `DxgkDdiQueryInterface`: no interface is implemented, and the page's status for that makes
    /// Windows ask the next driver (contract: L9). `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `query` is NULL or a query.
    #[traced(c"QueryInterface")]
    pub unsafe fn query_interface(_context: *mut c_void, _query: *mut QUERY_INTERFACE) -> i32 {
        STATUS_NOT_SUPPORTED
    }
}
