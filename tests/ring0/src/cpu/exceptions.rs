//! The interrupt descriptor table, and what an interrupt or an exception does.
//!
//! The clock and the request to run deferred work come back, and so do accesses to watched device
//! memory. Everything else ends the run with a report. No adapter that is driven now has an interrupt
//! of its own: the 8259s are masked, and an I/O APIC gets its place here, beside `dispatch`, with the
//! first that has.

use alloc::{format, string::String, vec, vec::Vec};
use core::arch::global_asm;

use spin::Once;
use vmdisp_ring0_protocol::{Fault, FaultKind};
use x86_64::{
    VirtAddr,
    instructions::port::Port,
    registers::control::Cr2,
    structures::idt::{InterruptDescriptorTable, PageFaultErrorCode},
};

use super::{apic, backtrace, irql, segments};
use crate::{
    fault,
    memory::{layout, stack, watch},
    nt,
};

const DEBUG: u64 = 1;
const NMI: u64 = 2;
const DOUBLE_FAULT: u64 = 8;
const PAGE_FAULT: u64 = 14;
const CLOCK: u64 = apic::CLOCK_VECTOR as u64;
const DISPATCH: u64 = apic::DISPATCH_VECTOR as u64;
const SPURIOUS: u64 = apic::SPURIOUS_VECTOR as u64;

/// Bytes from one entry stub to the next.
const STUB_SIZE: u64 = 16;

// An entry stub for each vector makes all frames alike (an error code, then the vector), and goes
// on to one place that saves the registers.
global_asm!(
    r#"
    .balign 16
    .global vector_stubs
vector_stubs:
    .set vector, 0
    .rept 256
    .balign 16
    .if (vector == 8) || (vector >= 10 && vector <= 14) || (vector == 17) || (vector == 21) || (vector == 29) || (vector == 30)
    .else
    push 0
    .endif
    push vector
    jmp save_registers
    .set vector, vector + 1
    .endr

    .balign 16
save_registers:
    push r15
    push r14
    push r13
    push r12
    push r11
    push r10
    push r9
    push r8
    push rdi
    push rsi
    push rbp
    push rbx
    push rdx
    push rcx
    push rax
    cld
    mov rdi, rsp
    mov rbx, rsp
    xor ebp, ebp
    sub rsp, 512
    and rsp, -16
    fxsave64 [rsp]          /* the driver uses SSE2 */
    call {dispatch}
    fxrstor64 [rsp]
    mov rsp, rbx
    pop rax
    pop rcx
    pop rdx
    pop rbx
    pop rbp
    pop rsi
    pop rdi
    pop r8
    pop r9
    pop r10
    pop r11
    pop r12
    pop r13
    pop r14
    pop r15
    add rsp, 16             /* the vector and the error code */
    iretq
    "#,
    dispatch = sym dispatch,
);

unsafe extern "C" {
    /// The first entry stub.
    static vector_stubs: u8;
}

/// What the entry stubs and the processor leave on the stack.
#[repr(C)]
pub struct Frame {
    rax: u64,
    rcx: u64,
    rdx: u64,
    rbx: u64,
    rbp: u64,
    rsi: u64,
    rdi: u64,
    r8: u64,
    r9: u64,
    r10: u64,
    r11: u64,
    r12: u64,
    r13: u64,
    r14: u64,
    r15: u64,
    vector: u64,
    error: u64,
    rip: u64,
    cs: u64,
    rflags: u64,
    rsp: u64,
    ss: u64,
}

static TABLE: Once<InterruptDescriptorTable> = Once::new();

/// Loads the table.
pub fn set_up() {
    mask_8259s();
    let stub = |vector: u64| VirtAddr::new(&raw const vector_stubs as u64 + vector * STUB_SIZE);
    let table = TABLE.call_once(|| {
        let mut table = InterruptDescriptorTable::new();
        macro_rules! exception {
            ($($entry:ident: $vector:expr),*) => {
                $(
                    // SAFETY: the stub takes what the processor pushes for this vector.
                    unsafe { table.$entry.set_handler_addr(stub($vector)) };
                )*
            };
        }
        exception! {
            divide_error: 0, debug: 1, breakpoint: 3, overflow: 4, bound_range_exceeded: 5,
            invalid_opcode: 6, device_not_available: 7, invalid_tss: 10,
            segment_not_present: 11, stack_segment_fault: 12, general_protection_fault: 13,
            page_fault: PAGE_FAULT, x87_floating_point: 16, alignment_check: 17,
            machine_check: 18, simd_floating_point: 19, virtualization: 20,
            cp_protection_exception: 21, vmm_communication_exception: 29, security_exception: 30
        }
        // SAFETY: as above.
        let nmi = unsafe { table.non_maskable_interrupt.set_handler_addr(stub(NMI)) };
        // SAFETY: the task segment has this stack, and only this vector uses it.
        unsafe { nmi.set_stack_index(segments::NMI_STACK) };
        // SAFETY: as above.
        let double = unsafe { table.double_fault.set_handler_addr(stub(DOUBLE_FAULT)) };
        // SAFETY: the task segment has this stack, and only this vector uses it.
        unsafe { double.set_stack_index(segments::DOUBLE_FAULT_STACK) };
        for vector in 32..=255_u8 {
            // SAFETY: the processor pushes no error code above 31, and the stub expects none.
            unsafe { table[vector].set_handler_addr(stub(u64::from(vector))) };
        }
        table
    });
    table.load();
}

