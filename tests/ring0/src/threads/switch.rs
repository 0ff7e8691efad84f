//! From one thread's stack to another's.

use core::arch::naked_asm;

/// Bytes of a new stack that [`prepare`] writes, from its end down.
const FIRST_FRAME: u64 = 16 + 8 * 8 + FLOATING + 8;
/// Bytes of what FXSAVE writes, and 8 that keep it aligned.
const FLOATING: u64 = 512 + 8;
/// Where in FXSAVE's area the control words are.
const CONTROL: u64 = 0;
const MXCSR: u64 = 24;

/// Interrupts are let through; the other bit is always set.
const FLAGS: u64 = 0x202;

/// Saves the running thread and goes on with another one: this returns on the other's stack, where the other called it.
///
/// What goes with a thread: the registers that a function keeps, XMM0 to XMM15 and both control words (a service's
/// caller keeps XMM6 to XMM15 in them), the flags, so that interrupts are as the thread had them, and CR8, the IRQL.
///
/// # Safety
///
/// `save` is where the running thread's stack pointer goes; `load` came from there, or from [`prepare`], and is used
/// once.
#[unsafe(naked)]
pub unsafe extern "sysv64" fn switch(save: *mut u64, load: u64) {
    naked_asm!(
        "pushfq",
        "cli",
        "push rbx",
        "push rbp",
        "push r12",
        "push r13",
        "push r14",
        "push r15",
        "mov rax, cr8",
        "push rax",
        "sub rsp, {floating}",
        "fxsave64 [rsp]",
        "mov [rdi], rsp",
        "mov rsp, rsi",
        "fxrstor64 [rsp]",
        "add rsp, {floating}",
        "pop rax",
        "mov cr8, rax",
        "pop r15",
        "pop r14",
        "pop r13",
        "pop r12",
        "pop rbp",
        "pop rbx",
        "popfq",
        "ret",
        floating = const FLOATING,
    )
}

/// Where a new thread comes from [`switch`]: its stack is as before a call.
#[unsafe(naked)]
extern "sysv64" fn enter() -> ! {
    naked_asm!("call {begin}", "ud2", begin = sym super::begin)
}

/// Writes what [`switch`] loads first onto the new stack that ends at `end`: it goes to `begin` with interrupts on, at
/// `PASSIVE_LEVEL`, with the control words that Windows gives a new thread.
///
/// # Safety
///
/// The stack is mapped and nobody's.
pub unsafe fn prepare(end: u64) -> u64 {
    let start = end - FIRST_FRAME;
    let write = |offset: u64, value: u64| {
        // SAFETY: inside the new stack, as the caller says.
        unsafe { ((start + offset) as *mut u64).write(value) };
    };
    for offset in (0..FIRST_FRAME).step_by(8) {
        write(offset, 0);
    }
    write(CONTROL, 0x27f);
    write(MXCSR, 0x1f80);
    // Behind it: CR8, six registers, the flags, the return address.
    let flags = FLOATING + 7 * 8;
    write(flags, FLAGS);
    write(flags + 8, enter as *const () as u64);
    start
}

const _: () = assert!(FIRST_FRAME.is_multiple_of(16));
