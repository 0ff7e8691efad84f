//! A timeout of one engine: what it was doing is given up, the rest goes on (T1).

use alloc::format;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    DXGK_ENGINESTATUS, DXGKARG_QUERYDEPENDENTENGINEGROUP, DXGKARG_QUERYENGINESTATUS,
    DXGKARG_RESETENGINE,
};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::scheduler::debug_info::ENGINE_TIMEOUT;
use crate::scheduler::packet::{Fate, Fence, Work};
use crate::scheduler::patch::SCHEDULER_ERROR;
use crate::scheduler::reset_adapter::Cause;

/// INVALID_NODE_MASK.
const INVALID_NODE_MASK: u64 = 8;
/// REPORTED_INVALID_ABORTED_FENCE.
const INVALID_ABORTED_FENCE: u64 = 0xA;

/// Bytes of the engine's debug report.
const REPORT_BYTES: usize = 4096;

impl AdapterInner {
    /// The node is hung. Tries its engine's reset, and leaves the adapter's to the outermost scheduling.
    pub(crate) fn timed_out(&self) {
        let events = &self.scheduler.events;
        // From here on nothing counts that the engine reports; what it has reported does.
        events.ignore(true);
        self.flush();
        let mut state = self.scheduler.state.lock();
        if state.node.hardware.is_empty() && state.node.preempting.is_none() {
            drop(state);
            events.ignore(false);
            return;
        }
        state.limits.counts.timeouts += 1;
        drop(state);
        if self.port.journal.is_dead() {
            return;
        }
        let table = &self.registration.table;
        let promised = self
            .caps
            .lock()
            .is_some_and(|caps| caps.0.SupportPerEngineTDR != 0);
        let aborted = if promised && table.DxgkDdiResetEngine.is_some() {
            self.query_engine_status();
            let _ = self.collect_debug_info(ENGINE_TIMEOUT, REPORT_BYTES);
            if self.dependent_nodes_are_sound() {
                self.reset_engine()
            } else {
                None
            }
        } else {
            None
        };
        if let Some(fence) = aborted {
            self.recover_engine(fence);
        } else {
            let mut state = self.scheduler.state.lock();
            state.reset_due.get_or_insert(Cause::Engine);
        }
    }

    /// All DPCs that are queued, and all reports until now.
    pub(crate) fn flush(&self) {
        self.run_dpc();
        self.scheduler.events.tell();
        self.take_events();
    }

