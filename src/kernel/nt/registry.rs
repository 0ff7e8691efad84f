//! The service's key in the registry.

use core::ffi::{CStr, c_void};
use core::mem::offset_of;
use core::ptr;

use wdk_sys::_KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation;
use wdk_sys::ntddk::{ZwClose, ZwOpenKey, ZwQueryValueKey};
use wdk_sys::{
    HANDLE, KEY_READ, NT_SUCCESS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
    REG_DWORD, REG_MULTI_SZ, STATUS_BUFFER_OVERFLOW, UNICODE_STRING,
};

use super::super::irql::Passive;
use super::super::strings::{LONGEST, Strings, Value};
use super::complain;
use super::string::{unicode_string, utf16};

const PARAMETERS: [u16; 10] = utf16(b"Parameters");

/// The longest name of a value that can be asked for, in characters.
const LONGEST_NAME: usize = 63;

const ATTRIBUTES_BYTES: u32 = 48;
const PARTIAL_VALUE_BYTES: u32 = 16;
const VALUE_BYTES: u32 = 12 + 4096;
/// Where a value's data begin.
const TEXT: u32 = 12;
const _: () = assert!(size_of::<OBJECT_ATTRIBUTES>() == 48 && size_of::<PartialValue>() == 16);
const _: () = assert!(size_of::<Value>() == 12 + 2 * LONGEST && size_of::<Value>() == 4108);
const _: () = assert!(offset_of!(Value, text) == 12);

/// Reads `name` of the key `Parameters` in the service's key. `service` is the path that DriverEntry
/// got. `None` if it is missing, or is no DWORD, which is complained about.
#[must_use]
pub fn parameter_dword(service: &[u16], name: &CStr, irql: Passive) -> Option<u32> {
    let service = Key::open(ptr::null_mut(), service, irql)?;
    let parameters = Key::open(service.0, &PARAMETERS, irql)?;
    let mut wide_name = [0; LONGEST_NAME];
    let wide_name = widen(name, &mut wide_name)?;
    parameters.dword(wide_name, irql)
}

/// Reads the `REG_MULTI_SZ` `name` of the key `Parameters` in the service's key. `service` is the
/// path that DriverEntry got. `None` if it is missing or nonpaged pool is used up, or if it is of
/// another type or longer than 2048 units, which is complained about.
#[must_use]
pub fn parameter_strings(service: &[u16], name: &CStr, irql: Passive) -> Option<Strings> {
    let service = Key::open(ptr::null_mut(), service, irql)?;
    let parameters = Key::open(service.0, &PARAMETERS, irql)?;
    let mut wide_name = [0; LONGEST_NAME];
    let wide_name = widen(name, &mut wide_name)?;
    Strings::read(irql, |value| {
        parameters.strings(wide_name, value, irql).is_some()
    })
}

/// ASCII in UTF-16, at the start of `to`. `None` if it is longer than that.
fn widen<'to>(text: &CStr, to: &'to mut [u16]) -> Option<&'to [u16]> {
    let bytes = text.to_bytes();
    let to = to.get_mut(..bytes.len())?;
    for (to, byte) in to.iter_mut().zip(bytes) {
        *to = u16::from(*byte);
    }
    Some(to)
}

/// Which object to open: its name, from `root` or from the top, as a handle of the kernel's own.
pub(super) fn attributes(root: HANDLE, name: *mut UNICODE_STRING) -> OBJECT_ATTRIBUTES {
    OBJECT_ATTRIBUTES {
        Length: ATTRIBUTES_BYTES,
        RootDirectory: root,
        ObjectName: name,
        Attributes: OBJ_CASE_INSENSITIVE | OBJ_KERNEL_HANDLE,
        ..OBJECT_ATTRIBUTES::default()
    }
}

/// An open key.
struct Key(HANDLE);

impl Key {
    /// Opens the key `name`, from `root` or from the top. `None` if there is none.
    fn open(root: HANDLE, name: &[u16], _irql: Passive) -> Option<Self> {
        let mut name = unicode_string(name)?;
        let mut attributes = attributes(root, &raw mut name);
        let mut key = ptr::null_mut();
        // SAFETY: the token shows PASSIVE_LEVEL; the attributes and the name outlive the call.
        let status = unsafe { ZwOpenKey(&raw mut key, KEY_READ, &raw mut attributes) };
        NT_SUCCESS(status).then_some(Self(key))
    }

    /// The DWORD of this name.
    fn dword(&self, name: &[u16], irql: Passive) -> Option<u32> {
        let mut value = PartialValue::default();
        let room = PARTIAL_VALUE_BYTES;
        // SAFETY: the value has this room.
        unsafe { self.query(name, (&raw mut value).cast(), room, irql) }?;
        if value.kind != REG_DWORD || value.data_bytes != 4 {
            let kind = u64::from(value.kind);
            complain(
                c"DriverEntry",
                c"Parameters",
                kind,
                c"a value there is no DWORD",
            );
            return None;
        }
        Some(value.data)
    }

    /// The strings of this name.
    fn strings(&self, name: &[u16], value: &mut Value, irql: Passive) -> Option<()> {
        // SAFETY: the value has this room.
        unsafe { self.query(name, (&raw mut *value).cast(), VALUE_BYTES, irql) }?;
        let refuse = |found: u32, why| {
            let parameters = c"Parameters";
            complain(c"StartDevice", parameters, found.into(), why);
            None
        };
        if value.kind != REG_MULTI_SZ {
            return refuse(value.kind, c"a value there is no REG_MULTI_SZ");
        }
        if value.bytes > VALUE_BYTES - TEXT {
            return refuse(value.bytes, c"bytes of a value there, over 4096");
        }
        Some(())
    }

    /// Fills the `room` bytes at `value` with a KEY_VALUE_PARTIAL_INFORMATION. A longer value leaves
    /// its first part, with the size that it really has. `None` if there is no value of this name.
    ///
    /// # Safety
    ///
    /// `value` is good for writes of `room` bytes and aligned for that structure.
    unsafe fn query(
        &self,
        name: &[u16],
        value: *mut c_void,
        room: u32,
        _irql: Passive,
    ) -> Option<()> {
        let mut name = unicode_string(name)?;
        let mut bytes = 0;
        // SAFETY: the token shows PASSIVE_LEVEL; the kernel writes no more than the size it is told.
        let status = unsafe {
            ZwQueryValueKey(
                self.0,
                &raw mut name,
                KeyValuePartialInformation,
                value,
                room,
                &raw mut bytes,
            )
        };
        (NT_SUCCESS(status) || status == STATUS_BUFFER_OVERFLOW).then_some(())
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the handle is closed once.
        let _ = unsafe { ZwClose(self.0) };
    }
}

/// `KEY_VALUE_PARTIAL_INFORMATION` with room for a DWORD.
#[repr(C)]
#[derive(Default)]
struct PartialValue {
    title: u32,
    kind: u32,
    data_bytes: u32,
    data: u32,
}
