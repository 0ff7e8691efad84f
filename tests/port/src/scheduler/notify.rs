//! What the engine reported: fences in order, preemptions that were asked for, faults (I4, X6).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_sys::{DXGK_INTERRUPT_TYPE, DXGKARGCB_NOTIFY_INTERRUPT_DATA};

use crate::adapter::AdapterInner;
use crate::rules::Rule;
use crate::scheduler::events::{Event, Report};
use crate::scheduler::packet::{Fate, Fence, Item, Packet, Work};
use crate::scheduler::patch::SCHEDULER_ERROR;

const NAME: &str = "DxgkCbNotifyInterrupt";

/// DRIVER_REPORTED_INVALID_FENCE_ID.
const INVALID_FENCE: u64 = 1;
/// DRIVER_FAULTED_SYSTEM_COMMAND.
const FAULTED_SYSTEM_COMMAND: u64 = 5;

impl AdapterInner {
    /// Keeps a report of DMA, at device IRQL.
    pub(crate) fn report_dma(&self, data: &DXGKARGCB_NOTIFY_INTERRUPT_DATA) {
        let (event, node, engine) = match data.InterruptType {
            DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED => {
                // SAFETY: any bytes are a value of it.
                let done = unsafe { data.u0.DmaCompleted };
                let fence = done.SubmissionFenceId;
                (
                    Event::Completed { fence },
                    done.NodeOrdinal,
                    done.EngineOrdinal,
                )
            }
            DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_PREEMPTED => {
                // SAFETY: any bytes are a value of it.
                let done = unsafe { data.u0.DmaPreempted };
                let (fence, last) = (done.PreemptionFenceId, done.LastCompletedFenceId);
                (
                    Event::Preempted { fence, last },
                    done.NodeOrdinal,
                    done.EngineOrdinal,
                )
            }
            _ => {
                // SAFETY: any bytes are a value of it.
                let done = unsafe { data.u0.DmaFaulted };
                let (fence, status) = (done.FaultedFenceId, done.Status);
                (
                    Event::Faulted { fence, status },
                    done.NodeOrdinal,
                    done.EngineOrdinal,
                )
            }
        };
        self.scheduler.events.push(Report {
            event,
            node,
            engine,
        });
    }

    /// Reads all reports that a DPC has told of. True if there was one.
    pub(crate) fn take_events(&self) -> bool {
        let events = &self.scheduler.events;
        let lost = events.take_lost();
        self.check(Rule::I4, NAME, lost == 0, || {
            format!("{lost} reports more than anything was submitted")
        });
        let mut some = false;
        while let Some(report) = events.pop() {
            some = true;
            if !self.port.journal.is_dead() {
                self.take_event(report);
            }
        }
        some
    }

    fn take_event(&self, report: Report) {
        let place = report.node == 0 && report.engine == 0;
        let (node, engine) = (report.node, report.engine);
        self.check(Rule::I4, NAME, place, || {
            format!("reports DMA of node {node}, engine {engine}, where nothing was submitted")
        });
        match report.event {
            Event::Completed { fence } => {
                if let Some(packets) = self.complete_until(fence, "DMA_COMPLETED") {
                    self.finish(packets);
                }
            }
            Event::Preempted { fence, last } => self.preempted(fence, last),
            Event::Faulted { fence, status } => self.faulted(fence, status),
        }
    }

    /// Takes what was completed with `fence` out of the hardware queue. `None` if nobody waits for that fence, which
    /// stops the machine.
    fn complete_until(&self, fence: Fence, what: &str) -> Option<Vec<Packet>> {
        let now = self.port.host.time_100ns();
        let mut state = self.scheduler.state.lock();
        let node = &mut state.node;
        let found = node
            .hardware
            .iter()
            .position(|packet| packet.fence == fence);
        let known = if found.is_some() {
            String::new()
        } else {
            format!(
                "completed {}, submitted {}, in the queue {:?}",
                node.completed, node.submitted, node.hardware
            )
        };
        let (completed, submitted) = (node.completed, node.submitted);
        let packets = found.map(|at| {
            node.completed = fence;
            node.progressed(now);
            node.hardware.drain(..=at).collect()
        });
        drop(state);
        self.check(Rule::I4, NAME, packets.is_some(), || {
            format!("{what} of fence {fence}: {known}")
        });
        if packets.is_none() {
            let parameters = [
                INVALID_FENCE,
                fence.into(),
                completed.into(),
                submitted.into(),
            ];
            let detail = format!("{what} of fence {fence}: {known}");
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
        }
        packets
    }

    fn preempted(&self, fence: Fence, last: Fence) {
        let state = self.scheduler.state.lock();
        let asked = state.node.preempting.map(|preempting| preempting.fence);
        let completed = state.node.completed;
        drop(state);
        let wanted = self.check(Rule::X6, NAME, asked == Some(fence), || {
            format!("DMA_PREEMPTED of fence {fence}, asked for was {asked:?}")
        });
        if !wanted {
            let detail = format!("DMA_PREEMPTED of fence {fence}, asked for was {asked:?}");
            let parameters = [INVALID_FENCE, fence.into(), 0, 0];
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
            return;
        }
        if last != completed {
            let Some(packets) = self.complete_until(last, "LastCompletedFenceId") else {
                return;
            };
            self.finish(packets);
        }
        let now = self.port.host.time_100ns();
        let mut state = self.scheduler.state.lock();
        state.node.preempting = None;
        state.node.progressed(now);
        let packets = core::mem::take(&mut state.node.hardware);
        drop(state);
        self.requeue(packets);
    }

    /// What was in the hardware queue and has not been executed: paging first and with its old fences, buffers of
    /// contexts anew, switches not at all.
    pub(crate) fn requeue(&self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            match packet.work {
                Work::Dma(dma, portion) => {
                    let number = dma.context.number;
                    // Its references to the hardware stage end here.
                    drop(packet.references);
                    self.put_back(number, Item::Portion(dma, portion));
                }
                Work::Paging(_) => self.scheduler.state.lock().node.resubmit.push_back(packet),
                Work::Switch => {}
            }
        }
    }

    fn faulted(&self, fence: Fence, status: i32) {
        let Some(mut packets) = self.complete_until(fence, "DMA_FAULTED") else {
            return;
        };
        let faulty = packets.pop();
        self.finish(packets);
        let Some(faulty) = faulty else { return };
        if let Work::Dma(dma, _) = &faulty.work {
            let device = dma.context.device.clone();
            self.end(faulty, Fate::Aborted);
            self.lose_device(&device);
            return;
        }
        let detail: String =
            format!("a system command faulted: fence {fence}, status {status:#010x}");
        self.check(Rule::X5, NAME, false, || detail.clone());
        let parameters = [
            FAULTED_SYSTEM_COMMAND,
            u64::from(status.cast_unsigned()),
            0,
            0,
        ];
        self.port
            .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
    }
}
