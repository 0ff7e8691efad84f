//! Sleeping and waking (contract: L6).

use super::{Screen, TARGET};
use crate::device::{Hardware, ScanOut};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

impl Screen {
    /// The adapter goes to sleep: black, and no vertical sync. For hibernation the picture stays, since
    /// Windows shows its progress in it.
    pub fn sleep(&self, picture_stays: bool, irql: Passive) {
        let _changes = self.changes.lock(irql);
        self.set_clock(None, irql);
        {
            let mut state = self.state.lock(irql);
            state.awake = picture_stays;
            if !picture_stays {
                state.visible = false;
            }
        }
        self.refresh(irql);
    }

    /// The adapter is awake again, with registers and video memory lost or not: the committed mode is
    /// set anew, and the source is invisible until Windows says otherwise. `found` is the picture that
    /// the firmware shows, if that is known.
    pub fn wake(&self, hardware: &dyn Hardware, found: Option<ScanOut>, irql: Passive) {
        let _changes = self.changes.lock(irql);
        let plan = {
            let mut state = self.state.lock(irql);
            state.awake = true;
            state.visible = false;
            state.plan
        };
        let before = self.direct().picture();
        // What the driver knew of the hardware is no longer so.
        hardware.arm(self.direct(), found.or(before));
        self.refresh(irql);
        let Some(plan) = plan else { return };
        match self.set_mode(&plan.mode, irql) {
            Ok(()) => self.set_clock(Some(plan.mode), irql),
            Err(error) => complain(
                c"SetPowerState",
                error.what,
                error.wanted,
                c"is not taken any more",
            ),
        }
        self.refresh(irql);
    }

    /// The monitor is switched on or off; another child than the one there is is none of ours.
    pub fn set_monitor_power(&self, child: u32, on: bool, irql: Passive) {
        if child != TARGET {
            return;
        }
        let _changes = self.changes.lock(irql);
        self.state.lock(irql).monitor_on = on;
        self.refresh(irql);
    }
}
