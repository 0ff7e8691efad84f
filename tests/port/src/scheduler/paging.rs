//! Paging buffers in the hardware queue: before what comes later, and first again after a preemption.

use dxgk_sys::HANDLE;
use dxgk_sys::status::STATUS_UNSUCCESSFUL;

use crate::adapter::AdapterInner;
use crate::memory::PagingBuffer;
use crate::scheduler::MOST_OUTSTANDING;
use crate::scheduler::packet::{Packet, Work};
use crate::{STATUS_INVALID_DEVICE_STATE, Status};

impl AdapterInner {
    /// SubmitCommand of a paging buffer, behind all that was submitted. It is dropped when the node has executed it, or
    /// at once if the adapter can take nothing any more.
    pub(crate) fn submit_paging(&self, paging: PagingBuffer) {
        self.scheduling(|| {
            while !self.room_for_paging() {
                if self.wait_hardware().is_err() {
                    return;
                }
            }
            if !self.may_submit() {
                return;
            }
            let mut state = self.scheduler.state.lock();
            let fence = state.node.take_fence();
            let patch = state.options.always_repatch || state.random.once_in(8);
            drop(state);
            if patch {
                self.patch_paging(&paging, fence);
            }
            self.hand_over(Packet {
                fence,
                work: Work::Paging(paging),
                null: false,
                references: None,
            });
        });
    }

    /// Paging that was preempted goes again, with its old fences and in its old order.
    pub(crate) fn resubmit_paging(&self) -> bool {
        let mut moved = false;
        loop {
            let mut state = self.scheduler.state.lock();
            let ready = state.node.preempting.is_none() && state.reset_due.is_none() && !state.gone;
            if !ready || self.port.journal.is_dead() {
                return moved;
            }
            let Some(packet) = state.node.resubmit.pop_front() else {
                return moved;
            };
            drop(state);
            self.hand_over(packet);
            moved = true;
        }
    }

    fn room_for_paging(&self) -> bool {
        let state = self.scheduler.state.lock();
        let dead = self.port.journal.is_dead() || state.gone || state.reset_due.is_some();
        let free = state.node.preempting.is_none()
            && state.node.resubmit.is_empty()
            && state.node.hardware.len() < MOST_OUTSTANDING;
        dead || free
    }

    /// Returns when something that was submitted has ended, or preempted work can go again.
    ///
    /// # Errors
    /// `STATUS_UNSUCCESSFUL` if nothing is in the node; `STATUS_INVALID_DEVICE_STATE` if the adapter is dead, gone, or
    /// about to be reset.
    pub(crate) fn wait_hardware(&self) -> Result<(), Status> {
        self.scheduling(|| {
            let before = {
                let state = self.scheduler.state.lock();
                if state.node.is_idle() {
                    return Err(STATUS_UNSUCCESSFUL);
                }
                (
                    state.node.hardware.len(),
                    state.node.completed,
                    state.node.preempting.is_some(),
                )
            };
            loop {
                self.settle();
                let state = self.scheduler.state.lock();
                if state.gone || state.reset_due.is_some() || self.port.journal.is_dead() {
                    return Err(STATUS_INVALID_DEVICE_STATE);
                }
                let now = (
                    state.node.hardware.len(),
                    state.node.completed,
                    state.node.preempting.is_some(),
                );
                if now != before {
                    return Ok(());
                }
                drop(state);
                self.port.host.relax();
            }
        })
    }

    /// The driver's context that paging belongs to; NULL before there is one.
    pub(crate) fn system_context(&self) -> HANDLE {
        let state = self.scheduler.state.lock();
        state
            .system
            .as_ref()
            .map_or(core::ptr::null_mut(), |system| system.context.driver.0)
    }
}
