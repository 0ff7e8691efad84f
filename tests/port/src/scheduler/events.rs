//! What NotifyInterrupt reports of DMA, kept at device IRQL without a lock and without memory, read in the pump.

use core::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

/// One report of the engine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Event {
    Completed { fence: u32 },
    Preempted { fence: u32, last: u32 },
    Faulted { fence: u32, status: i32 },
}

/// A report and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Report {
    pub event: Event,
    pub node: u32,
    pub engine: u32,
}

/// More than any node has outstanding, several times.
const SLOTS: usize = 512;

struct Slot {
    /// The position that the slot holds plus one; 0 is none.
    turn: AtomicU64,
    words: [AtomicU32; 5],
}

/// A ring with many writers and one reader.
pub(crate) struct Events {
    slots: [Slot; SLOTS],
    written: AtomicU64,
    read: AtomicU64,
    /// How far NotifyDpc has told of.
    told: AtomicU64,
    /// Reports are thrown away: the engine is being reset.
    ignoring: AtomicBool,
    ignored: AtomicU64,
    lost: AtomicU64,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            slots: core::array::from_fn(|_| Slot {
                turn: AtomicU64::new(0),
                words: core::array::from_fn(|_| AtomicU32::new(0)),
            }),
            written: AtomicU64::new(0),
            read: AtomicU64::new(0),
            told: AtomicU64::new(0),
            ignoring: AtomicBool::new(false),
            ignored: AtomicU64::new(0),
            lost: AtomicU64::new(0),
        }
    }
}

impl Events {
    #[allow(clippy::cast_possible_truncation)] // the remainder is small
    fn slot(&self, position: u64) -> &Slot {
        &self.slots[(position % SLOTS as u64) as usize]
    }

    /// Keeps a report. At any IRQL.
    pub(crate) fn push(&self, report: Report) {
        if self.ignoring.load(Ordering::SeqCst) {
            self.ignored.fetch_add(1, Ordering::Relaxed);
            return;
        }
        let mut position = self.written.load(Ordering::Relaxed);
        loop {
            if position - self.read.load(Ordering::Acquire) >= SLOTS as u64 {
                self.lost.fetch_add(1, Ordering::Relaxed);
                return;
            }
            let (success, failure) = (Ordering::SeqCst, Ordering::Relaxed);
            match self
                .written
                .compare_exchange(position, position + 1, success, failure)
            {
                Ok(_) => break,
                Err(now) => position = now,
            }
        }
        let (kind, a, b) = match report.event {
            Event::Completed { fence } => (0, fence, 0),
            Event::Preempted { fence, last } => (1, fence, last),
            Event::Faulted { fence, status } => (2, fence, status.cast_unsigned()),
        };
        let slot = self.slot(position);
        for (word, value) in slot
            .words
            .iter()
            .zip([kind, a, b, report.node, report.engine])
        {
            word.store(value, Ordering::Relaxed);
        }
        slot.turn.store(position + 1, Ordering::Release);
    }

    /// NotifyDpc was called: what is there now may be read.
    pub(crate) fn tell(&self) {
        self.told
            .fetch_max(self.written.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The next report that a DPC has told of. One reader at a time.
    pub(crate) fn pop(&self) -> Option<Report> {
        let position = self.read.load(Ordering::Relaxed);
        if position >= self.told.load(Ordering::SeqCst) {
            return None;
        }
        let slot = self.slot(position);
        // Its writer is on another processor and about to end.
        if slot.turn.load(Ordering::Acquire) != position + 1 {
            return None;
        }
        let [kind, a, b, node, engine] =
            core::array::from_fn(|at| slot.words[at].load(Ordering::Relaxed));
        self.read.store(position + 1, Ordering::Release);
        let event = match kind {
            0 => Event::Completed { fence: a },
            1 => Event::Preempted { fence: a, last: b },
            _ => Event::Faulted {
                fence: a,
                status: b.cast_signed(),
            },
        };
        Some(Report {
            event,
            node,
            engine,
        })
    }

    /// From now on reports are thrown away, or no more.
    pub(crate) fn ignore(&self, on: bool) {
        self.ignoring.store(on, Ordering::SeqCst);
    }

    /// Something was reported and not read.
    pub(crate) fn written(&self) -> bool {
        self.written.load(Ordering::SeqCst) != self.read.load(Ordering::SeqCst)
    }

    /// Throws away what was not read, whether or not a DPC has told of it.
    pub(crate) fn discard(&self) {
        self.tell();
        while self.pop().is_some() {}
    }

    /// Reports that found no room since the last question.
    pub(crate) fn take_lost(&self) -> u64 {
        self.lost.swap(0, Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(fence: u32) -> Report {
        Report {
            event: Event::Completed { fence },
            node: 0,
            engine: 0,
        }
    }

    #[test]
    fn reports_are_read_in_order_once_a_dpc_told_of_them() {
        let events = Events::default();
        events.push(completed(1));
        assert_eq!(events.pop(), None);
        events.tell();
        events.push(Report {
            event: Event::Preempted { fence: 3, last: 1 },
            node: 1,
            engine: 2,
        });
        assert_eq!(events.pop(), Some(completed(1)));
        assert_eq!(events.pop(), None);
        events.tell();
        let report = events
            .pop()
            .map(|report| (report.event, report.node, report.engine));
        assert_eq!(report, Some((Event::Preempted { fence: 3, last: 1 }, 1, 2)));
    }

    #[test]
    fn a_full_ring_loses_and_says_so() {
        let events = Events::default();
        for fence in 0..=u32::try_from(SLOTS).unwrap_or(0) {
            events.push(completed(fence));
        }
        assert_eq!(events.take_lost(), 1);
        events.tell();
        assert_eq!(events.pop(), Some(completed(0)));
        events.push(completed(9));
        assert_eq!(events.take_lost(), 0);
        events.ignore(true);
        events.push(completed(10));
        events.ignore(false);
        events.tell();
        let last = core::iter::from_fn(|| events.pop()).last();
        assert_eq!(last, Some(completed(9)));
    }
}
