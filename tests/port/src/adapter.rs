//! One adapter: what the port knows of it between AddDevice and RemoveDevice.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU8, AtomicU32, AtomicU64, Ordering};

use dxgk_sys::{DXGK_DRIVERCAPS, HANDLE, MEMORY_CACHING_TYPE};
use spin::{Mutex, RwLock};

use crate::ddi::{Ddi, Level};
use crate::display::Display;
use crate::frame::Frame;
use crate::gate::Gate;
use crate::host::{AdapterIndex, PoolUse};
use crate::memory::Memory;
use crate::objects::{Live, Objects};
use crate::port::PortInner;
use crate::query::Segments;
use crate::registration::Registration;
use crate::registry;
use crate::resources::Resources;
use crate::rules::Rule;
use crate::scheduler::Scheduler;
use crate::vidpn::VidPnManager;
use alloc::string::String;
use dxgk_sys::NTSTATUS;

/// A display adapter under the driver.
#[derive(Clone)]
pub struct Adapter(pub(crate) Arc<AdapterInner>);

/// Where an adapter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum State {
    Added,
    Started,
    Removed,
}

/// A mapping that the driver holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mapping {
    /// First physical address.
    pub physical: u64,
    /// Length.
    pub bytes: usize,
    /// As the driver asked for it.
    pub cache: MEMORY_CACHING_TYPE,
    /// Where it is.
    pub address: NonNull<u8>,
}

// SAFETY: the port only compares the address.
unsafe impl Send for Mapping {}

pub(crate) struct AdapterInner {
    pub port: Arc<PortInner>,
    pub registration: Arc<Registration>,
    pub index: AdapterIndex,
    /// The `DeviceHandle` that callbacks carry.
    pub handle: AtomicPtr<c_void>,
    /// The driver's `MiniportDeviceContext`.
    pub context: AtomicPtr<c_void>,
    pub state: AtomicU8,
    pub gate: Gate,
    /// The GPU scheduler's class of level one: BuildPagingBuffer, Patch, SubmitCommand and their like.
    pub scheduler_class: Gate,
    pub resources: Resources,
    /// The software key's path.
    pub path: Vec<u16>,
    pub mappings: Mutex<Vec<Mapping>>,
    /// References by DxgkCbAcquireHandleData that are not released: token, allocation.
    pub held: Mutex<Vec<(u32, u32)>>,
    pub next_token: AtomicU32,
    pub sources: AtomicU32,
    pub children: AtomicU32,
    pub caps: Mutex<Option<Caps>>,
    pub segments: RwLock<Option<Arc<Segments>>>,
    pub objects: Objects,
    pub interrupts: Interrupts,
    pub display: Display,
    pub memory: Memory,
    pub vidpn: VidPnManager,
    pub scheduler: Scheduler,
    /// The driver's pool before AddDevice, if nothing else used it.
    pub pool_at_add: Option<PoolUse>,
}

/// Interrupt and DPC state.
#[derive(Default)]
pub(crate) struct Interrupts {
    /// A DPC is queued.
    pub dpc_queued: AtomicBool,
    /// A DPC runs.
    pub dpc_running: AtomicBool,
    /// The interrupt routine or a synchronised routine runs.
    pub line_held: AtomicBool,
    /// NotifyInterrupt is on some processor's stack.
    pub notifying: AtomicBool,
    /// The interrupt that holds the line has reported a VSYNC.
    pub vsync_told: AtomicBool,
    /// NotifyInterrupt was called and no DPC has been queued since.
    pub wants_dpc: AtomicBool,
    /// Calls of NotifyInterrupt since the last DPC was queued.
    pub since_dpc: AtomicU32,
    /// Calls of NotifyInterrupt.
    pub notified: AtomicU64,
    /// Calls of NotifyInterrupt when NotifyDpc was called last.
    pub notified_dpc: AtomicU64,
}

/// Capabilities, whose pointers are only kept.
#[derive(Clone, Copy)]
pub(crate) struct Caps(pub DXGK_DRIVERCAPS);

// SAFETY: the port dereferences none of its pointers.
unsafe impl Send for Caps {}

