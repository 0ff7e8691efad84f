//! The part of ntoskrnl that Wine lacks or fakes, played for the driver under test.
//!
//! Wine 8 has no IRQLs, runs no DPC, lacks `ExAllocatePool2`, timers and push locks, and its
//! `IoGetDeviceObjectPointer` and reserved mappings are stubs. This driver is started first. When Wine has mapped
//! `vmdisp.sys` and bound its imports, and before DriverEntry, it binds those that are named in [`bind`] to its own
//! services; the file is not changed. A service checks what its page demands of the caller, and the first thing that is
//! wrong ends the process of the drivers with a report ([`fault`]).
//!
//! **What is played here is no evidence about Wine**, and less about Windows: it is there so that the driver can run at
//! all, and so that a leak, a double free or a wait at DISPATCH_LEVEL is seen.
#![no_std]

extern crate alloc;

mod api;
mod bind;
mod debug;
mod deferred;
mod fault;
mod handles;
mod images;
mod linux;
mod lock;
mod ntdll;
mod pages;
mod pool;
mod registration;
mod report;
mod saboteur;
mod system;
mod threads;
mod unwind;
mod user;
mod wait;

use nt::control::{self, Control};
use nt::irp::major;
use nt::protocol::{Answer, shim as questions};
use nt::status::{STATUS_NOT_FOUND, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use nt::{DEVICE_OBJECT, DEVICE_UNKNOWN, DRIVER_OBJECT, IRP, NTSTATUS, UNICODE_STRING};
use spin::Mutex;
use vmdisp_wine_nt as nt;

static CONTROL: Mutex<Option<Control>> = Mutex::new(None);

/// Called when the service is started.
///
/// # Safety
///
/// The I/O manager's.
// SAFETY: no other symbol of the image has this name.
#[unsafe(export_name = "DriverEntry")]
unsafe extern "system" fn driver_entry(
    driver: *mut DRIVER_OBJECT,
    _path: *const UNICODE_STRING,
) -> NTSTATUS {
    // SAFETY: the I/O manager's object, and its level.
    let made = unsafe { Control::new(driver, DEVICE_UNKNOWN, "VmdispShim", questions::DEVICE) };
    let control = match made {
        Ok(control) => control,
        Err(status) => return status,
    };
    *CONTROL.lock() = Some(control);
    // SAFETY: the object is this driver's.
    let object = unsafe { &mut *driver };
    object.MajorFunction[major::CREATE] = Some(control::succeed);
    object.MajorFunction[major::CLOSE] = Some(control::succeed);
    object.MajorFunction[major::CLEANUP] = Some(control::succeed);
    object.MajorFunction[major::DEVICE_CONTROL] = Some(device_control);
    object.DriverUnload = Some(unload);
    report::open();
    images::know_own();
    if !fault::watch() {
        return STATUS_NOT_FOUND;
    }
    deferred::start();
    bind::watch();
    STATUS_SUCCESS
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn device_control(_device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    // SAFETY: the I/O manager gives the request to this driver.
    unsafe { control::answer(irp, answer) }
}

fn answer(number: u32, argument: u64) -> Answer {
    match number {
        questions::HANDSHAKE => registration::handshake(argument as u32),
        questions::UNLOAD => match questions::DRIVERS.get(argument as usize) {
            Some(service) => control::status(registration::unload(service)),
            None => control::status(STATUS_NOT_FOUND),
        },
        questions::LEFT => {
            api::report_left();
            control::status(STATUS_SUCCESS)
        }
        _ => control::status(STATUS_NOT_SUPPORTED),
    }
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn unload(_driver: *const DRIVER_OBJECT) {
    bind::stop_watching();
    deferred::stop();
    fault::stop_watching();
    if let Some(control) = CONTROL.lock().take() {
        // SAFETY: the driver is being unloaded.
        unsafe { control.delete() };
    }
    report::close();
}
