//! What the Wine host's drivers have in common: their memory, requests, the device that the workbench asks, and the
//! interfaces between them.
//!
//! Windows' records and functions are windows-sys's. Functions of ntoskrnl that it lacks, or takes from ntdll where
//! a driver has to take them from ntoskrnl, are declared where they are used.
#![no_std]

extern crate alloc;

pub mod bus;
pub mod control;
pub mod irp;
pub mod memory;
pub mod ntoskrnl;
pub mod shim;
pub mod text;

pub use vmdisp_wine_protocol as protocol;
pub use windows_sys;
pub use windows_sys::Wdk::Foundation::{
    DEVICE_OBJECT, DRIVER_OBJECT, FILE_OBJECT, IO_STACK_LOCATION, IRP, KEVENT, OBJECT_ATTRIBUTES,
};
pub use windows_sys::Win32::Foundation::{NTSTATUS, UNICODE_STRING};

/// Statuses that the drivers use.
pub mod status {
    pub use windows_sys::Win32::Foundation::{
        STATUS_BUFFER_TOO_SMALL, STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_DEVICE_REQUEST,
        STATUS_INVALID_PARAMETER, STATUS_MORE_PROCESSING_REQUIRED, STATUS_NO_SUCH_DEVICE,
        STATUS_NOT_FOUND, STATUS_NOT_SUPPORTED, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PENDING,
        STATUS_SUCCESS, STATUS_TIMEOUT, STATUS_UNSUCCESSFUL,
    };
}

/// `FILE_DEVICE_UNKNOWN`.
pub const DEVICE_UNKNOWN: u32 = 0x22;
/// `FILE_DEVICE_VIDEO`.
pub const DEVICE_VIDEO: u32 = 0x23;
/// `DO_DEVICE_INITIALIZING`.
pub const INITIALIZING: u32 = 0x80;

/// A routine that gets a driver's requests.
pub type Dispatch = unsafe extern "system" fn(*const DEVICE_OBJECT, *mut IRP) -> NTSTATUS;
