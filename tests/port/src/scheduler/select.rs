//! What goes to the node next: queues of contexts, priorities, and the cancelling of what waits.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use spin::Mutex;

use crate::adapter::AdapterInner;
use crate::scheduler::State;
use crate::scheduler::context::Context;
use crate::scheduler::outputs::Filled;
use crate::scheduler::packet::{Dma, Item, Lists, Queued, Ticket, Work};
use crate::scheduler::render::element_words;
use crate::scheduler::split;

impl Context {
    /// The buffers of one call, as one tag, behind what the context has queued before.
    pub(crate) fn enqueue(&self, filled: Vec<Filled>, present: bool) -> Queued {
        let adapter = &*self.device.adapter.0;
        let mut state = adapter.scheduler.state.lock();
        let state = &mut *state;
        let cuts = state.options.split;
        let random = &mut state.random;
        let portions: Vec<_> = filled
            .iter()
            .map(|pass| split::portions(pass.bytes, &pass.patches, |_| cuts && random.once_in(2)))
            .collect();
        let parts = portions.iter().map(Vec::len).sum();
        let tag = state.next_tag;
        state.next_tag += 1;
        let ticket = Ticket::new(tag, parts);
        let queue = state.queues.entry(self.object.number).or_default();
        for (pass, portions) in filled.into_iter().zip(portions) {
            let address = |index: &u32| {
                let words = pass.allocations.get(*index as usize).map(element_words);
                words.map_or((0, 0), |(_, flags, address)| (flags >> 1 & 0x1F, address))
            };
            let dma = Arc::new(Dma {
                context: self.object.clone(),
                ticket: ticket.clone(),
                sequence: state.next_sequence,
                buffer: pass.buffer,
                bytes: pass.bytes,
                private_end: pass.private_end,
                left: AtomicU32::new(u32::try_from(portions.len()).unwrap_or(u32::MAX)),
                references: Mutex::new(Some(pass.references)),
                lists: Mutex::new(Lists {
                    allocations: pass.allocations.clone(),
                    patches: pass.patches,
                }),
                objects: pass.objects,
                present,
            });
            state.next_sequence += 1;
            for mut portion in portions {
                portion.patched = portion.resident.iter().map(address).collect();
                queue.push_back(Item::Portion(dma.clone(), portion));
            }
        }
        Queued(ticket)
    }
}

impl State {
    /// Takes the item that goes next, of the contexts of the highest priority. A flip waits until what its context
    /// has queued before it is through.
    pub(crate) fn next_item(&mut self) -> Option<(u32, Item)> {
        let in_node = |number: u32| {
            let of_context = |packet: &super::Packet| {
                packet
                    .context()
                    .is_some_and(|context| context.number == number)
            };
            self.node.hardware.iter().any(of_context)
        };
        let ready: Vec<(i32, u32)> = self
            .queues
            .iter()
            .filter_map(|(number, queue)| {
                let waits = matches!(queue.front()?, Item::Flip(_)) && in_node(*number);
                let priority = self.contexts.get(number)?.priority.load(Ordering::Relaxed);
                (!waits).then_some((priority, *number))
            })
            .collect();
        let highest = ready.iter().map(|(priority, _)| *priority).max()?;
        let best: Vec<u32> = ready
            .iter()
            .filter(|(priority, _)| *priority == highest)
            .map(|(_, number)| *number)
            .collect();
        let number = best[self.random.below(best.len())];
        let item = self.queues.get_mut(&number)?.pop_front()?;
        Some((number, item))
    }

    /// Buffers of contexts in the hardware queue.
    pub(crate) fn in_flight(&self) -> usize {
        let of_context = |packet: &&super::Packet| matches!(packet.work, Work::Dma(..));
        self.node.hardware.iter().filter(of_context).count()
    }

    /// Something of that context waits or is in the node.
    pub(crate) fn has_work_of(&self, number: u32) -> bool {
        let waits = self
            .queues
            .get(&number)
            .is_some_and(|queue| !queue.is_empty());
        let packets = self.node.hardware.iter();
        waits
            || packets
                .filter_map(super::Packet::context)
                .any(|context| context.number == number)
    }
}

impl AdapterInner {
    /// Puts an item back where it was taken from, behind what came back of the same context and is older.
    pub(crate) fn put_back(&self, number: u32, item: Item) {
        let mut state = self.scheduler.state.lock();
        let queue = state.queues.entry(number).or_default();
        let at = queue.partition_point(|other| other.order() < item.order());
        queue.insert(at, item);
    }

    /// Something older of the same context waits, since it was preempted.
    pub(crate) fn is_overtaking(&self, number: u32, order: (u64, u32)) -> bool {
        let state = self.scheduler.state.lock();
        let queue = state.queues.get(&number);
        queue
            .and_then(|queue| queue.front())
            .is_some_and(|first| first.order() < order)
    }
}
