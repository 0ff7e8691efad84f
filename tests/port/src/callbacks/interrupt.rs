//! Callbacks of interrupts and DPCs, and the calls that they lead to.

use alloc::format;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    BOOLEAN, DXGKARGCB_NOTIFY_INTERRUPT_DATA, HANDLE, NTSTATUS, PKSYNCHRONIZE_ROUTINE, PVOID,
    UCHAR, ULONG, USHORT, ddi_fn,
};

use crate::adapter::{Adapter, AdapterInner, State};
use crate::callbacks::{Callback, calling_port};
use crate::ddi::{Ddi, Level};
use crate::host::irql;
use crate::rules::Rule;

/// More notifications than one interrupt has, whatever the adapter.
const MOST_IN_ONE: u32 = 64;

ddi_fn! {
    pub(crate) unsafe fn queue_dpc(handle: HANDLE) -> BOOLEAN {
        match Callback::QueueDpc.enter(handle) {
            Some(adapter) => {
                adapter.interrupts.wants_dpc.store(false, Ordering::Relaxed);
                adapter.interrupts.since_dpc.store(0, Ordering::Relaxed);
                let queued = adapter.interrupts.dpc_queued.swap(true, Ordering::AcqRel);
                adapter.port.host.dpc_queued(adapter.index);
                BOOLEAN::from(!queued)
            }
            None => 0,
        }
    }

    pub(crate) unsafe fn synchronize_execution(
        handle: HANDLE,
        routine: PKSYNCHRONIZE_ROUTINE,
        context: PVOID,
        _message: ULONG,
        result: *mut BOOLEAN,
    ) -> NTSTATUS {
        let callback = Callback::SynchronizeExecution;
        let Some(adapter) = callback.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        let (Some(routine), Some(result)) = (routine, NonNull::new(result)) else {
            return STATUS_INVALID_PARAMETER;
        };
        let Some(line) = adapter.port.host.interrupt_line(adapter.index) else {
            return STATUS_UNSUCCESSFUL;
        };
        // SAFETY: the driver's function with its own argument.
        let answer = adapter.hold_line(line, callback.name(), || unsafe { routine(context) });
        // SAFETY: the driver's variable.
        unsafe { result.write(answer) };
        STATUS_SUCCESS
    }

    pub(crate) unsafe fn notify_interrupt(
        handle: HANDLE,
        data: *mut DXGKARGCB_NOTIFY_INTERRUPT_DATA,
    ) {
        let callback = Callback::NotifyInterrupt;
        let Some(adapter) = callback.enter(handle) else { return };
        let interrupts = &adapter.interrupts;
        let nested = interrupts.notifying.swap(true, Ordering::Acquire);
        adapter.check(Rule::I2, callback.name(), !nested, || "called while it runs");
        adapter.check(Rule::I2, callback.name(), !data.is_null(), || "without data");
        adapter.check_running(callback.name());
        // SAFETY: null or the driver's record.
        if let Some(data) = unsafe { data.as_ref() } {
            adapter.report_interrupt(data);
        }
        interrupts.notified.fetch_add(1, Ordering::Relaxed);
        interrupts.wants_dpc.store(true, Ordering::Relaxed);
        // Without a line nobody sees where an interrupt ends, but none has so much to report.
        let since = interrupts.since_dpc.fetch_add(1, Ordering::Relaxed);
        adapter.check(Rule::I2, callback.name(), since < MOST_IN_ONE, || {
            format!("{since} times, and no DPC was queued")
        });
        interrupts.notifying.store(false, Ordering::Release);
    }

    pub(crate) unsafe fn notify_dpc(handle: HANDLE) {
        let Some(adapter) = Callback::NotifyDpc.enter(handle) else { return };
        let interrupts = &adapter.interrupts;
        let notified = interrupts.notified.load(Ordering::Relaxed);
        interrupts.notified_dpc.store(notified, Ordering::Relaxed);
        adapter.scheduler.events.tell();
    }

    pub(crate) unsafe fn log_etw_event(
        _event: dxgk_sys::LPCGUID,
        _kind: UCHAR,
        _size: USHORT,
        _buffer: PVOID,
    ) {
        if let Some(port) = calling_port() {
            Callback::LogEtwEvent.allowed(&port);
        }
    }
}

