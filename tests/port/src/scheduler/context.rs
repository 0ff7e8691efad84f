//! CreateContext, DestroyContext, and what the port keeps of a context (X2).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicI32, Ordering};

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{DXGK_CREATECONTEXTFLAGS, DXGKARG_CREATECONTEXT, HANDLE};
use spin::Mutex;

use crate::adapter::AdapterInner;
use crate::blobs::Blobs;
use crate::ddi::Ddi;
use crate::device::Device;
use crate::lifecycle::done;
use crate::objects::{DeviceObject, DriverHandle};
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::scheduler::buffer::Buffer;
use crate::scheduler::context_info::{self, ContextInfo};
use crate::scheduler::packet::Hang;
use crate::{STATUS_GRAPHICS_DEVICE_LOST, STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "CreateContext";

/// What a context is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ContextKind {
    /// A user-mode driver's.
    User,
    /// GDI's.
    Gdi,
    /// The system's own, for paging.
    System,
}

impl ContextKind {
    fn flags(self) -> DXGK_CREATECONTEXTFLAGS {
        match self {
            Self::User => DXGK_CREATECONTEXTFLAGS::empty(),
            Self::Gdi => DXGK_CREATECONTEXTFLAGS::GdiContext,
            Self::System => DXGK_CREATECONTEXTFLAGS::SystemContext,
        }
    }
}

/// A context of a device, on the adapter's first node.
#[derive(Clone)]
pub struct Context {
    pub(crate) device: Device,
    pub(crate) object: Arc<ContextObject>,
}

/// A context of the driver's.
pub(crate) struct ContextObject {
    /// What the port calls it. Numbers of an adapter ascend.
    pub number: u32,
    pub device: Arc<DeviceObject>,
    pub driver: DriverHandle,
    pub info: ContextInfo,
    /// DMA buffers that nobody uses.
    pub pool: Mutex<Vec<Arc<Buffer>>>,
    pub priority: AtomicI32,
    pub dead: AtomicBool,
}

impl ContextObject {
    /// Its device was reset or went away.
    pub(crate) fn is_lost(&self) -> bool {
        self.device.lost.load(Ordering::Acquire)
    }
}

impl Device {
    /// CreateContext without private data.
    ///
    /// # Errors
    /// As [`Self::create_context_with`].
    pub fn create_context(&self, kind: ContextKind) -> Result<Context, Status> {
        self.create_context_with(kind, &[])
    }

    /// CreateContext on node 0, engine 0, with private data of the user-mode driver.
    ///
    /// # Errors
    /// The driver's; [`STATUS_GRAPHICS_DEVICE_LOST`] if the device was reset; `STATUS_INVALID_HANDLE` if the device
    /// is destroyed, or the driver succeeded without a handle or with buffers that cannot be made.
    pub fn create_context_with(
        &self,
        kind: ContextKind,
        private: &[u8],
    ) -> Result<Context, Status> {
        if self.object.dead.load(Ordering::Acquire) {
            return Err(STATUS_INVALID_HANDLE);
        }
        if self.is_lost() {
            return Err(STATUS_GRAPHICS_DEVICE_LOST);
        }
        let object = self.adapter.0.create_context(&self.object, kind, private)?;
        let mut state = self.adapter.0.scheduler.state.lock();
        state.contexts.insert(object.number, object.clone());
        drop(state);
        Ok(Context {
            device: self.clone(),
            object,
        })
    }

    /// A timeout has reset what this device did: its contexts do nothing any more.
    pub fn is_lost(&self) -> bool {
        self.object.lost.load(Ordering::Acquire)
    }

    /// The process ends: what its contexts have queued is dropped, what is in the hardware queue ends; then all is
    /// destroyed as by [`Self::destroy`].
    ///
    /// # Errors
    /// As [`Self::destroy`].
    pub fn kill(&self) -> Result<(), Status> {
        for context in self.contexts() {
            let _ = context.kill();
        }
        self.destroy()
    }

    /// The contexts that live.
    pub(crate) fn contexts(&self) -> Vec<Context> {
        let state = self.adapter.0.scheduler.state.lock();
        let own = state
            .contexts
            .values()
            .filter(|context| *context.device == *self.object);
        own.map(|object| Context {
            device: self.clone(),
            object: object.clone(),
        })
        .collect()
    }
}

impl Context {
    /// The driver's handle.
    pub fn handle(&self) -> HANDLE {
        self.object.driver.0
    }

    /// The device.
    pub fn device(&self) -> &Device {
        &self.device
    }