/// Masks the two old interrupt controllers, which start with vectors that are exceptions' today.
fn mask_8259s() {
    for number in [0x21, 0xa1] {
        let mut mask = Port::<u8>::new(number);
        // SAFETY: these are the controllers' mask registers; all interrupts are held back.
        unsafe { mask.write(0xff) }
    }
}

/// The exception's short name.
fn name(vector: u64) -> &'static str {
    match vector {
        0 => "division error",
        1 => "debug exception",
        NMI => "non-maskable interrupt",
        3 => "breakpoint",
        4 => "overflow",
        5 => "bound range exceeded",
        6 => "invalid opcode",
        7 => "device not available",
        DOUBLE_FAULT => "double fault",
        10 => "invalid task segment",
        11 => "segment not present",
        12 => "stack segment fault",
        13 => "general protection fault",
        PAGE_FAULT => "page fault",
        16 => "x87 floating-point exception",
        17 => "alignment check",
        18 => "machine check",
        19 => "SIMD floating-point exception",
        20 => "virtualization exception",
        21 => "control protection exception",
        29 => "VMM communication exception",
        30 => "security exception",
        _ => "unexpected interrupt",
    }
}

/// Where every vector comes.
extern "sysv64" fn dispatch(frame: &mut Frame) {
    let vector = frame.vector;
    match vector {
        CLOCK => nt::dispatcher::on_clock(),
        DISPATCH => nt::dispatcher::on_dispatch(frame.rip),
        SPURIOUS => {}
        PAGE_FAULT if watched_access(frame) => {}
        DEBUG if watch::on_step(&mut frame.rflags) => {}
        _ => exception(frame),
    }
}

/// Whether the page fault was an access that is only counted.
fn watched_access(frame: &mut Frame) -> bool {
    watch::on_fault(Cr2::read_raw(), frame.rip, frame.error, &mut frame.rflags)
}

/// Ends the run with a report.
fn exception(frame: &Frame) -> ! {
    let level = irql::current();
    fault::begin();
    let touched = Cr2::read_raw();
    let (kind, text, address, mut notes) = match frame.vector {
        NMI => (
            FaultKind::Hang,
            String::from("stopped by a non-maskable interrupt"),
            None,
            Vec::new(),
        ),
        PAGE_FAULT => {
            let (text, notes) = page_fault(frame, touched);
            (FaultKind::Exception, text, Some(touched), notes)
        }
        DOUBLE_FAULT if stack::is_guard(touched) => (
            FaultKind::Exception,
            format!("double fault: the stack is used up (address {touched:#x})"),
            Some(touched),
            Vec::new(),
        ),
        vector => (
            FaultKind::Exception,
            format!(
                "{} (vector {vector}, error code {:#x})",
                name(vector),
                frame.error
            ),
            None,
            Vec::new(),
        ),
    };
    notes.push(format!("at IRQL {level} ({})", irql::name(level)));
    fault::report(Fault {
        kind,
        text,
        instruction: frame.rip,
        address,
        registers: registers(frame),
        stack: backtrace::from_exception(frame.rip, frame.rsp, frame.rbp),
        notes,
    })
}

/// What a page fault was about, for people.
fn page_fault(frame: &Frame, address: u64) -> (String, Vec<String>) {
    let error = PageFaultErrorCode::from_bits_truncate(frame.error);
    let access = if error.contains(PageFaultErrorCode::INSTRUCTION_FETCH) {
        "execution of"
    } else if error.contains(PageFaultErrorCode::CAUSED_BY_WRITE) {
        "write to"
    } else {
        "read of"
    };
    let why = if error.contains(PageFaultErrorCode::PROTECTION_VIOLATION) {
        "its page does not allow it"
    } else {
        "nothing is mapped there"
    };
    let place = layout::describe(address);
    let text = format!("page fault: {access} {address:#x} ({place}): {why}");
    (text, nt::pool::explain(address).into_iter().collect())
}

/// Names and values of the registers.
fn registers(frame: &Frame) -> Vec<(String, u64)> {
    let registers = [
        ("rip", frame.rip),
        ("rsp", frame.rsp),
        ("rflags", frame.rflags),
        ("rax", frame.rax),
        ("rbx", frame.rbx),
        ("rcx", frame.rcx),
        ("rdx", frame.rdx),
        ("rsi", frame.rsi),
        ("rdi", frame.rdi),
        ("rbp", frame.rbp),
        ("r8", frame.r8),
        ("r9", frame.r9),
        ("r10", frame.r10),
        ("r11", frame.r11),
        ("r12", frame.r12),
        ("r13", frame.r13),
        ("r14", frame.r14),
        ("r15", frame.r15),
    ];
    let mut named = vec![];
    for (name, value) in registers {
        named.push((String::from(name), value));
    }
    named
}
