//! `DbgPrint` and `DbgPrintEx`: the driver's own lines in the log.

use alloc::{string::String, vec::Vec};
use core::{
    arch::naked_asm,
    sync::atomic::{AtomicU64, Ordering},
};

use spin::Mutex;

use super::format;
use crate::log;

/// `DPFLTR_ERROR_LEVEL`.
const ERROR_LEVEL: u32 = 0;
/// `DPFLTR_INFO_LEVEL`, which `DbgPrint` has.
const INFO_LEVEL: u32 = 3;

/// How many lines a run writes to the log unless it is traced: a hostile test makes a million.
const MOST_LINES: u64 = 200;
/// How many complaints are kept until they are taken.
const MOST_COMPLAINTS: usize = 10_000;

/// How many more lines may be written.
static LINES_LEFT: AtomicU64 = AtomicU64::new(MOST_LINES);

/// Lines of error level since they were last taken.
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// Lets every line be written.
pub fn write_all_lines() {
    LINES_LEFT.store(u64::MAX, Ordering::Relaxed);
}

/// The driver's lines of error level since the last time, without their ends.
pub fn take_complaints() -> Vec<String> {
    core::mem::take(&mut *COMPLAINTS.lock())
}

/// `ULONG DbgPrint(PCSTR, ...)`.
///
/// A variadic function of this convention finds its arguments in a row on the
/// stack once it has stored the four registers in the space above its return
/// address.
#[unsafe(naked)]
pub unsafe extern "win64" fn dbg_print() {
    naked_asm!(
        "mov [rsp + 8], rcx",
        "mov [rsp + 16], rdx",
        "mov [rsp + 24], r8",
        "mov [rsp + 32], r9",
        "mov edx, {level}",
        "lea r8, [rsp + 16]",
        "jmp {print}",
        level = const INFO_LEVEL,
        print = sym print,
    )
}

/// `ULONG DbgPrintEx(ULONG, ULONG, PCSTR, ...)`.
#[unsafe(naked)]
pub unsafe extern "win64" fn dbg_print_ex() {
    naked_asm!(
        "mov [rsp + 32], r9",
        "mov rcx, r8",
        "lea r8, [rsp + 32]",
        "jmp {print}",
        print = sym print,
    )
}

/// Takes one line; its arguments lie at `arguments`, eight bytes each.
unsafe extern "win64" fn print(format: *const u8, level: u32, arguments: *const u64) -> u32 {
    let left = LINES_LEFT.load(Ordering::Relaxed);
    LINES_LEFT.store(left.saturating_sub(1), Ordering::Relaxed);
    let kept = level == ERROR_LEVEL && COMPLAINTS.lock().len() < MOST_COMPLAINTS;
    if left == 0 && !kept {
        return 0;
    }
    // SAFETY: the driver passes a format, and the arguments that it names.
    let text = unsafe { format::format(format, arguments) };
    let text = text.trim_end_matches(['\n', '\r']);
    if left > 0 {
        for line in text.split('\n') {
            log!("driver: {line}");
        }
        if left == 1 {
            log!("(the driver's further lines are left out)");
        }
    }
    if kept {
        COMPLAINTS.lock().push(text.into());
    }
    0
}
