//! How a run ends: the report of what went wrong, the end line, and the machine's exit.

use alloc::{format, string::String, vec::Vec};
use core::{
    panic::PanicInfo,
    sync::atomic::{AtomicBool, Ordering},
};

use vmdisp_ring0_protocol::{END_MARK, EXIT_PORT, End, Fault, FaultKind, Message};
use x86_64::instructions::{hlt, interrupts, port::Port};

use crate::{
    memory::{heap, paging},
    nt, serial,
};

/// Whether a fault is being reported already.
static FAULTED: AtomicBool = AtomicBool::new(false);

/// Ends the run.
pub fn end(how: End) -> ! {
    let code = how as u8;
    serial::line(format_args!("{END_MARK}{code}"));
    let mut port = Port::<u32>::new(EXIT_PORT);
    // SAFETY: isa-debug-exit is there, and ends the machine.
    unsafe { port.write(u32::from(code)) }
    loop {
        interrupts::disable();
        hlt();
    }
}

/// Starts a report: memory comes from the reserve, locks are broken. A second fault while the
/// first is being reported ends the machine without a word, which the workbench sees.
pub fn begin() {
    interrupts::disable();
    if FAULTED.swap(true, Ordering::Relaxed) {
        end(End::Fault);
    }
    heap::fault_begins();
    serial::fault_begins();
    paging::fault_begins();
}

/// Reports `fault` and ends the run.
pub fn report(fault: Fault) -> ! {
    serial::line(format_args!("*** {}", fault.text));
    serial::message(&Message::Fault(fault));
    end(End::Fault)
}

/// Ends the run because the driver called `service` in a way that its contract forbids.
///
/// `what` completes the sentence that starts with the service's name.
pub fn wrong_use(service: &str, what: &str, notes: Vec<String>) -> ! {
    begin();
    report(Fault {
        kind: FaultKind::WrongUse,
        text: format!("{service}: {what}"),
        instruction: nt::caller(),
        address: None,
        registers: Vec::new(),
        stack: crate::cpu::backtrace::from_here(),
        notes,
    })
}

/// Ends the run because the driver's image cannot be loaded.
pub fn bad_image(kind: FaultKind, text: String, notes: Vec<String>) -> ! {
    begin();
    report(Fault {
        kind,
        text,
        instruction: 0,
        address: None,
        registers: Vec::new(),
        stack: Vec::new(),
        notes,
    })
}

#[panic_handler]
fn panic(info: &PanicInfo<'_>) -> ! {
    begin();
    report(Fault {
        kind: FaultKind::Panic,
        text: format!("the small kernel panicked: {info}").replace('\n', " "),
        instruction: 0,
        address: None,
        registers: Vec::new(),
        stack: crate::cpu::backtrace::from_here(),
        notes: Vec::new(),
    })
}
