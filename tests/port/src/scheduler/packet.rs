//! What is queued: the work of a call, its DMA buffers, their portions, and how they end.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;
use core::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use dxgk_sys::{D3DDDI_PATCHLOCATIONLIST, DXGK_ALLOCATIONLIST, DXGK_ALLOCATIONLIST_s0};
use spin::Mutex;

use crate::memory::{PagingBuffer, References, Wanted};
use crate::objects::{AllocationId, AllocationObject};
use crate::scheduler::buffer::Buffer;
use crate::scheduler::context::ContextObject;

/// A number that names a submission to the node.
pub(crate) type Fence = u32;

/// How queued work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Fate {
    /// All of it was done.
    Executed = 1,
    /// It was submitted with `NullRendering` and did nothing.
    Null,
    /// It never reached the hardware queue: its context or device is gone or lost, or memory does not hold it.
    Cancelled,
    /// The engine was reset in the middle of it, or the driver reported a fault: what it wrote is unknown.
    Aborted,
    /// The adapter was reset or went away: all video memory is unknown.
    Purged,
}

impl Fate {
    const ALL: [Self; 5] = [
        Self::Executed,
        Self::Null,
        Self::Cancelled,
        Self::Aborted,
        Self::Purged,
    ];
}

/// Why something queued was not waited for to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hang {
    /// It ended without being executed.
    Lost(Fate),
    /// The system is dead ([`Port::bugcheck`](crate::Port::bugcheck)).
    Bugcheck,
    /// Nothing moved for many times the timeout, and no reset came of it.
    Stuck,
    /// The adapter must be reset before anything else can go on.
    Reset,
}

/// A call's work in the queue.
#[derive(Clone, Debug)]
pub struct Queued(pub(crate) Arc<Ticket>);

impl Queued {
    /// What the [`Observer`](crate::Observer) is told when it ends. Tags of an adapter ascend.
    pub fn tag(&self) -> u64 {
        self.0.tag
    }

    /// How it ended; `None` while it has not.
    pub fn fate(&self) -> Option<Fate> {
        self.0.fate()
    }
}

/// The end of a call's work, which may have several buffers.
#[derive(Debug)]
pub(crate) struct Ticket {
    pub tag: u64,
    /// Portions and flips that have not ended.
    left: AtomicU32,
    /// The worst until now.
    worst: AtomicU8,
}

impl Ticket {
    pub(crate) fn new(tag: u64, parts: usize) -> Arc<Self> {
        Arc::new(Self {
            tag,
            left: AtomicU32::new(u32::try_from(parts).unwrap_or(u32::MAX)),
            worst: AtomicU8::new(Fate::Executed as u8),
        })
    }

    /// One part became two.
    pub(crate) fn divide(&self) {
        self.left.fetch_add(1, Ordering::AcqRel);
    }

    /// One part ended so. True if it was the last.
    pub(crate) fn end(&self, fate: Fate) -> bool {
        self.worst.fetch_max(fate as u8, Ordering::Relaxed);
        self.left.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn fate(&self) -> Option<Fate> {
        let worst = self.worst.load(Ordering::Relaxed);
        let ended = self.left.load(Ordering::Acquire) == 0;
        ended
            .then(|| Fate::ALL.into_iter().find(|fate| *fate as u8 == worst))
            .flatten()
    }
}

/// The lists that a DMA buffer is patched with.
pub(crate) struct Lists {
    pub allocations: Vec<DXGK_ALLOCATIONLIST>,
    pub patches: Vec<D3DDDI_PATCHLOCATIONLIST>,
}

// SAFETY: the port dereferences none of the handles in it.
unsafe impl Send for Lists {}

/// A part of a DMA buffer that is submitted by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Portion {
    /// Bytes of the buffer.
    pub bytes: Range<u32>,
    /// Patch locations that lie in it.
    pub patches: Range<u32>,
    /// Elements of the allocation list that must be in memory while it runs, ascending.
    pub resident: Vec<u32>,
    /// By element of `resident`: segment and address that the buffer holds now; segment 0 is none.
    pub patched: Vec<(u32, u64)>,
}

