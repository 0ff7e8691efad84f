//! How a miniport finds dxgkrnl: opening its device by name, which Wine's `IoGetDeviceObjectPointer` does not do.
//!
//! The device is opened through Wine's object manager, so the file object is Wine's own and counts its references; what
//! Wine leaves out is only which device it leads to, and that is what dxgkrnl's stand-in has said.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::zeroed;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use nt::control::{self, success};
use nt::ntoskrnl::{ZwClose, ZwLoadDriver, ZwOpenFile, ZwUnloadDriver};
use nt::protocol::Answer;
use nt::status::{STATUS_INSUFFICIENT_RESOURCES, STATUS_PENDING};
use nt::text::{self, Utf16};
use nt::windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use nt::{DEVICE_OBJECT, FILE_OBJECT, IRP, KEVENT, NTSTATUS, OBJECT_ATTRIBUTES, UNICODE_STRING};
use serde_json::json;
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::fault;
use crate::threads::{DISPATCH, PASSIVE, demand};

/// `OBJ_KERNEL_HANDLE | OBJ_CASE_INSENSITIVE`
const KERNEL: u32 = 0x240;
const SHARED: u32 = 3;
/// `FILE_NON_DIRECTORY_FILE`
const NO_FOLDER: u32 = 0x40;
const READ_DATA: u32 = 1;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    static IoFileObjectType: *mut c_void;
    fn ObReferenceObjectByHandle(
        handle: *mut c_void,
        access: u32,
        kind: *mut c_void,
        mode: i8,
        object: *mut *mut c_void,
        information: *mut c_void,
    ) -> NTSTATUS;
    fn ObfDereferenceObject(object: *mut c_void) -> isize;
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

/// The file objects that the driver has, and how often.
static FILES: Mutex<BTreeMap<usize, u64>> = Mutex::new(BTreeMap::new());

/// Says which device `\Device\DxgKrnl` is; null takes it away.
pub fn publish(device: *mut DEVICE_OBJECT) {
    DXGKRNL.store(device, Ordering::Release);
}

/// Opens a device by name.
fn open(
    name: *const UNICODE_STRING,
    access: u32,
) -> Result<(*mut c_void, *mut DEVICE_OBJECT), NTSTATUS> {
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: ptr::null_mut(),
        ObjectName: name,
        Attributes: KERNEL,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    };
    // SAFETY: zeros are a status block.
    let mut block: IO_STATUS_BLOCK = unsafe { zeroed() };
    let mut handle = ptr::null_mut();
    let attributes = &raw const attributes;
    // SAFETY: all that is pointed to lives through the call.
    let status = unsafe {
        ZwOpenFile(
            &raw mut handle,
            access,
            attributes,
            &raw mut block,
            SHARED,
            NO_FOLDER,
        )
    };
    if status < 0 {
        return Err(status);
    }
    let mut file = ptr::null_mut();
    // SAFETY: the variable is the kernel's type of files.
    let kind = unsafe { IoFileObjectType };
    // SAFETY: the handle is open, and the variable lives through the call.
    let status = unsafe {
        ObReferenceObjectByHandle(handle, access, kind, 0, &raw mut file, ptr::null_mut())
    };
    // SAFETY: the handle is open.
    unsafe { ZwClose(handle) };
    if status < 0 {
        return Err(status);
    }
    // SAFETY: it is a file object, and held.
    let of_file = unsafe { &mut (*file.cast::<FILE_OBJECT>()).DeviceObject };
    if of_file.is_null() {
        // SAFETY: the name is valid.
        let name = unsafe { text::read(name) };
        if name.eq_ignore_ascii_case(r"\Device\DxgKrnl") {
            // Wine itself looks for it there when the file is closed.
            *of_file = DXGKRNL.load(Ordering::Acquire);
        }
    }
    let device = of_file.cast::<DEVICE_OBJECT>();
    if device.is_null() {
        // SAFETY: it was referenced above.
        unsafe { ObfDereferenceObject(file) };
        return Err(nt::status::STATUS_NO_SUCH_DEVICE);
    }
    Ok((file, device))
}

/// `NTSTATUS IoGetDeviceObjectPointer(PUNICODE_STRING, ACCESS_MASK, PFILE_OBJECT *, PDEVICE_OBJECT *)`
pub unsafe extern "system" fn get_device_object_pointer(
    name: *const UNICODE_STRING,
    access: u32,
    file: *mut *mut c_void,
    device: *mut *mut DEVICE_OBJECT,
) -> NTSTATUS {
    demand("IoGetDeviceObjectPointer", PASSIVE);
    match open(name, access) {
        Ok((opened, leads_to)) => {
            *FILES.lock().entry(opened.addr()).or_default() += 1;
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
    unsafe { ZwLoadDriver(&raw const *&name.get()) }
}

/// `NTSTATUS ZwUnloadDriver(PUNICODE_STRING)`: the same.
pub unsafe extern "system" fn unload_driver(name: *const UNICODE_STRING) -> NTSTATUS {
    demand("ZwUnloadDriver", PASSIVE);
    // SAFETY: the caller's name.
    let name = Utf16::new(&unsafe { text::read(name) });
    // SAFETY: the name lives through the call.
    unsafe { ZwUnloadDriver(&raw const *&name.get()) }
}

/// Unloads the driver of a service.
pub fn unload(service: &str) -> NTSTATUS {
    let name = Utf16::new(&format!(
        r"\Registry\Machine\System\CurrentControlSet\Services\{service}"
    ));
    // SAFETY: the name lives through the call.
    unsafe { ZwUnloadDriver(&raw const *&name.get()) }
}

/// `LONG_PTR ObfDereferenceObject(PVOID)`
pub unsafe extern "system" fn dereference_object(object: *mut c_void) -> isize {
    const SERVICE: &str = "ObfDereferenceObject";
    demand(SERVICE, DISPATCH);
    let mut files = FILES.lock();
    let known = files.get_mut(&object.addr()).map(|count| {
        *count -= 1;
        *count
    });
    if known == Some(0) {
        files.remove(&object.addr());
    }
    drop(files);
    if known.is_none() {
        let text = format!("{object:p} is no object that the driver holds a reference to");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    // SAFETY: the driver holds a reference.
    unsafe { ObfDereferenceObject(object) }
}

/// The file objects that are left, a line each.
pub fn left() -> Vec<String> {
    let files = FILES.lock();
    let lines = files.values();
    lines
        .map(|count| format!("{count} references to a file object not given back"))
        .collect()
}

/// Takes the steps of displib with any control code, for the workbench.
pub fn handshake(code: u32) -> Answer {
    let name = Utf16::new(r"\Device\DxgKrnl");
    let (file, device) = match open(&raw const *&name.get(), READ_DATA) {
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
    // SAFETY: `open` took a reference.
    unsafe { ObfDereferenceObject(file) };
    success(json!({ "status": status.cast_unsigned(), "function": function != 0 }))
}
