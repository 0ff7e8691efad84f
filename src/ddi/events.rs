//! Power, removal, ACPI, reset, and requests that this driver has no answer to
//! (contract: L6 to L9).

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DEVICE_POWER_STATE, DXGK_EVENT_TYPE, DXGK_SURPRISE_REMOVAL_TYPE, POWER_ACTION, QUERY_INTERFACE,
    ULONG, VIDEO_REQUEST_PACKET, ddi_fn,
};

use super::handles;
use crate::kernel::note;

ddi_fn! {
    /// `DxgkDdiSetPowerState`: never fails (contract: L6). `PASSIVE_LEVEL`.
    ///
    /// A virtual adapter draws no less in another state, and there is no mode yet that would have to
    /// be set again on the way back: the debugger is told, and that is all.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    pub unsafe fn set_power_state(
        _context: *mut c_void,
        _device: ULONG,
        state: DEVICE_POWER_STATE,
        _reason: POWER_ACTION,
    ) -> i32 {
        note(c"SetPowerState", c"state", state.0.cast_unsigned().into());
        STATUS_SUCCESS
    }

    /// `DxgkDdiNotifySurpriseRemoval`: from here on no hardware is touched (contract: L8).
    /// `PASSIVE_LEVEL`, while other DDIs run.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    pub unsafe fn notify_surprise_removal(
        context: *mut c_void,
        _kind: DXGK_SURPRISE_REMOVAL_TYPE,
    ) -> i32 {
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return STATUS_INVALID_PARAMETER;
        };
        adapter.surprise_removed();
        STATUS_SUCCESS
    }

    /// `DxgkDdiResetDevice`: VGA character mode, by one register write (contract: L7). Any IRQL.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl or the HAL, at a bugcheck or hibernation.
    pub unsafe fn reset_device(context: *mut c_void) {
        // SAFETY: used in this call only.
        if let Some(adapter) = unsafe { handles::adapter(context) } {
            adapter.reset();
        }
    }

    /// `DxgkDdiNotifyAcpiEvent`: a virtual adapter has no keys, lid or dock, so no event asks for a
    /// change of the display. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `flags` is NULL or good for one write.
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
    pub unsafe fn query_interface(_context: *mut c_void, _query: *mut QUERY_INTERFACE) -> i32 {
        STATUS_NOT_SUPPORTED
    }
}