    /// Bytes of its DMA buffers, as the driver said.
    pub fn dma_bytes(&self) -> u32 {
        self.object.info.dma_bytes
    }

    /// A timeout has reset its device.
    pub fn is_lost(&self) -> bool {
        self.object.is_lost()
    }

    /// Contexts of a higher priority go first; 0 at the beginning.
    pub fn set_priority(&self, priority: i32) {
        self.object.priority.store(priority, Ordering::Relaxed);
    }

    /// Waits until all that it has queued has ended, then DestroyContext.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if it was destroyed before.
    pub fn destroy(&self) -> Result<(), Status> {
        self.end(false)
    }

    /// Drops what it has queued and what has not reached the hardware queue, waits for the rest, then DestroyContext.
    ///
    /// # Errors
    /// As [`Self::destroy`].
    pub fn kill(&self) -> Result<(), Status> {
        self.end(true)
    }

    fn end(&self, drop_queue: bool) -> Result<(), Status> {
        let adapter = &*self.device.adapter.0;
        if self.object.dead.swap(true, Ordering::AcqRel) {
            return Err(STATUS_INVALID_HANDLE);
        }
        if drop_queue {
            adapter.cancel_context(self.object.number, false);
        }
        // A node that hangs is reset in there, and the work with it.
        while adapter.wait_context(self.object.number) == Err(Hang::Reset) {}
        adapter
            .scheduler
            .state
            .lock()
            .contexts
            .remove(&self.object.number);
        adapter.destroy_context(&self.object)
    }
}

impl AdapterInner {
    pub(crate) fn create_context(
        &self,
        device: &Arc<DeviceObject>,
        kind: ContextKind,
        private: &[u8],
    ) -> Result<Arc<ContextObject>, Status> {
        let create = self.registration.table.DxgkDdiCreateContext;
        let create = create.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut state = self.scheduler.state.lock();
        let number = state.next_context;
        state.next_context += 1;
        drop(state);
        let mut blobs = Blobs::new([private].into_iter());
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument: DXGKARG_CREATECONTEXT = pattern.filled();
        argument.hContext = ptr::null_mut();
        argument.NodeOrdinal = 0;
        argument.EngineAffinity = 1;
        argument.Flags = kind.flags();
        argument.pPrivateDriverData = blobs.pointer(0);
        argument.PrivateDriverDataSize = blobs.bytes(0);
        let inputs = inputs(&argument);
        let arguments = || format!("context {number} of device {}, {kind:?}", device.number);
        let status = self.call(Ddi::CreateContext, arguments, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL.
            unsafe { create(device.driver.0, &raw mut argument) }
        });
        let same = inputs == self::inputs(&argument) && blobs.untouched();
        self.check(
            Rule::B2_13,
            NAME,
            same,
            || "an [in] member or its data was written",
        );
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let info = context_info::check(self, kind, &argument.ContextInfo, pattern);
        let driver = DriverHandle(argument.hContext);
        let state = self.scheduler.state.lock();
        let own = !driver.0.is_null()
            && driver.0 != pattern.pointer()
            && state
                .contexts
                .values()
                .all(|context| context.driver != driver);
        drop(state);
        self.check(Rule::X2, NAME, own, || {
            format!("hContext {:p} is not set or another context's", driver.0)
        });
        let object = Arc::new(ContextObject {
            number,
            device: device.clone(),
            driver,
            info: info.unwrap_or_default(),
            pool: Mutex::default(),
            priority: AtomicI32::new(0),
            dead: AtomicBool::new(false),
        });
        if own && info.is_some() {
            return Ok(object);
        }
        // The driver has it, but nobody can use it.
        if own {
            let _ = self.destroy_context(&object);
        }
        Err(STATUS_INVALID_HANDLE)
    }

    pub(crate) fn destroy_context(&self, object: &ContextObject) -> Result<(), Status> {
        let destroy = self.registration.table.DxgkDdiDestroyContext;
        let destroy = destroy.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        object.pool.lock().clear();
        let arguments = || format!("context {}", object.number);
        let status = self.call(Ddi::DestroyContext, arguments, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL.
            unsafe { destroy(object.driver.0) }
        });
        self.check(Rule::X2, "DestroyContext", status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        });
        done(status)
    }
}

/// The [in] members.
fn inputs(argument: &DXGKARG_CREATECONTEXT) -> impl PartialEq + use<> {
    (
        argument.NodeOrdinal,
        argument.EngineAffinity,
        argument.Flags.bits(),
        argument.pPrivateDriverData,
        argument.PrivateDriverDataSize,
    )
}
