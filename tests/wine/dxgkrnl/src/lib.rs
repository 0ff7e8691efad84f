//! dxgkrnl, played under Wine: a device that hands out the functions by which a miniport registers ([`registration`]),
//! a function driver for its adapters ([`device`]), and the port behind both.
//!
//! Wine's PnP manager decides when adapters come, start and go; what dxgkrnl then calls in the driver is the port's, as
//! in the other hosts. The machine under the port is the shim and the test bus ([`host`]).
#![no_std]

extern crate alloc;

mod device;
mod host;
mod job;
mod registration;
mod screen;

use nt::control::{self, Control};
use nt::irp::{self, major};
use nt::protocol::{Answer, dxgkrnl as questions};
use nt::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use nt::{DEVICE_OBJECT, DEVICE_VIDEO, DRIVER_OBJECT, IRP, NTSTATUS, UNICODE_STRING, shim};
use spin::Mutex;
use vmdisp_wine_nt as nt;

static CONTROL: Mutex<Option<Control>> = Mutex::new(None);

/// Called when the driver under test has it loaded.
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
    let made = unsafe { Control::new(driver, DEVICE_VIDEO, "DxgKrnl", questions::DEVICE) };
    match made {
        Ok(control) => {
            shim::publish(Some(control.device));
            *CONTROL.lock() = Some(control);
        }
        Err(status) => return status,
    }
    // SAFETY: the object is this driver's.
    let object = unsafe { &mut *driver };
    object.MajorFunction[major::CREATE] = Some(control::succeed);
    object.MajorFunction[major::CLOSE] = Some(control::succeed);
    object.MajorFunction[major::CLEANUP] = Some(control::succeed);
    object.MajorFunction[major::DEVICE_CONTROL] = Some(device_control);
    object.MajorFunction[major::INTERNAL_DEVICE_CONTROL] = Some(internal_device_control);
    object.DriverUnload = Some(unload);
    STATUS_SUCCESS
}

/// A driver asks for a function.
///
/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn internal_device_control(
    _device: *const DEVICE_OBJECT,
    irp: *mut IRP,
) -> NTSTATUS {
    // SAFETY: the I/O manager gives the request to this driver.
    let control = unsafe { irp::device_control(irp) };
    let function = registration::function(control.code as u32);
    let fits = control.output_bytes as usize == size_of::<usize>();
    let Some(function) = function.filter(|_| fits) else {
        // SAFETY: as above.
        return unsafe { irp::complete(irp, nt::status::STATUS_INVALID_DEVICE_REQUEST, 0) };
    };
    // The code's method is METHOD_NEITHER: the buffer is the caller's own.
    // SAFETY: as above.
    let to = unsafe { (*irp).UserBuffer };
    // SAFETY: it has room for an address.
    unsafe { to.cast::<usize>().write(function) };
    // SAFETY: as above.
    unsafe { irp::complete(irp, STATUS_SUCCESS, size_of::<usize>()) }
}

/// The workbench asks.
///
/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn device_control(_device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    // SAFETY: the I/O manager gives the request to this driver.
    unsafe { control::answer(irp, answer) }
}

fn answer(number: u32, argument: u64) -> Answer {
    match number {
        questions::STATE => control::success(registration::state()),
        questions::MAIN_JOB => control::status(job::main_job(argument)),
        questions::DISPLAY_ONLY => control::status(job::display_only(argument)),
        questions::REFUSE_NEXT => {
            registration::refuse_next();
            control::status(STATUS_SUCCESS)
        }
        _ => control::status(STATUS_NOT_SUPPORTED),
    }
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn unload(_driver: *const DRIVER_OBJECT) {
    shim::publish(None);
    if let Some(control) = CONTROL.lock().take() {
        // SAFETY: the driver is being unloaded.
        unsafe { control.delete() };
    }
}
