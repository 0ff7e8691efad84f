//! The function driver of a display adapter: what Wine's PnP manager asks is what the port then does.

use alloc::collections::BTreeMap;
use alloc::string::ToString;
use core::mem::MaybeUninit;
use core::ptr;

use dxgk_port::{Adapter, AdapterIndex};
use nt::bus::{INTERFACE, Interface};
use nt::irp::{self, pnp};
use nt::protocol::Message;
use nt::status::{STATUS_NO_SUCH_DEVICE, STATUS_SUCCESS};
use nt::windows_sys::Wdk::Foundation::IO_STACK_LOCATION_0_25;
use nt::windows_sys::Wdk::System::SystemServices::{
    IoAttachDeviceToDeviceStack, IoCreateDevice, IoDeleteDevice, IoDetachDevice,
};
use nt::{
    DEVICE_OBJECT, DEVICE_VIDEO, DRIVER_OBJECT, INITIALIZING, IO_STACK_LOCATION, IRP, NTSTATUS,
    shim,
};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::registration::{Registered, registered};

/// A device of ours over an adapter's.
#[derive(Clone)]
struct Device {
    below: *mut DEVICE_OBJECT,
    registered: Registered,
    index: AdapterIndex,
    adapter: Adapter,
}

// SAFETY: a device is the kernel's, for any thread to name.
unsafe impl Send for Device {}

/// By the address of our device object.
static DEVICES: Mutex<BTreeMap<usize, Device>> = Mutex::new(BTreeMap::new());

fn find(device: *const DEVICE_OBJECT) -> Option<Device> {
    DEVICES.lock().get(&device.addr()).cloned()
}

fn say(request: &str, adapter: AdapterIndex, status: NTSTATUS) {
    shim::message(&Message::Pnp {
        request: request.to_string(),
        adapter,
        status,
    });
}

/// # Safety
///
/// The PnP manager's.
pub unsafe extern "system" fn add_device(
    driver: *const DRIVER_OBJECT,
    physical: *const DEVICE_OBJECT,
) -> NTSTATUS {
    let Some(registered) = registered() else {
        return STATUS_NO_SUCH_DEVICE;
    };
    // SAFETY: it is a device, and the PnP manager calls at PASSIVE_LEVEL.
    let Some(interface) = (unsafe { ask_bus(physical) }) else {
        return STATUS_NO_SUCH_DEVICE;
    };
    let index = registered.host.add(interface, physical.cast_mut());
    let adapter = match registered.port.add_device(index) {
        Ok(adapter) => adapter,
        Err(status) => {
            registered.host.remove(index);
            say("AddDevice", index, status);
            return status;
        }
    };
    let mut device = ptr::null_mut();
    // SAFETY: the PnP manager's object, and its level.
    let status = unsafe {
        IoCreateDevice(
            driver,
            0,
            ptr::null(),
            DEVICE_VIDEO,
            0,
            false,
            &raw mut device,
        )
    };
    if status != STATUS_SUCCESS {
        let _ = adapter.remove();
        registered.host.remove(index);
        return status;
    }
    // SAFETY: both are devices.
    let below = unsafe { IoAttachDeviceToDeviceStack(device, physical) };
    registered.add(&adapter);
    DEVICES.lock().insert(
        device.addr(),
        Device {
            below,
            registered,
            index,
            adapter,
        },
    );
    // SAFETY: the device was made above.
    unsafe { (*device).Flags &= !INITIALIZING };
    say("AddDevice", index, status);
    status
}

