//! The kernel itself, through wdk-sys.
//!
//! What each item means is written at its twin in `host`; the comments here say why the kernel's
//! service does that. Only functions that Windows 10 2004 exports are called.

mod deferred;
mod event;
mod line;
mod lock;
mod memory;
mod pages;
mod register;
mod registry;
pub(crate) mod string;
mod system;
mod thread;
mod user;

use wdk_sys::{BOOLEAN, KPROCESSOR_MODE, LARGE_INTEGER};

pub use deferred::{Dpc, Timer};
pub use event::{Event, delay};
pub(super) use line::{complain, note};
pub use lock::{FastMutex, FastMutexGuard, SpinGuard, SpinLock};
pub use memory::{allocate, free, slot_allowed, slots_watched};
pub use pages::{Mapped, ReservedPages};
pub use register::{
    read_register_u8, read_register_u16, read_register_u32, write_register_u8, write_register_u16,
    write_register_u32,
};
pub use registry::{parameter_dword, parameter_strings};
pub use system::{at_device_irql, driver_word, is_verified, now, processor, set_driver_word};
pub use thread::Thread;
pub use user::{CallerReads, copy_from_caller, copy_from_user, is_user_address};

use super::Span;

/// The WDK's `KernelMode`. wdk-sys has it as a C int, which no service takes.
const KERNEL_MODE: KPROCESSOR_MODE = 0;

const FALSE: BOOLEAN = 0;
const TRUE: BOOLEAN = 1;

/// A length of time from now on, as the kernel's waits take it: negative.
fn relative(span: Span) -> LARGE_INTEGER {
    LARGE_INTEGER {
        QuadPart: -i64::try_from(span.0).unwrap_or(i64::MAX),
    }
}
