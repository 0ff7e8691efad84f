//! Requests: looking into them, completing them, passing them on.

use core::ffi::c_void;
use core::mem::{offset_of, zeroed};
use core::ptr;

use windows_sys::Wdk::Foundation::IRP_3_0;
use windows_sys::Wdk::System::SystemServices::{
    IoAllocateIrp, IoFreeIrp, IofCallDriver, IofCompleteRequest, KeInitializeEvent, KeSetEvent,
    KeWaitForSingleObject,
};

use crate::status::{
    STATUS_INSUFFICIENT_RESOURCES, STATUS_MORE_PROCESSING_REQUIRED, STATUS_NOT_SUPPORTED,
};
use crate::{DEVICE_OBJECT, DRIVER_OBJECT, IO_STACK_LOCATION, IRP, KEVENT, NTSTATUS};

// What windows-sys says of the records that are used here, against the sizes and offsets of x64.
const _: () = {
    assert!(size_of::<IO_STACK_LOCATION>() == 72);
    assert!(offset_of!(IO_STACK_LOCATION, Parameters) == 8);
    assert!(offset_of!(IRP, IoStatus) == 0x30 && offset_of!(IRP, UserBuffer) == 0x70);
    assert!(offset_of!(IRP, Tail) + offset_of!(IRP_3_0, Anonymous2) + 16 == CURRENT);
    assert!(offset_of!(DRIVER_OBJECT, MajorFunction) == 0x70);
    assert!(
        offset_of!(DEVICE_OBJECT, Flags) == 0x30 && offset_of!(DEVICE_OBJECT, StackSize) == 0x4c
    );
};

/// Where a request has the address of its current stack location.
const CURRENT: usize = 0xb8;

/// The parameters of a device control. In windows-sys' record they are not aligned as pointers are, which the
/// headers want.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct DeviceControl {
    /// Bytes of the output buffer.
    pub output_bytes: u64,
    /// Bytes of the input buffer.
    pub input_bytes: u64,
    /// The control code.
    pub code: u64,
    /// The input buffer of METHOD_NEITHER.
    pub input: *mut c_void,
}

/// The parameters of a device control, as numbers of 32 bits: what is between them is anybody's.
///
/// # Safety
///
/// `irp` is a device control that this driver has.
pub unsafe fn device_control(irp: *mut IRP) -> DeviceControl {
    // SAFETY: the caller's promise.
    let parameters = &raw const unsafe { stack(irp) }.Parameters;
    // SAFETY: the parameters of a device control.
    let mut control = unsafe { parameters.cast::<DeviceControl>().read() };
    for number in [
        &mut control.output_bytes,
        &mut control.input_bytes,
        &mut control.code,
    ] {
        *number &= u64::from(u32::MAX);
    }
    control
}

/// `SL_INVOKE_ON_SUCCESS`, `_ERROR`, `_CANCEL`: a completion routine is always called.
const ALWAYS: u8 = 0xe0;

/// Major function codes.
pub mod major {
    /// Opens a device.
    pub const CREATE: usize = 0;
    /// The last handle is closed.
    pub const CLOSE: usize = 2;
    /// A program's device control.
    pub const DEVICE_CONTROL: usize = 14;
    /// A driver's device control.
    pub const INTERNAL_DEVICE_CONTROL: usize = 15;
    /// A handle's owner is done with it.
    pub const CLEANUP: usize = 18;
    /// Power.
    pub const POWER: usize = 22;
    /// Plug and Play.
    pub const PNP: usize = 27;
}

