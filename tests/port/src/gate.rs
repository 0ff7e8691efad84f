//! Threading levels of one adapter: who may be in the driver with whom.
//!
//! Level zero calls share the gate, level two and three calls have it alone. Calls outside the levels
//! (interrupts, DPCs, ResetDevice, surprise removal, QueryAdapterInfo) do not pass it.

use core::sync::atomic::{AtomicI32, AtomicU32, Ordering};

use crate::ddi::Level;
use crate::host::Host;

/// A lock with many sharers or one owner, whose waiting is the host's.
#[derive(Default)]
pub(crate) struct Gate {
    /// How many share it, or [`ALONE`].
    inside: AtomicI32,
    /// How many wait to be alone; new sharers let them go first.
    waiting: AtomicU32,
}

const ALONE: i32 = -1;

impl Gate {
    pub(crate) fn enter<'a>(&'a self, level: Level, host: &dyn Host) -> Pass<'a> {
        match level {
            Level::Any => {}
            Level::Reentrant => {
                while self.waiting.load(Ordering::Relaxed) != 0 || !self.share() {
                    host.relax();
                }
            }
            Level::Alone => {
                self.waiting.fetch_add(1, Ordering::Relaxed);
                while !self.change(0, ALONE) {
                    host.relax();
                }
                self.waiting.fetch_sub(1, Ordering::Relaxed);
            }
        }
        Pass { gate: self, level }
    }

    /// Nobody is inside.
    pub(crate) fn is_empty(&self) -> bool {
        self.inside.load(Ordering::Acquire) == 0
    }

    fn share(&self) -> bool {
        let now = self.inside.load(Ordering::Relaxed);
        now >= 0 && self.change(now, now + 1)
    }

    fn change(&self, from: i32, to: i32) -> bool {
        let (success, failure) = (Ordering::Acquire, Ordering::Relaxed);
        self.inside
            .compare_exchange(from, to, success, failure)
            .is_ok()
    }
}

/// Leaves the gate when dropped.
pub(crate) struct Pass<'a> {
    gate: &'a Gate,
    level: Level,
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        match self.level {
            Level::Any => {}
            Level::Reentrant => {
                self.gate.inside.fetch_sub(1, Ordering::Release);
            }
            Level::Alone => self.gate.inside.store(0, Ordering::Release),
        }
    }
}
