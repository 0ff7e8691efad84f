//! The kernel played by `std`, for tests and for the in-process host.
//!
//! Everything belongs to a [`World`]: what pool blocks live, which call is to fail next, what was
//! complained about, what time it is. A thread enters a world with [`World::enter`]; the system
//! threads, DPCs and timers that it makes stay in that world. A thread that entered none uses a
//! process-wide world of its own kind, which watches like any other.
//!
//! The IRQL is kept for each thread. It changes nothing about how a thread runs; it is checked by
//! every service, and a call at too high a level is recorded as a [`Misuse`].

mod countdown;
mod deferred;
mod frames;
mod guard;
mod irql;
mod line;
mod lock;
mod memory;
mod pages;
mod register;
mod settings;
mod system_threads;
#[cfg(test)]
mod tests;
mod thread;
mod user;
mod user_pages;
mod world;

pub use deferred::{Dpc, Timer};
pub use frames::{SystemPages, WrongPages};
#[allow(unused_imports)] // until the driver maps pages
pub(in crate::kernel) use frames::{frame_map, frame_unmap};
pub use irql::{Misuse, at_device_irql, irql, set_irql, with_irql};
pub use line::{Complaint, Note};
pub(super) use line::{complain, note};
pub use lock::{FastMutex, FastMutexGuard, SpinGuard, SpinLock};
pub use memory::{TagUse, WrongFree, WrongFreeKind, allocate, free, slot_allowed, slots_watched};
pub use pages::{Mapped, ReservedPages};
pub use register::{
    Answering, Registers, answer, read_register_u8, read_register_u16, read_register_u32,
    write_register_u8, write_register_u16, write_register_u32,
};
pub use settings::{
    Parameter, driver_word, is_verified, parameter_dword, parameter_strings, set_driver_word,
};
#[allow(unused_imports)] // until other services are here
pub(in crate::kernel) use system_threads::stall_point;
pub use thread::{Event, Thread, delay, processor};
pub use user::{CallerReads, copy_from_caller, copy_from_user, is_user_address};
pub use world::{Entered, World, now};
