//! What Wine has no Windows call for, asked of Linux itself: above all pages in the order that a driver wants them in.
//!
//! Windows maps any page frame at any page of system space. Wine maps files in steps of 64 KiB, so the frames here are
//! pages of a file in memory that Linux maps, one by one, over addresses that Wine has reserved.

use core::arch::asm;
use core::sync::atomic::AtomicU32;

const PROCESS_VM_READV: u64 = 310;
const MEMFD_CREATE: u64 = 319;
const FTRUNCATE: u64 = 77;
const MMAP: u64 = 9;
const GETPID: u64 = 39;
const CLOCK_GETTIME: u64 = 228;
const FUTEX: u64 = 202;
const GETCPU: u64 = 309;

/// `CLOCK_MONOTONIC`
const MONOTONIC: u64 = 1;
/// `FUTEX_WAIT_PRIVATE`, `FUTEX_WAKE_PRIVATE`
const WAIT: u64 = 128;
const WAKE: u64 = 129;

/// `PROT_READ | PROT_WRITE`
const READ_WRITE: u64 = 3;
const NOTHING: u64 = 0;
/// `MAP_SHARED | MAP_FIXED`
const SHARED: u64 = 0x11;
/// `MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS | MAP_NORESERVE`
const EMPTY: u64 = 0x4032;

/// A call of the kernel under Wine; negative numbers are errors.
///
/// # Safety
///
/// As the call is.
unsafe fn call(number: u64, arguments: [u64; 6]) -> i64 {
    let result: i64;
    // SAFETY: the caller's promise; the kernel changes these registers alone.
    unsafe {
        asm!(
            "syscall",
            inlateout("rax") number => result,
            in("rdi") arguments[0],
            in("rsi") arguments[1],
            in("rdx") arguments[2],
            in("r10") arguments[3],
            in("r8") arguments[4],
            in("r9") arguments[5],
            lateout("rcx") _,
            lateout("r11") _,
            options(nostack),
        );
    }
    result
}

/// A file in memory, of so many bytes, that no folder has. None if Linux will not.
pub fn memory_file(bytes: u64) -> Option<u64> {
    let name = c"vmdisp".as_ptr().expose_provenance() as u64;
    // SAFETY: the name is there.
    let file = unsafe { call(MEMFD_CREATE, [name, 0, 0, 0, 0, 0]) };
    let file = u64::try_from(file).ok()?;
    // SAFETY: the file was made above.
    let sized = unsafe { call(FTRUNCATE, [file, bytes, 0, 0, 0, 0]) };
    (sized == 0).then_some(file)
}

/// Maps a page of that file at `address`, over what is there. False if Linux will not.
///
/// # Safety
///
/// The page at `address` is the caller's to replace.
pub unsafe fn map_page(address: usize, file: u64, offset: u64) -> bool {
    // SAFETY: the caller's promise.
    let mapped = unsafe {
        call(
            MMAP,
            [address as u64, 4096, READ_WRITE, SHARED, file, offset],
        )
    };
    mapped.cast_unsigned() == address as u64
}

/// Makes `bytes` at `address` answer no more; they stay reserved.
///
/// # Safety
///
/// The pages are the caller's to replace.
pub unsafe fn unmap_pages(address: usize, bytes: usize) {
    // SAFETY: the caller's promise. File -1 is none.
    unsafe {
        call(
            MMAP,
            [address as u64, bytes as u64, NOTHING, EMPTY, u64::MAX, 0],
        )
    };
}

/// Copies memory of this process as far as it can be read; how many bytes that were.
///
/// # Safety
///
/// `to` is good for so many bytes.
pub unsafe fn read_memory(from: usize, to: *mut u8, bytes: usize) -> usize {
    let [local, remote] = [[to.expose_provenance(), bytes], [from, bytes]];
    // SAFETY: it takes nothing.
    let process = unsafe { call(GETPID, [0; 6]) };
    let [local, remote] = [&raw const local, &raw const remote];
    let list = |list: *const [usize; 2]| list.expose_provenance() as u64;
    // SAFETY: Linux reads carefully, and writes where the caller lets it.
    let read = unsafe {
        call(
            PROCESS_VM_READV,
            [process.unsigned_abs(), list(local), 1, list(remote), 1, 0],
        )
    };
    usize::try_from(read).unwrap_or(0)
}

/// Time since some moment, in nanoseconds. Wine's own clocks go by its ticks, or want an import from ntdll.
pub fn monotonic_ns() -> u64 {
    let mut time = [0_u64; 2];
    let place = (&raw mut time).expose_provenance() as u64;
    // SAFETY: the record is there.
    unsafe { call(CLOCK_GETTIME, [MONOTONIC, place, 0, 0, 0, 0]) };
    time[0] * 1_000_000_000 + time[1]
}

/// Sleeps until somebody [wakes](wake) who sleeps at `word`, unless it is not `value` any more.
pub fn sleep(word: &AtomicU32, value: u32) {
    let place = word.as_ptr().expose_provenance() as u64;
    // SAFETY: the word is there.
    unsafe { call(FUTEX, [place, WAIT, value.into(), 0, 0, 0]) };
}

/// Wakes one that sleeps at `word`.
pub fn wake(word: &AtomicU32) {
    let place = word.as_ptr().expose_provenance() as u64;
    // SAFETY: the word is there.
    unsafe { call(FUTEX, [place, WAKE, 1, 0, 0, 0]) };
}

/// The processor that this thread runs on.
pub fn processor() -> u32 {
    let mut number = 0_u32;
    let place = (&raw mut number).expose_provenance() as u64;
    // SAFETY: the variable is there.
    unsafe { call(GETCPU, [place, 0, 0, 0, 0, 0]) };
    number
}
