//! The functions of `DXGKRNL_INTERFACE`, as the driver calls them.
//!
//! [`device`] has those about the device and its memory, [`interrupt`] those of interrupts and DPCs,
//! [`handles`] those that resolve handles, [`absent`] those that no profile has yet.

use alloc::format;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicU64, Ordering};

use dxgk_sys::HANDLE;

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::host::irql;
use crate::port::{Port, PortInner};
use crate::registry::{self, AdapterRef};
use crate::report::Bugcheck;
use crate::rules::Rule;

pub(crate) mod absent;
pub(crate) mod device;
pub(crate) mod handles;
pub(crate) mod interrupt;

/// A callback, the IRQLs at which it may be called, and the rule that says so.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CallbackInfo {
    pub name: &'static str,
    lowest: u8,
    highest: u8,
    rule: Rule,
}

macro_rules! callbacks {
    ($($variant:ident $lowest:ident $highest:ident $rule:ident;)*) => {
        /// A callback that the port plays.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Callback {
            $($variant,)*
        }

        const CALLBACKS: &[CallbackInfo] = &[$(CallbackInfo {
            name: concat!("DxgkCb", stringify!($variant)),
            lowest: irql::$lowest,
            highest: irql::$highest,
            rule: Rule::$rule,
        },)*];

        impl Callback {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

callbacks! {
    EvalAcpiMethod PASSIVE PASSIVE B3;
    GetDeviceInformation PASSIVE PASSIVE B3;
    IndicateChildStatus PASSIVE DISPATCH B3;
    MapMemory PASSIVE PASSIVE B3;
    QueueDpc PASSIVE HIGH B3;
    QueryServices PASSIVE PASSIVE B3;
    ReadDeviceSpace PASSIVE PASSIVE B3;
    SynchronizeExecution PASSIVE DISPATCH B3;
    UnmapMemory PASSIVE PASSIVE B3;
    WriteDeviceSpace PASSIVE PASSIVE B3;
    GetHandleData PASSIVE APC G8;
    GetHandleParent PASSIVE APC G8;
    EnumHandleChildren PASSIVE PASSIVE G8;
    AcquireHandleData PASSIVE APC G8;
    ReleaseHandleData PASSIVE APC G8;
    NotifyInterrupt DEVICE_LOWEST DEVICE_HIGHEST I2;
    NotifyDpc DISPATCH DISPATCH I2;
    LogEtwEvent PASSIVE HIGH B3;
    AcquirePostDisplayOwnership PASSIVE APC B3;
    QueryMonitorInterface PASSIVE PASSIVE B3;
}

/// DDIs of a system that is dying, in which there is nothing to call.
const BUGCHECK: [Ddi; 3] = [
    Ddi::ResetDevice,
    Ddi::SystemDisplayEnable,
    Ddi::SystemDisplayWrite,
];

/// Those that may fail at any time, for want of memory or because the device or the object is gone.
const MAY_FAIL: [Callback; 10] = [
    Callback::GetDeviceInformation,
    Callback::IndicateChildStatus,
    Callback::MapMemory,
    Callback::QueryServices,
    Callback::ReadDeviceSpace,
    Callback::WriteDeviceSpace,
    Callback::GetHandleData,
    Callback::AcquireHandleData,
    Callback::AcquirePostDisplayOwnership,
    Callback::QueryMonitorInterface,
];

/// Which call of a callback that may fail is to fail.
#[derive(Default)]
pub(crate) struct Turn {
    calls: AtomicU64,
    /// 0 is none.
    fail_at: AtomicU64,
}

impl Turn {
    fn fails(&self) -> bool {
        let call = self.calls.fetch_add(1, Ordering::Relaxed) + 1;
        self.fail_at.load(Ordering::Relaxed) == call
    }
}

impl Port {
    /// Makes the n-th call from now (1 is the next one) of those DXGKRNL callbacks that may fail at any time fail,
    /// once; `None` takes that back. A handle that cannot be resolved gives NULL, the others an error.
    pub fn fail_callback(&self, nth: Option<u64>) {
        let turn = &self.0.callbacks;
        let at = nth.map_or(0, |nth| turn.calls.load(Ordering::Relaxed) + nth);
        turn.fail_at.store(at, Ordering::Relaxed);
    }

    /// Calls of such callbacks so far.
    pub fn callbacks(&self) -> u64 {
        self.0.callbacks.calls.load(Ordering::Relaxed)
    }

    /// Where Windows would have stopped the machine.
    pub fn bugcheck(&self) -> Option<Bugcheck> {
        self.0.journal.bugcheck_now()
    }
}

/// What the interrupt routine may call.
const INTERRUPT: [Callback; 3] = [
    Callback::QueueDpc,
    Callback::NotifyInterrupt,
    Callback::LogEtwEvent,
];

impl Callback {
    pub(crate) fn info(self) -> &'static CallbackInfo {
        &CALLBACKS[self as usize]
    }

    pub(crate) fn name(self) -> &'static str {
        self.info().name
    }

    /// Counts the call; false if it comes at the wrong moment, which is recorded, or if it is its turn to fail.
    pub(crate) fn allowed(self, port: &PortInner) -> bool {
        let info = self.info();
        port.journal.callback(self);
        let bugcheck = port.frames.current(port.host.thread_id(), |frame| {
            BUGCHECK.contains(&frame.ddi).then_some(frame.ddi)
        });
        if let Some(Some(ddi)) = bugcheck {
            return port.check(Rule::L7, info.name, false, || {
                format!("called in {}", ddi.name())
            });
        }
        let interrupt = port
            .frames
            .current(port.host.thread_id(), |frame| frame.ddi);
        if interrupt == Some(Ddi::InterruptRoutine) && !INTERRUPT.contains(&self) {
            return port.check(Rule::I1, info.name, false, || "called in InterruptRoutine");
        }
        let now = port.host.irql();
        let sound = port.check(
            info.rule,
            info.name,
            (info.lowest..=info.highest).contains(&now),
            || format!("called at IRQL {now}"),
        );
        sound && !(MAY_FAIL.contains(&self) && port.callbacks.fails())
    }

    /// The adapter of a `DeviceHandle`, if the callback may be called now.
    pub(crate) fn enter(self, handle: HANDLE) -> Option<AdapterRef> {
        let Some(adapter) = registry::adapter(handle) else {
            if let Some(port) = calling_port() {
                port.journal.callback(self);
                port.check(Rule::L3, self.name(), false, || {
                    format!("{handle:p} is no DeviceHandle of DXGKRNL_INTERFACE")
                });
            }
            return None;
        };
        let removed = adapter.is_removed();
        adapter.check(
            Rule::L5,
            self.name(),
            !removed,
            || "called after RemoveDevice",
        );
        (self.allowed(&adapter.port) && !removed).then_some(adapter)
    }
}

/// The port whose DDI the calling thread is in; for a thread of the driver's own the newest port.
pub(crate) fn calling_port() -> Option<Arc<PortInner>> {
    let in_call = |port: &PortInner| port.frames.current(port.host.thread_id(), |_| ()).is_some();
    registry::find_port(in_call).or_else(registry::newest_port)
}

/// Tells the DDI that the calling thread is in that a handle resolved to nothing (G8).
pub(crate) fn note_null_handle(port: &PortInner) {
    port.frames
        .current(port.host.thread_id(), |frame| frame.null_handle.set(true));
}

impl AdapterInner {
    /// Whether the calling thread is in one of these DDIs.
    pub(crate) fn in_one_of(&self, ddis: &[Ddi]) -> bool {
        let thread = self.port.host.thread_id();
        self.port
            .frames
            .current(thread, |frame| ddis.contains(&frame.ddi))
            == Some(true)
    }
}
