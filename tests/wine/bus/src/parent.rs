//! The bus itself: a device that the workbench has made by hand, as an old bus's are.

use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use nt::irp::{self, pnp};
use nt::status::STATUS_SUCCESS;
use nt::windows_sys::Wdk::System::SystemServices::{
    BusRelations, DEVICE_RELATIONS, ExAllocatePoolWithTag, IoAttachDeviceToDeviceStack,
    IoCreateDevice, IoDeleteDevice, IoDetachDevice, IoInvalidateDeviceRelations,
    ObfReferenceObject,
};
use nt::{DEVICE_OBJECT, DEVICE_UNKNOWN, DRIVER_OBJECT, INITIALIZING, IRP, NTSTATUS};
use vmdisp_wine_nt as nt;

use crate::child;

/// This driver's device, the device below it, and the bus's physical device.
static DEVICE: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());
static BELOW: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());
static PHYSICAL: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());

const TAG: u32 = u32::from_le_bytes(*b"WBus");

/// Whether this is the bus's device.
pub fn is(device: *const DEVICE_OBJECT) -> bool {
    !device.is_null() && ptr::eq(device, DEVICE.load(Ordering::Acquire))
}

/// The device below the bus's; null for another device.
pub fn below(device: *const DEVICE_OBJECT) -> *const DEVICE_OBJECT {
    if is(device) {
        BELOW.load(Ordering::Acquire)
    } else {
        ptr::null()
    }
}

/// # Safety
///
/// The PnP manager's.
pub unsafe extern "system" fn add_device(
    driver: *const DRIVER_OBJECT,
    physical: *const DEVICE_OBJECT,
) -> NTSTATUS {
    let mut device = ptr::null_mut();
    // SAFETY: the PnP manager's object, and its level.
    let status = unsafe {
        IoCreateDevice(
            driver,
            0,
            ptr::null(),
            DEVICE_UNKNOWN,
            0,
            false,
            &raw mut device,
        )
    };
    if status != STATUS_SUCCESS {
        return status;
    }
    // SAFETY: both are devices.
    let below = unsafe { IoAttachDeviceToDeviceStack(device, physical) };
    BELOW.store(below, Ordering::Release);
    PHYSICAL.store(physical.cast_mut(), Ordering::Release);
    DEVICE.store(device, Ordering::Release);
    // SAFETY: the device was made above.
    unsafe { (*device).Flags &= !INITIALIZING };
    STATUS_SUCCESS
}

/// Tells the PnP manager that an adapter has come or gone.
pub fn changed() {
    let physical = PHYSICAL.load(Ordering::Acquire);
    if !physical.is_null() {
        // SAFETY: it is the bus's physical device.
        unsafe { IoInvalidateDeviceRelations(physical, BusRelations) };
    }
}

/// A request of Plug and Play for the bus.
///
/// # Safety
///
/// `irp` is one that this driver has, for the bus's device.
pub unsafe fn pnp(irp: *mut IRP) -> NTSTATUS {
    let below = BELOW.load(Ordering::Acquire);
    // SAFETY: the caller's promise.
    let location = unsafe { irp::stack(irp) };
    match location.MinorFunction {
        pnp::START_DEVICE => {
            // SAFETY: as above.
            let status = unsafe { irp::forward_and_wait(below, irp) };
            // SAFETY: as above.
            return unsafe { irp::complete(irp, status, 0) };
        }
        pnp::QUERY_DEVICE_RELATIONS => {
            // SAFETY: this request has these parameters.
            let kind = unsafe { location.Parameters.QueryDeviceRelations.Type };
            if kind == BusRelations {
                let list = relations(&child::plugged());
                // SAFETY: the caller's promise.
                unsafe { irp::set_outcome(irp, STATUS_SUCCESS, list.addr()) };
            }
        }
        pnp::REMOVE_DEVICE => {
            // SAFETY: the caller's promise.
            unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
            // SAFETY: as above.
            let status = unsafe { irp::pass(below, irp) };
            child::forget_all();
            // SAFETY: this driver's device is attached to it.
            unsafe { IoDetachDevice(below) };
            let device = DEVICE.swap(ptr::null_mut(), Ordering::AcqRel);
            PHYSICAL.store(ptr::null_mut(), Ordering::Release);
            // SAFETY: it is this driver's, and nobody's any more.
            unsafe { IoDeleteDevice(device) };
            return status;
        }
        pnp::QUERY_REMOVE_DEVICE
        | pnp::CANCEL_REMOVE_DEVICE
        | pnp::STOP_DEVICE
        | pnp::QUERY_STOP_DEVICE
        | pnp::CANCEL_STOP_DEVICE
        | pnp::SURPRISE_REMOVAL => {
            // SAFETY: the caller's promise.
            unsafe { irp::set_outcome(irp, STATUS_SUCCESS, 0) };
        }
        _ => {}
    }
    // SAFETY: as above.
    unsafe { irp::pass(below, irp) }
}

/// A list of devices as the PnP manager takes it: in a block of the pool, each device referenced.
fn relations(devices: &[*mut DEVICE_OBJECT]) -> *mut DEVICE_RELATIONS {
    let bytes = size_of::<DEVICE_RELATIONS>() + size_of_val(devices);
    // SAFETY: any size is a valid request. 1: the paged pool.
    let list: *mut DEVICE_RELATIONS = unsafe { ExAllocatePoolWithTag(1, bytes, TAG) }.cast();
    if list.is_null() {
        return list;
    }
    // SAFETY: the block is large enough.
    unsafe { (*list).Count = devices.len() as u32 };
    // SAFETY: as above.
    let places = unsafe { &raw mut (*list).Objects }.cast::<*mut DEVICE_OBJECT>();
    for (at, device) in devices.iter().enumerate() {
        // SAFETY: it is a device of this driver's.
        unsafe { ObfReferenceObject(device.cast_const().cast()) };
        // SAFETY: the block has room for so many.
        unsafe { places.wrapping_add(at).write(*device) };
    }
    list
}

/// Lists of ids as the PnP manager takes them: in a block of the pool, with a zero behind each and one more at the end.
pub fn strings(texts: &[&str]) -> *mut u16 {
    let units: Vec<u16> = texts
        .iter()
        .flat_map(|text| text.encode_utf16().chain([0]))
        .chain([0])
        .collect();
    // SAFETY: any size is a valid request. 1: the paged pool.
    let block: *mut u16 = unsafe { ExAllocatePoolWithTag(1, units.len() * 2, TAG) }.cast();
    if !block.is_null() {
        // SAFETY: the block is as large.
        unsafe { ptr::copy_nonoverlapping(units.as_ptr(), block, units.len()) };
    }
    block
}