/// Minor function codes of Plug and Play.
pub mod pnp {
    /// The device may begin.
    pub const START_DEVICE: u8 = 0;
    /// May it be removed?
    pub const QUERY_REMOVE_DEVICE: u8 = 1;
    /// It goes.
    pub const REMOVE_DEVICE: u8 = 2;
    /// It stays after all.
    pub const CANCEL_REMOVE_DEVICE: u8 = 3;
    /// It stops, to be started anew.
    pub const STOP_DEVICE: u8 = 4;
    /// May it stop?
    pub const QUERY_STOP_DEVICE: u8 = 5;
    /// It goes on.
    pub const CANCEL_STOP_DEVICE: u8 = 6;
    /// Which devices belong to it?
    pub const QUERY_DEVICE_RELATIONS: u8 = 7;
    /// An interface between drivers.
    pub const QUERY_INTERFACE: u8 = 8;
    /// What can it do?
    pub const QUERY_CAPABILITIES: u8 = 9;
    /// Who is it?
    pub const QUERY_ID: u8 = 0x13;
    /// It is gone already.
    pub const SURPRISE_REMOVAL: u8 = 0x17;
}

/// The part of a request that is for the driver that has it.
///
/// # Safety
///
/// `irp` is a request that this driver has.
pub unsafe fn stack<'a>(irp: *mut IRP) -> &'a mut IO_STACK_LOCATION {
    // SAFETY: the caller's promise.
    let location = unsafe { *current(irp) };
    // SAFETY: a driver's request has a stack location.
    unsafe { &mut *location }
}

/// Where a request has the address of its current stack location: in unions of unions.
fn current(irp: *mut IRP) -> *mut *mut IO_STACK_LOCATION {
    irp.wrapping_byte_add(CURRENT).cast()
}

/// The buffer of a buffered device control.
///
/// # Safety
///
/// `irp` is one that this driver has.
pub unsafe fn system_buffer(irp: *mut IRP) -> *mut c_void {
    let place = irp.wrapping_byte_add(offset_of!(IRP, AssociatedIrp));
    // SAFETY: the caller's promise.
    unsafe { place.cast::<*mut c_void>().read() }
}

/// Completes a request.
///
/// # Safety
///
/// `irp` is a request that this driver has, and loses by this.
pub unsafe fn complete(irp: *mut IRP, status: NTSTATUS, information: usize) -> NTSTATUS {
    // SAFETY: the caller's promise.
    let block = unsafe { &mut (*irp).IoStatus };
    block.Anonymous.Status = status;
    block.Information = information;
    // SAFETY: the caller's promise.
    unsafe { IofCompleteRequest(irp, 0) };
    status
}

/// What a request's status is until now, and its information.
///
/// # Safety
///
/// `irp` is a request that this driver has.
pub unsafe fn outcome(irp: *mut IRP) -> (NTSTATUS, usize) {
    // SAFETY: the caller's promise.
    let block = unsafe { (*irp).IoStatus };
    // SAFETY: the pointer is the port's alone.
    let status = unsafe { block.Anonymous.Status };
    (status, block.Information)
}

/// Says what a request's status is, before it is passed on.
///
/// # Safety
///
/// `irp` is a request that this driver has.
pub unsafe fn set_outcome(irp: *mut IRP, status: NTSTATUS, information: usize) {
    // SAFETY: the caller's promise.
    let block = unsafe { &mut (*irp).IoStatus };
    block.Anonymous.Status = status;
    block.Information = information;
}

/// Leaves a request to the driver below.
///
/// # Safety
///
/// `irp` is a request that this driver has, and loses by this; `below` is the device below its own.
pub unsafe fn pass(below: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    // SAFETY: the caller's promise.
    let request = unsafe { &mut *irp };
    request.CurrentLocation += 1;
    // SAFETY: a driver's request has a stack location, and there is one for each driver.
    let location = unsafe { &mut *current(irp) };
    *location = location.wrapping_add(1);
    // SAFETY: the caller's promise.
    unsafe { IofCallDriver(below, irp) }
}

