//! Debug lines, kept for tests to read.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::vec::Vec;
use std::{eprintln, mem};

use super::World;
use super::world::{locked, with};

/// A line that says what is wrong with which part of which call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Complaint {
    /// The DDI without its `DxgkDdi`, or the part of the driver.
    pub call: &'static CStr,
    /// The field of the call's argument.
    pub field: &'static CStr,
    /// What was found there.
    pub value: u64,
    /// Why that is wrong.
    pub why: &'static CStr,
}

/// A line that says what was found or done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    /// The DDI without its `DxgkDdi`, or the part of the driver.
    pub call: &'static CStr,
    /// What the value is.
    pub what: &'static CStr,
    /// The value.
    pub value: u64,
}

#[derive(Default)]
pub(super) struct Lines {
    complaints: Mutex<Vec<Complaint>>,
    notes: Mutex<Vec<Note>>,
    print: AtomicBool,
}

/// The line of a complaint:
/// `vmdisp: CreateAllocation: width = 0x1ffff: larger than 16384`. Any IRQL.
#[cold]
pub fn complain(call: &'static CStr, field: &'static CStr, value: u64, why: &'static CStr) {
    let complaint = Complaint {
        call,
        field,
        value,
        why,
    };
    with(|world| {
        locked(&world.lines.complaints).push(complaint);
        if world.lines.print.load(Ordering::Relaxed) {
            eprintln!("{complaint}");
        }
    });
}

/// The line of a note:
/// `vmdisp: StartDevice: vram bytes = 0x1000000`. Any IRQL.
pub fn note(call: &'static CStr, what: &'static CStr, value: u64) {
    let note = Note { call, what, value };
    with(|world| {
        locked(&world.lines.notes).push(note);
        if world.lines.print.load(Ordering::Relaxed) {
            eprintln!("{note}");
        }
    });
}

impl core::fmt::Display for Complaint {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [call, field, why] = [self.call, self.field, self.why].map(CStr::to_string_lossy);
        write!(f, "vmdisp: {call}: {field} = {:#x}: {why}", self.value)
    }
}

impl core::fmt::Display for Note {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let [call, what] = [self.call, self.what].map(CStr::to_string_lossy);
        write!(f, "vmdisp: {call}: {what} = {:#x}", self.value)
    }
}

impl World {
    /// Every complaint since the last [`World::take_complaints`], in order.
    #[must_use]
    pub fn complaints(&self) -> Vec<Complaint> {
        locked(&self.inner().lines.complaints).clone()
    }

    /// The complaints, which are forgotten with this.
    #[must_use]
    pub fn take_complaints(&self) -> Vec<Complaint> {
        mem::take(&mut locked(&self.inner().lines.complaints))
    }

    /// Every note, in order.
    #[must_use]
    pub fn notes(&self) -> Vec<Note> {
        locked(&self.inner().lines.notes).clone()
    }

    /// Whether complaints and notes also go to standard error, as a debugger would show them.
    pub fn print_lines(&self, print: bool) {
        self.inner().lines.print.store(print, Ordering::Relaxed);
    }
}
