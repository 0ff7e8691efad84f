//! How a display miniport finds dxgkrnl.
//!
//! A miniport is no client of dxgkrnl's exports. It calls DxgkInitialize or
//! DxgkInitializeDisplayOnlyDriver of the WDK's static library displib.lib, which loads dxgkrnl, asks its device for the address of the real function, and calls
//! that. Where the kit has the library (`cfg(displib)`) it is linked; elsewhere this module takes the
//! same steps (contract: F2).

use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, KMDDOD_INITIALIZATION_DATA, NTSTATUS, PDRIVER_OBJECT,
    PUNICODE_STRING,
};

use crate::kernel::irql::Passive;

/// A table of callbacks, by which dxgkrnl knows what kind of driver registers.
pub trait Table: Sized {
    /// The control code that dxgkrnl's device answers with the function that takes such a table:
    /// device type video (0x23), METHOD_NEITHER (contract: F3).
    const REGISTER: u32;

    /// Displib's function for it.
    #[cfg(displib)]
    const DISPLIB: Register<Self>;
}

/// A function that takes a table of callbacks: displib's, or the one that it ends in.
#[cfg(displib)]
pub type Register<T> =
    dxgk_sys::ddi!(fn(d: PDRIVER_OBJECT, p: PUNICODE_STRING, t: *mut T) -> NTSTATUS);

/// Full WDDM: `DxgkInitialize`.
impl Table for DRIVER_INITIALIZATION_DATA {
    const REGISTER: u32 = 0x0023_0047;

    #[cfg(displib)]
    const DISPLIB: Register<Self> = dxgk_sys::functions::DxgkInitialize;
}

/// Display-only: `DxgkInitializeDisplayOnlyDriver`.
impl Table for KMDDOD_INITIALIZATION_DATA {
    const REGISTER: u32 = 0x0023_0043;

    #[cfg(displib)]
    const DISPLIB: Register<Self> = dxgk_sys::functions::DxgkInitializeDisplayOnlyDriver;
}

/// Registers the driver with dxgkrnl as the kind that has this table, with the callbacks in `data`.
///
/// # Errors
///
/// Any status: DriverEntry returns it as it is (contract: G1).
///
/// # Safety
///
/// `driver` and `registry_path` are those that DriverEntry was called with, and it is still running.
pub unsafe fn initialize<T: Table>(
    driver: PDRIVER_OBJECT,
    registry_path: PUNICODE_STRING,
    data: &mut T,
    irql: Passive,
) -> NTSTATUS {
    // SAFETY: the caller's promise.
    unsafe { back::initialize(driver, registry_path, data, irql) }
}

#[cfg(displib)]
mod back {
    use super::{NTSTATUS, PDRIVER_OBJECT, PUNICODE_STRING, Passive, Table};

    /// # Safety
    ///
    /// As for [`super::initialize`]; `data` is valid.
    pub unsafe fn initialize<T: Table>(
        driver: PDRIVER_OBJECT,
        registry_path: PUNICODE_STRING,
        data: *mut T,
        _irql: Passive,
    ) -> NTSTATUS {
        // SAFETY: DriverEntry's arguments, at PASSIVE_LEVEL as the token shows.
        unsafe { T::DISPLIB(driver, registry_path, data) }
    }
}

#[cfg(not(displib))]
mod back {
    use core::ffi::{CStr, c_void};
    use core::ptr;

    use wdk_sys::_EVENT_TYPE::NotificationEvent;
    use wdk_sys::_KWAIT_REASON::Executive;
    use wdk_sys::ntddk::{
        IoBuildDeviceIoControlRequest, IoGetDeviceObjectPointer, IofCallDriver, KeInitializeEvent,
        KeWaitForSingleObject, ObfDereferenceObject, ZwLoadDriver, ZwUnloadDriver,
    };
    use wdk_sys::{
        FILE_READ_DATA, IO_STATUS_BLOCK, KEVENT, NT_SUCCESS, PDEVICE_OBJECT, PFILE_OBJECT,
        STATUS_IMAGE_ALREADY_LOADED, STATUS_INSUFFICIENT_RESOURCES, STATUS_PENDING,
        STATUS_UNSUCCESSFUL, UNICODE_STRING,
    };

    use super::{NTSTATUS, PDRIVER_OBJECT, PUNICODE_STRING, Passive, Table};
    use crate::kernel::complain;
    use crate::kernel::string::{unicode_string, utf16};

    const SERVICE: [u16; 59] =
        utf16(br"\Registry\Machine\System\CurrentControlSet\Services\DXGKrnl");
    const DEVICE: [u16; 15] = utf16(br"\Device\DxgKrnl");

    /// The function that the device answers with.
    type DpiInitialize<T> =
        unsafe extern "system" fn(PDRIVER_OBJECT, PUNICODE_STRING, *mut T) -> NTSTATUS;

    /// # Safety
    ///
    /// As for [`super::initialize`]; `data` is valid.
    pub unsafe fn initialize<T: Table>(
        driver: PDRIVER_OBJECT,
        registry_path: PUNICODE_STRING,
        data: *mut T,
        irql: Passive,
    ) -> NTSTATUS {
        let registered = Loaded::load(irql).and_then(|loaded| {
            let device = Device::open(irql)?;
            let dpi_initialize = device.dpi_initialize::<T>(irql)?;
            drop(device);
            // SAFETY: the function is dxgkrnl's, and these are DriverEntry's arguments.
            let status = unsafe { dpi_initialize(driver, registry_path, data) };
            if NT_SUCCESS(status) {
                loaded.keep();
            } else {
                complain_of(c"DpiInitialize", status);
            }
            Ok(status)
        });
        registered.unwrap_or_else(|status| status)
    }

