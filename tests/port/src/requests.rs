//! The smaller calls to an adapter: events, requests, interfaces, logging, reset.

use alloc::format;
use alloc::string::String;
use core::ptr;

use dxgk_sys::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DEVICE_POWER_STATE, DXGK_EVENT_TYPE, GUID, INTERFACE, POWER_ACTION, PVOID, QUERY_INTERFACE,
    ULONG,
};

use crate::adapter::Adapter;
use crate::ddi::{Ddi, is_error};
use crate::lifecycle::done;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

/// `VIDEO_REQUEST_PACKET` of video.h.
#[repr(C)]
struct VideoRequestPacket {
    io_control_code: ULONG,
    status_block: *mut StatusBlock,
    input_buffer: PVOID,
    input_buffer_length: ULONG,
    output_buffer: PVOID,
    output_buffer_length: ULONG,
}

/// `STATUS_BLOCK` of video.h.
#[repr(C)]
struct StatusBlock {
    status: i32,
    information: usize,
}

impl Adapter {
    /// NotifyAcpiEvent without an argument; returns the requests that the driver makes of the system.
    ///
    /// # Errors
    /// The driver's.
    pub fn notify_acpi_event(&self, kind: DXGK_EVENT_TYPE, event: u32) -> Result<u32, Status> {
        let adapter = &*self.0;
        let notify = adapter.registration.table.DxgkDdiNotifyAcpiEvent;
        let notify = notify.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut flags = 0;
        let arguments = || format!("type {}, event {event:#x}", kind.0);
        let status = adapter.call(Ddi::NotifyAcpiEvent, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe {
                notify(
                    adapter.context(),
                    kind,
                    event,
                    ptr::null_mut(),
                    &raw mut flags,
                )
            }
        });
        done(status).map(|()| flags)
    }

    /// DispatchIoRequest without buffers. The port sends only codes that no driver knows, so success is a
    /// violation of L9.
    pub fn dispatch_io_request(&self, code: u32) -> Status {
        let adapter = &*self.0;
        let Some(dispatch) = adapter.registration.table.DxgkDdiDispatchIoRequest else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        let mut block = StatusBlock {
            status: 0,
            information: 0,
        };
        let mut packet = VideoRequestPacket {
            io_control_code: code,
            status_block: &raw mut block,
            input_buffer: ptr::null_mut(),
            input_buffer_length: 0,
            output_buffer: ptr::null_mut(),
            output_buffer_length: 0,
        };
        let arguments = || format!("code {code:#x}");
        let status = adapter.call(Ddi::DispatchIoRequest, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { dispatch(adapter.context(), 0, (&raw mut packet).cast()) }
        });
        adapter.check(Rule::L9, "DispatchIoRequest", is_error(status), || {
            format!("code {code:#x}, which nobody knows, gave {status:#010x}")
        });
        status
    }

    /// QueryInterface for a table of `size` bytes. The port asks only for interfaces that no driver knows, so
    /// anything but `STATUS_NOT_SUPPORTED` is a violation of L9.
    pub fn query_interface(&self, kind: &GUID, size: u16, version: u16) -> Status {
        let adapter = &*self.0;
        let Some(query) = adapter.registration.table.DxgkDdiQueryInterface else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        let words = usize::from(size).max(size_of::<INTERFACE>()).div_ceil(8);
        let mut table = alloc::vec![0u64; words];
        let mut request = QUERY_INTERFACE::ZERO;
        request.InterfaceType = kind;
        request.Size = size;
        request.Version = version;
        request.Interface = table.as_mut_ptr().cast();
        let status = adapter.call(Ddi::QueryInterface, String::new, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { query(adapter.context(), (&raw mut request).cast()) }
        });
        adapter.check(
            Rule::L9,
            "QueryInterface",
            status == STATUS_NOT_SUPPORTED,
            || format!("an interface that nobody knows gave {status:#010x}"),
        );
        status
    }

    /// ControlEtwLogging, which is for the whole driver.
    pub fn control_etw_logging(&self, enable: bool, flags: u32, level: u8) {
        let adapter = &*self.0;
        let Some(control) = adapter.registration.table.DxgkDdiControlEtwLogging else {
            return;
        };
        let arguments = || format!("{enable}, {flags:#x}, {level}");
        adapter.call(Ddi::ControlEtwLogging, arguments, |_| {
            // SAFETY: the driver's own function, at its IRQL.
            unsafe { control(u8::from(enable), flags, level) };
            STATUS_SUCCESS
        });
    }

    /// ResetDevice as at a bugcheck: at HIGH_LEVEL, with no callback to be called.
    pub fn reset_device(&self) {
        let adapter = &*self.0;
        let Some(reset) = adapter.registration.table.DxgkDdiResetDevice else {
            return;
        };
        adapter.without_services("ResetDevice", || {
            adapter.call(Ddi::ResetDevice, String::new, |_| {
                // SAFETY: the driver's own function and context.
                unsafe { reset(adapter.context()) };
                STATUS_SUCCESS
            })
        });
    }

    /// Everything in this module once, with arguments that no driver knows, and ResetDevice last.
    pub fn exercise_requests(&self) {
        let unknown = dxgk_sys::guid(0x5b3c_0d5e_91f2_4c7a_8e6d_0000_4d59_5354);
        self.query_interface(&unknown, 64, 1);
        self.dispatch_io_request(u32::from_ne_bytes([Pattern::BOTH[0].0; 4]));
        self.control_etw_logging(true, 0, 5);
        self.control_etw_logging(false, 0, 0);
        let _ = self.notify_acpi_event(DXGK_EVENT_TYPE::DxgkPowerStateEvent, 0);
        let (none, sleep) = (
            POWER_ACTION::PowerActionNone,
            POWER_ACTION::PowerActionSleep,
        );
        let _ = self.set_power(DEVICE_POWER_STATE::PowerDeviceD3, sleep);
        let _ = self.set_power(DEVICE_POWER_STATE::PowerDeviceD0, none);
        self.reset_device();
    }
}
