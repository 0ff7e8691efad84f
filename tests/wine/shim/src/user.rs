//! Memory of programs: what the driver reads of it, it reads carefully.

use alloc::collections::BTreeSet;
use alloc::format;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;

use nt::NTSTATUS;
use nt::ntoskrnl::{OWN_PROCESS, ZwProtectVirtualMemory};
use nt::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::threads::{APC, demand};
use crate::{fault, linux, pool};

/// `STATUS_PARTIAL_COPY`
const PARTIAL_COPY: NTSTATUS = 0x8000_000d_u32.cast_signed();
/// `MM_COPY_MEMORY_VIRTUAL`
const VIRTUAL: u32 = 2;
const NO_ACCESS: u32 = 1;
const READ_WRITE: u32 = 4;
const PAGE: usize = 4096;
/// Bytes that `read_memory` copies at once, so that what lies before a page that is gone is copied.
const STEP: usize = PAGE;

static GIVEN: Mutex<BTreeSet<usize>> = Mutex::new(BTreeSet::new());

/// Changes the protection of pages.
pub fn protect(address: usize, bytes: usize, protection: u32) -> Option<u32> {
    let mut base = ptr::with_exposed_provenance_mut::<c_void>(address);
    let (mut bytes, mut old) = (bytes, 0);
    // SAFETY: who calls this says that the pages are its own.
    let status = unsafe {
        ZwProtectVirtualMemory(
            OWN_PROCESS,
            &raw mut base,
            &raw mut bytes,
            protection,
            &raw mut old,
        )
    };
    (status >= 0).then_some(old)
}

/// Reads memory that may not be there. False if it is not.
pub fn read(from: *const u8, to: *mut u8, bytes: usize) -> bool {
    // SAFETY: both callers have a variable of that length.
    unsafe { linux::read_memory(from.expose_provenance(), to, bytes) == bytes }
}

/// `NTSTATUS MmCopyMemory(PVOID, MM_COPY_ADDRESS, SIZE_T, ULONG, PSIZE_T)`
pub unsafe extern "system" fn copy_memory(
    to: *mut u8,
    from: usize,
    bytes: usize,
    flags: u32,
    copied: *mut usize,
) -> NTSTATUS {
    demand("MmCopyMemory", APC);
    if flags != VIRTUAL {
        return STATUS_INVALID_PARAMETER;
    }
    let mut done = 0;
    while done < bytes {
        let at = from.wrapping_add(done);
        let step = (STEP - at % STEP).min(bytes - done);
        // SAFETY: the caller's buffer has so many bytes.
        let read = unsafe { linux::read_memory(at, to.wrapping_add(done), step) };
        done += read;
        if read != step {
            break;
        }
    }
    // SAFETY: the caller's variable.
    unsafe { copied.write(done) };
    if done == bytes {
        STATUS_SUCCESS
    } else {
        PARTIAL_COPY
    }
}

/// Zeroed pages that stand for a program's.
pub fn allocate(bytes: usize) -> Option<usize> {
    let address = pool::pages(bytes.max(1))?;
    GIVEN.lock().insert(address);
    Some(address)
}

/// Gives them back. Their addresses are not used again.
pub fn free(address: usize) {
    if !GIVEN.lock().remove(&address) {
        fault::wrong_use(
            "the port",
            &format!("{address:#x} is no user memory"),
            Vec::new(),
        );
    }
    // The bytes are few; that nobody comes near them again is worth more than their return.
    protect(address, 1, NO_ACCESS);
}

/// Takes a page away, or brings it back with what was in it.
pub fn set_readable(address: usize, readable: bool) -> bool {
    let protection = if readable { READ_WRITE } else { NO_ACCESS };
    protect(address & !(PAGE - 1), PAGE, protection).is_some()
}