impl AdapterInner {
    /// Runs `routine` at the line's IRQL while no other routine of the line runs; `name` is who is to queue the
    /// DPC of what it notifies.
    ///
    /// The IRQL goes up first: an interrupt upon a holder below it would wait for ever.
    pub(crate) fn hold_line<R>(
        &self,
        line: u8,
        name: &'static str,
        routine: impl FnOnce() -> R,
    ) -> R {
        let host = &self.port.host;
        let before = host.irql();
        let level = line.max(before);
        host.set_irql(level);
        while self.interrupts.line_held.swap(true, Ordering::Acquire) {
            host.relax();
        }
        self.interrupts.vsync_told.store(false, Ordering::Relaxed);
        let result = routine();
        let after = host.irql();
        host.set_irql(level);
        self.check_dpc_queued(name);
        self.interrupts.vsync_told.store(false, Ordering::Relaxed);
        self.interrupts.line_held.store(false, Ordering::Release);
        host.set_irql(before);
        self.check(Rule::B3, "SynchronizeRoutine", after == level, || {
            format!("called at IRQL {level}, returned at {after}")
        });
        result
    }

    /// Interrupts and indications come from a started adapter, or from one that is being started.
    pub(crate) fn check_running(&self, name: &'static str) {
        let running = self.state() == State::Started || self.display.is_starting();
        self.check(
            Rule::L4,
            name,
            running,
            || "called while the adapter is stopped",
        );
    }

    /// A notification wants a DPC after it.
    pub(crate) fn check_dpc_queued(&self, after: &'static str) {
        let wants = self.interrupts.wants_dpc.swap(false, Ordering::Relaxed);
        self.check(
            Rule::I2,
            after,
            !wants,
            || "no DPC was queued after NotifyInterrupt",
        );
    }

    /// Runs the adapter's DPC if one is queued and the thread is below DISPATCH_LEVEL.
    pub(crate) fn run_dpc(&self) {
        self.run_dpcs(false);
    }

    /// The same; `late` if the driver has stopped since they were queued: a processor would have run them before, and
    /// the driver has given back what it would notify with (G61).
    pub(crate) fn run_dpcs(&self, late: bool) {
        let interrupts = &self.interrupts;
        while interrupts.dpc_queued.load(Ordering::Acquire) {
            let busy = self.port.host.irql() >= irql::DISPATCH
                || interrupts.dpc_running.swap(true, Ordering::Acquire);
            if busy {
                return;
            }
            if interrupts.dpc_queued.swap(false, Ordering::AcqRel) {
                self.dpc(late);
            }
            interrupts.dpc_running.store(false, Ordering::Release);
        }
    }

    fn dpc(&self, late: bool) {
        let Some(routine) = self.registration.table.DxgkDdiDpcRoutine else {
            return;
        };
        let notified = self.interrupts.notified.load(Ordering::Relaxed);
        self.port
            .call(&self.gate, Ddi::DpcRoutine, Default::default, |_| {
                // SAFETY: the driver's own function and context.
                unsafe { routine(self.context()) };
                STATUS_SUCCESS
            });
        let told = self.interrupts.notified_dpc.load(Ordering::Relaxed);
        self.check(
            Rule::I2,
            Ddi::DpcRoutine.name(),
            late || told >= notified,
            || "NotifyInterrupt was called, NotifyDpc not",
        );
    }
}

impl Adapter {
    /// An interrupt of this adapter: calls the driver's InterruptRoutine at the line's IRQL.
    ///
    /// True if the driver took it. False also without a routine or a line.
    pub fn interrupt(&self, message: u32) -> bool {
        let adapter = &*self.0;
        let Some(routine) = adapter.registration.table.DxgkDdiInterruptRoutine else {
            return false;
        };
        let Some(line) = adapter.port.host.interrupt_line(adapter.index) else {
            return false;
        };
        let mut taken = false;
        adapter.hold_line(line, Ddi::InterruptRoutine.name(), || {
            let arguments = || format!("message {message}");
            let before = adapter.interrupts.notified.load(Ordering::Relaxed);
            adapter.port.call_at(
                &adapter.gate,
                Ddi::InterruptRoutine,
                (Level::Any, line),
                arguments,
                |_| {
                    // SAFETY: the driver's own function and context.
                    taken = unsafe { routine(adapter.context(), message) } != 0;
                    STATUS_SUCCESS
                },
            );
            // Nobody else notifies while the line is held.
            let told = adapter.interrupts.notified.load(Ordering::Relaxed) != before;
            adapter.check(
                Rule::I1,
                Ddi::InterruptRoutine.name(),
                taken || !told,
                || "notified of an interrupt and says that it was not its own",
            );
        });
        adapter.run_dpc();
        taken
    }
}
