//! What the bytes of every allocation must be: the commands, executed here as well.
//!
//! The model has the content of each allocation and the work that is queued. The port tells it, as its
//! observer, what the node has executed, in the node's order; the model then does the same work on its own
//! copy, from the commands alone ([`work`]). What the driver made of it is read back and compared.

pub mod content;
pub mod work;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

use dxgk_port::{AllocationId, Fate, Locked, Observer};
use spin::Mutex;

use crate::outcome::{Failed, check, done};
use content::{Content, Shape};
use work::Work;

/// How much is read back at once, in bytes.
const CHUNK: usize = 64 << 10;

/// A model of one adapter's memory. Clones are the same model.
#[derive(Clone, Default)]
pub struct Model(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    contents: BTreeMap<AllocationId, Content>,
    /// Work that waits for the node, by tag, with the queue that it is in.
    queued: BTreeMap<u64, (u32, Work)>,
    /// Work that is being handed over: the node may execute it before its tag is known.
    current: Option<(u32, Work)>,
    /// The tag under which the current work was executed.
    early: Option<u64>,
    /// The last tag that each queue executed.
    last: BTreeMap<u32, u64>,
    counts: Counts,
    /// The first thing that the port told and that cannot be.
    wrong: Option<String>,
}

/// What the model was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of Render and Present whose work was executed.
    pub executed: u64,
    /// That were submitted with null rendering, and did nothing.
    pub null: u64,
    /// That were dropped before the node had them, because a context or device went.
    pub cancelled: u64,
    /// That a reset ended.
    pub lost: u64,
}

impl Model {
    /// The port's side of the model.
    pub fn observer(&self) -> Box<dyn Observer> {
        Box::new(self.clone())
    }

    /// An allocation comes to be, all zeros.
    pub fn add(&self, allocation: AllocationId, shape: Shape) {
        let content = Content::new(shape);
        self.0.lock().contents.insert(allocation, content);
    }

    /// An allocation goes.
    pub fn remove(&self, allocation: AllocationId) {
        self.0.lock().contents.remove(&allocation);
    }

    /// The shape of an allocation that lives.
    pub fn shape(&self, allocation: AllocationId) -> Option<Shape> {
        let state = self.0.lock();
        state.contents.get(&allocation).map(|content| content.shape)
    }

    /// Whether all bytes of an allocation are known.
    pub fn is_known(&self, allocation: AllocationId) -> bool {
        let state = self.0.lock();
        let content = state.contents.get(&allocation);
        content.is_some_and(|content| content.known)
    }

    /// Hands `work` over to the port by `call`, which tells the tag, as work of the queue numbered `queue`.
    ///
    /// # Errors
    ///
    /// What `call` returned; the model is then as before.
    pub fn queue<T, E>(
        &self,
        queue: u32,
        work: Work,
        call: impl FnOnce() -> Result<T, E>,
        tag: impl FnOnce(&T) -> u64,
    ) -> Result<T, E> {
        self.0.lock().current = Some((queue, work));
        let result = call();
        let mut state = self.0.lock();
        let current = state.current.take();
        let early = state.early.take();
        if let (Ok(queued), Some(work)) = (&result, current) {
            let tag = tag(queued);
            if early != Some(tag) {
                state.queued.insert(tag, work);
            }
        }
        result
    }

    /// The CPU writes an allocation while nothing that is queued uses it.
    pub fn write(&self, allocation: AllocationId, offset: u64, bytes: &[u8]) {
        if let Some(content) = self.0.lock().contents.get_mut(&allocation) {
            content.write(offset, bytes);
        }
    }

    /// Calls `look` with the bytes of an allocation.
    pub fn with<T>(&self, allocation: AllocationId, look: impl FnOnce(&Content) -> T) -> Option<T> {
        self.0.lock().contents.get(&allocation).map(look)
    }

