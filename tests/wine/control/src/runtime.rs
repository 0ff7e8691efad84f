//! What a program without `std` must bring: its beginning, memory, a panic handler, its arguments and its output.
//!
//! Rust's `std` for this target wants Microsoft's C library, which a Linux machine does not have.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use windows_sys::Win32::Storage::FileSystem::WriteFile;
use windows_sys::Win32::System::Console::{GetStdHandle, STD_OUTPUT_HANDLE};
use windows_sys::Win32::System::Environment::GetCommandLineW;
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapAlloc, HeapFree};
use windows_sys::Win32::System::Threading::ExitProcess;

struct Heap;

#[global_allocator]
static HEAP: Heap = Heap;

// SAFETY: the process's heap gives blocks of any size, aligned to 16; nothing here wants more.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: it takes nothing.
        let heap = unsafe { GetProcessHeap() };
        // SAFETY: any size is a valid request.
        unsafe { HeapAlloc(heap, 0, layout.size()) }.cast()
    }

    unsafe fn dealloc(&self, block: *mut u8, _layout: Layout) {
        // SAFETY: it takes nothing.
        let heap = unsafe { GetProcessHeap() };
        // SAFETY: the block came from there.
        unsafe { HeapFree(heap, 0, block.cast_const().cast()) };
    }
}

#[expect(dead_code, reason = "the compiler calls them")]
#[link(name = "ntdll.dll", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memset(to: *mut u8, byte: i32, bytes: usize) -> *mut u8;
    fn memcmp(a: *const u8, b: *const u8, bytes: usize) -> i32;
    fn __chkstk();
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print(&info.to_string());
    exit(101)
}

/// What core is compiled with where exceptions may unwind; none does here.
// SAFETY: no other symbol has this name.
#[unsafe(export_name = "__CxxFrameHandler3")]
extern "system" fn no_frame_handler() -> i32 {
    1
}

/// Ends the program.
pub fn exit(code: u32) -> ! {
    // SAFETY: the process's own end.
    unsafe { ExitProcess(code) }
}

/// Writes a line.
pub fn print(text: &str) {
    let mut line = Vec::from(text.as_bytes());
    line.push(b'\n');
    // SAFETY: it takes a number.
    let output = unsafe { GetStdHandle(STD_OUTPUT_HANDLE) };
    let mut written = 0;
    // SAFETY: the bytes are there, and the variable lives through the call.
    unsafe {
        WriteFile(
            output,
            line.as_ptr(),
            line.len() as u32,
            &raw mut written,
            ptr::null_mut(),
        )
    };
}

/// The program's arguments, without its name. They hold no quotes and, but for the name, no spaces.
pub fn arguments() -> Vec<String> {
    // SAFETY: it takes nothing.
    let line = unsafe { GetCommandLineW() };
    let mut length = 0;
    // SAFETY: a zero ends the line.
    while unsafe { *line.wrapping_add(length) } != 0 {
        length += 1;
    }
    // SAFETY: so many units were read.
    let line = String::from_utf16_lossy(unsafe { core::slice::from_raw_parts(line, length) });
    let after_name = match line.strip_prefix('"') {
        Some(rest) => rest.split_once('"').map_or("", |(_, rest)| rest),
        None => line.split_once(' ').map_or("", |(_, rest)| rest),
    };
    after_name
        .split_whitespace()
        .map(|word| word.trim_matches('"').to_string())
        .collect()
}

/// Text as Windows takes it, with a zero behind it.
pub fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}
