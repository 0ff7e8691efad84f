//! Handing the screen over to the driver that comes next (contract: L4).

use super::Screen;
use crate::device::{Hardware, ScanOut};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

/// The linear, black, visible picture that is left behind.
pub type Released = ScanOut;

impl Screen {
    /// Leaves a black picture on the screen, in the committed mode, or in the monitor's own if none is
    /// committed. `None`, and everything as it was, if there is no mode for it.
    pub fn release(&self, hardware: &dyn Hardware, irql: Passive) -> Option<Released> {
        let _changes = self.changes.lock(irql);
        let monitor = self.monitor(irql)?;
        let plan = self.committed(irql);
        let preferred = || monitor.modes.preferred().copied();
        let mode = plan.map(|plan| plan.mode).or_else(preferred)?;
        let was_blank = self.direct().is_blank();
        // First black: a picture that is cleared row by row is an ugly one.
        self.direct().set_blank(true, irql);
        if let Err(error) = self.set_mode(&mode, irql) {
            complain(
                c"StopDeviceAndReleasePostDisplayOwnership",
                error.what,
                error.wanted,
                c"is not taken",
            );
            self.direct().set_blank(was_blank, irql);
            return None;
        }
        let picture = self.direct().picture()?;
        let bytes = usize::try_from(picture.bytes()).ok()?;
        if !hardware.frame_buffer().clear(0, bytes) {
            return None;
        }
        self.direct().set_blank(false, irql);
        Some(picture)
    }
}
