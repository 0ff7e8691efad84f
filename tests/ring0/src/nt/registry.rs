//! The registry, as far as a service's parameters go: one key with DWORDs and lists of strings.

use alloc::{
    collections::BTreeMap,
    format,
    string::{String, ToString},
    vec::Vec,
};

use spin::Mutex;

use super::{
    demand_irql,
    status::{self, Status},
    string::{UnicodeString, text},
    thread,
};
use crate::{cpu::irql::PASSIVE_LEVEL, fault};

/// The service's key, as `DriverEntry` gets it.
pub const SERVICE_KEY: &str = r"\Registry\Machine\System\CurrentControlSet\Services\vmdisp";

/// `REG_DWORD`.
const DWORD: u32 = 4;
/// `REG_MULTI_SZ`.
const MULTI_SZ: u32 = 7;
/// `KeyValuePartialInformation`.
const PARTIAL_INFORMATION: u32 = 2;

/// `OBJ_KERNEL_HANDLE`.
const KERNEL_HANDLE: u32 = 0x200;

/// `OBJECT_ATTRIBUTES`.
#[repr(C)]
pub struct ObjectAttributes {
    length: u32,
    root: usize,
    name: *const UnicodeString,
    attributes: u32,
    security_descriptor: usize,
    security_quality: usize,
}

impl ObjectAttributes {
    /// Whether they are whole, and ask for a handle that is the kernel's.
    pub fn is_for_kernel(&self) -> bool {
        self.length as usize == size_of::<Self>() && self.attributes & KERNEL_HANDLE != 0
    }
}

/// What `KEY_VALUE_PARTIAL_INFORMATION` has before the data: title index, type and size.
const HEADER: usize = 12;

/// A value of the key.
#[derive(Clone)]
struct Value {
    kind: u32,
    data: Vec<u8>,
}

impl Value {
    fn dword(value: u32) -> Self {
        Self {
            kind: DWORD,
            data: value.to_le_bytes().to_vec(),
        }
    }

    /// Each string ends with a NUL, and the list with one more.
    fn strings(strings: &[&str]) -> Self {
        let ended = strings
            .iter()
            .flat_map(|string| string.encode_utf16().chain([0]));
        Self {
            kind: MULTI_SZ,
            data: ended.chain([0]).flat_map(u16::to_le_bytes).collect(),
        }
    }
}

/// Which key an open handle stands for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Key {
    Service,
    Parameters,
}

struct Registry {
    parameters: BTreeMap<String, Value>,
    /// Open handles.
    open: BTreeMap<usize, Key>,
    /// The next handle; like NT's they are multiples of four.
    next: usize,
}

static REGISTRY: Mutex<Registry> = Mutex::new(Registry {
    parameters: BTreeMap::new(),
    open: BTreeMap::new(),
    next: 0x100,
});

/// Makes these DWORDs the values of the service's `Parameters` key.
pub fn set_parameters(parameters: &BTreeMap<String, u32>) {
    let values = parameters.iter();
    REGISTRY.lock().parameters = values
        .map(|(name, value)| (name.clone(), Value::dword(*value)))
        .collect();
}

/// Sets or removes a DWORD of that key.
pub fn set_parameter(name: &str, value: Option<u32>) {
    set(name, value.map(Value::dword));
}

/// Sets or removes a `REG_MULTI_SZ` of that key.
pub fn set_parameter_strings(name: &str, value: Option<&[&str]>) {
    set(name, value.map(Value::strings));
}

fn set(name: &str, value: Option<Value>) {
    let parameters = &mut REGISTRY.lock().parameters;
    match value {
        Some(value) => parameters.insert(name.into(), value),
        None => parameters.remove(name),
    };
}

/// Handles that the driver has not closed.
pub fn open_handles() -> usize {
    REGISTRY.lock().open.len()
}

