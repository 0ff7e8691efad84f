//! What dxgkrnl is told as the adapter's interrupt, and in the DPC after it (contract: I1, I2).

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, Ordering};

use dxgk_sys::status::{STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    BOOLEAN, DXGK_INTERRUPT_TYPE, DXGKARGCB_NOTIFY_INTERRUPT_DATA, LARGE_INTEGER, ddi_fn,
};

use super::dxgkrnl::Dxgkrnl;
use super::irql::{AtMostDispatch, DeviceIrql, Dispatch};
use super::{at_device_irql, complain};

/// A vertical sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerticalSync {
    /// The VidPN target.
    pub target: u32,
    /// Where what is shown from now on lies: the address that the last flip named.
    pub address: u64,
}

/// Keeps reports from nesting where no interrupt does: it is taken at the device's IRQL.
pub struct DeviceLock(AtomicBool);

impl DeviceLock {
    /// A lock that is free.
    #[must_use]
    pub const fn new() -> Self {
        Self(AtomicBool::new(false))
    }

    /// Runs `work` at the device's IRQL, one at a time.
    fn run(&self, irql: impl AtMostDispatch, work: impl FnOnce(DeviceIrql)) {
        at_device_irql(irql, |irql| {
            // Nobody has it for longer than one report.
            while self.0.swap(true, Ordering::Acquire) {
                core::hint::spin_loop();
            }
            work(irql);
            self.0.store(false, Ordering::Release);
        });
    }
}

impl Default for DeviceLock {
    fn default() -> Self {
        Self::new()
    }
}

/// What the routine that runs as the interrupt is given.
struct Report<'call> {
    dxgkrnl: &'call Dxgkrnl,
    vsync: VerticalSync,
}

impl Dxgkrnl {
    /// Reports a vertical sync. Where the adapter's interrupt is connected, that is done in its place;
    /// where none is, at one fixed IRQL of a device, under `lock`.
    pub fn report_vsync(&self, lock: &DeviceLock, vsync: VerticalSync, irql: Dispatch) {
        let mut report = Report {
            dxgkrnl: self,
            vsync,
        };
        let status = match self.synchronize_execution {
            None => STATUS_UNSUCCESSFUL,
            Some(call) => {
                let mut result: BOOLEAN = 0;
                let context = (&raw mut report).cast::<c_void>();
                // SAFETY: at DISPATCH_LEVEL, with a routine whose context outlives the call, for the
                // adapter's only interrupt.
                unsafe { call(self.adapter, Some(in_place), context, 0, &raw mut result) }
            }
        };
        match status {
            STATUS_SUCCESS => {}
            STATUS_UNSUCCESSFUL => lock.run(irql, |irql| report.send(irql)),
            status => complain(
                c"VSYNC",
                c"DxgkCbSynchronizeExecution",
                u64::from(status.cast_unsigned()),
                c"refused",
            ),
        }
    }

    /// Tells the GPU scheduler, in a DPC, that there was an interrupt.
    pub fn notify_dpc(&self, _irql: Dispatch) {
        if let Some(call) = self.notify_dpc {
            // SAFETY: at DISPATCH_LEVEL, with the handle that came with the callback.
            unsafe { call(self.adapter) };
        }
    }
}

impl Report<'_> {
    fn send(&self, _irql: DeviceIrql) {
        let Some(call) = self.dxgkrnl.notify_interrupt else {
            return;
        };
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
        data.u0.CrtcVsync = dxgk_sys::DXGKARGCB_NOTIFY_INTERRUPT_DATA_CrtcVsync {
            VidPnTargetId: self.vsync.target,
            PhysicalAddress: LARGE_INTEGER {
                QuadPart: self.vsync.address.cast_signed(),
            },
            PhysicalAdapterMask: 0,
        };
        // SAFETY: at the device's IRQL, not nested, with data of ours.
        unsafe { call(self.dxgkrnl.adapter, &raw mut data) };
        if let Some(queue) = self.dxgkrnl.queue_dpc {
            // One that is queued already will do for both.
            // SAFETY: any IRQL, with the handle that came with the callback.
            unsafe { queue(self.dxgkrnl.adapter) };
        }
    }
}

ddi_fn! {
    /// What runs in the place of the interrupt routine.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl at the interrupt's IRQL, with the [`Report`] that it was given.
    unsafe fn in_place(context: *mut c_void) -> BOOLEAN {
        // SAFETY: the report outlives the call that this one is made in.
        let report = unsafe { &*context.cast_const().cast::<Report<'_>>() };
        // SAFETY: the interrupt's IRQL.
        report.send(unsafe { DeviceIrql::assume() });
        1
    }
}
