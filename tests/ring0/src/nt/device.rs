//! How a miniport finds dxgkrnl: its service, its device object, and the control request that
//! gives out the address of its registration routine (contract: F2, F3).

use alloc::{boxed::Box, collections::BTreeMap, format, vec::Vec};
use core::ptr;

use spin::Mutex;

use super::{
    demand_irql,
    event::{self, Event},
    status::{self, Status},
    string::{UnicodeString, text},
};
use crate::{
    cpu::irql::{DISPATCH_LEVEL, PASSIVE_LEVEL},
    fault,
};

/// Bytes of a `DRIVER_OBJECT` on x64.
pub const DRIVER_OBJECT_SIZE: usize = 336;

const DXGKRNL_KEY: &str = r"\Registry\Machine\System\CurrentControlSet\Services\DXGKrnl";
const DXGKRNL_DEVICE: &str = r"\Device\DxgKrnl";

/// Control code that asks for the routine that registers a full miniport.
const REGISTER: u32 = 0x23_0047;
/// Control code that asks for the routine that registers a display-only miniport.
const REGISTER_DISPLAY_ONLY: u32 = 0x23_0043;

/// Bytes of an IRP as far as a driver may look.
const IRP_SIZE: usize = 208;
/// Bytes of a `FILE_OBJECT` or `DEVICE_OBJECT`.
const OBJECT_SIZE: usize = 336;

/// `IO_STATUS_BLOCK`.
#[repr(C)]
pub struct IoStatusBlock {
    status: Status,
    information: usize,
}

/// A request that the driver built and has not sent.
struct Request {
    code: u32,
    output: *mut u64,
    output_bytes: u32,
    internal: bool,
    event: *mut Event,
    io_status: *mut IoStatusBlock,
}

// SAFETY: the pointers are the driver's, and only used while it waits in a call.
unsafe impl Send for Request {}

/// An object that has an address and nothing else that a driver may use.
#[repr(C, align(16))]
struct Opaque<const BYTES: usize>([u8; BYTES]);

impl<const BYTES: usize> Opaque<BYTES> {
    /// A new one that is never freed: a use after its release is found by its reference count.
    fn leak() -> u64 {
        ptr::from_mut(Box::leak(Box::new(Self([0; BYTES])))) as u64
    }
}

struct Objects {
    /// Addresses of dxgkrnl's file object and device object, made on first use.
    dxgkrnl: Option<(u64, u64)>,
    /// References to the file object.
    references: u64,
    /// Whether dxgkrnl is loaded.
    loaded: bool,
    /// Requests that were built and not sent.
    requests: BTreeMap<u64, Request>,
    /// Requests that were sent and not completed.
    pending: Vec<Request>,
    /// Requests that were sent.
    sent: u64,
    /// dxgkrnl's registration routines: full, display only.
    entry_points: (u64, u64),
}

static OBJECTS: Mutex<Objects> = Mutex::new(Objects {
    dxgkrnl: None,
    references: 0,
    loaded: false,
    requests: BTreeMap::new(),
    pending: Vec::new(),
    sent: 0,
    entry_points: (0, 0),
});

/// Says where dxgkrnl's registration routines are.
pub fn set_entry_points(full: u64, display_only: u64) {
    OBJECTS.lock().entry_points = (full, display_only);
}

/// References to dxgkrnl's file object that the driver has not given back.
pub fn leaked_references() -> u64 {
    OBJECTS.lock().references
}

/// `NTSTATUS ZwLoadDriver(PUNICODE_STRING)`: only the first load finds dxgkrnl not loaded.
pub unsafe extern "win64" fn load_driver(name: *const UnicodeString) -> Status {
    demand_irql("ZwLoadDriver", PASSIVE_LEVEL);
    // SAFETY: the driver passes a string of its own.
    if !unsafe { text(name) }.eq_ignore_ascii_case(DXGKRNL_KEY) {
        return status::OBJECT_NAME_NOT_FOUND;
    }
    let before = core::mem::replace(&mut OBJECTS.lock().loaded, true);
    if before {
        status::IMAGE_ALREADY_LOADED
    } else {
        status::SUCCESS
    }
}

/// `NTSTATUS ZwUnloadDriver(PUNICODE_STRING)`.
pub unsafe extern "win64" fn unload_driver(name: *const UnicodeString) -> Status {
    demand_irql("ZwUnloadDriver", PASSIVE_LEVEL);
    // SAFETY: the driver passes a string of its own.
    if !unsafe { text(name) }.eq_ignore_ascii_case(DXGKRNL_KEY) || !OBJECTS.lock().loaded {
        return status::OBJECT_NAME_NOT_FOUND;
    }
    OBJECTS.lock().loaded = false;
    status::SUCCESS
}