/// The key named `name` below the key behind `root`, 0 for the registry's root.
fn find(registry: &Registry, root: usize, name: &str) -> Option<Key> {
    let parameters = format!(r"{SERVICE_KEY}\Parameters");
    match registry.open.get(&root) {
        None if root != 0 => None,
        None if name.eq_ignore_ascii_case(SERVICE_KEY) => Some(Key::Service),
        None if name.eq_ignore_ascii_case(&parameters) => Some(Key::Parameters),
        Some(Key::Service) if name.eq_ignore_ascii_case("Parameters") => Some(Key::Parameters),
        _ => None,
    }
}

/// `NTSTATUS ZwOpenKey(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES)`.
pub unsafe extern "win64" fn open_key(
    handle: *mut usize,
    _access: u32,
    attributes: *const ObjectAttributes,
) -> Status {
    const SERVICE: &str = "ZwOpenKey";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    // SAFETY: the driver passes a structure of its own.
    let attributes = unsafe { &*attributes };
    if attributes.length as usize != size_of::<ObjectAttributes>() {
        let text = format!("OBJECT_ATTRIBUTES.Length is {}", attributes.length);
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if attributes.attributes & KERNEL_HANDLE == 0 {
        let text = "the handle is not a kernel handle (OBJ_KERNEL_HANDLE)".to_string();
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    // SAFETY: the driver passes a string of its own.
    let name = unsafe { text(attributes.name) };
    let mut registry = REGISTRY.lock();
    let Some(key) = find(&registry, attributes.root, &name) else {
        return status::OBJECT_NAME_NOT_FOUND;
    };
    let new = registry.next;
    registry.next += 4;
    registry.open.insert(new, key);
    // SAFETY: the driver passes a variable of its own.
    unsafe { handle.write(new) }
    status::SUCCESS
}

/// `NTSTATUS ZwQueryValueKey(HANDLE, PUNICODE_STRING, KEY_VALUE_INFORMATION_CLASS, PVOID, ULONG,
/// PULONG)`.
pub unsafe extern "win64" fn query_value_key(
    handle: usize,
    name: *const UnicodeString,
    class: u32,
    buffer: *mut u8,
    length: u32,
    result_length: *mut u32,
) -> Status {
    const SERVICE: &str = "ZwQueryValueKey";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    // SAFETY: the driver passes a string of its own.
    let name = unsafe { text(name) };
    if class != PARTIAL_INFORMATION {
        let text = format!("this kernel knows no class of information but 2, not {class}");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let registry = REGISTRY.lock();
    let Some(key) = registry.open.get(&handle) else {
        return status::INVALID_HANDLE;
    };
    let value = registry
        .parameters
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(&name));
    let Some((_, value)) = value.filter(|_| *key == Key::Parameters) else {
        return status::OBJECT_NAME_NOT_FOUND;
    };
    let mut information = Vec::with_capacity(HEADER + value.data.len());
    for word in [0, value.kind, value.data.len() as u32] {
        information.extend_from_slice(&word.to_le_bytes());
    }
    information.extend_from_slice(&value.data);
    // SAFETY: the driver passes a variable of its own.
    unsafe { result_length.write(information.len() as u32) }
    let room = length as usize;
    // A caller needs room for the header at least, to learn type and size.
    if room < HEADER {
        return status::BUFFER_TOO_SMALL;
    }
    let bytes = room.min(information.len());
    // SAFETY: the buffer has room for `bytes`, which are the structure's first.
    unsafe { core::ptr::copy_nonoverlapping(information.as_ptr(), buffer, bytes) }
    if bytes < information.len() {
        status::BUFFER_OVERFLOW
    } else {
        status::SUCCESS
    }
}

/// `NTSTATUS ZwClose(HANDLE)`.
pub unsafe extern "win64" fn close(handle: usize) -> Status {
    const SERVICE: &str = "ZwClose";
    demand_irql(SERVICE, PASSIVE_LEVEL);
    if !thread::close(handle) && REGISTRY.lock().open.remove(&handle).is_none() {
        fault::wrong_use(
            SERVICE,
            &format!("{handle:#x} is no open handle"),
            Vec::new(),
        );
    }
    status::SUCCESS
}