/// Asks the bus for its interface to an adapter.
///
/// # Safety
///
/// `physical` is a device, and IRQL is PASSIVE_LEVEL.
unsafe fn ask_bus(physical: *const DEVICE_OBJECT) -> Option<Interface> {
    let mut interface = MaybeUninit::<Interface>::uninit();
    let fill = |location: &mut IO_STACK_LOCATION| {
        location.Parameters.QueryInterface = IO_STACK_LOCATION_0_25 {
            InterfaceType: &raw const INTERFACE,
            Size: size_of::<Interface>() as u16,
            Version: 1,
            Interface: interface.as_mut_ptr().cast(),
            InterfaceSpecificData: ptr::null_mut(),
        };
    };
    // SAFETY: the caller's promise.
    let status = unsafe { irp::ask(physical, pnp::QUERY_INTERFACE, fill) };
    // SAFETY: the bus has written it.
    (status == STATUS_SUCCESS).then(|| unsafe { interface.assume_init() })
}

/// # Safety
///
/// The I/O manager's.
pub unsafe extern "system" fn pnp(device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    let Some(ours) = find(device) else {
        // SAFETY: the I/O manager gives the request to this driver.
        return unsafe { irp::complete(irp, STATUS_NO_SUCH_DEVICE, 0) };
    };
    // SAFETY: as above.
    let minor = unsafe { irp::stack(irp) }.MinorFunction;
    match minor {
        pnp::START_DEVICE => {
            // SAFETY: as above; the PnP manager's level.
            let below = unsafe { irp::forward_and_wait(ours.below, irp) };
            let status = if below < 0 {
                below
            } else {
                ours.adapter.start().err().unwrap_or(STATUS_SUCCESS)
            };
            say("StartDevice", ours.index, status);
            // SAFETY: as above.
            return unsafe { irp::complete(irp, status, 0) };
        }
        pnp::STOP_DEVICE => {
            let status = ours.adapter.stop().err().unwrap_or(STATUS_SUCCESS);
            say("StopDevice", ours.index, status);
            // SAFETY: as above.
            unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
        }
        pnp::SURPRISE_REMOVAL => {
            let status = ours
                .adapter
                .surprise_remove()
                .err()
                .unwrap_or(STATUS_SUCCESS);
            say("SurpriseRemoval", ours.index, status);
            // SAFETY: as above.
            unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
        }
        pnp::REMOVE_DEVICE => {
            // SAFETY: as above.
            return unsafe { remove(device, &ours, irp) };
        }
        pnp::QUERY_REMOVE_DEVICE
        | pnp::CANCEL_REMOVE_DEVICE
        | pnp::QUERY_STOP_DEVICE
        | pnp::CANCEL_STOP_DEVICE => {
            // SAFETY: as above.
            unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
        }
        _ => {}
    }
    // SAFETY: as above.
    unsafe { irp::pass(ours.below, irp) }
}

/// The adapter goes: StopDevice if it runs, RemoveDevice, and our device.
///
/// # Safety
///
/// `irp` is the request to remove `device`.
unsafe fn remove(device: *const DEVICE_OBJECT, ours: &Device, irp: *mut IRP) -> NTSTATUS {
    if ours.adapter.is_started() {
        let status = ours.adapter.stop().err().unwrap_or(STATUS_SUCCESS);
        say("StopDevice", ours.index, status);
    }
    let status = ours.adapter.remove().err().unwrap_or(STATUS_SUCCESS);
    say("RemoveDevice", ours.index, status);
    ours.registered.forget(&ours.adapter);
    ours.registered.host.remove(ours.index);
    DEVICES.lock().remove(&device.addr());
    // SAFETY: the caller's promise.
    unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
    // SAFETY: as above.
    let passed = unsafe { irp::pass(ours.below, irp) };
    // SAFETY: our device is attached to it.
    unsafe { IoDetachDevice(ours.below) };
    // SAFETY: the device is ours, and nobody's any more.
    unsafe { IoDeleteDevice(device) };
    passed
}

/// # Safety
///
/// The I/O manager's.
pub unsafe extern "system" fn power(device: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    match find(device) {
        // SAFETY: the I/O manager gives the request to this driver.
        Some(ours) => unsafe { irp::pass(ours.below, irp) },
        // SAFETY: as above.
        None => unsafe { irp::complete(irp, STATUS_NO_SUCH_DEVICE, 0) },
    }
}
