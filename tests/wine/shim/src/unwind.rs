//! Who called: the stack walked by the images' own unwind data, as Windows walks it.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;

use crate::images;

/// Frames that are looked at.
const MOST: usize = 48;
/// Frames that are noted for a block or a lock.
const NOTED: usize = 4;

/// `CONTEXT` of x64, as far as it is used.
#[repr(C, align(16))]
#[derive(Clone)]
pub struct Context {
    home: [u64; 6],
    flags: u32,
    mxcsr: u32,
    segments: [u16; 6],
    eflags: u32,
    debug: [u64; 6],
    /// RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15.
    pub registers: [u64; 16],
    /// The instruction.
    pub rip: u64,
    rest: [u8; 976],
}

const _: () = assert!(size_of::<Context>() == 1232);

/// Where RSP is in [`Context::registers`].
const RSP: usize = 4;

/// Their names.
pub const NAMES: [&str; 16] = [
    "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI", "R8", "R9", "R10", "R11", "R12", "R13",
    "R14", "R15",
];

#[link(name = "ntoskrnl.exe", kind = "raw-dylib", modifiers = "+verbatim")]
unsafe extern "system" {
    fn RtlCaptureContext(context: *mut Context);
    fn RtlLookupFunctionEntry(pc: u64, base: *mut u64, table: *mut c_void) -> *mut c_void;
    fn RtlVirtualUnwind(
        kind: u32,
        base: u64,
        pc: u64,
        function: *mut c_void,
        context: *mut Context,
        data: *mut *mut c_void,
        frame: *mut u64,
        pointers: *mut c_void,
    ) -> *mut c_void;
}

impl Context {
    const ZERO: Self = Self {
        home: [0; 6],
        flags: 0,
        mxcsr: 0,
        segments: [0; 6],
        eflags: 0,
        debug: [0; 6],
        registers: [0; 16],
        rip: 0,
        rest: [0; 976],
    };

    /// Goes to the caller. False where the stack ends.
    fn unwind(&mut self) -> bool {
        let mut base = 0;
        // SAFETY: any address may be asked for.
        let function = unsafe { RtlLookupFunctionEntry(self.rip, &raw mut base, ptr::null_mut()) };
        if function.is_null() {
            // A function without an entry has no frame: the return address is on top.
            let top = ptr::with_exposed_provenance::<u64>(self.registers[RSP] as usize);
            let mut value = 0_u64;
            if !crate::user::read(top.cast(), (&raw mut value).cast(), 8) {
                return false;
            }
            self.rip = value;
            self.registers[RSP] += 8;
        } else {
            let (mut data, mut frame) = (ptr::null_mut(), 0);
            // SAFETY: the entry is this instruction's, and the context one of this thread's frames.
            unsafe {
                RtlVirtualUnwind(
                    0,
                    base,
                    self.rip,
                    function,
                    self,
                    &raw mut data,
                    &raw mut frame,
                    ptr::null_mut(),
                )
            };
        }
        self.rip != 0
    }
}

/// Return addresses in the project's images, innermost first, from `context` on.
pub fn callers_of(context: &Context) -> Vec<u64> {
    let mut context = context.clone();
    let mut found = Vec::new();
    for _ in 0..MOST {
        if !context.unwind() {
            break;
        }
        if images::at(context.rip).is_some() {
            found.push(context.rip);
        }
    }
    found
}

/// Return addresses in the project's images other than this one, innermost first.
pub fn callers() -> Vec<u64> {
    let mut context = Context::ZERO;
    // SAFETY: the record is large enough.
    unsafe { RtlCaptureContext(&raw mut context) };
    let mut callers = callers_of(&context);
    let own = callers
        .iter()
        .take_while(|address| images::at(**address).is_some_and(|name| name == "kshim.sys"))
        .count();
    callers.drain(..own);
    callers
}

/// The innermost return addresses in the driver under test, for a note that is kept.
#[derive(Clone, Copy, Default)]
pub struct Note([u64; NOTED]);

impl Note {
    /// Who calls now.
    pub fn now() -> Self {
        let mut note = Self::default();
        let callers = callers();
        let drivers = callers
            .into_iter()
            .filter(|address| images::is_driver(*address));
        for (to, from) in note.0.iter_mut().zip(drivers) {
            *to = from;
        }
        note
    }

    /// As text, innermost first.
    pub fn text(&self) -> String {
        let known = self.0.iter().filter(|address| **address != 0);
        let known: Vec<String> = known.map(|address| images::mark(*address)).collect();
        if known.is_empty() {
            return "nobody in the driver".into();
        }
        known.join(", called by ")
    }
}
