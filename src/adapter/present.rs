//! Showing what a present brings.

use super::Adapter;
use crate::display::{Canvas, NotShown, Present};
use crate::kernel::irql::Passive;

impl Adapter {
    /// Copies what has changed into the picture that the screen shows. While it shows none (there is
    /// no path, it is invisible or off, the adapter is stopped or gone) nothing is touched: dxgkrnl
    /// presents everything again when that has changed.
    ///
    /// # Errors
    ///
    /// See [`NotShown`].
    pub fn present(&self, present: &Present<'_>, irql: Passive) -> Result<(), NotShown> {
        present.check()?;
        let (Some(running), Some(shown)) = (self.running(irql), self.screen.shown(irql)) else {
            return Ok(());
        };
        let memory = running.hardware.hardware().frame_buffer().pictures();
        let Some(canvas) = Canvas::new(&memory, &shown.scan_out) else {
            return Ok(());
        };
        present.show(&canvas, shown.plan.rotation, irql)
    }
}
