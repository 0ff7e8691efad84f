//! Whatever goes wrong: a report, and the end of the drivers' process.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::mem::transmute;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use nt::protocol::{Fault, FaultKind, Message};
use vmdisp_wine_nt as nt;

use crate::unwind::{self, Context, NAMES};
use crate::{images, ntdll, pool, report};

/// `EXCEPTION_CONTINUE_SEARCH`
const CONTINUE_SEARCH: i32 = 0;

/// What a processor raises that no driver of ours survives, and what it is called.
const EXCEPTIONS: [(u32, &str); 8] = [
    (0xc000_0005, "page fault"),
    (0xc000_001d, "invalid instruction"),
    (0xc000_0094, "division by zero"),
    (0xc000_0096, "privileged instruction"),
    (0xc000_00fd, "the stack is used up"),
    (0x8000_0002, "misaligned access"),
    (0x8000_0003, "breakpoint"),
    (0xc000_0409, "fast fail"),
];

/// `EXCEPTION_RECORD`, as far as it is used.
#[repr(C)]
struct Record {
    code: u32,
    flags: u32,
    next: *const Record,
    address: u64,
    parameters: u32,
    information: [u64; 15],
}

/// `EXCEPTION_POINTERS`
#[repr(C)]
struct Pointers {
    record: *const Record,
    context: *const Context,
}

type Handler = unsafe extern "system" fn(*const Pointers) -> i32;
type Add = unsafe extern "system" fn(first: u32, handler: Handler) -> *mut c_void;
type Remove = unsafe extern "system" fn(handler: *mut c_void) -> u32;

static WATCH: AtomicPtr<c_void> = AtomicPtr::new(ptr::null_mut());
static REPORTED: AtomicBool = AtomicBool::new(false);

/// From now on exceptions in the project's code are reported. False if they cannot be.
pub fn watch() -> bool {
    let Some(add) = ntdll::function("RtlAddVectoredExceptionHandler") else {
        return false;
    };
    // SAFETY: the function of that name has this type.
    let add = unsafe { transmute::<usize, Add>(add) };
    // SAFETY: the handler lives until `stop_watching`.
    let handle = unsafe { add(1, raised) };
    WATCH.store(handle, Ordering::Release);
    !handle.is_null()
}

/// From now on they are not.
pub fn stop_watching() {
    let handle = WATCH.swap(ptr::null_mut(), Ordering::AcqRel);
    let Some(remove) = ntdll::function("RtlRemoveVectoredExceptionHandler") else {
        return;
    };
    if !handle.is_null() {
        // SAFETY: the function of that name has this type.
        let remove = unsafe { transmute::<usize, Remove>(remove) };
        // SAFETY: it was added, and is removed once.
        unsafe { remove(handle) };
    }
}

/// Ends the run: the driver has used `service` in a way that its page forbids.
pub fn wrong_use(service: &str, text: &str, notes: Vec<String>) -> ! {
    let stack = unwind::callers();
    let fault = Fault {
        kind: FaultKind::WrongUse,
        text: format!("{service}: {text}"),
        instruction: stack.first().copied().unwrap_or(0),
        address: None,
        registers: Vec::new(),
        stack,
        notes,
    };
    end(fault)
}

/// Ends the run: the driver has asked for a bugcheck.
pub fn bug_check(code: u32, parameters: [u64; 4]) -> ! {
    let [a, b, c, d] = parameters;
    let stack = unwind::callers();
    end(Fault {
        kind: FaultKind::BugCheck,
        text: format!("KeBugCheckEx({code:#x}, {a:#x}, {b:#x}, {c:#x}, {d:#x})"),
        instruction: stack.first().copied().unwrap_or(0),
        address: None,
        registers: Vec::new(),
        stack,
        notes: Vec::new(),
    })
}

/// Ends the run: the driver imports something that is nowhere.
pub fn missing_import(name: &str) -> ! {
    end(Fault {
        kind: FaultKind::MissingImport,
        text: format!("the driver imports {name}, which neither the shim nor Wine has"),
        instruction: 0,
        address: None,
        registers: Vec::new(),
        stack: Vec::new(),
        notes: Vec::new(),
    })
}

fn end(fault: Fault) -> ! {
    if REPORTED.swap(true, Ordering::AcqRel) {
        // Another thread is ending the process.
        loop {
            core::hint::spin_loop();
        }
    }
    report::message(&Message::Fault(fault));
    nt::memory::end_process()
}

/// Called for every exception, before any handler.
///
/// # Safety
///
/// The system's.
unsafe extern "system" fn raised(pointers: *const Pointers) -> i32 {
    // SAFETY: the system's records are valid during the call.
    let pointers = unsafe { &*pointers };
    // SAFETY: as above.
    let record = unsafe { &*pointers.record };
    let Some((_, name)) = EXCEPTIONS.iter().find(|(code, _)| *code == record.code) else {
        return CONTINUE_SEARCH;
    };
    // SAFETY: as above.
    let context = unsafe { &*pointers.context };
    let stack = unwind::callers_of(context);
    // Wine's own code may raise and handle what it likes, but not on the drivers' behalf.
    if images::at(context.rip).is_none() && stack.is_empty() {
        return CONTINUE_SEARCH;
    }
    let address = (record.code == EXCEPTIONS[0].0).then_some(record.information[1]);
    let what = match (record.information[0], address) {
        (_, None) => String::new(),
        (0, Some(address)) => format!(": read of {address:#x}"),
        (1, Some(address)) => format!(": write to {address:#x}"),
        (_, Some(address)) => format!(": execution of {address:#x}"),
    };
    let registers = NAMES.iter().zip(&context.registers);
    let registers = registers.map(|(name, value)| (String::from(*name), *value));
    let notes = address.and_then(pool::describe).into_iter().collect();
    end(Fault {
        kind: FaultKind::Exception,
        text: format!("{name}{what}"),
        instruction: context.rip,
        address,
        registers: registers.collect(),
        stack,
        notes,
    })
}