    /// Says which step failed.
    fn complain_of(step: &'static CStr, status: NTSTATUS) {
        let status = u64::from(status.cast_unsigned());
        complain(
            c"DxgkInitialize",
            step,
            status,
            c"dxgkrnl cannot be reached",
        );
    }

    /// A constant's text. It always fits.
    fn name(text: &[u16]) -> Result<UNICODE_STRING, NTSTATUS> {
        unicode_string(text).ok_or(STATUS_UNSUCCESSFUL)
    }

    /// Dxgkrnl, loaded. Dropping it undoes that, if this was who loaded it.
    struct Loaded {
        by_us: bool,
    }

    impl Loaded {
        fn load(_irql: Passive) -> Result<Self, NTSTATUS> {
            let mut service = name(&SERVICE)?;
            // SAFETY: the token shows PASSIVE_LEVEL, and the name outlives the call.
            let status = unsafe { ZwLoadDriver(&raw mut service) };
            if NT_SUCCESS(status) {
                return Ok(Self { by_us: true });
            }
            if status == STATUS_IMAGE_ALREADY_LOADED {
                return Ok(Self { by_us: false });
            }
            complain_of(c"ZwLoadDriver", status);
            Err(status)
        }

        /// Leaves it loaded.
        fn keep(mut self) {
            self.by_us = false;
        }
    }

    impl Drop for Loaded {
        fn drop(&mut self) {
            if self.by_us
                && let Ok(mut service) = name(&SERVICE)
            {
                // SAFETY: this runs in DriverEntry, at PASSIVE_LEVEL.
                let _ = unsafe { ZwUnloadDriver(&raw mut service) };
            }
        }
    }

    /// Dxgkrnl's device, held by the file object that opening it made.
    struct Device {
        device: PDEVICE_OBJECT,
        file: PFILE_OBJECT,
    }

    impl Device {
        fn open(_irql: Passive) -> Result<Self, NTSTATUS> {
            let mut name = name(&DEVICE)?;
            let mut opened = Self {
                device: ptr::null_mut(),
                file: ptr::null_mut(),
            };
            // SAFETY: the token shows PASSIVE_LEVEL, and the pointers outlive the call.
            let status = unsafe {
                IoGetDeviceObjectPointer(
                    &raw mut name,
                    FILE_READ_DATA,
                    &raw mut opened.file,
                    &raw mut opened.device,
                )
            };
            if NT_SUCCESS(status) {
                return Ok(opened);
            }
            complain_of(c"IoGetDeviceObjectPointer", status);
            opened.file = ptr::null_mut();
            Err(status)
        }

        /// Asks for the function that registers a miniport with such a table.
        fn dpi_initialize<T: Table>(&self, _irql: Passive) -> Result<DpiInitialize<T>, NTSTATUS> {
            const { assert!(size_of::<Option<DpiInitialize<T>>>() == ANSWER_BYTES as usize) };
            let mut answer: Option<DpiInitialize<T>> = None;
            let mut done = KEVENT::default();
            let mut outcome = IO_STATUS_BLOCK::default();
            // SAFETY: the event is this call's alone.
            unsafe { KeInitializeEvent(&raw mut done, NotificationEvent, 0) };
            // SAFETY: what the request points at lives until it is complete, which is waited for
            // below; the token shows PASSIVE_LEVEL.
            let request = unsafe {
                IoBuildDeviceIoControlRequest(
                    T::REGISTER,
                    self.device,
                    ptr::null_mut(),
                    0,
                    (&raw mut answer).cast::<c_void>(),
                    ANSWER_BYTES,
                    1, // an internal request: user mode cannot make it
                    &raw mut done,
                    &raw mut outcome,
                )
            };
            if request.is_null() {
                complain_of(
                    c"IoBuildDeviceIoControlRequest",
                    STATUS_INSUFFICIENT_RESOURCES,
                );
                return Err(STATUS_INSUFFICIENT_RESOURCES);
            }
            // SAFETY: the request is new and was made for this device.
            let mut status = unsafe { IofCallDriver(self.device, request) };
            if status == STATUS_PENDING {
                let event = (&raw mut done).cast();
                // SAFETY: the event is initialised, and the token shows PASSIVE_LEVEL.
                let _ = unsafe { KeWaitForSingleObject(event, Executive, 0, 0, ptr::null_mut()) };
                // SAFETY: the request is complete, so its status is what the union holds.
                status = unsafe { outcome.__bindgen_anon_1.Status };
            }
            let answer = if NT_SUCCESS(status) {
                answer.ok_or(STATUS_UNSUCCESSFUL)
            } else {
                Err(status)
            };
            answer.inspect_err(|status| complain_of(c"dxgkrnl's IOCTL", *status))
        }
    }

    impl Drop for Device {
        fn drop(&mut self) {
            if !self.file.is_null() {
                // SAFETY: opening it took this reference.
                unsafe { ObfDereferenceObject(self.file.cast()) };
            }
        }
    }

    /// A function's address.
    const ANSWER_BYTES: u32 = 8;
}
