//! A stand-in for dxgkrnl: calls a display miniport as Windows would, and checks what it does.
//!
//! A [`Port`] takes a driver's table of callbacks, calls them in the order, at the IRQL and under the locks that
//! the documentation promises, plays the callbacks that a driver gets in return, and records every broken rule of
//! `docs/ddi-contract.md` by its number. The machine under it is a [`Host`]: a process, a small kernel of its own,
//! another NT. It needs no operating system and no driver in particular: all it knows of one is what a DDI shows.
//!
//! # What is checked
//!
//! [`RULES`] lists the rules. Outputs are filled with 0xCC or 0x55 before each call, by turns, so that a member
//! that was not written is seen; calls that change nothing are made once with each. Inputs are compared before and
//! after. Sizes are those of the driver's interface version, with guards behind them.
//!
//! # What is not checked
//!
//! The port knows dxgkrnl from its documentation only. What no page says it does not check, and where it must
//! choose it says so at the place: the statuses of a refused registration, the amount of memory that it claims,
//! which surfaces may be presented. These rules of the contract cannot be seen from outside and are left to the
//! driver's own tests: C4, C6, C7 (one fetch of private data), C12 (no reference to device data), C26, C30, C35,
//! C36, D10, D11, G3, G4, G5, G7, G9. A leak of a single call shows at RemoveDevice and Unload, or at once with
//! [`Settings::exact_pool`]. P1 is what the port promises (one call of the scheduler's class at a time), and B3 sees to
//! the IRQL.
//!
//! Of scheduling: one node with one engine; DMA buffers lie in system memory (segment 0), and their physical
//! addresses only name them; state that a driver keeps across a split point is not looked at, so a part of a divided
//! buffer is a submission like any other; no process is locked out of the engine for its timeouts (0x142). Whether a
//! buffer was patched rightly shows in what it draws, not as a rule.
//!
//! Of memory: segments of the AGP, swizzling ranges and alternate addresses are not played (SPECIAL_LOCK_TRANSFER comes
//! in [`Adapter::exercise_paging`] alone), nor are context allocations. Paging buffers are locked system memory, also
//! where the driver wants an aperture segment. A lock that discards waits and renames nothing. From WDDM 2.0 on, where
//! paging goes by virtual addresses, allocations are placed and not paged.
//!
//! Of VidPNs: one path is active at a time (no clone, no extended desktop), rotations have no offset, multisampling
//! methods are not kept, monitors have no additional modes. Whether two modes go together is checked by size alone,
//! where the path cannot scale; that a set is the largest possible is not. Of a set's modes, those that a monitor
//! must show are compared by size and rate, within half a hertz. A function that fails because the port wants it to
//! is always one that allocates. Signals must agree with their clock within 2 %.
//!
//! What is on the screen is for the caller to look at: the port knows what should be visible and where it is, not
//! what the hardware makes of it.

#![no_std]
#![warn(missing_docs)]

extern crate alloc;

#[cfg(test)]
extern crate std;

mod adapter;
mod blobs;
mod call;
mod callbacks;
mod checks;
mod create;
mod ddi;
mod describe;
mod destroy;
mod device;
mod display;
mod display_only;
mod frame;
mod gate;
pub mod host;
mod interface;
mod journal;
mod leaks;
mod lifecycle;
mod memory;
mod objects;
mod opening;
mod pattern;
mod port;
mod query;
mod raw;
mod registration;
mod registry;
mod report;
mod requests;
mod resources;
mod rules;
mod scheduler;
mod standard;
mod version;
mod vidpn;

pub use adapter::{Adapter, Mapping};
pub use create::{AllocationFacts, AllocationView, Create, Created, Into, ResourceView};
pub use describe::Description;
pub use device::Device;
pub use display::{
    Child, ChildChange, ChildKind, Flip, Hpd, Pointer, Present, ScanLine, SystemScreen, Vsync,
    Vsyncs,
};
pub use display_only::dpi_kmd_dod_initialize;
pub use host::{AdapterIndex, Host, PoolUse, SystemPages, TagUse, irql};
pub use lifecycle::Started;
pub use memory::{Location, Lock, Locked, MemoryOptions, Placement, Residency, Surface};
pub use objects::{AllocationId, Live, ResourceId};
pub use port::{Port, Profile, Settings};
pub use query::{Segment, Segments};
pub use raw::Raw;
pub use registration::dpi_initialize;
pub use report::{Bugcheck, CallCount, Counted, Leak, Report, Violation};
pub use rules::{RULES, Rule, RuleInfo};
pub use scheduler::{
    Context, ContextKind, Fate, FullPresent, Gone, Hang, NodeMetadata, Observer, Patch, Queued,
    SchedulerOptions, TdrCounts, Use,
};
pub use standard::{Standard, StandardData};
pub use vidpn::api::{
    Choice, CommitFlags, Committed, MonitorTiming, PathUpdate, Timing, VidPnMode,
};

/// A status of the driver's, or of the port's where nothing was called.
pub type Status = dxgk_sys::NTSTATUS;

/// The driver's table lacks the callback; nothing was called.
pub const STATUS_PROCEDURE_NOT_FOUND: Status = 0xC000_007A_u32.cast_signed();

/// No segment has room for an allocation that is to be seen; nothing was called.
pub const STATUS_GRAPHICS_NO_VIDEO_MEMORY: Status = 0xC01E_0100_u32.cast_signed();

/// The allocation is pinned where it is; nothing was called.
pub const STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION: Status = 0xC01E_0109_u32.cast_signed();

/// The CPU has the allocation, and the driver supports it in no aperture segment; nothing was called.
pub const STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION: Status = 0xC01E_0111_u32.cast_signed();

/// A timeout has reset the device; nothing was called.
pub const STATUS_GRAPHICS_DEVICE_LOST: Status = dxgk_sys::status::STATUS_DEVICE_REMOVED;

/// The port refused: the object is not in a state for the call; nothing was called.
pub const STATUS_INVALID_DEVICE_STATE: Status = 0xC000_0184_u32.cast_signed();
