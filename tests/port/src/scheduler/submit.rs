//! SubmitCommand: the next work into the hardware queue (X5).

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::{STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_SUBMITCOMMANDFLAGS, DXGKARG_SUBMITCOMMAND, DXGKARG_SUBMITCOMMAND_u0, PHYSICAL_ADDRESS,
};

use crate::STATUS_GRAPHICS_NO_VIDEO_MEMORY;
use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::memory::Stage;
use crate::pattern::bytes_of;
use crate::rules::Rule;
use crate::scheduler::MOST_OUTSTANDING;
use crate::scheduler::packet::{Dma, Fate, Item, Packet, Portion, Work};
use crate::scheduler::patch::SCHEDULER_ERROR;
use crate::scheduler::split;
use alloc::sync::Arc;

const NAME: &str = "SubmitCommand";

/// DRIVER_FAILED_SUBMIT_COMMAND.
pub(crate) const FAILED_SUBMIT: u64 = 2;

impl AdapterInner {
    /// Prepares and submits one item of some context. False if there is none, no room for one, or none can go now.
    pub(crate) fn submit_next(&self) -> bool {
        if !self.may_submit() {
            return false;
        }
        let mut state = self.scheduler.state.lock();
        let full = state.in_flight() >= state.options.depth.max(1);
        let switch =
            state.options.context_switches && state.running.is_some() && state.random.once_in(4);
        if full || state.node.hardware.len() >= MOST_OUTSTANDING {
            return false;
        }
        if switch {
            drop(state);
            self.submit_switch();
            return true;
        }
        let next = state.next_item();
        drop(state);
        match next {
            None => false,
            Some((number, Item::Flip(flip))) => {
                self.flip_now(number, &flip);
                true
            }
            Some((number, Item::Portion(dma, portion))) => {
                self.submit_portion(number, dma, portion)
            }
        }
    }

    /// Something new may go into the hardware queue now.
    pub(crate) fn may_submit(&self) -> bool {
        let state = self.scheduler.state.lock();
        let node = &state.node;
        node.preempting.is_none()
            && node.resubmit.is_empty()
            && state.reset_due.is_none()
            && !state.gone
            && !self.port.journal.is_dead()
            && self.is_running()
    }

    fn submit_portion(&self, number: u32, dma: Arc<Dma>, mut portion: Portion) -> bool {
        if dma.context.is_lost() {
            self.cancel_portion(&dma, &portion);
            return true;
        }
        let wanted = dma.wanted(&portion);
        let list: Vec<_> = wanted.iter().map(|(_, wanted)| *wanted).collect();
        let places = match self.make_resident(&list) {
            Ok(places) => places,
            Err(status) => return self.does_not_fit(number, dma, portion, status),
        };
        // Paging may have ended in a reset or a preemption.
        let order = (dma.sequence, portion.bytes.start);
        if !self.may_submit() || self.is_overtaking(number, order) {
            self.put_back(number, Item::Portion(dma, portion));
            return false;
        }
        let places: Vec<_> = wanted.iter().map(|(index, _)| *index).zip(places).collect();
        let mut state = self.scheduler.state.lock();
        let null = state.options.null_rendering;
        let fence = state.node.take_fence();
        state.running = Some(number);
        drop(state);
        self.patch_portion(&dma, &mut portion, &places, fence, null);
        let references = Some(self.reference(&list, Stage::Hardware));
        self.hand_over(Packet {
            fence,
            work: Work::Dma(dma, portion),
            null,
            references,
        });
        true
    }

    /// A portion's allocations do not all fit: divide it, wait for better times, or give up if nothing can change.
    fn does_not_fit(&self, number: u32, dma: Arc<Dma>, portion: Portion, status: i32) -> bool {
        let small = status == STATUS_GRAPHICS_NO_VIDEO_MEMORY
            || status == STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
        let halves = small
            .then(|| split::halve(dma.bytes, &dma.lists.lock().patches, &portion))
            .flatten();
        if let Some([first, second]) = halves {
            dma.ticket.divide();
            dma.left.fetch_add(1, core::sync::atomic::Ordering::AcqRel);
            self.put_back(number, Item::Portion(dma.clone(), second));
            self.put_back(number, Item::Portion(dma, first));
            return true;
        }
        let hopeless = small && self.scheduler.state.lock().node.is_idle() && self.may_submit();
        if hopeless {
            self.end_portion(&dma, Fate::Cancelled);
            return true;
        }
        self.put_back(number, Item::Portion(dma, portion));
        false
    }

