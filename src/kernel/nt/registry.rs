//! The service's key in the registry.

use core::ffi::CStr;
use core::ptr;

use wdk_sys::_KEY_VALUE_INFORMATION_CLASS::KeyValuePartialInformation;
use wdk_sys::ntddk::{ZwClose, ZwOpenKey, ZwQueryValueKey};
use wdk_sys::{
    HANDLE, KEY_READ, NT_SUCCESS, OBJ_CASE_INSENSITIVE, OBJ_KERNEL_HANDLE, OBJECT_ATTRIBUTES,
    REG_DWORD, STATUS_BUFFER_OVERFLOW, UNICODE_STRING,
};

use super::super::irql::Passive;
use super::complain;
use super::string::{unicode_string, utf16};

const PARAMETERS: [u16; 10] = utf16(b"Parameters");

/// The longest name of a value that can be asked for, in characters.
const LONGEST_NAME: usize = 63;

const ATTRIBUTES_BYTES: u32 = 48;
const PARTIAL_VALUE_BYTES: u32 = 16;
const _: () = assert!(size_of::<OBJECT_ATTRIBUTES>() == 48 && size_of::<PartialValue>() == 16);

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
    fn dword(&self, name: &[u16], _irql: Passive) -> Option<u32> {
        let mut name = unicode_string(name)?;
        let mut value = PartialValue::default();
        let mut bytes = 0;
        // SAFETY: the token shows PASSIVE_LEVEL; the kernel writes no more than the size it is told.
        let status = unsafe {
            ZwQueryValueKey(
                self.0,
                &raw mut name,
                KeyValuePartialInformation,
                (&raw mut value).cast(),
                PARTIAL_VALUE_BYTES,
                &raw mut bytes,
            )
        };
        // An overflow leaves the first part: too long for a DWORD, and said to be so.
        if !NT_SUCCESS(status) && status != STATUS_BUFFER_OVERFLOW {
            return None;
        }
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