impl AdapterInner {
    pub(crate) fn state(&self) -> State {
        match self.state.load(Ordering::Acquire) {
            0 => State::Added,
            1 => State::Started,
            _ => State::Removed,
        }
    }

    pub(crate) fn set_state(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
        if state != State::Started {
            self.forget_vidpn();
            self.forget_memory();
        }
    }

    pub(crate) fn is_removed(&self) -> bool {
        self.state() == State::Removed
    }

    pub(crate) fn context(&self) -> *mut c_void {
        self.context.load(Ordering::Relaxed)
    }

    pub(crate) fn handle(&self) -> HANDLE {
        self.handle.load(Ordering::Relaxed)
    }

    /// A DDI call of this adapter; runs queued DPCs afterwards.
    pub(crate) fn call(
        &self,
        ddi: Ddi,
        arguments: impl FnOnce() -> String,
        call: impl FnOnce(&Frame) -> NTSTATUS,
    ) -> NTSTATUS {
        let resets = [Ddi::ResetFromTimeout, Ddi::RestartFromTimeout];
        if ddi.info().level == Level::Alone && !resets.contains(&ddi) {
            // Levels two and three promise that the node is idle.
            self.quiesce();
        }
        let status = self.port.call(&self.gate, ddi, arguments, call);
        let ends = [
            Ddi::StopDevice,
            Ddi::StopDeviceAndReleasePostDisplayOwnership,
            Ddi::RemoveDevice,
        ];
        self.run_dpcs(ends.contains(&ddi));
        status
    }

    pub(crate) fn check<D: Into<String>>(
        &self,
        rule: Rule,
        ddi: &'static str,
        holds: bool,
        detail: impl FnOnce() -> D,
    ) -> bool {
        self.port.check(rule, ddi, holds, detail)
    }
}

impl Drop for AdapterInner {
    fn drop(&mut self) {
        let handle = self.handle.load(Ordering::Relaxed);
        if !handle.is_null() {
            registry::forget_adapter(handle);
        }
    }
}

impl Adapter {
    /// The driver's context for this adapter.
    pub fn context(&self) -> *mut c_void {
        self.0.context()
    }

    /// Whether StartDevice has succeeded and no stop has come since.
    pub fn is_started(&self) -> bool {
        self.0.state() == State::Started
    }

    /// What the driver has mapped now.
    pub fn mappings(&self) -> Vec<Mapping> {
        self.0.mappings.lock().clone()
    }

    /// How many objects live.
    pub fn live(&self) -> Live {
        self.0.objects.live()
    }

    /// The capabilities that the last start was told.
    pub fn known_caps(&self) -> Option<DXGK_DRIVERCAPS> {
        self.0.caps.lock().map(|caps| caps.0)
    }

    /// The segments that the last start was told.
    pub fn known_segments(&self) -> Option<Arc<Segments>> {
        self.0.segments.read().clone()
    }
}

impl AdapterInner {
    pub(crate) fn new(
        port: &Arc<PortInner>,
        registration: &Arc<Registration>,
        index: AdapterIndex,
    ) -> Self {
        let alone = port.is_quiet() && port.live_adapters() == 0;
        Self {
            resources: Resources::new(&port.host.resources(index)),
            path: port.host.registry_path(index).encode_utf16().collect(),
            registration: registration.clone(),
            index,
            handle: AtomicPtr::new(ptr::null_mut()),
            context: AtomicPtr::new(ptr::null_mut()),
            state: AtomicU8::new(State::Added as u8),
            gate: Gate::default(),
            scheduler_class: Gate::default(),
            mappings: Mutex::new(Vec::new()),
            held: Mutex::new(Vec::new()),
            next_token: AtomicU32::new(1),
            sources: AtomicU32::new(0),
            children: AtomicU32::new(0),
            caps: Mutex::new(None),
            segments: RwLock::new(None),
            objects: Objects::default(),
            interrupts: Interrupts::default(),
            display: Display::default(),
            memory: Memory::default(),
            vidpn: VidPnManager::default(),
            scheduler: Scheduler::default(),
            pool_at_add: alone.then(|| port.host.pool()),
            port: port.clone(),
        }
    }
}
