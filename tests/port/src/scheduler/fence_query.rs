//! QueryCurrentFence (X8).

use alloc::format;

use dxgk_sys::DXGKARG_QUERYCURRENTFENCE;
use dxgk_sys::status::STATUS_SUCCESS;

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::lifecycle::done;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "QueryCurrentFence";

impl Adapter {
    /// QueryCurrentFence of the node: what it has completed last. Whatever of that was not reported by then must be
    /// reported in the call (X8).
    ///
    /// # Errors
    /// The driver's.
    pub fn query_current_fence(&self) -> Result<u32, Status> {
        self.0.scheduling(|| self.0.query_current_fence())
    }
}

impl AdapterInner {
    pub(crate) fn query_current_fence(&self) -> Result<u32, Status> {
        let query = self.registration.table.DxgkDdiQueryCurrentFence;
        let query = query.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument = DXGKARG_QUERYCURRENTFENCE::ZERO;
        argument.CurrentFence = pattern.u32();
        let status = self.call(Ddi::QueryCurrentFence, Default::default, |_| {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { query(self.context(), &raw mut argument) }
        });
        let same = argument.NodeOrdinal == 0 && argument.EngineOrdinal == 0;
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        done(status)?;
        let fence = argument.CurrentFence;
        self.check(
            Rule::X8,
            NAME,
            status == STATUS_SUCCESS && fence != pattern.u32(),
            || "CurrentFence is not set",
        );
        self.flush();
        let state = self.scheduler.state.lock();
        let (completed, submitted) = (state.node.completed, state.node.submitted);
        drop(state);
        // More may have been completed between the answer and now, less may not.
        self.check(Rule::X8, NAME, fence <= completed, || {
            format!("CurrentFence is {fence}, submitted {submitted}, and no more than {completed} was reported")
        });
        Ok(fence)
    }
}
