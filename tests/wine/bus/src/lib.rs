//! A bus for Wine's Plug and Play: its slots hold display adapters that are like QEMU's `bochs-display`.
//!
//! The workbench plugs and pulls them. An adapter is a device of this bus with the ids of the real one, and memory
//! behind its two ranges ([`adapter`]). Nothing of a PCI bus is simulated beyond what a display driver and dxgkrnl ask.
#![no_std]

extern crate alloc;

mod adapter;
mod child;
// The in-process host gives its adapters the same monitor.
#[path = "../../../in-process/src/vga/edid.rs"]
mod edid;
mod parent;

use nt::control::{self, Control};
use nt::irp::{self, major};
use nt::protocol::{Answer, bus as questions};
use nt::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
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
    let made = unsafe { Control::new(driver, DEVICE_UNKNOWN, "VmdispBus", questions::DEVICE) };
    match made {
        Ok(control) => *CONTROL.lock() = Some(control),
        Err(status) => return status,
    }
    child::set_driver(driver);
    // SAFETY: the object is this driver's.
    let object = unsafe { &mut *driver };
    object.MajorFunction[major::CREATE] = Some(control::succeed);
    object.MajorFunction[major::CLOSE] = Some(control::succeed);
    object.MajorFunction[major::CLEANUP] = Some(control::succeed);
    object.MajorFunction[major::DEVICE_CONTROL] = Some(device_control);
    object.MajorFunction[major::PNP] = Some(pnp);
    object.MajorFunction[major::POWER] = Some(power);
    object.DriverUnload = Some(unload);
    // SAFETY: the extension is this driver's.
    unsafe { (*object.DriverExtension).AddDevice = Some(parent::add_device) };
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
    let changed = match number {
        questions::PLUG => child::plug(argument),
        questions::UNPLUG => child::unplug(argument),
        _ => return control::status(STATUS_NOT_SUPPORTED),
    };
    if changed == STATUS_SUCCESS {
        parent::changed();
    }
    control::status(changed)
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn pnp(device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    if let Some(slot) = child::slot_of(device) {
        // SAFETY: the request is for this driver's device.
        return unsafe { child::pnp(slot, irp) };
    }
    if parent::is(device) {
        // SAFETY: as above.
        return unsafe { parent::pnp(irp) };
    }
    // SAFETY: as above.
    unsafe { irp::complete(irp, STATUS_NOT_SUPPORTED, 0) }
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn power(device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    let below = parent::below(device);
    if below.is_null() {
        // SAFETY: the request is for this driver's device.
        unsafe { irp::complete(irp, STATUS_SUCCESS, 0) }
    } else {
        // SAFETY: as above.
        unsafe { irp::pass(below, irp) }
    }
}

/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn unload(_driver: *const DRIVER_OBJECT) {
    if let Some(control) = CONTROL.lock().take() {
        // SAFETY: the driver is being unloaded.
        unsafe { control.delete() };
    }
}
