//! How a miniport finds dxgkrnl: opening its device by name, which Wine's `IoGetDeviceObjectPointer` does not do.
//!
//! Opening it through Wine's object manager is no way either: the driver may be loaded on the very thread that has to
//! hear of it, so that the file object is without a device, and Wine crashes when it is closed. So the file object here is
//! the shim's own, and the device is what dxgkrnl's stand-in has said. The request to it is Wine's.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::zeroed;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use nt::control::{self, success};
use nt::ntoskrnl::{ZwLoadDriver, ZwUnloadDriver};
use nt::protocol::Answer;
use nt::status::{STATUS_INSUFFICIENT_RESOURCES, STATUS_OBJECT_NAME_NOT_FOUND, STATUS_PENDING};
use nt::text::{self, Utf16};
use nt::windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use nt::{DEVICE_OBJECT, FILE_OBJECT, IRP, KEVENT, NTSTATUS, UNICODE_STRING};
use serde_json::json;
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::fault;
use crate::threads::{DISPATCH, PASSIVE, demand};
use crate::unwind::Note;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn IoBuildDeviceIoControlRequest(
        code: u32,
        device: *mut DEVICE_OBJECT,
        input: *mut c_void,
        input_bytes: u32,
        output: *mut c_void,
        output_bytes: u32,
        internal: u8,
        event: *mut KEVENT,
        block: *mut IO_STATUS_BLOCK,
    ) -> *mut IRP;
    fn IofCallDriver(device: *mut DEVICE_OBJECT, irp: *mut IRP) -> NTSTATUS;
    fn KeInitializeEvent(event: *mut KEVENT, kind: u32, state: u8);
    fn KeWaitForSingleObject(
        object: *mut c_void,
        reason: u32,
        mode: i8,
        alertable: u8,
        timeout: *const i64,
    ) -> NTSTATUS;
}

static DXGKRNL: AtomicPtr<DEVICE_OBJECT> = AtomicPtr::new(ptr::null_mut());

/// The file objects that the driver has, and who took them.
static FILES: Mutex<BTreeMap<usize, Note>> = Mutex::new(BTreeMap::new());

/// Says which device `\Device\DxgKrnl` is; null takes it away.
pub fn publish(device: *mut DEVICE_OBJECT) {
    DXGKRNL.store(device, Ordering::Release);
}

/// Opens a device by name: a file object of the shim's own, and the device.
fn open(name: *const UNICODE_STRING) -> Result<(*mut FILE_OBJECT, *mut DEVICE_OBJECT), NTSTATUS> {
    // SAFETY: the caller's name.
    let name = unsafe { text::read(name) };
    let device = DXGKRNL.load(Ordering::Acquire);
    if device.is_null() || !name.eq_ignore_ascii_case(r"\Device\DxgKrnl") {
        return Err(STATUS_OBJECT_NAME_NOT_FOUND);
    }
    // SAFETY: zeros are a file object that nobody has opened.
    let mut file: Box<FILE_OBJECT> = Box::new(unsafe { zeroed() });
    file.DeviceObject = device.cast();
    Ok((Box::into_raw(file), device))
}

/// `NTSTATUS IoGetDeviceObjectPointer(PUNICODE_STRING, ACCESS_MASK, PFILE_OBJECT *, PDEVICE_OBJECT *)`
pub unsafe extern "system" fn get_device_object_pointer(
    name: *const UNICODE_STRING,
    _access: u32,
    file: *mut *mut FILE_OBJECT,
    device: *mut *mut DEVICE_OBJECT,
) -> NTSTATUS {
    demand("IoGetDeviceObjectPointer", PASSIVE);
    match open(name) {
        Ok((opened, leads_to)) => {
            FILES.lock().insert(opened.addr(), Note::now());
            // SAFETY: the caller's variable.
            unsafe { file.write(opened) };
            // SAFETY: as above.
            unsafe { device.write(leads_to) };
            0
        }
        Err(status) => status,
    }
}

