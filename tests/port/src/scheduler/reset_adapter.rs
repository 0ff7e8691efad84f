//! A timeout that takes the whole adapter down and up again (T2, T3).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_sys::NTSTATUS;
use dxgk_sys::status::STATUS_SUCCESS;

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::rules::Rule;
use crate::scheduler::debug_info::TDR_TIMEOUT;
use crate::scheduler::packet::Fate;

/// VIDEO_TDR_FAILURE.
const TDR_FAILURE: u32 = 0x116;

/// Bytes of the adapter's debug report.
const REPORT_BYTES: usize = 64 << 10;

/// Why an adapter is reset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// The engine's reset failed, or there is none.
    Engine,
    /// It hit paging.
    Paging,
}

impl AdapterInner {
    /// Called by the outermost scheduling.
    pub(crate) fn reset_if_due(&self) {
        let cause = self.scheduler.state.lock().reset_due;
        if let Some(cause) = cause {
            self.reset_adapter(cause);
            self.scheduler.state.lock().reset_due = None;
        }
    }

    fn reset_adapter(&self, cause: Cause) {
        if self.port.journal.is_dead() {
            return;
        }
        let host = &*self.port.host;
        self.scheduler.events.ignore(true);
        self.flush();
        let _ = self.collect_debug_info(TDR_TIMEOUT, REPORT_BYTES);
        let mut state = self.scheduler.state.lock();
        let options = state.options;
        let (count, time) = (options.tdr_limit_count, options.tdr_limit_time_100ns);
        let admitted = state.limits.admit(host.time_100ns(), count, time);
        drop(state);
        if !self.check(Rule::T3, "ResetFromTimeout", admitted, || {
            format!("{count} resets in the limit's time were not enough")
        }) {
            self.fail_recovery(
                "ResetFromTimeout",
                0,
                format!("one reset more than {count} ({cause:?})"),
            );
            return;
        }
        if !self.threads_leave(options.tdr_ddi_delay_100ns) {
            self.check(
                Rule::T2,
                "ResetFromTimeout",
                false,
                || "a thread did not leave the driver",
            );
            self.fail_recovery(
                "ResetFromTimeout",
                0,
                String::from("a thread did not leave the driver"),
            );
            return;
        }
        let table = &self.registration.table;
        let context = self.context();
        let status = self.call(Ddi::ResetFromTimeout, String::new, |_| {
            match table.DxgkDdiResetFromTimeout {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                Some(reset) => unsafe { reset(context) },
                None => STATUS_SUCCESS,
            }
        });
        if !self.must_succeed("ResetFromTimeout", status) {
            return;
        }
        self.purge();
        self.scheduler.events.ignore(false);
        self.memory_after_reset();
        let status = self.call(Ddi::RestartFromTimeout, String::new, |_| {
            match table.DxgkDdiRestartFromTimeout {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                Some(restart) => unsafe { restart(context) },
                None => STATUS_SUCCESS,
            }
        });
        if !self.must_succeed("RestartFromTimeout", status) {
            return;
        }
        let mut state = self.scheduler.state.lock();
        state.limits.counts.adapter_resets += 1;
        state.reset_due = None;
        drop(state);
        self.memory_restarted();
    }

    fn must_succeed(&self, ddi: &'static str, status: NTSTATUS) -> bool {
        let done = self.check(Rule::T2, ddi, status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        });
        if !done {
            self.fail_recovery(ddi, status, format!("{ddi} returned {status:#010x}"));
        }
        done
    }

    fn fail_recovery(&self, ddi: &'static str, status: NTSTATUS, detail: String) {
        let parameters = [0, 0, u64::from(status.cast_unsigned()), 0];
        self.port.bugcheck(ddi, TDR_FAILURE, parameters, detail);
    }

    /// No other thread is in the driver for an adapter's reset; false if one stays for too long.
    fn threads_leave(&self, delay: u64) -> bool {
        let host = &*self.port.host;
        let since = host.time_100ns();
        while !self.gate.is_empty() {
            if host.time_100ns().saturating_sub(since) > delay {
                return false;
            }
            host.relax();
        }
        true
    }

    /// The node has nothing any more, and each user's device is lost.
    pub(crate) fn purge(&self) {
        self.run_dpc();
        self.scheduler.events.discard();
        let now = self.port.host.time_100ns();
        let mut state = self.scheduler.state.lock();
        let node = &mut state.node;
        let mut packets = core::mem::take(&mut node.hardware);
        packets.append(&mut node.resubmit);
        node.preempting = None;
        node.completed = node.submitted;
        node.progressed(now);
        state.running = None;
        drop(state);
        for packet in packets {
            self.end(packet, Fate::Purged);
        }
        let devices: Vec<_> = self.objects.devices.lock().values().cloned().collect();
        for device in devices {
            self.lose_device(&device);
        }
    }
}