    fn query_engine_status(&self) {
        const NAME: &str = "QueryEngineStatus";
        let query = self.registration.table.DxgkDdiQueryEngineStatus;
        let Some(query) = query else { return };
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument = DXGKARG_QUERYENGINESTATUS::ZERO;
        argument.EngineStatus = DXGK_ENGINESTATUS::from_bits_retain(pattern.u32());
        let status = self.call_in(
            &self.scheduler_class,
            Ddi::QueryEngineStatus,
            Default::default,
            || {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { query(self.context(), &raw mut argument) }
            },
        );
        let same = argument.NodeOrdinal == 0 && argument.EngineOrdinal == 0;
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        self.check(Rule::T1, NAME, status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        });
        let value = argument.EngineStatus.bits();
        self.check(Rule::T1, NAME, value <= 1, || {
            format!("EngineStatus is {value:#x}: not set, or reserved bits are")
        });
    }

    /// False if there is no answer to go on with.
    fn dependent_nodes_are_sound(&self) -> bool {
        const NAME: &str = "QueryDependentEngineGroup";
        let query = self.registration.table.DxgkDdiQueryDependentEngineGroup;
        let Some(query) = query else { return false };
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument = DXGKARG_QUERYDEPENDENTENGINEGROUP::ZERO;
        argument.DependentNodeOrdinalMask = pattern.u64();
        let status = self.call_in(
            &self.scheduler_class,
            Ddi::QueryDependentEngineGroup,
            Default::default,
            || {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { query(self.context(), &raw mut argument) }
            },
        );
        let same = argument.NodeOrdinal == 0 && argument.EngineOrdinal == 0;
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        if !self.check(Rule::T1, NAME, status == STATUS_SUCCESS, || {
            format!("status {status:#010x}")
        }) {
            return false;
        }
        let mask = argument.DependentNodeOrdinalMask;
        let nodes = self.nodes();
        let existing = if nodes >= 64 {
            u64::MAX
        } else {
            (1 << nodes) - 1
        };
        let exists = mask & !existing == 0;
        self.check(Rule::T1, NAME, exists, || {
            format!("mask {mask:#x} names nodes beyond {nodes}")
        });
        let own = self.check(Rule::T1, NAME, mask & 1 != 0, || {
            format!("mask {mask:#x} lacks the node that is asked about")
        });
        if !own {
            let parameters = [INVALID_NODE_MASK, mask, 0, 0];
            self.port.bugcheck(
                NAME,
                SCHEDULER_ERROR,
                parameters,
                "the node's own bit is not set",
            );
        }
        own && exists
    }

    /// ResetEngine; the fence that it aborted, if it succeeded.
    fn reset_engine(&self) -> Option<Fence> {
        const NAME: &str = "ResetEngine";
        let reset = self.registration.table.DxgkDdiResetEngine?;
        let pattern = Pattern::turn(self.port.turns.next());
        let mut argument = DXGKARG_RESETENGINE::ZERO;
        argument.LastAbortedFenceId = pattern.u32();
        let status = self.call_in(
            &self.scheduler_class,
            Ddi::ResetEngine,
            Default::default,
            || {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { reset(self.context(), &raw mut argument) }
            },
        );
        let same = argument.NodeOrdinal == 0 && argument.EngineOrdinal == 0;
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        if status != STATUS_SUCCESS {
            return None;
        }
        let fence = argument.LastAbortedFenceId;
        let state = self.scheduler.state.lock();
        let (completed, submitted) = (state.node.completed, state.node.submitted);
        let known = fence == completed
            || state
                .node
                .hardware
                .iter()
                .any(|packet| packet.fence == fence);
        drop(state);
        self.check(Rule::T1, NAME, known, || {
            format!("LastAbortedFenceId {fence} is neither in the queue nor the last completed, {completed}")
        });
        if fence < completed || fence > submitted {
            let parameters = [INVALID_ABORTED_FENCE, fence.into(), completed.into(), 0];
            let detail =
                format!("LastAbortedFenceId {fence}: completed {completed}, submitted {submitted}");
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
            return None;
        }
        Some(fence)
    }

    /// What was aborted is lost with its device, what was behind it goes again.
    fn recover_engine(&self, aborted: Fence) {
        let now = self.port.host.time_100ns();
        self.run_dpc();
        self.scheduler.events.discard();
        let mut state = self.scheduler.state.lock();
        state.limits.counts.engine_resets += 1;
        let node = &mut state.node;
        node.completed = aborted;
        node.preempting = None;
        node.progressed(now);
        let mut packets = core::mem::take(&mut node.hardware);
        drop(state);
        let behind = packets.iter().position(|packet| packet.fence > aborted);
        let rest = packets.split_off(behind.unwrap_or(packets.len()));
        // Before the last one the engine works in order: what is older ended while nobody listened.
        let last = packets.pop_back();
        self.finish(packets);
        self.scheduler.events.ignore(false);
        self.requeue(rest);
        let Some(last) = last else { return };
        let device = last.context().map(|context| context.device.clone());
        let system = matches!(last.work, Work::Paging(_));
        self.end(last, Fate::Aborted);
        if let Some(device) = device {
            self.lose_device(&device);
        }
        if system {
            // What it moved is unknown now.
            let mut state = self.scheduler.state.lock();
            state.reset_due.get_or_insert(Cause::Paging);
        }
    }
}