/// `NTSTATUS IoGetDeviceObjectPointer(PUNICODE_STRING, ACCESS_MASK, PFILE_OBJECT *,
/// PDEVICE_OBJECT *)`.
pub unsafe extern "win64" fn get_device_object_pointer(
    name: *const UnicodeString,
    _access: u32,
    file: *mut u64,
    device: *mut u64,
) -> Status {
    demand_irql("IoGetDeviceObjectPointer", PASSIVE_LEVEL);
    // SAFETY: the driver passes a string of its own.
    if !unsafe { text(name) }.eq_ignore_ascii_case(DXGKRNL_DEVICE) {
        return status::OBJECT_NAME_NOT_FOUND;
    }
    let mut objects = OBJECTS.lock();
    let (file_object, device_object) = *objects
        .dxgkrnl
        .get_or_insert_with(|| (Opaque::<OBJECT_SIZE>::leak(), Opaque::<OBJECT_SIZE>::leak()));
    objects.references += 1;
    // SAFETY: the driver passes a variable of its own.
    unsafe { file.write(file_object) }
    // SAFETY: the driver passes a variable of its own.
    unsafe { device.write(device_object) }
    status::SUCCESS
}

/// `LONG_PTR ObfDereferenceObject(PVOID)`.
pub unsafe extern "win64" fn dereference_object(object: u64) -> i64 {
    const SERVICE: &str = "ObfDereferenceObject";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    let mut objects = OBJECTS.lock();
    let known = objects.dxgkrnl.is_some_and(|(file, _)| file == object);
    if !known || objects.references == 0 {
        drop(objects);
        let text = format!("{object:#x} is no object that the driver holds a reference to");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    objects.references -= 1;
    objects.references.cast_signed()
}

/// `PIRP IoBuildDeviceIoControlRequest(ULONG, PDEVICE_OBJECT, PVOID, ULONG, PVOID, ULONG, BOOLEAN,
/// PKEVENT, PIO_STATUS_BLOCK)`.
pub unsafe extern "win64" fn build_device_io_control_request(
    code: u32,
    device: u64,
    _input: *const u8,
    _input_bytes: u32,
    output: *mut u64,
    output_bytes: u32,
    internal: u8,
    event: *mut Event,
    io_status: *mut IoStatusBlock,
) -> u64 {
    const SERVICE: &str = "IoBuildDeviceIoControlRequest";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    demand_dxgkrnl(SERVICE, device);
    let request = Opaque::<IRP_SIZE>::leak();
    OBJECTS.lock().requests.insert(
        request,
        Request {
            code,
            output,
            output_bytes,
            internal: internal != 0,
            event,
            io_status,
        },
    );
    request
}

/// `NTSTATUS IofCallDriver(PDEVICE_OBJECT, PIRP)`.
///
/// Every other request is completed only when the driver waits for it, since a
/// caller must be ready for both.
pub unsafe extern "win64" fn call_driver(device: u64, request: u64) -> Status {
    const SERVICE: &str = "IofCallDriver";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    demand_dxgkrnl(SERVICE, device);
    let mut objects = OBJECTS.lock();
    let Some(sent) = objects.requests.remove(&request) else {
        drop(objects);
        let text = format!("{request:#x} is no request that was built and not sent");
        fault::wrong_use(SERVICE, &text, Vec::new());
    };
    objects.sent += 1;
    if objects.sent.is_multiple_of(2) {
        objects.pending.push(sent);
        return status::PENDING;
    }
    drop(objects);
    sent.complete()
}

/// Completes the requests whose event is `event`, now that the driver waits for it.
pub fn complete_pending(event: *mut Event) {
    let waited_for = |request: &mut Request| request.event == event;
    let requests: Vec<Request> = OBJECTS.lock().pending.extract_if(.., waited_for).collect();
    for request in requests {
        request.complete();
    }
}

impl Request {
    /// What dxgkrnl does with the request; the result goes where its sender wants it.
    fn complete(self) -> Status {
        let (full, display_only) = OBJECTS.lock().entry_points;
        let routine = match self.code {
            REGISTER => full,
            REGISTER_DISPLAY_ONLY => display_only,
            _ => 0,
        };
        let wanted = size_of::<u64>();
        let answers = routine != 0 && self.internal && self.output_bytes as usize == wanted;
        let (status, information) = if answers {
            // SAFETY: the driver passes a variable of its own, of this size.
            unsafe { self.output.write(routine) };
            (status::SUCCESS, wanted)
        } else {
            (status::INVALID_DEVICE_REQUEST, 0)
        };
        // SAFETY: the driver passes a variable of its own.
        unsafe {
            self.io_status.write(IoStatusBlock {
                status,
                information,
            });
        }
        // SAFETY: the driver passes an event of its own.
        unsafe { event::signal("IoCompleteRequest", self.event) };
        status
    }
}

fn demand_dxgkrnl(service: &str, device: u64) {
    let objects = OBJECTS.lock();
    let known = objects.references > 0 && objects.dxgkrnl.is_some_and(|(_, known)| known == device);
    drop(objects);
    if !known {
        let text = format!("{device:#x} is no device object that the driver holds");
        fault::wrong_use(service, &text, Vec::new());
    }
}
