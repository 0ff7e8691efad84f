//! One adapter, from AddDevice to RemoveDevice.
//!
//! This module is responsible for an adapter's life: what it keeps (the pools of its objects, its
//! segments), what it has only while it is started (dxgkrnl's callbacks, the hardware), and the
//! order in which these come and go. Every DDI sees the adapter as `&Adapter`: level-zero DDIs are
//! re-entrant, so all that changes is behind a lock or an atomic (contract: G3).
#![forbid(unsafe_code)]

mod device;
mod engine;
mod escape;
mod information;
mod monitor;
pub mod parameters;
mod present;
mod start;

use core::sync::atomic::{AtomicBool, Ordering};

pub use device::{Device, Users};
pub use escape::{Answer, Error as EscapeError};
pub use information::{Caps, PRIVATE_BYTES, SegmentDescriptor, private_data, segments};
pub use start::StartError;

use crate::allocation::Store;
use crate::device::AnyHardware;
use crate::display::Screen;
use crate::engine::Engine;
use crate::engine::context::{CONTEXTS, Context};
use crate::kernel::dxgkrnl::Dxgkrnl;
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{NoMemory, Shared, SpinLock, Tag};
use crate::memory::segments::Segments;
use crate::pool::{Mode, Pool};

/// The pool tag of adapters and of what they have while they are started.
pub const TAG: Tag = Tag(*b"VmdX");
/// The pool tag of devices.
pub const DEVICES: Tag = Tag(*b"VmdD");

/// What an adapter has while it is started.
pub struct Running {
    /// Dxgkrnl's callbacks.
    pub dxgkrnl: Dxgkrnl,
    /// The hardware, its registers and video memory mapped.
    pub hardware: AnyHardware,
    /// How many primaries of a mode must fit into video memory.
    primaries: u32,
}

/// One adapter. Its address is the `MiniportDeviceContext` that dxgkrnl keeps.
pub struct Adapter {
    /// Allocations, resources and openings.
    pub store: Store,
    /// What CreateDevice made.
    pub devices: Pool<Device>,
    /// What CreateContext made.
    pub contexts: Pool<Context>,
    /// Where allocations can be.
    pub segments: Segments,
    /// `None` unless started.
    running: SpinLock<Option<Shared<Running>>>,
    /// What executes buffers.
    pub engine: Engine,
    /// What the monitor shows.
    pub screen: Screen,
    /// The hardware is gone for good and is not touched any more (contract: L8).
    gone: AtomicBool,
}

impl Adapter {
    /// An adapter that is not started; no hardware is touched (contract: L2).
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if its pools cannot be had.
    pub fn try_new(irql: Passive) -> Result<Self, NoMemory> {
        let mode = Mode::chosen(parameters::pool_per_object(irql));
        Ok(Self {
            store: Store::try_new(mode, irql)?,
            devices: Pool::try_new(DEVICES, mode, irql)?,
            contexts: Pool::try_new(CONTEXTS, mode, irql)?,
            segments: Segments::new(),
            running: SpinLock::new(None),
            engine: Engine::try_new(TAG, irql)?,
            screen: Screen::try_new(TAG, irql)?,
            gone: AtomicBool::new(false),
        })
    }

    /// What the adapter has while it is started.
    pub fn running(&self, irql: impl AtMostDispatch) -> Option<Shared<Running>> {
        self.running.lock(irql).clone()
    }

    /// The hardware was pulled out.
    pub fn surprise_removed(&self, irql: Passive) {
        self.gone.store(true, Ordering::Release);
        self.engine.pull_out(irql);
        self.screen.leave(irql);
    }

    /// Whether the hardware was pulled out. Any IRQL.
    #[must_use]
    pub fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Acquire)
    }

    /// Sets VGA character mode, so that a bugcheck can be read. Any IRQL (contract: L7).
    pub fn reset(&self) {
        if !self.is_gone() {
            self.screen.direct().text_mode();
        }
    }
}
