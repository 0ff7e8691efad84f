//! The adapter's interrupt and the DPC after it (contract: I1, I2).

use core::ffi::c_void;

use dxgk_sys::{BOOLEAN, ULONG, ddi_fn};

use super::handles;
use crate::kernel::irql::Dispatch;

ddi_fn! {
    /// `DxgkDdiInterruptRoutine`: these adapters interrupt nobody, so an interrupt on a line that one
    /// may share is another's. What is reported at its IRQL is reported by the timer of the vertical
    /// sync. The device's IRQL.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    pub unsafe fn interrupt_routine(_context: *mut c_void, _message: ULONG) -> BOOLEAN {
        0
    }

    /// `DxgkDdiDpcRoutine`: tells the GPU scheduler of what was reported as an interrupt.
    /// `DISPATCH_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    pub unsafe fn dpc_routine(context: *mut c_void) {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Dispatch::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        if let Some(running) = adapter.and_then(|adapter| adapter.running(irql)) {
            running.dxgkrnl.notify_dpc(irql);
        }
    }
}
