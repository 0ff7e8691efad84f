//! The NT services that the driver uses: one face, two backs.
//!
//! This module is responsible for everything the driver asks of the operating system that is not
//! the display port's: memory, locks, waiting, deferred work, time, the registry, caller's memory
//! and debug lines. The back under the feature `wdk` calls ntoskrnl through wdk-sys; without it
//! `std` plays the kernel inside a [`host::World`] that tests can watch and make fail.
//!
//! The two backs export the same items with the same meaning, so each is described once, here or
//! where it is defined in the host back. What is common to both lives beside this file.
//!
//! | item | highest IRQL | NT service |
//! |---|---|---|
//! | [`allocate`], [`free`], [`Owned`], [`Shared`], [`Words`] | `DISPATCH_LEVEL` | ExAllocatePool2, ExFreePoolWithTag |
//! | [`SpinLock`] | `DISPATCH_LEVEL` | KeAcquireSpinLockRaiseToDpc |
//! | [`FastMutex`] | `APC_LEVEL` | a push lock in a critical region |
//! | [`Event`] | set: `DISPATCH_LEVEL`, wait: `PASSIVE_LEVEL` | KeSetEvent, KeWaitForSingleObject |
//! | [`Dpc`] | queue: any, drop: `PASSIVE_LEVEL` | KeInsertQueueDpc, KeFlushQueuedDpcs |
//! | [`Timer`] | set: `DISPATCH_LEVEL`, drop: `PASSIVE_LEVEL` | ExAllocateTimer, ExSetTimer, ExDeleteTimer |
//! | [`InterruptLine`] | `DISPATCH_LEVEL` | KfRaiseIrql, KeLowerIrql |
//! | [`ReservedPages`] | map: `DISPATCH_LEVEL`, make: `PASSIVE_LEVEL` | MmAllocateMappingAddress, MmMapLockedPagesWithReservedMapping |
//! | [`Thread`] | `PASSIVE_LEVEL` | PsCreateSystemThread |
//! | [`copy_from_user`], [`copy_from_caller`], [`CallerReads`] | `APC_LEVEL` | MmCopyMemory |
//! | [`parameter_dword`], [`parameter_strings`] | `PASSIVE_LEVEL` | ZwQueryValueKey |
//! | [`now`], [`processor`], [`complain`], [`note`], [`slot_allowed`], [`slots_watched`], [`is_verified`], [`driver_word`], [`is_user_address`] | any | KeQueryInterruptTimePrecise, DbgPrintEx |
//! | [`read_register_u16`], [`write_register_u16`] and their 8- and 32-bit twins | any | READ_REGISTER_USHORT, … |

mod buffer;
pub mod caller;
pub mod dxgkrnl;
mod foreign;
mod interrupt;
pub mod irql;
mod kernel_buffer;
mod line;
pub mod mdl;
pub mod moves;
mod owned;
pub mod resources;
mod strings;
pub mod sync;
#[cfg(test)]
pub mod testing;
mod time;
pub mod trace;
pub mod vidpn;
mod window;
mod words;

#[cfg(not(feature = "wdk"))]
#[allow(clippy::indexing_slicing)] // a panic there is a test's, not a bugcheck
pub mod host;
#[cfg(feature = "wdk")]
mod nt;

#[cfg(not(feature = "wdk"))]
use host as back;
#[cfg(feature = "wdk")]
use nt as back;

pub use back::{
    CallerReads, Dpc, Event, FastMutex, FastMutexGuard, Mapped, ReservedPages, SpinGuard, SpinLock,
    Thread, Timer, allocate, at_device_irql, copy_from_caller, copy_from_user, delay, driver_word,
    free, is_user_address, is_verified, now, parameter_dword, parameter_strings, processor,
    read_register_u8, read_register_u16, read_register_u32, set_driver_word, slot_allowed,
    slots_watched, write_register_u8, write_register_u16, write_register_u32,
};
pub use buffer::Buffer;
pub use foreign::{Foreign, Named};
pub use interrupt::{DmaReport, InterruptLine, VerticalSync};
pub use kernel_buffer::KernelBuffer;
pub use line::{complain, note};
#[cfg(feature = "wdk")]
pub(crate) use nt::string;
pub use owned::{Owned, Shared};
pub use strings::Strings;
pub use time::{Span, Time};
pub use window::Window;
pub use words::Words;

/// Bytes of a page of memory on x86-64 and on ARM64 Windows.
pub const PAGE: usize = 4096;

/// A pool tag: four printable ASCII characters, in the order in which `!poolused` shows them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Tag(pub [u8; 4]);

impl Tag {
    /// The tag as `ExAllocatePool2` takes it: the first character in the lowest byte.
    #[must_use]
    pub const fn bits(self) -> u32 {
        u32::from_le_bytes(self.0)
    }
}

/// How a pool block is aligned. A block of a page or more is page aligned in either case.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Align {
    /// 16 bytes, the pool's own.
    Natural,
    /// 64 bytes: a cache line of its own.
    CacheLine,
}

impl Align {
    /// The alignment in bytes.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::Natural => 16,
            Self::CacheLine => 64,
        }
    }
}

/// Nonpaged pool is used up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoMemory;

/// An address range that the kernel would not read: unmapped, paged out for good, or beyond the
/// highest user address.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault;

/// An address in the calling process, as a user-mode program named it. It is never dereferenced;
/// [`copy_from_user`] is the one thing that can be done with it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UserAddress(pub u64);

/// What ends an [`Event`]'s signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reset {
    /// One waiter that it lets through (a synchronization event).
    Auto,
    /// [`Event::clear`] alone (a notification event).
    Manual,
}

/// How a bounded wait ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wait {
    /// The object was signalled.
    Signalled,
    /// The time passed first.
    TimedOut,
}
