//! VidSch: contexts, their queues, the hardware queue of the node, fences, preemption, timeouts.
//!
//! One thread schedules at a time ([`owner`]). The engine reports at device IRQL into a ring ([`events`]); the pump reads
//! it. Nothing here knows what is in a driver's buffers.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::sync::Arc;
use alloc::vec::Vec;

use spin::Mutex;

pub(crate) mod buffer;
mod cancel;
pub(crate) mod context;
mod context_info;
mod debug_info;
mod end;
mod escape;
pub(crate) mod events;
mod fence_query;
mod history;
mod limits;
mod nodes;
mod notify;
mod observer;
mod options;
mod outputs;
mod owner;
pub(crate) mod packet;
mod paging;
mod patch;
mod pool;
mod preempt;
mod present;
mod present_kind;
mod pump;
mod random;
mod render;
mod reset_adapter;
mod reset_engine;
mod select;
mod split;
mod submit;
mod system;
mod timeout;
mod user_memory;

pub use context::{Context, ContextKind};
pub use limits::TdrCounts;
pub use nodes::NodeMetadata;
pub use observer::Observer;
pub use options::SchedulerOptions;
pub use packet::{Fate, Hang, Queued};
pub use present_kind::FullPresent;
pub use render::{Gone, Patch, Use};

pub(crate) use packet::Fence;
pub(crate) use patch::SCHEDULER_ERROR;

use context::ContextObject;
use events::Events;
use limits::Limits;
use owner::Owner;
use packet::{Item, Packet};
use random::Random;

/// Most submissions in the hardware queue at once, of all kinds.
pub(crate) const MOST_OUTSTANDING: usize = 64;

/// What the port knows of one adapter's scheduling.
#[derive(Default)]
pub(crate) struct Scheduler {
    /// What the engine has reported.
    pub events: Events,
    pub owner: Owner,
    pub state: Mutex<State>,
}

/// What changes while nobody is in the driver.
pub(crate) struct State {
    pub options: SchedulerOptions,
    pub random: Random,
    pub next_tag: u64,
    pub next_context: u32,
    pub next_sequence: u64,
    pub contexts: BTreeMap<u32, Arc<ContextObject>>,
    /// What waits for the node, by context.
    pub queues: BTreeMap<u32, VecDeque<Item>>,
    pub node: Node,
    pub limits: Limits,
    pub observer: Option<Box<dyn Observer>>,
    /// The device and the context that the port has for itself.
    pub system: Option<system::System>,
    /// The node runs this context's buffers; none after a switch.
    pub running: Option<u32>,
    /// Steps until the next preemption for its own sake.
    pub preempt_in: Option<usize>,
    /// An adapter-wide reset is due as soon as nobody is in the middle of something.
    pub reset_due: Option<reset_adapter::Cause>,
    /// The adapter went away: nothing is submitted, nothing is waited for.
    pub gone: bool,
    /// Memory that the driver may still look at, since the adapter went away.
    pub kept: Vec<Packet>,
}

/// The node's hardware queue.
pub(crate) struct Node {
    /// The next fence, of a buffer or a preemption.
    pub next_fence: Fence,
    /// The last fence that a submission was given.
    pub submitted: Fence,
    /// The last fence that was completed.
    pub completed: Fence,
    pub hardware: VecDeque<Packet>,
    /// Paging that was preempted: it goes first, with its old fences.
    pub resubmit: VecDeque<Packet>,
    pub preempting: Option<Preempting>,
    /// When the first of the queue became the first.
    pub moved: u64,
    /// QueryCurrentFence was asked about the first of the queue.
    pub asked: bool,
}

/// A preemption that the driver has not reported yet.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Preempting {
    pub fence: Fence,
    pub since: u64,
}

impl Default for State {
    fn default() -> Self {
        let options = SchedulerOptions::default();
        Self {
            random: Random::new(options.seed),
            options,
            next_tag: 1,
            next_context: 1,
            next_sequence: 1,
            contexts: BTreeMap::new(),
            queues: BTreeMap::new(),
            node: Node::default(),
            limits: Limits::default(),
            observer: None,
            system: None,
            running: None,
            preempt_in: None,
            reset_due: None,
            gone: false,
            kept: Vec::new(),
        }
    }
}

impl Default for Node {
    fn default() -> Self {
        Self {
            next_fence: 1,
            submitted: 0,
            completed: 0,
            hardware: VecDeque::new(),
            resubmit: VecDeque::new(),
            preempting: None,
            moved: 0,
            asked: false,
        }
    }
}

impl Node {
    /// A fence for a submission or a preemption.
    pub(crate) fn take_fence(&mut self) -> Fence {
        let fence = self.next_fence;
        self.next_fence = fence.wrapping_add(1);
        fence
    }

    /// Nothing is in the node or on its way back to it.
    pub(crate) fn is_idle(&self) -> bool {
        self.hardware.is_empty() && self.resubmit.is_empty() && self.preempting.is_none()
    }

    /// The next reset of the clock that TDR looks at.
    pub(crate) fn progressed(&mut self, now: u64) {
        self.moved = now;
        self.asked = false;
    }
}
