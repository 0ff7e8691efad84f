//! Callbacks of interrupts and DPCs, and the calls that they lead to.

use alloc::format;
use core::ptr::NonNull;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    BOOLEAN, DXGKARGCB_NOTIFY_INTERRUPT_DATA, HANDLE, NTSTATUS, PKSYNCHRONIZE_ROUTINE, PVOID,
    UCHAR, ULONG, USHORT, ddi_fn,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::callbacks::{Callback, calling_port};
use crate::ddi::Ddi;
use crate::host::irql;
use crate::rules::Rule;

ddi_fn! {
    pub(crate) unsafe fn queue_dpc(handle: HANDLE) -> BOOLEAN {
        match Callback::QueueDpc.enter(handle) {
            Some(adapter) => {
                adapter.interrupts.wants_dpc.store(false, Ordering::Relaxed);
                BOOLEAN::from(!adapter.interrupts.dpc_queued.swap(true, Ordering::AcqRel))
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
        let Some(adapter) = Callback::SynchronizeExecution.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        let (Some(routine), Some(result)) = (routine, NonNull::new(result)) else {
            return STATUS_INVALID_PARAMETER;
        };
        let Some(line) = adapter.port.host.interrupt_line(adapter.index) else {
            return STATUS_UNSUCCESSFUL;
        };
        // SAFETY: the driver's function with its own argument.
        let answer = adapter.hold_line(line, || unsafe { routine(context) });
        adapter.check_dpc_queued(Callback::SynchronizeExecution.name());
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
        interrupts.notified.fetch_add(1, Ordering::Relaxed);
        interrupts.wants_dpc.store(true, Ordering::Relaxed);
        interrupts.notifying.store(false, Ordering::Release);
    }

    pub(crate) unsafe fn notify_dpc(handle: HANDLE) {
        let Some(adapter) = Callback::NotifyDpc.enter(handle) else { return };
        let interrupts = &adapter.interrupts;
        let notified = interrupts.notified.load(Ordering::Relaxed);
        interrupts.notified_dpc.store(notified, Ordering::Relaxed);
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
    /// Runs `routine` at the line's IRQL while no other routine of the line runs.
    fn hold_line<R>(&self, line: u8, routine: impl FnOnce() -> R) -> R {
        let host = &self.port.host;
        while self.interrupts.line_held.swap(true, Ordering::Acquire) {
            host.relax();
        }
        let before = host.irql();
        host.set_irql(line.max(before));
        let result = routine();
        let after = host.irql();
        host.set_irql(before);
        self.interrupts.line_held.store(false, Ordering::Release);
        self.check(
            Rule::B3,
            "SynchronizeRoutine",
            after == line.max(before),
            || format!("called at IRQL {}, returned at {after}", line.max(before)),
        );
        result
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
        let interrupts = &self.interrupts;
        while interrupts.dpc_queued.load(Ordering::Acquire) {
            let busy = self.port.host.irql() >= irql::DISPATCH
                || interrupts.dpc_running.swap(true, Ordering::Acquire);
            if busy {
                return;
            }
            if interrupts.dpc_queued.swap(false, Ordering::AcqRel) {
                self.dpc();
            }
            interrupts.dpc_running.store(false, Ordering::Release);
        }
    }

    fn dpc(&self) {
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
            told >= notified,
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
        adapter.hold_line(line, || {
            let arguments = || format!("message {message}");
            adapter.port.call_at(
                &adapter.gate,
                Ddi::InterruptRoutine,
                line,
                arguments,
                |_| {
                    // SAFETY: the driver's own function and context.
                    taken = unsafe { routine(adapter.context(), message) } != 0;
                    STATUS_SUCCESS
                },
            );
        });
        adapter.check_dpc_queued(Ddi::InterruptRoutine.name());
        adapter.run_dpc();
        taken
    }
}
