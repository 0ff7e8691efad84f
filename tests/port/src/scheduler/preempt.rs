//! PreemptCommand (X6).

use alloc::format;

use dxgk_sys::DXGKARG_PREEMPTCOMMAND;
use dxgk_sys::status::STATUS_SUCCESS;

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::bytes_of;
use crate::rules::Rule;
use crate::scheduler::Preempting;
use crate::scheduler::patch::SCHEDULER_ERROR;
use crate::scheduler::submit::FAILED_SUBMIT;

const NAME: &str = "PreemptCommand";

impl Adapter {
    /// Preempts the node, also if it is idle. What was in its queue goes again later. False if a preemption is under
    /// way or the driver has none.
    pub fn preempt(&self) -> bool {
        self.0.scheduling(|| {
            self.0.settle();
            self.0.preempt()
        })
    }
}

impl AdapterInner {
    pub(crate) fn preempt(&self) -> bool {
        let Some(preempt) = self.registration.table.DxgkDdiPreemptCommand else {
            return false;
        };
        let now = self.port.host.time_100ns();
        let mut state = self.scheduler.state.lock();
        let busy = state.node.preempting.is_some() || !state.node.resubmit.is_empty();
        if busy || state.gone || state.reset_due.is_some() || !self.is_running() {
            return false;
        }
        let fence = state.node.take_fence();
        // Told of all completions, the driver has nothing to wait for.
        let idle = state.node.hardware.is_empty();
        state.node.preempting = Some(Preempting { fence, since: now });
        drop(state);
        let mut argument = DXGKARG_PREEMPTCOMMAND::ZERO;
        argument.PreemptionFenceId = fence;
        let given = bytes_of(&argument).to_vec();
        let arguments = || format!("fence {fence}");
        let status = self.call_in(
            &self.scheduler_class,
            Ddi::PreemptCommand,
            arguments,
            || {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { preempt(self.context(), &raw const argument) }
            },
        );
        self.check(
            Rule::B2_13,
            NAME,
            given == bytes_of(&argument),
            || "the argument was written",
        );
        if !self.check(Rule::X6, NAME, status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        }) {
            let parameters = [FAILED_SUBMIT, u64::from(status.cast_unsigned()), 0, 0];
            let detail = format!("PreemptCommand returned {status:#010x}");
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
            return true;
        }
        if idle {
            let told = self.scheduler.events.written();
            self.check(Rule::X6, NAME, told, || {
                format!("the node was idle, and fence {fence} was not reported before the return")
            });
        }
        true
    }
}
