//! Handles that the driver has open. What they lead to is Wine's.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;

use nt::ntoskrnl::{ZwClose, ZwOpenKey, ZwWaitForSingleObject};
use nt::{NTSTATUS, OBJECT_ATTRIBUTES};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::fault;
use crate::threads::{PASSIVE, demand};
use crate::unwind::Note;

/// What a handle leads to.
#[derive(Clone, Copy)]
pub enum Kind {
    /// A key of the registry.
    Key,
    /// A thread.
    Thread,
}

static OPEN: Mutex<BTreeMap<usize, (Kind, Note)>> = Mutex::new(BTreeMap::new());

/// The driver has this handle now.
pub fn opened(handle: *mut c_void, kind: Kind) {
    OPEN.lock().insert(handle.addr(), (kind, Note::now()));
}

/// `NTSTATUS ZwOpenKey(PHANDLE, ACCESS_MASK, POBJECT_ATTRIBUTES)`
pub unsafe extern "system" fn open_key(
    handle: *mut *mut c_void,
    access: u32,
    attributes: *const OBJECT_ATTRIBUTES,
) -> NTSTATUS {
    demand("ZwOpenKey", PASSIVE);
    // SAFETY: the caller's arguments.
    let status = unsafe { ZwOpenKey(handle, access, attributes) };
    if status >= 0 {
        // SAFETY: the kernel has written it.
        opened(unsafe { *handle }, Kind::Key);
    }
    status
}

/// `NTSTATUS ZwClose(HANDLE)`
pub unsafe extern "system" fn close(handle: *mut c_void) -> NTSTATUS {
    const SERVICE: &str = "ZwClose";
    demand(SERVICE, PASSIVE);
    if OPEN.lock().remove(&handle.addr()).is_none() {
        let text = format!("{handle:p} is no open handle");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    // SAFETY: the handle is open.
    unsafe { ZwClose(handle) }
}

/// `NTSTATUS ZwWaitForSingleObject(HANDLE, BOOLEAN, PLARGE_INTEGER)`
pub unsafe extern "system" fn wait(
    handle: *mut c_void,
    alertable: u8,
    timeout: *const i64,
) -> NTSTATUS {
    const SERVICE: &str = "ZwWaitForSingleObject";
    demand(SERVICE, PASSIVE);
    if !OPEN.lock().contains_key(&handle.addr()) {
        let text = format!("{handle:p} is no open handle");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    // SAFETY: the handle is open, and the timeout the caller's.
    unsafe { ZwWaitForSingleObject(handle, alertable, timeout) }
}

/// The handles that are open, a line each.
pub fn left() -> Vec<String> {
    let open = OPEN.lock();
    let lines = open.values().map(|(kind, by)| {
        let what = match kind {
            Kind::Key => "a registry key",
            Kind::Thread => "a system thread",
        };
        format!("a handle of {what} not closed, opened by {}", by.text())
    });
    lines.collect()
}