    /// A zero-length submission that switches to the null context.
    fn submit_switch(&self) {
        let mut state = self.scheduler.state.lock();
        let fence = state.node.take_fence();
        state.running = None;
        drop(state);
        self.hand_over(Packet {
            fence,
            work: Work::Switch,
            null: false,
            references: None,
        });
    }

    /// SubmitCommand of a packet that has its fence and its addresses.
    pub(crate) fn hand_over(&self, packet: Packet) {
        let Some(submit) = self.registration.table.DxgkDdiSubmitCommand else {
            return;
        };
        let argument = argument_of(&packet);
        let given = bytes_of(&argument).to_vec();
        let now = self.port.host.time_100ns();
        // It may complete before the call returns.
        let mut state = self.scheduler.state.lock();
        let node = &mut state.node;
        if node.hardware.is_empty() {
            node.progressed(now);
        }
        node.submitted = node.submitted.max(packet.fence);
        node.hardware.push_back(packet);
        drop(state);
        let arguments = || {
            let (fence, flags) = (argument.SubmissionFenceId, argument.Flags.bits());
            let (from, to) = (
                argument.DmaBufferSubmissionStartOffset,
                argument.DmaBufferSubmissionEndOffset,
            );
            format!("fence {fence}, bytes {from}..{to}, flags {flags:#x}")
        };
        let status = self.call_in(&self.scheduler_class, Ddi::SubmitCommand, arguments, || {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { submit(self.context(), &raw const argument) }
        });
        self.check(
            Rule::B2_13,
            NAME,
            given == bytes_of(&argument),
            || "the argument was written",
        );
        let taken = self.check(Rule::X5, NAME, status == STATUS_SUCCESS, || {
            format!("fence {}: {status:#010x}", argument.SubmissionFenceId)
        });
        if !taken {
            let parameters = [FAILED_SUBMIT, u64::from(status.cast_unsigned()), 0, 0];
            let detail = format!("SubmitCommand returned {status:#010x}");
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, parameters, detail);
        }
    }
}

fn argument_of(packet: &Packet) -> DXGKARG_SUBMITCOMMAND {
    let mut argument = DXGKARG_SUBMITCOMMAND::ZERO;
    argument.SubmissionFenceId = packet.fence;
    let address = |physical: u64| PHYSICAL_ADDRESS {
        QuadPart: physical.cast_signed(),
    };
    match &packet.work {
        Work::Dma(dma, portion) => {
            argument.u0 = DXGKARG_SUBMITCOMMAND_u0 {
                hContext: dma.context.driver.0,
            };
            argument.DmaBufferPhysicalAddress = address(dma.buffer.physical());
            argument.DmaBufferSize = dma.buffer.bytes();
            argument.DmaBufferSubmissionStartOffset = portion.bytes.start;
            argument.DmaBufferSubmissionEndOffset = portion.bytes.end;
            argument.pDmaBufferPrivateData = dma.buffer.private().cast();
            argument.DmaBufferPrivateDataSize = dma.buffer.private_bytes();
            argument.DmaBufferPrivateDataSubmissionEndOffset = dma.private_end;
            argument
                .Flags
                .set(DXGK_SUBMITCOMMANDFLAGS::Present, dma.present);
        }
        Work::Paging(paging) => {
            argument.u0 = DXGKARG_SUBMITCOMMAND_u0 {
                hContext: ptr::null_mut(),
            };
            argument.DmaBufferSegmentId = paging.segment;
            argument.DmaBufferPhysicalAddress = address(paging.physical);
            argument.DmaBufferSize = paging.buffer.bytes();
            argument.DmaBufferSubmissionEndOffset = paging.bytes;
            argument.pDmaBufferPrivateData = paging.buffer.private().cast();
            argument.DmaBufferPrivateDataSize = paging.buffer.private_bytes();
            argument.DmaBufferPrivateDataSubmissionStartOffset = paging.private.start;
            argument.DmaBufferPrivateDataSubmissionEndOffset = paging.private.end;
            argument.Flags = DXGK_SUBMITCOMMANDFLAGS::Paging;
        }
        Work::Switch => argument.Flags = DXGK_SUBMITCOMMANDFLAGS::ContextSwitch,
    }
    argument
        .Flags
        .set(DXGK_SUBMITCOMMANDFLAGS::NullRendering, packet.null);
    argument
}
