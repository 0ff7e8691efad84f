//! `DbgPrint` and `DbgPrintEx`: the driver's own lines in the log.

use core::{
    arch::naked_asm,
    sync::atomic::{AtomicU64, Ordering},
};

use super::format;
use crate::log;

/// After so many lines the driver's lines are only counted: a hostile test makes a million.
const MOST_LINES: u64 = 2000;

static LINES: AtomicU64 = AtomicU64::new(0);

/// Lines that were counted and not written.
pub fn lines_left_out() -> u64 {
    LINES.load(Ordering::Relaxed).saturating_sub(MOST_LINES)
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
        "lea rdx, [rsp + 16]",
        "jmp {print}",
        print = sym print,
    )
}

/// `ULONG DbgPrintEx(ULONG, ULONG, PCSTR, ...)`.
#[unsafe(naked)]
pub unsafe extern "win64" fn dbg_print_ex() {
    naked_asm!(
        "mov [rsp + 32], r9",
        "mov rcx, r8",
        "lea rdx, [rsp + 32]",
        "jmp {print}",
        print = sym print,
    )
}

/// Writes one line; the arguments lie at `arguments`, eight bytes each.
unsafe extern "win64" fn print(format: *const u8, arguments: *const u64) -> u32 {
    if LINES.fetch_add(1, Ordering::Relaxed) < MOST_LINES {
        // SAFETY: the driver passes a format, and the arguments that it names.
        let text = unsafe { format::format(format, arguments) };
        for line in text.trim_end_matches(['\n', '\r']).split('\n') {
            log!("driver: {line}");
        }
    }
    0
}
