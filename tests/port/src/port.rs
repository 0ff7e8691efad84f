//! A machine's graphics kernel: one driver, its adapters, the record of what it did.

use alloc::string::String;
use alloc::sync::{Arc, Weak};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicPtr, Ordering};

use dxgk_sys::{DRIVER_OBJECT, NTSTATUS};
use spin::Mutex;

use crate::adapter::AdapterInner;
use crate::callbacks::Turn;
use crate::frame::Frames;
use crate::gate::Gate;
use crate::host::Host;
use crate::journal::Journal;
use crate::pattern::Turns;
use crate::registration::Registration;
use crate::registry;
use crate::report::{Counted, Report};
use crate::rules::Rule;

/// What kind of driver the port expects.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Profile {
    /// A full driver in the making: life cycle, queries, devices, allocations, and the display if it has sources.
    #[default]
    Partial,
    /// A full driver of WDDM 1.2 or later: the whole table, and all capabilities that it must have.
    Full,
    /// A kernel-mode display-only driver, with the whole of `KMDDOD_INITIALIZATION_DATA` and nothing of rendering.
    DisplayOnly,
}

/// How a port works.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Settings {
    /// What kind of driver is expected.
    pub profile: Profile,
    /// A line to the host for each DDI call.
    pub trace: bool,
    /// The driver is known to give each object a pool block of its own and to keep no spare ones, so rules D3,
    /// C34 and O1 can be checked by counting blocks. Only calls that are alone in the driver are counted.
    pub exact_pool: bool,
    /// Paging buffers are expected of a driver that lacks other parts of the full table.
    pub paging: bool,
}

impl Settings {
    /// With paging, also where the profile is partial.
    #[must_use]
    pub fn with_paging(mut self) -> Self {
        self.paging = true;
        self
    }

    /// With a line of trace for each call.
    #[must_use]
    pub fn with_trace(mut self) -> Self {
        self.trace = true;
        self
    }

    /// For a full driver with all that belongs to it.
    #[must_use]
    pub fn for_full(mut self) -> Self {
        self.profile = Profile::Full;
        self
    }

    /// For a display-only driver.
    #[must_use]
    pub fn for_display_only(mut self) -> Self {
        self.profile = Profile::DisplayOnly;
        self
    }

    /// With checks that count pool blocks.
    #[must_use]
    pub fn with_exact_pool(mut self) -> Self {
        self.exact_pool = true;
        self
    }
}

/// The stand-in for dxgkrnl.
#[derive(Clone)]
pub struct Port(pub(crate) Arc<PortInner>);

pub(crate) struct PortInner {
    pub host: Arc<dyn Host>,
    pub settings: Settings,
    pub journal: Journal,
    pub frames: Frames,
    /// Serialises what is serial for the whole driver: AddDevice and Unload.
    pub gate: Gate,
    pub turns: Turns,
    pub callbacks: Turn,
    pub driver_object: AtomicPtr<DRIVER_OBJECT>,
    pub registration: Mutex<Option<Arc<Registration>>>,
    /// What the last registration was answered with.
    pub answered: Mutex<Option<NTSTATUS>>,
    pub adapters: Mutex<Vec<Weak<AdapterInner>>>,
}

/// How often the counter of instructions is read for nothing, to know what a reading takes.
const READINGS: usize = 8;

impl Port {
    /// A port on that machine, without a driver.
    pub fn new(host: Arc<dyn Host>, settings: Settings) -> Self {
        let port = Arc::new(PortInner {
            journal: Journal::new(host.clone()),
            host,
            settings,
            frames: Frames::new(),
            gate: Gate::default(),
            turns: Turns::default(),
            callbacks: Turn::default(),
            driver_object: AtomicPtr::default(),
            registration: Mutex::new(None),
            answered: Mutex::new(None),
            adapters: Mutex::new(Vec::new()),
        });
        registry::know_port(&port);
        Self(port)
    }

    /// The machine.
    pub fn host(&self) -> &Arc<dyn Host> {
        &self.0.host
    }

    /// Makes [`dpi_initialize`](crate::dpi_initialize) with this driver object register here.
    pub fn expect(&self, driver_object: *mut DRIVER_OBJECT) {
        self.0.driver_object.store(driver_object, Ordering::Relaxed);
    }

    /// Runs `work` and says what each call of a DDI took meanwhile, in the order in which they ended. Nothing on a
    /// host that does not count instructions ([`Host::instructions`](crate::Host::instructions)).
    ///
    /// What the driver calls on the way, the port's callbacks included, is in a count, and so are interrupts that
    /// came in the middle. The two readings of the counter are not.
    pub fn count_instructions(&self, work: impl FnOnce()) -> Vec<Counted> {
        let host = &*self.0.host;
        let reading = || Some(host.instructions()?.abs_diff(host.instructions()?));
        // An interrupt may have come between two of them.
        let readings = (0..READINGS).filter_map(|_| reading()).min().unwrap_or(0);
        self.0.journal.count(true);
        work();
        let mut counted = self.0.journal.count(false);
        for call in &mut counted {
            call.instructions = call.instructions.saturating_sub(readings);
        }
        counted
    }

    /// What the port has recorded until now.
    pub fn report(&self) -> Report {
        self.0.journal.report(self.0.host.pool())
    }

    /// Runs the DPCs that the driver has queued. The port does so itself after each call at PASSIVE_LEVEL.
    ///
    /// It may be called at the end of an interrupt: it waits for nothing, and leaves to the next call what it
    /// cannot do now.
    pub fn run_dpcs(&self) {
        let mut next = 0;
        loop {
            let adapter = match self.0.adapters.try_lock() {
                Some(adapters) if next < adapters.len() => adapters[next].upgrade(),
                _ => return,
            };
            next += 1;
            if let Some(adapter) = adapter {
                adapter.run_dpc();
            }
        }
    }
}

impl PortInner {
    pub(crate) fn check<D: Into<String>>(
        &self,
        rule: Rule,
        ddi: &'static str,
        holds: bool,
        detail: impl FnOnce() -> D,
    ) -> bool {
        self.journal.check(rule, ddi, holds, detail)
    }

    /// No DDI is in progress on any thread, so the driver's pool changes by the next call alone.
    pub(crate) fn is_quiet(&self) -> bool {
        self.frames.in_progress() == 0
    }

    /// Makes one DDI call, and counts the pool's calls meanwhile if it was alone in the driver.
    pub(crate) fn pool_calls_of<R>(&self, call: impl FnOnce() -> R) -> (R, Option<u64>) {
        let quiet = self.is_quiet();
        let begun = self.frames.begun();
        let before = self.host.pool_calls();
        let result = call();
        let calls = self.host.pool_calls() - before;
        let alone = quiet && self.frames.begun() == begun + 1;
        (result, alone.then_some(calls))
    }

    /// Adapters that are not removed.
    pub(crate) fn live_adapters(&self) -> usize {
        let adapters = self.adapters.lock();
        adapters
            .iter()
            .filter_map(Weak::upgrade)
            .filter(|adapter| !adapter.is_removed())
            .count()
    }
}
