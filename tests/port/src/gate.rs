//! Threading levels of one adapter: who may be in the driver with whom.
//!
//! Level zero calls share the gate, level two and three calls have it alone. Calls outside the levels
//! (interrupts, DPCs, ResetDevice, surprise removal, QueryAdapterInfo) do not pass it.

use core::sync::atomic::{AtomicI32, Ordering};

use crate::ddi::Level;
use crate::host::Host;

/// A lock with many sharers or one owner, whose waiting is the host's.
#[derive(Default)]
pub(crate) struct Gate(AtomicI32);

const ALONE: i32 = -1;

impl Gate {
    pub(crate) fn enter<'a>(&'a self, level: Level, host: &dyn Host) -> Pass<'a> {
        let pass = Pass { gate: self, level };
        loop {
            let now = self.0.load(Ordering::Relaxed);
            let next = match level {
                Level::Any => return pass,
                Level::Reentrant if now >= 0 => now + 1,
                Level::Alone if now == 0 => ALONE,
                _ => {
                    host.relax();
                    continue;
                }
            };
            if self
                .0
                .compare_exchange_weak(now, next, Ordering::Acquire, Ordering::Relaxed)
                .is_ok()
            {
                return pass;
            }
        }
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
                self.gate.0.fetch_sub(1, Ordering::Release);
            }
            Level::Alone => self.gate.0.store(0, Ordering::Release),
        }
    }
}
