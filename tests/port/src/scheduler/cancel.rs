//! Work that never reaches the hardware queue, and CancelCommand for it (X8).

use alloc::format;
use alloc::sync::Arc;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{DXGK_VIDSCHCAPS, DXGKARG_CANCELCOMMAND};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::pattern::bytes_of;
use crate::rules::Rule;
use crate::scheduler::packet::{Dma, Fate, Item, Portion};
use crate::scheduler::patch::SCHEDULER_ERROR;

const NAME: &str = "CancelCommand";

/// FAILED_CANCEL_COMMAND.
const FAILED_CANCEL: u64 = 9;

impl AdapterInner {
    /// Drops what a context has queued. `in_error`: because its device is, so that the driver is told, if it wants to be.
    pub(crate) fn cancel_context(&self, number: u32, in_error: bool) {
        let queue = self.scheduler.state.lock().queues.remove(&number);
        for item in queue.into_iter().flatten() {
            match item {
                Item::Portion(dma, portion) if in_error => self.cancel_portion(&dma, &portion),
                Item::Portion(dma, _) => self.end_portion(&dma, Fate::Cancelled),
                Item::Flip(flip) => self.end_part(&flip.ticket, Fate::Cancelled),
            }
        }
    }

    /// CancelCommand, if the driver is aware of it, and the end of the portion.
    pub(crate) fn cancel_portion(&self, dma: &Arc<Dma>, portion: &Portion) {
        let caps = *self.caps.lock();
        let aware = caps.is_some_and(|caps| {
            caps.0
                .SchedulingCaps
                .contains(DXGK_VIDSCHCAPS::CancelCommandAware)
        });
        if let Some(cancel) = self
            .registration
            .table
            .DxgkDdiCancelCommand
            .filter(|_| aware)
        {
            let lists = dma.lists.lock();
            let mut argument = DXGKARG_CANCELCOMMAND::ZERO;
            argument.hContext = dma.context.driver.0;
            argument.pDmaBuffer = dma.buffer.address().cast();
            argument.DmaBufferSize = dma.buffer.bytes();
            argument.DmaBufferSubmissionStartOffset = portion.bytes.start;
            argument.DmaBufferSubmissionEndOffset = portion.bytes.end;
            argument.pDmaBufferPrivateData = dma.buffer.private().cast();
            argument.DmaBufferPrivateDataSize = dma.buffer.private_bytes();
            argument.DmaBufferPrivateDataSubmissionEndOffset = dma.private_end;
            argument.pAllocationList = lists.allocations.as_ptr();
            argument.AllocationListSize =
                u32::try_from(lists.allocations.len()).unwrap_or(u32::MAX);
            argument.pPatchLocationList = lists.patches.as_ptr();
            argument.PatchLocationListSize = u32::try_from(lists.patches.len()).unwrap_or(u32::MAX);
            argument.PatchLocationListSubmissionStart = portion.patches.start;
            argument.PatchLocationListSubmissionLength =
                portion.patches.end - portion.patches.start;
            let given = bytes_of(&argument).to_vec();
            let arguments = || format!("context {}, tag {}", dma.context.number, dma.ticket.tag);
            let status = self.call_in(&self.scheduler_class, Ddi::CancelCommand, arguments, || {
                // SAFETY: the driver's own function and context, at its IRQL and level.
                unsafe { cancel(self.context(), &raw const argument) }
            });
            self.check(
                Rule::B2_13,
                NAME,
                given == bytes_of(&argument),
                || "the argument was written",
            );
            if !self.check(Rule::X8, NAME, status == STATUS_SUCCESS, || {
                format!("status {status:#010x}")
            }) {
                let parameters = [FAILED_CANCEL, u64::from(status.cast_unsigned()), 0, 0];
                let detail = format!("CancelCommand returned {status:#010x}");
                self.port
                    .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
            }
        }
        self.end_portion(dma, Fate::Cancelled);
    }
}