/// `NTSTATUS ZwLoadDriver(PUNICODE_STRING)`: Wine's, which reads the name up to a zero that need not be there.
pub unsafe extern "system" fn load_driver(name: *const UNICODE_STRING) -> NTSTATUS {
    demand("ZwLoadDriver", PASSIVE);
    // SAFETY: the caller's name.
    let name = Utf16::new(&unsafe { text::read(name) });
    // SAFETY: the name lives through the call.
    unsafe { ZwLoadDriver(&name.get()) }
}

/// `NTSTATUS ZwUnloadDriver(PUNICODE_STRING)`: the same.
pub unsafe extern "system" fn unload_driver(name: *const UNICODE_STRING) -> NTSTATUS {
    demand("ZwUnloadDriver", PASSIVE);
    // SAFETY: the caller's name.
    let name = Utf16::new(&unsafe { text::read(name) });
    // SAFETY: the name lives through the call.
    unsafe { ZwUnloadDriver(&name.get()) }
}

/// Unloads the driver of a service.
pub fn unload(service: &str) -> NTSTATUS {
    let name = Utf16::new(&format!(
        r"\Registry\Machine\System\CurrentControlSet\Services\{service}"
    ));
    // SAFETY: the name lives through the call.
    unsafe { ZwUnloadDriver(&name.get()) }
}

/// `LONG_PTR ObfDereferenceObject(PVOID)`: the file object goes with its one reference.
pub unsafe extern "system" fn dereference_object(object: *mut FILE_OBJECT) -> isize {
    const SERVICE: &str = "ObfDereferenceObject";
    demand(SERVICE, DISPATCH);
    if FILES.lock().remove(&object.addr()).is_none() {
        let text = format!("{object:p} is no object that the driver holds a reference to");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    // SAFETY: `open` made it, and the driver had the one reference.
    drop(unsafe { Box::from_raw(object) });
    0
}

/// The file objects that are left, a line each.
pub fn left() -> Vec<String> {
    let files = FILES.lock();
    let lines = files.values();
    lines
        .map(|by| {
            format!(
                "a reference to dxgkrnl's file object not given back, taken by {}",
                by.text()
            )
        })
        .collect()
}

/// Takes the steps of displib with any control code, for the workbench.
pub fn handshake(code: u32) -> Answer {
    let name = Utf16::new(r"\Device\DxgKrnl");
    let (file, device) = match open(&name.get()) {
        Ok(opened) => opened,
        Err(status) => return control::status(status),
    };
    // SAFETY: zeros are about to become an event.
    let mut event: KEVENT = unsafe { zeroed() };
    // SAFETY: the event is this call's.
    unsafe { KeInitializeEvent(&raw mut event, 0, 0) };
    // SAFETY: zeros are a status block.
    let mut block: IO_STATUS_BLOCK = unsafe { zeroed() };
    let mut function = 0_u64;
    // SAFETY: what is pointed to lives until the request is complete, which is waited for.
    let irp = unsafe {
        IoBuildDeviceIoControlRequest(
            code,
            device,
            ptr::null_mut(),
            0,
            (&raw mut function).cast(),
            8,
            1,
            &raw mut event,
            &raw mut block,
        )
    };
    let mut status = STATUS_INSUFFICIENT_RESOURCES;
    if !irp.is_null() {
        // SAFETY: the request is new, and for this device.
        status = unsafe { IofCallDriver(device, irp) };
        if status == STATUS_PENDING {
            // SAFETY: the event is initialised.
            unsafe { KeWaitForSingleObject((&raw mut event).cast(), 0, 0, 0, ptr::null()) };
            // SAFETY: the pointer of the union is the port's alone.
            status = unsafe { block.Anonymous.Status };
        }
    }
    // SAFETY: `open` made it, and nobody else has it.
    drop(unsafe { Box::from_raw(file) });
    success(json!({ "status": status.cast_unsigned(), "function": function != 0 }))
}
