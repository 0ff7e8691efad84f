//! One DDI call: its level, its IRQL, its status, its line of trace.

use alloc::format;
use alloc::string::String;

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::STATUS_INVALID_DEVICE_STATE;
use crate::ddi::{Ddi, Level, Statuses};
use crate::frame::Frame;
use crate::gate::Gate;
use crate::port::PortInner;
use crate::report::Bugcheck;
use crate::rules::Rule;

impl PortInner {
    /// Stops the machine as Windows would: no DDI is called after this.
    pub(crate) fn bugcheck<D: Into<String>>(
        &self,
        ddi: &'static str,
        code: u32,
        parameters: [u64; 4],
        detail: D,
    ) {
        self.journal.bugcheck(Bugcheck {
            code,
            parameters,
            ddi,
            detail: detail.into(),
        });
    }

    /// Calls the driver: `call` is the DDI, `arguments` what a line of trace says of them.
    ///
    /// The caller's IRQL is given back afterwards. DDIs without a status return 0 from `call`. After a bugcheck
    /// nothing is called, and the status is [`STATUS_INVALID_DEVICE_STATE`].
    pub(crate) fn call(
        &self,
        gate: &Gate,
        ddi: Ddi,
        arguments: impl FnOnce() -> String,
        call: impl FnOnce(&Frame) -> NTSTATUS,
    ) -> NTSTATUS {
        let info = ddi.info();
        self.call_at(gate, ddi, (info.level, info.irql), arguments, call)
    }

    /// The same at another level and IRQL than the table's (interrupts, flips).
    pub(crate) fn call_at(
        &self,
        gate: &Gate,
        ddi: Ddi,
        (level, irql): (Level, u8),
        arguments: impl FnOnce() -> String,
        call: impl FnOnce(&Frame) -> NTSTATUS,
    ) -> NTSTATUS {
        let info = ddi.info();
        if self.journal.is_dead() {
            return STATUS_INVALID_DEVICE_STATE;
        }
        let host = &*self.host;
        let thread = host.thread_id();
        let before = host.irql();
        let pass = gate.enter(level, host);
        host.set_irql(irql);
        self.journal.called(ddi);
        let (status, null_handle) = self.frames.run(thread, ddi, |frame| {
            if !self.journal.counts() {
                return (call(frame), frame.null_handle.get());
            }
            let before = host.instructions();
            let status = call(frame);
            if let (Some(before), Some(after)) = (before, host.instructions()) {
                self.journal.took(ddi, after.saturating_sub(before));
            }
            (status, frame.null_handle.get())
        });
        let after = host.irql();
        host.set_irql(before);
        drop(pass);

        self.check(Rule::B3, info.name, after == irql, || {
            format!("called at IRQL {irql}, returned at {after}")
        });
        if info.statuses != Statuses::None {
            self.journal.returned(ddi, status);
            self.check_status(ddi, status, null_handle);
        }
        if self.settings.trace {
            let arguments = arguments();
            if info.statuses == Statuses::None {
                host.line(&format!("{}({arguments})", info.name));
            } else {
                host.line(&format!("{}({arguments}) -> {status:#010x}", info.name));
            }
        }
        status
    }

    fn check_status(&self, ddi: Ddi, status: NTSTATUS, null_handle: bool) {
        let info = ddi.info();
        if null_handle {
            // DxgkCbGetHandleData's page asks for one status, the DDI's own list has others.
            let refused = status == STATUS_INVALID_HANDLE
                || status != 0 && info.statuses.allow(status) && status < 0;
            self.check(Rule::G8, info.name, refused, || {
                format!("a handle resolved to NULL, yet the status is {status:#010x}")
            });
            if status == STATUS_INVALID_HANDLE {
                return;
            }
        }
        let allowed = info.statuses.allow(status);
        let detail = || format!("status {status:#010x} is not on the page");
        self.check(Rule::G6, info.name, allowed, detail);
        if let Some(rule) = info.rule {
            self.check(rule, info.name, allowed, detail);
        }
    }
}