    /// Demands that what the CPU reads of an allocation is what the model has. Tells how many bytes were
    /// compared: none of an allocation whose content nobody may rely on.
    pub fn compare(&self, allocation: AllocationId, locked: &Locked) -> Result<u64, Failed> {
        let mut seen = alloc::vec![0; CHUNK];
        let mut offset = 0;
        loop {
            let known = self.with(allocation, |content| {
                content.known.then_some(content.bytes.len())
            });
            let Some(bytes) = known.flatten() else {
                return Ok(0);
            };
            if offset == bytes {
                return Ok(bytes as u64);
            }
            let seen = &mut seen[..CHUNK.min(bytes - offset)];
            // Not under the model's lock: a read waits for what is under way, and the model is told of its end.
            done("a read under a lock", locked.read(offset, seen))?;
            if let Some(failed) = self.difference(allocation, offset, seen) {
                return Err(failed);
            }
            offset += seen.len();
        }
    }

    /// How `seen`, which was read of an allocation at `offset`, differs from what the model has there, if all of
    /// that is known still.
    fn difference(&self, allocation: AllocationId, offset: usize, seen: &[u8]) -> Option<Failed> {
        let differs = |content: &Content| {
            let expected = &content.bytes[offset..][..seen.len()];
            let differ = |at: &usize| seen[*at] != expected[*at];
            let at = (0..seen.len()).find(differ)?;
            let place = content.shape.place(offset + at);
            let (wanted, is) = (expected[at], seen[at]);
            let differing = (0..seen.len()).filter(differ).count();
            Some(Failed {
                expected: format!("{wanted:#04x} at {place} of {allocation:?}"),
                seen: format!("{is:#04x}, and {differing} bytes differ near it"),
            })
        };
        let differs = |content: &Content| content.known.then(|| differs(content)).flatten();
        self.with(allocation, differs).flatten()
    }

    /// What the model was told so far.
    pub fn counts(&self) -> Counts {
        self.0.lock().counts
    }

    /// Demands that the port told nothing that cannot be, and that no work is left if nothing should be.
    pub fn is_sound(&self, idle: bool) -> Result<(), Failed> {
        let state = self.0.lock();
        check(
            state.wrong.is_none(),
            "work told once, in its queue's order",
            || state.wrong.clone().unwrap_or_default(),
        )?;
        let left = state.queued.len();
        check(!idle || left == 0, "all work told", || {
            format!("{left} of which nothing was told")
        })
    }
}

impl State {
    /// Takes out the work with that tag.
    fn take(&mut self, tag: u64, executed: bool) -> Option<Work> {
        let found = self.queued.remove(&tag).or_else(|| {
            self.early = Some(tag);
            self.current.take()
        });
        let Some((queue, work)) = found else {
            let text = || format!("tag {tag}, which nobody queued or which was told before");
            self.wrong.get_or_insert_with(text);
            return None;
        };
        let last = self.last.get(&queue).copied().unwrap_or(0);
        if executed {
            self.last.insert(queue, tag);
        }
        // What was dropped with a process is told as it is dropped.
        if executed && last >= tag {
            let text = || format!("tag {tag} of queue {queue} after {last}");
            self.wrong.get_or_insert_with(text);
        }
        Some(work)
    }
}

impl Observer for Model {
    fn executed(&mut self, tag: u64) {
        let mut state = self.0.lock();
        state.counts.executed += 1;
        if let Some(work) = state.take(tag, true) {
            work.execute(&mut state.contents);
        }
    }

    fn not_executed(&mut self, tag: u64, fate: Fate) {
        let mut state = self.0.lock();
        let counts = &mut state.counts;
        let count = match fate {
            Fate::Null => &mut counts.null,
            Fate::Cancelled => &mut counts.cancelled,
            _ => &mut counts.lost,
        };
        *count += 1;
        let Some(work) = state.take(tag, false) else {
            return;
        };
        // A part of it may have been executed, but for work that only went through the motions.
        if fate != Fate::Null {
            work.spoil(&mut state.contents);
        }
    }
}