/// Has the driver below do its part of a request first, and waits for it.
///
/// # Safety
///
/// `irp` is a request that this driver has and keeps; `below` is the device below its own; IRQL is PASSIVE_LEVEL.
pub unsafe fn forward_and_wait(below: *const DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS {
    // SAFETY: the caller's promise.
    let own: *mut IO_STACK_LOCATION = unsafe { stack(irp) };
    let next = own.wrapping_sub(1);
    // SAFETY: there is a location for each driver below.
    let location = unsafe { &mut *next };
    // SAFETY: the caller's promise.
    *location = unsafe { *own };
    // SAFETY: the location is the next driver's, of a request that this driver has.
    unsafe { call_and_wait(below, irp, location) }
}

/// # Safety
///
/// `location` is the next stack location of `irp`, which this driver has and keeps.
unsafe fn call_and_wait(
    below: *const DEVICE_OBJECT,
    irp: *mut IRP,
    location: &mut IO_STACK_LOCATION,
) -> NTSTATUS {
    // SAFETY: an event of zeros is about to be initialised.
    let mut event: KEVENT = unsafe { zeroed() };
    // SAFETY: the event is this call's. 0 is a notification event.
    unsafe { KeInitializeEvent(&raw mut event, 0, false) };
    location.Control = ALWAYS;
    let routine: unsafe extern "system" fn(
        *const DEVICE_OBJECT,
        *mut IRP,
        *mut c_void,
    ) -> NTSTATUS = done;
    // SAFETY: windows-sys has the type without its arguments; a pointer to a function is one.
    location.CompletionRoutine = Some(unsafe {
        core::mem::transmute::<
            unsafe extern "system" fn(*const DEVICE_OBJECT, *mut IRP, *mut c_void) -> NTSTATUS,
            unsafe extern "system" fn() -> NTSTATUS,
        >(routine)
    });
    location.Context = (&raw mut event).cast();
    // SAFETY: the caller's promise.
    unsafe { IofCallDriver(below, irp) };
    // SAFETY: the event lives until it is set, and whoever calls this may wait.
    unsafe { KeWaitForSingleObject((&raw const event).cast(), 0, 0, false, ptr::null()) };
    // SAFETY: the request is this driver's again.
    unsafe { outcome(irp) }.0
}

/// A completion routine: tells who waits, and keeps the request.
///
/// # Safety
///
/// The I/O manager's, with an event as the context.
unsafe extern "system" fn done(
    _device: *const DEVICE_OBJECT,
    _irp: *mut IRP,
    event: *mut c_void,
) -> NTSTATUS {
    // SAFETY: who made the request waits for this event.
    unsafe { KeSetEvent(event.cast(), 0, false) };
    STATUS_MORE_PROCESSING_REQUIRED
}

/// Sends a request of Plug and Play to a device, and waits for it. `fill` fills the parameters in.
///
/// # Safety
///
/// `device` is a device, and IRQL is PASSIVE_LEVEL.
pub unsafe fn ask(
    device: *const DEVICE_OBJECT,
    minor: u8,
    fill: impl FnOnce(&mut IO_STACK_LOCATION),
) -> NTSTATUS {
    // SAFETY: the caller's promise.
    let depth = unsafe { (*device).StackSize };
    // SAFETY: any depth is a valid request.
    let irp = unsafe { IoAllocateIrp(depth, false) };
    if irp.is_null() {
        return STATUS_INSUFFICIENT_RESOURCES;
    }
    // The documentation: drivers that do not know a PnP request leave its status as it was.
    // SAFETY: the request is new.
    unsafe { set_outcome(irp, STATUS_NOT_SUPPORTED, 0) };
    // SAFETY: the request is new, and its locations lie before this one.
    let location = unsafe { *current(irp) };
    // SAFETY: a new request has a location for each driver.
    let location = unsafe { &mut *location.wrapping_sub(1) };
    location.MajorFunction = major::PNP as u8;
    location.MinorFunction = minor;
    fill(location);
    // SAFETY: the request is this driver's.
    let status = unsafe { call_and_wait(device, irp, location) };
    // SAFETY: it came back.
    unsafe { IoFreeIrp(irp) };
    status
}
