//! The driver's debug lines.

use alloc::string::String;
use alloc::vec::Vec;
use core::arch::naked_asm;
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Mutex;

use crate::report;

/// `DPFLTR_ERROR_LEVEL`: what the driver complains of.
const ERROR: u32 = 0;
/// How many lines a run writes to the log: a hostile test makes a million.
const MOST_LINES: u64 = 200;
/// How many complaints are kept until they are taken.
const MOST_COMPLAINTS: usize = 10_000;
/// The longest line.
const LONGEST: usize = 512;

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "C" {
    fn _vsnprintf(to: *mut u8, bytes: usize, format: *const u8, arguments: *const u64) -> i32;
}

static LINES: AtomicU64 = AtomicU64::new(0);
static COMPLAINTS: Mutex<Vec<String>> = Mutex::new(Vec::new());

/// `ULONG DbgPrintEx(ULONG, ULONG, PCSTR, …)`: puts its arguments where a `va_list` finds them.
#[unsafe(naked)]
pub unsafe extern "system" fn dbg_print_ex() {
    naked_asm!(
        "mov [rsp + 32], r9", // its place in the caller's frame; those on the stack follow it
        "lea r9, [rsp + 32]",
        "jmp {print}",
        print = sym print,
    )
}

/// # Safety
///
/// `arguments` are those that `format` names.
unsafe extern "system" fn print(
    _component: u32,
    level: u32,
    format: *const u8,
    arguments: *const u64,
) -> u32 {
    let mut text = [0_u8; LONGEST];
    // SAFETY: the buffer has so many bytes, and the caller's promise.
    let length = unsafe { _vsnprintf(text.as_mut_ptr(), LONGEST, format, arguments) };
    let length = usize::try_from(length).unwrap_or(LONGEST).min(LONGEST);
    let line = String::from_utf8_lossy(&text[..length]);
    let line = line.trim_end();
    match LINES.fetch_add(1, Ordering::Relaxed) {
        0..MOST_LINES => report::line(line),
        MOST_LINES => report::line("(the driver's further lines are left out)"),
        _ => {}
    }
    let mut complaints = COMPLAINTS.lock();
    if level == ERROR && complaints.len() < MOST_COMPLAINTS {
        complaints.push(line.into());
    }
    0
}

/// The driver's complaints since the last call.
pub fn take_complaints() -> Vec<String> {
    core::mem::take(&mut *COMPLAINTS.lock())
}
