//! The trace: what the driver did last, for the kernel debugger.
//!
//! It is always on: a ring of 4096 entries in the driver's image, nonpaged, which a live debugger and
//! a kernel crash dump both show (`!vmdisp.trace`, `docs/debugging.md`). Writing one takes no lock and no
//! memory and can be done at any IRQL. Kernel addresses are among the entries, so none of them may go
//! out by an escape, a debug report or any other way: nothing in the driver reads them.
#![forbid(unsafe_code)]

mod ring;
#[cfg(test)]
mod tests;

use core::ffi::CStr;

use self::ring::{Counters, Place, WORDS};
use super::sync::AtomicU64;
use super::{now, processor};

/// How many entries are kept: at 500 buffers a second the last two seconds, which is the time after
/// which Windows finds a hang.
const PLACES: usize = 4096;

/// What an entry is about. The numbers are what the debugger's extension knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
enum Kind {
    /// A DDI returned: its name, its status, its first argument.
    Call = 1,
    /// A debug line says what is wrong: the call, the value, the field, why.
    Complaint = 2,
    /// A debug line says what was found: the call, the value, what it is.
    Note = 3,
    /// Something happened to a buffer: what, its fence, the engine.
    Fence = 4,
    /// A mode was set or taken away: width, height, pitch, the screen.
    Mode = 5,
}

/// What a debugger looks for: where the ring is, and how it is made. An entry's words are: the time in
/// 100 ns since the machine started; the [`Kind`] in the low byte, the processor in bits 16 to 31, the
/// status in the upper half; the name, which is the address of a C string in the image; four arguments.
#[repr(C, align(64))]
struct Trace {
    /// `VMDTRACE`
    magic: [u8; 8],
    /// Of this layout.
    version: u32,
    /// Bytes of an entry with its sequence word.
    bytes: u32,
    /// The ring.
    places: &'static [Place; PLACES],
    /// How many entries it has room for.
    count: u64,
    counters: Counters,
}

const _: () = assert!(size_of::<Place>() == 64 && size_of::<Trace>() == 64);

static PLACES_OF_TRACE: [Place; PLACES] = [const {
    Place {
        sequence: AtomicU64::new(0),
        words: [const { AtomicU64::new(0) }; WORDS],
    }
}; PLACES];

/// Its name in the PDB is `vmdisp::kernel::trace::TRACE`.
#[used]
static TRACE: Trace = Trace {
    magic: *b"VMDTRACE",
    version: 1,
    bytes: 64,
    places: &PLACES_OF_TRACE,
    count: PLACES as u64,
    counters: Counters {
        next: AtomicU64::new(0),
        lost: AtomicU64::new(0),
    },
};

/// What can be the first argument of a DDI.
pub trait Word {
    /// The argument as a number.
    fn word(self) -> u64;
}

impl<T> Word for *mut T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

impl<T> Word for *const T {
    fn word(self) -> u64 {
        self.addr() as u64
    }
}

impl Word for u8 {
    fn word(self) -> u64 {
        self.into()
    }
}

/// What a DDI returns.
pub trait Status: Copy {
    /// As an `NTSTATUS`; success if it returns nothing.
    fn status(self) -> i32;
}

impl Status for i32 {
    fn status(self) -> i32 {
        self
    }
}

impl Status for () {
    fn status(self) -> i32 {
        0
    }
}

/// A DDI returned. `name` is without `DxgkDdi`, `first` its first argument, or 0. Any IRQL.
pub fn call(name: &'static CStr, status: impl Status, first: u64) {
    write(Kind::Call, status.status(), name, [first, 0, 0, 0]);
}

/// As [`call`], for a DDI that comes too often for more than its failures. Any IRQL.
#[inline]
pub fn failed_call(name: &'static CStr, status: impl Status, first: u64) {
    if status.status() < 0 {
        failure(name, status.status(), first);
    }
}

#[cold]
fn failure(name: &'static CStr, status: i32, first: u64) {
    call(name, status, first);
}

/// A debug line is written that says what is wrong. Any IRQL.
pub(super) fn complaint(call: &'static CStr, field: &'static CStr, value: u64, why: &'static CStr) {
    let arguments = [value, address(field), address(why), 0];
    write(Kind::Complaint, 0, call, arguments);
}

/// A debug line is written that says what was found. Any IRQL.
pub(super) fn note(call: &'static CStr, what: &'static CStr, value: u64) {
    write(Kind::Note, 0, call, [value, address(what), 0, 0]);
}

/// `what` happened to the buffer with this fence, in the engine whose published state `engine` is.
/// Any IRQL.
pub fn fence<T>(what: &'static CStr, fence: u32, engine: &T) {
    let engine = core::ptr::from_ref(engine).word();
    write(Kind::Fence, 0, what, [fence.into(), engine, 0, 0]);
}

/// The screen shows a mode of this size, with rows of `pitch` bytes; all 0 if it shows none. Any IRQL.
pub fn mode<T>(width: u32, height: u32, pitch: u32, screen: &T) {
    let screen = core::ptr::from_ref(screen).word();
    let arguments = [width.into(), height.into(), pitch.into(), screen];
    write(Kind::Mode, 0, c"mode", arguments);
}

/// The entries that are whole, oldest first.
#[cfg(test)]
pub fn entries() -> std::vec::Vec<[u64; WORDS]> {
    let next = TRACE.counters.next.load(super::sync::Ordering::Acquire);
    let first = next.saturating_sub(TRACE.count);
    let read = |number| ring::read(TRACE.places, number);
    (first..next).filter_map(read).collect()
}

fn address(text: &'static CStr) -> u64 {
    text.as_ptr().word()
}

fn write(kind: Kind, status: i32, name: &'static CStr, arguments: [u64; 4]) {
    let processor = u64::try_from(processor()).unwrap_or(u64::MAX) & 0xffff;
    let what = u64::from(status.cast_unsigned()) << 32 | processor << 16 | kind as u64;
    let [a, b, c, d] = arguments;
    let words = [now().0, what, address(name), a, b, c, d];
    ring::write(&TRACE.counters, TRACE.places, words);
}
