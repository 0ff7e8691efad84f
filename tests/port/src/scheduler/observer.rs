//! Who is told what the node has done.

use alloc::boxed::Box;

use crate::adapter::{Adapter, AdapterInner};
use crate::scheduler::packet::{Fate, Ticket};

/// A model beside the port: it is told the tags of [`Queued`](crate::Queued) work in the node's order.
///
/// It is called while the port schedules and must not call it.
pub trait Observer: Send {
    /// All buffers of that call have been executed.
    fn executed(&mut self, tag: u64);

    /// That call's work ended otherwise.
    fn not_executed(&mut self, tag: u64, fate: Fate) {
        let _ = (tag, fate);
    }
}

impl Adapter {
    /// Tells `observer` from now on, and nobody else.
    pub fn observe(&self, observer: Box<dyn Observer>) {
        self.0.scheduler.state.lock().observer = Some(observer);
    }

    /// Tells nobody any more; gives back who was told.
    pub fn stop_observing(&self) -> Option<Box<dyn Observer>> {
        self.0.scheduler.state.lock().observer.take()
    }
}

impl AdapterInner {
    /// A part of a call's work has ended.
    pub(crate) fn end_part(&self, ticket: &Ticket, fate: Fate) {
        if !ticket.end(fate) {
            return;
        }
        // The observer is not called under the lock.
        let observer = self.scheduler.state.lock().observer.take();
        let Some(mut observer) = observer else { return };
        match ticket.fate() {
            Some(Fate::Executed) | None => observer.executed(ticket.tag),
            Some(fate) => observer.not_executed(ticket.tag, fate),
        }
        self.scheduler.state.lock().observer.get_or_insert(observer);
    }
}