/// A DMA buffer that one call of Render or Present has filled.
pub(crate) struct Dma {
    pub context: Arc<ContextObject>,
    pub ticket: Arc<Ticket>,
    /// Where it stands among what the adapter's contexts have queued.
    pub sequence: u64,
    pub buffer: Arc<Buffer>,
    /// Bytes that are commands.
    pub bytes: u32,
    /// End of the private data that belong to it.
    pub private_end: u32,
    /// By index of the allocation list; the first of a present is nothing.
    pub objects: Vec<Option<Arc<AllocationObject>>>,
    pub lists: Mutex<Lists>,
    /// It comes from Present.
    pub present: bool,
    /// Portions that have not ended.
    pub left: AtomicU32,
    /// What VidMm knows of its allocations until it has ended.
    pub references: Mutex<Option<References>>,
}

impl Dma {
    /// The allocations that a portion needs, with their elements of the allocation list.
    pub(crate) fn wanted(&self, portion: &Portion) -> Vec<(u32, Wanted)> {
        let lists = self.lists.lock();
        let wanted = |index: &u32| {
            let at = *index as usize;
            let write = lists
                .allocations
                .get(at)?
                .s0
                .contains(DXGK_ALLOCATIONLIST_s0::WriteOperation);
            let allocation = self.objects.get(at)?.as_ref()?.id;
            Some((*index, Wanted { allocation, write }))
        };
        portion.resident.iter().filter_map(wanted).collect()
    }

    pub(crate) fn uses_any(&self, ids: &[AllocationId]) -> bool {
        self.objects
            .iter()
            .flatten()
            .any(|object| ids.contains(&object.id))
    }
}

/// What the node executes.
pub(crate) enum Work {
    Dma(Arc<Dma>, Portion),
    /// A part of a paging buffer, to be executed before whatever is submitted later.
    Paging(PagingBuffer),
    /// A switch to the null context.
    Switch,
}

/// A submission in the hardware queue.
pub(crate) struct Packet {
    pub fence: Fence,
    pub work: Work,
    pub null: bool,
    /// What VidMm knows of its allocations while it is in the hardware queue.
    pub references: Option<References>,
}

impl Packet {
    pub(crate) fn uses_any(&self, ids: &[AllocationId]) -> bool {
        match &self.work {
            Work::Dma(dma, _) => dma.uses_any(ids),
            Work::Paging(_) | Work::Switch => false,
        }
    }

    pub(crate) fn context(&self) -> Option<&Arc<ContextObject>> {
        match &self.work {
            Work::Dma(dma, _) => Some(&dma.context),
            _ => None,
        }
    }
}

impl fmt::Debug for Packet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.work {
            Work::Dma(dma, portion) => {
                return write!(
                    f,
                    "{}: tag {}, {:?}",
                    self.fence, dma.ticket.tag, portion.bytes
                );
            }
            Work::Paging(_) => "paging",
            Work::Switch => "switch",
        };
        write!(f, "{}: {kind}", self.fence)
    }
}

/// What waits in a context's queue.
pub(crate) enum Item {
    Portion(Arc<Dma>, Portion),
    Flip(FlipItem),
}

/// A flip without a DMA buffer.
pub(crate) struct FlipItem {
    pub ticket: Arc<Ticket>,
    pub sequence: u64,
    pub source: u32,
    pub object: Arc<AllocationObject>,
    pub immediate: bool,
}

impl Item {
    /// Items of a context go in this order.
    pub(crate) fn order(&self) -> (u64, u32) {
        match self {
            Self::Portion(dma, portion) => (dma.sequence, portion.bytes.start),
            Self::Flip(flip) => (flip.sequence, 0),
        }
    }

    pub(crate) fn uses_any(&self, ids: &[AllocationId]) -> bool {
        match self {
            Self::Portion(dma, _) => dma.uses_any(ids),
            Self::Flip(flip) => ids.contains(&flip.object.id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_ends_with_its_last_part_and_its_worst_fate() {
        let ticket = Ticket::new(4, 3);
        assert!(!ticket.end(Fate::Executed));
        assert!(!ticket.end(Fate::Aborted));
        assert_eq!(ticket.fate(), None);
        assert!(ticket.end(Fate::Executed));
        assert_eq!(Queued(ticket).fate(), Some(Fate::Aborted));
    }
}
