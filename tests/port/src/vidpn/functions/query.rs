//! DxgkCbQueryVidPnInterface and DxgkCbQueryMonitorInterface.

use alloc::format;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDPN, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS,
};
use dxgk_sys::{
    D3DKMDT_HVIDPN, DXGK_MONITOR_INTERFACE, DXGK_MONITOR_INTERFACE_VERSION as MonitorVersion,
    DXGK_VIDPN_INTERFACE, DXGK_VIDPN_INTERFACE_VERSION as VidPnVersion, HANDLE, NTSTATUS, ddi_fn,
};

use crate::callbacks::Callback;
use crate::vidpn::entry::{Out, enter};
use crate::vidpn::functions::tables::{MONITOR, MONITOR_V2, VIDPN};
use crate::vidpn::handle::Kind;

ddi_fn! {
    pub(crate) unsafe fn query_vid_pn_interface(
        handle: D3DKMDT_HVIDPN,
        version: VidPnVersion,
        out: *mut *const DXGK_VIDPN_INTERFACE,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        let name = "DxgkCbQueryVidPnInterface";
        enter(name, (handle, Kind::VidPn), STATUS_GRAPHICS_INVALID_VIDPN, |entered| {
            let Some(out) = out else { return entered.null() };
            if version != VidPnVersion::DXGK_VIDPN_INTERFACE_VERSION_V1 {
                return entered.misuse(STATUS_NOT_SUPPORTED, || {
                    format!("VidPnInterfaceVersion is {}, must be 1", version.0)
                });
            }
            out.set(&raw const VIDPN);
            STATUS_SUCCESS
        })
    }

    /// The adapter's handle is that of `DXGKRNL_INTERFACE`, as the interface's own functions say. No page lists
    /// the statuses of a version that does not exist; it is the one of the other interface.
    pub(crate) unsafe fn query_monitor_interface(
        handle: HANDLE,
        version: MonitorVersion,
        out: *mut *const DXGK_MONITOR_INTERFACE,
    ) -> NTSTATUS {
        let Some(_adapter) = Callback::QueryMonitorInterface.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        // SAFETY: the driver's variable.
        let Some(out) = (unsafe { Out::new(out) }) else {
            return STATUS_INVALID_PARAMETER;
        };
        match version {
            MonitorVersion::DXGK_MONITOR_INTERFACE_VERSION_V1 => out.set(&raw const MONITOR),
            // The second version begins as the first.
            MonitorVersion::DXGK_MONITOR_INTERFACE_VERSION_V2 => {
                out.set((&raw const MONITOR_V2).cast());
            }
            _ => return STATUS_NOT_SUPPORTED,
        }
        STATUS_SUCCESS
    }
}
