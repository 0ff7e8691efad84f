//! Copying memory: `MmCopyMemory`, and the C routines that ntoskrnl exports.

use alloc::vec::Vec;
use core::{
    ptr,
    sync::atomic::{AtomicBool, Ordering},
};

use spin::Mutex;
use x86_64::structures::paging::PageTableFlags;

use super::{
    demand_irql,
    status::{self, Status},
};
use crate::{
    cpu::irql::APC_LEVEL,
    memory::{
        direct,
        layout::{PAGE, USER},
        paging,
    },
    threads,
};

/// `MmHighestUserAddress`: the last address of the lower half that Windows gives to programs.
pub static HIGHEST_USER_ADDRESS: u64 = 0x7fff_fffe_ffff;

/// `MM_COPY_MEMORY_PHYSICAL`.
const PHYSICAL: u32 = 1;
/// `MM_COPY_MEMORY_VIRTUAL`.
const VIRTUAL: u32 = 2;

/// Memory that changes whenever it has been copied.
struct Changing {
    start: u64,
    contents: [Vec<u8>; 2],
    /// Which of the contents comes next.
    next: usize,
}

static CHANGING: Mutex<Option<Changing>> = Mutex::new(None);

/// Runs `work` while the bytes at `memory`, which hold `first`, change to `second` and back each
/// time that the driver has copied any of them.
pub fn while_changing(memory: *mut u8, first: &[u8], second: &[u8], work: &mut dyn FnMut()) {
    let contents = [first.to_vec(), second.to_vec()];
    *CHANGING.lock() = Some(Changing {
        start: memory as u64,
        contents,
        next: 1,
    });
    work();
    *CHANGING.lock() = None;
}

/// Changes what lies at `source` if it is to change.
fn change(source: u64, bytes: u64) {
    let mut changing = CHANGING.lock();
    let Some(Changing {
        start,
        contents,
        next,
    }) = changing.as_mut()
    else {
        return;
    };
    let content = &contents[*next];
    if source < *start + content.len() as u64 && *start < source + bytes {
        // SAFETY: whoever set the memory up owns it, and it holds as many bytes.
        unsafe { ptr::copy(content.as_ptr(), *start as *mut u8, content.len()) }
        *next = 1 - *next;
    }
}

/// `NTSTATUS MmCopyMemory(PVOID, MM_COPY_ADDRESS, SIZE_T, ULONG, PSIZE_T)`.
pub unsafe extern "win64" fn copy_memory(
    target: *mut u8,
    source: u64,
    bytes: usize,
    flags: u32,
    copied: *mut usize,
) -> Status {
    const SERVICE: &str = "MmCopyMemory";
    demand_irql(SERVICE, APC_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes a variable of its own.
    unsafe { copied.write(0) }
    if flags != PHYSICAL && flags != VIRTUAL {
        return status::INVALID_PARAMETER;
    }
    let mut done = 0;
    while done < bytes {
        let Some(from) = source.checked_add(done as u64) else {
            return status::ACCESS_VIOLATION;
        };
        let in_page = (PAGE - from % PAGE) as usize;
        let piece = in_page.min(bytes - done);
        let from = if flags == PHYSICAL {
            direct(from).as_u64()
        } else {
            from
        };
        let gone = |(_, flags): (u64, PageTableFlags)| {
            USER.contains(from) && !flags.contains(PageTableFlags::PRESENT)
        };
        if paging::translate(from).is_none_or(gone) {
            return status::ACCESS_VIOLATION;
        }
        let from: *const u8 = ptr::with_exposed_provenance(from as usize);
        // SAFETY: `target` has room for `bytes`, of which `done` are written.
        let to = unsafe { target.add(done) };
        // SAFETY: the source's page is mapped, the target is the driver's buffer.
        unsafe { ptr::copy(from, to, piece) }
        done += piece;
        // SAFETY: the driver passes a variable of its own.
        unsafe { copied.write(done) }
    }
    change(source, bytes as u64);
    status::SUCCESS
}

/// `SIZE_T RtlCompareMemory(const VOID *, const VOID *, SIZE_T)`: bytes that are equal.
pub unsafe extern "win64" fn compare(left: *const u8, right: *const u8, bytes: usize) -> usize {
    // SAFETY: the driver passes two buffers of this size.
    let left = unsafe { core::slice::from_raw_parts(left, bytes) };
    // SAFETY: as above.
    let right = unsafe { core::slice::from_raw_parts(right, bytes) };
    left.iter()
        .zip(right)
        .take_while(|(left, right)| left == right)
        .count()
}

/// `int memcmp(const void *, const void *, size_t)`.
pub unsafe extern "win64" fn memcmp(left: *const u8, right: *const u8, bytes: usize) -> i32 {
    // SAFETY: the driver passes two buffers of this size.
    let left = unsafe { core::slice::from_raw_parts(left, bytes) };
    // SAFETY: as above.
    let right = unsafe { core::slice::from_raw_parts(right, bytes) };
    left.cmp(right) as i32
}

/// Whether one of the three functions below runs for the driver.
static COPYING: AtomicBool = AtomicBool::new(false);

/// Whether the instruction that runs moves bytes for the driver, in `memcpy` and its like.
pub fn is_copying() -> bool {
    COPYING.load(Ordering::Relaxed)
}

/// `void *memcpy(void *, const void *, size_t)`.
pub unsafe extern "win64" fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    COPYING.store(true, Ordering::Relaxed);
    // SAFETY: the driver passes two buffers of this size; they should not overlap, but may.
    unsafe { ptr::copy(from, to, bytes) }
    COPYING.store(false, Ordering::Relaxed);
    to
}

/// `void *memmove(void *, const void *, size_t)`.
pub unsafe extern "win64" fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8 {
    COPYING.store(true, Ordering::Relaxed);
    // SAFETY: the driver passes two buffers of this size.
    unsafe { ptr::copy(from, to, bytes) }
    COPYING.store(false, Ordering::Relaxed);
    to
}

/// `void *memset(void *, int, size_t)`.
pub unsafe extern "win64" fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8 {
    COPYING.store(true, Ordering::Relaxed);
    // SAFETY: the driver passes a buffer of this size.
    unsafe { to.write_bytes(value.to_le_bytes()[0], bytes) }
    COPYING.store(false, Ordering::Relaxed);
    to
}
