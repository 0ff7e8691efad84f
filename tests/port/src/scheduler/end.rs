//! The end of submissions and of what waits: buffers go back to their pools, callers and observers hear of it.

use alloc::sync::Arc;
use core::sync::atomic::Ordering;

use crate::adapter::AdapterInner;
use crate::objects::{AllocationId, DeviceObject};
use crate::scheduler::packet::{Dma, Fate, Hang, Packet, Work};

impl AdapterInner {
    /// Submissions that the node has executed, in its order.
    pub(crate) fn finish(&self, packets: impl IntoIterator<Item = Packet>) {
        for packet in packets {
            let fate = if packet.null {
                Fate::Null
            } else {
                Fate::Executed
            };
            self.end(packet, fate);
        }
    }

    /// A submission is through, one way or another.
    pub(crate) fn end(&self, packet: Packet, fate: Fate) {
        drop(packet.references);
        match packet.work {
            Work::Dma(dma, _) => self.end_portion(&dma, fate),
            // Dropping it tells VidMm.
            Work::Paging(paging) => drop(paging),
            Work::Switch => {}
        }
    }

    /// The caller hears that a submission ended, though its memory is still the driver's.
    pub(crate) fn end_early(&self, packet: &Packet, fate: Fate) {
        if let Work::Dma(dma, _) = &packet.work {
            self.end_part(&dma.ticket, fate);
        }
    }

    /// A portion is through; with the last one its buffer is free.
    pub(crate) fn end_portion(&self, dma: &Arc<Dma>, fate: Fate) {
        if dma.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            let references = dma.references.lock().take();
            drop(references);
            dma.context.give_back(dma.buffer.clone());
        }
        self.end_part(&dma.ticket, fate);
    }

    /// The device's contexts do nothing any more; what they have queued is cancelled.
    pub(crate) fn lose_device(&self, device: &Arc<DeviceObject>) {
        device.lost.store(true, Ordering::Release);
        let state = self.scheduler.state.lock();
        let own = state
            .contexts
            .values()
            .filter(|context| *context.device == **device);
        let numbers: alloc::vec::Vec<u32> = own.map(|context| context.number).collect();
        drop(state);
        for number in numbers {
            self.cancel_context(number, true);
        }
    }

    /// Waits until nothing queued uses any of these allocations.
    pub(crate) fn wait_unused(&self, ids: &[AllocationId]) -> Result<(), Hang> {
        self.wait_until(|| {
            let state = self.scheduler.state.lock();
            let waiting = state
                .queues
                .values()
                .flatten()
                .any(|item| item.uses_any(ids));
            let running = state
                .node
                .hardware
                .iter()
                .any(|packet| packet.uses_any(ids));
            !waiting && !running
        })
    }

    /// The same before allocations are closed or destroyed, which goes on whatever comes.
    pub(crate) fn leave_alone(&self, ids: &[AllocationId]) {
        while self.wait_unused(ids) == Err(Hang::Reset) {}
    }

    /// Waits until nothing of a context is queued.
    pub(crate) fn wait_context(&self, number: u32) -> Result<(), Hang> {
        self.wait_until(|| !self.scheduler.state.lock().has_work_of(number))
    }
}
