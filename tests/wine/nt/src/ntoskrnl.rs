//! Functions of ntoskrnl that windows-sys lacks or takes from ntdll.
//!
//! Wine takes an image that imports from ntdll for a program's library, and calls its entry point as one's. So nothing
//! here may come from there. The linker takes the first image that has a name: this crate comes before windows-sys.

#![allow(missing_docs, reason = "Microsoft's documentation has a page for each")]

use core::ffi::c_void;

use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

use crate::{NTSTATUS, OBJECT_ATTRIBUTES, UNICODE_STRING};

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    pub fn ZwAllocateVirtualMemory(
        process: *mut c_void,
        base: *mut *mut c_void,
        zero_bits: usize,
        bytes: *mut usize,
        kind: u32,
        protection: u32,
    ) -> NTSTATUS;
    pub fn ZwFreeVirtualMemory(
        process: *mut c_void,
        base: *mut *mut c_void,
        bytes: *mut usize,
        kind: u32,
    ) -> NTSTATUS;
    pub fn ZwProtectVirtualMemory(
        process: *mut c_void,
        base: *mut *mut c_void,
        bytes: *mut usize,
        new: u32,
        old: *mut u32,
    ) -> NTSTATUS;
    pub fn ZwClose(handle: *mut c_void) -> NTSTATUS;
    pub fn ZwCreateFile(
        handle: *mut *mut c_void,
        access: u32,
        attributes: *const OBJECT_ATTRIBUTES,
        block: *mut IO_STATUS_BLOCK,
        size: *const i64,
        file_attributes: u32,
        share: u32,
        disposition: u32,
        options: u32,
        extended: *const c_void,
        extended_bytes: u32,
    ) -> NTSTATUS;
    pub fn ZwLoadDriver(service: *const UNICODE_STRING) -> NTSTATUS;
    pub fn ZwUnloadDriver(service: *const UNICODE_STRING) -> NTSTATUS;
    pub fn ZwOpenFile(
        handle: *mut *mut c_void,
        access: u32,
        attributes: *const OBJECT_ATTRIBUTES,
        block: *mut IO_STATUS_BLOCK,
        share: u32,
        options: u32,
    ) -> NTSTATUS;
    pub fn ZwOpenKey(
        handle: *mut *mut c_void,
        access: u32,
        attributes: *const OBJECT_ATTRIBUTES,
    ) -> NTSTATUS;
    pub fn ZwTerminateProcess(process: *mut c_void, status: NTSTATUS) -> NTSTATUS;
    pub fn ZwWaitForSingleObject(
        handle: *mut c_void,
        alertable: u8,
        timeout: *const i64,
    ) -> NTSTATUS;
    pub fn ZwWriteFile(
        handle: *mut c_void,
        event: *mut c_void,
        routine: *const c_void,
        context: *const c_void,
        block: *mut IO_STATUS_BLOCK,
        bytes: *const u8,
        length: u32,
        offset: *const i64,
        key: *const u32,
    ) -> NTSTATUS;
    pub fn ZwYieldExecution() -> NTSTATUS;
}

/// This process, as the functions above take it.
pub const OWN_PROCESS: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);
