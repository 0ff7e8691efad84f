//! What a program without `std` must bring: memory for `alloc`, a panic handler, and what the compiler calls.
//!
//! The drivers' own memory is Wine's, not the pool of the driver under test, so none of it is counted.

use core::alloc::{GlobalAlloc, Layout};
use core::ffi::c_void;

use windows_sys::Wdk::System::SystemServices::{ExAllocatePoolWithTag, ExFreePoolWithTag};

use crate::ntoskrnl::{OWN_PROCESS, ZwTerminateProcess};

const TAG: u32 = u32::from_le_bytes(*b"Wine");
/// `NonPagedPoolNx`.
const POOL: i32 = 512;
/// Wine's pool is aligned to this.
const ALIGNMENT: usize = 16;

struct Pool;

#[global_allocator]
static POOL_ALLOCATOR: Pool = Pool;

// SAFETY: blocks come from the pool, as large as asked for; where more alignment is asked for than the pool gives,
// a larger block is taken and its address kept before the aligned place.
unsafe impl GlobalAlloc for Pool {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() <= ALIGNMENT {
            // SAFETY: any size is a valid request.
            return unsafe { ExAllocatePoolWithTag(POOL, layout.size(), TAG) }.cast();
        }
        let bytes = layout.size() + layout.align();
        // SAFETY: any size is a valid request.
        let block: *mut u8 = unsafe { ExAllocatePoolWithTag(POOL, bytes, TAG) }.cast();
        if block.is_null() {
            return block;
        }
        // The block is aligned to 16, so at least 16 bytes lie before this place.
        let place = block.wrapping_add(layout.align() - block.addr() % layout.align());
        let kept = place.cast::<*mut u8>().wrapping_sub(1);
        // SAFETY: it is in the block, before what the caller gets.
        unsafe { kept.write(block) };
        place
    }

    unsafe fn dealloc(&self, place: *mut u8, layout: Layout) {
        let block = if layout.align() <= ALIGNMENT {
            place
        } else {
            // SAFETY: `alloc` has written it there.
            unsafe { place.cast::<*mut u8>().wrapping_sub(1).read() }
        };
        // SAFETY: the block came from the pool with this tag.
        unsafe { ExFreePoolWithTag(block.cast::<c_void>(), TAG) };
    }
}

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn DbgPrint(format: *const u8, ...) -> u32;
}

#[expect(dead_code, reason = "the compiler calls them")]
#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    fn memset(to: *mut u8, byte: i32, bytes: usize) -> *mut u8;
    fn memcmp(a: *const u8, b: *const u8, bytes: usize) -> i32;
    fn strlen(text: *const u8) -> usize;
    fn __chkstk();
}

/// Ends the process that all drivers are in.
pub fn end_process() -> ! {
    loop {
        // SAFETY: the process's own end.
        unsafe { ZwTerminateProcess(OWN_PROCESS, 1) };
    }
}

/// Writes to Wine's own log.
pub fn print(text: &str) {
    let line = alloc::format!("{text}\0");
    // SAFETY: the format takes one string, and this is one.
    unsafe { DbgPrint(c"%s".as_ptr().cast(), line.as_ptr()) };
}

#[panic_handler]
fn panic(info: &core::panic::PanicInfo<'_>) -> ! {
    print(&alloc::format!("vmdisp-wine: {info}"));
    end_process()
}

/// Floating point is used; the linker wants to know.
// SAFETY: no other symbol has this name.
#[unsafe(export_name = "_fltused")]
static USES_FLOATS: i32 = 0;

/// What core is compiled with where exceptions may unwind; none does here, so it has nothing to do.
// SAFETY: no other symbol has this name.
#[unsafe(export_name = "__CxxFrameHandler3")]
extern "system" fn no_frame_handler() -> i32 {
    1 // ExceptionContinueSearch
}
