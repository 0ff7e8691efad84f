//! The log: one file on Wine's drive C, whose lines outlive a crash.

use alloc::format;
use core::ffi::c_void;
use core::mem::zeroed;
use core::ptr;

use nt::OBJECT_ATTRIBUTES;
use nt::ntoskrnl::{ZwClose, ZwCreateFile, ZwWriteFile};
use nt::protocol::{LOG_FILE, MESSAGE_MARK, Message};
use nt::status::STATUS_SUCCESS;
use nt::text::Utf16;
use nt::windows_sys::Win32::System::IO::IO_STATUS_BLOCK;
use spin::Mutex;
use vmdisp_wine_nt as nt;

/// `FILE_GENERIC_WRITE`.
const WRITE: u32 = 0x0012_0116;
/// Others may read and write it.
const SHARED: u32 = 3;
/// `FILE_OVERWRITE_IF`
const ANEW: u32 = 5;
/// `FILE_SYNCHRONOUS_IO_NONALERT | FILE_NON_DIRECTORY_FILE`
const SYNCHRONOUS: u32 = 0x60;
/// `OBJ_CASE_INSENSITIVE`
const CASE_INSENSITIVE: u32 = 0x40;

struct Handle(*mut c_void);

// SAFETY: a handle is the process's, not a thread's.
unsafe impl Send for Handle {}

static LOG: Mutex<Option<Handle>> = Mutex::new(None);

/// Begins the log.
pub fn open() {
    *LOG.lock() = create(LOG_FILE);
}

/// Ends it.
pub fn close() {
    if let Some(log) = LOG.lock().take() {
        // SAFETY: the handle is open.
        unsafe { ZwClose(log.0) };
    }
}

fn create(name: &str) -> Option<Handle> {
    let name = Utf16::new(&format!(r"\??\C:\{name}"));
    let name = name.get();
    let attributes = OBJECT_ATTRIBUTES {
        Length: size_of::<OBJECT_ATTRIBUTES>() as u32,
        RootDirectory: ptr::null_mut(),
        ObjectName: &raw const name,
        Attributes: CASE_INSENSITIVE,
        SecurityDescriptor: ptr::null_mut(),
        SecurityQualityOfService: ptr::null_mut(),
    };
    let mut handle = ptr::null_mut();
    // SAFETY: zeros are a status block.
    let mut block: IO_STATUS_BLOCK = unsafe { zeroed() };
    // SAFETY: all that is pointed to lives through the call.
    let status = unsafe {
        ZwCreateFile(
            &raw mut handle,
            WRITE,
            &raw const attributes,
            &raw mut block,
            ptr::null(),
            0,
            SHARED,
            ANEW,
            SYNCHRONOUS,
            ptr::null(),
            0,
        )
    };
    (status == STATUS_SUCCESS).then_some(Handle(handle))
}

fn write(to: &Handle, bytes: &[u8]) -> bool {
    // SAFETY: zeros are a status block.
    let mut block: IO_STATUS_BLOCK = unsafe { zeroed() };
    // SAFETY: the handle is open for synchronous writing, and the bytes are there.
    let status = unsafe {
        ZwWriteFile(
            to.0,
            ptr::null_mut(),
            ptr::null(),
            ptr::null(),
            &raw mut block,
            bytes.as_ptr(),
            bytes.len() as u32,
            ptr::null(),
            ptr::null(),
        )
    };
    status == STATUS_SUCCESS
}

/// Writes a line.
pub fn bytes(line: &[u8]) {
    let mut whole = line.to_vec();
    whole.push(b'\n');
    if let Some(log) = &*LOG.lock() {
        write(log, &whole);
    }
}

/// Writes a line of text.
pub fn line(text: &str) {
    bytes(text.as_bytes());
}

/// Writes a line for programs.
pub fn message(message: &Message) {
    let json = serde_json::to_string(message).unwrap_or_default();
    line(&format!("{MESSAGE_MARK}{json}"));
}

/// Writes a whole file on drive C.
pub fn file(name: &str, data: &[u8]) -> bool {
    let Some(file) = create(name) else {
        return false;
    };
    let written = write(&file, data);
    // SAFETY: the handle is open.
    unsafe { ZwClose(file.0) };
    written
}
