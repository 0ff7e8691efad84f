//! Dxgkrnl as far as interrupts go, for unit tests.

extern crate std;

use core::ffi::c_void;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::Mutex;
use std::vec::Vec;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    BOOLEAN, DXGK_INTERRUPT_TYPE, DXGKARGCB_NOTIFY_INTERRUPT_DATA, DXGKRNL_INTERFACE, HANDLE,
    NTSTATUS, PKSYNCHRONIZE_ROUTINE, ULONG, ddi_fn,
};

use super::passive;
use crate::kernel::dxgkrnl::Dxgkrnl;
use crate::kernel::host::{irql, with_irql};
use crate::kernel::{DmaReport, InterruptLine, Tag};

/// An adapter's interrupt, connected or not, and what was reported on it.
#[derive(Default)]
pub struct Line {
    /// Whether DxgkCbSynchronizeExecution works.
    pub connected: AtomicBool,
    /// DxgkCbSynchronizeExecution refuses with a status that is not the documented one.
    pub broken: AtomicBool,
    /// What became of DMA buffers, in the order in which it was told.
    pub dma: Mutex<Vec<DmaReport>>,
    /// A vertical sync came after this many DMA reports.
    pub dma_before_sync: AtomicUsize,
    /// Target, address and IRQL of each vertical sync.
    pub syncs: Mutex<Vec<(u32, u64, u8)>>,
    /// DPCs.
    pub queued: AtomicUsize,
    /// Somebody is in NotifyInterrupt.
    inside: AtomicBool,
    /// Reports that came while another was under way.
    pub nested: AtomicUsize,
}

/// The level of an interrupt that is connected.
pub const CONNECTED: u8 = 9;

impl Line {
    /// Callbacks that use this line, for as long as it lives.
    pub fn dxgkrnl(&self) -> Dxgkrnl {
        let mut interface = DXGKRNL_INTERFACE::ZERO;
        interface.Size = u32::try_from(size_of::<DXGKRNL_INTERFACE>()).unwrap();
        interface.DeviceHandle = (&raw const *self).cast_mut().cast();
        interface.DxgkCbSynchronizeExecution = Some(synchronize);
        interface.DxgkCbNotifyInterrupt = Some(notify);
        interface.DxgkCbQueueDpc = Some(queue);
        // SAFETY: an interface of the size that it says.
        unsafe { Dxgkrnl::copy(NonNull::from(&mut interface)) }
    }

    /// The interrupt with these callbacks.
    pub fn interrupt(&self) -> InterruptLine {
        InterruptLine::try_new(Tag(*b"Test"), self.dxgkrnl(), passive()).unwrap()
    }

    /// What became of DMA buffers, so far.
    pub fn dma(&self) -> Vec<DmaReport> {
        self.dma.lock().unwrap().clone()
    }

    /// Target, address and IRQL of the last vertical sync.
    pub fn last(&self) -> (u32, u64, u8) {
        *self.syncs.lock().unwrap().last().unwrap()
    }

    /// How many vertical syncs were reported.
    pub fn count(&self) -> usize {
        self.syncs.lock().unwrap().len()
    }
}

fn line<'call>(handle: HANDLE) -> &'call Line {
    // SAFETY: the handle is the line's address, and it outlives what uses its callbacks.
    unsafe { &*handle.cast_const().cast::<Line>() }
}

ddi_fn! {
    unsafe fn synchronize(
        handle: HANDLE,
        routine: PKSYNCHRONIZE_ROUTINE,
        context: *mut c_void,
        _message: ULONG,
        result: *mut BOOLEAN,
    ) -> NTSTATUS {
        assert!(irql() <= 2);
        if line(handle).broken.load(Ordering::SeqCst) {
            return STATUS_INVALID_PARAMETER;
        }
        if !line(handle).connected.load(Ordering::SeqCst) {
            return STATUS_UNSUCCESSFUL;
        }
        // SAFETY: the driver's routine with its context.
        let value = with_irql(CONNECTED, || unsafe { routine.unwrap()(context) });
        // SAFETY: the driver's variable.
        unsafe { result.write(value) };
        STATUS_SUCCESS
    }

    unsafe fn notify(handle: HANDLE, data: *mut DXGKARGCB_NOTIFY_INTERRUPT_DATA) {
        let line = line(handle);
        if line.inside.swap(true, Ordering::SeqCst) {
            line.nested.fetch_add(1, Ordering::SeqCst);
        }
        // SAFETY: the driver's data.
        let data = unsafe { &*data };
        assert!(irql() > 2);
        match data.InterruptType {
            DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC => {
                // SAFETY: the member that goes with the type.
                let vsync = unsafe { data.u0.CrtcVsync };
                // SAFETY: all of its bytes are a number.
                let address = unsafe { vsync.PhysicalAddress.QuadPart };
                let seen = (vsync.VidPnTargetId, address.cast_unsigned(), irql());
                line.syncs.lock().unwrap().push(seen);
                line.dma_before_sync.store(line.dma().len(), Ordering::SeqCst);
            }
            DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED => {
                // SAFETY: the member that goes with the type.
                let done = unsafe { data.u0.DmaCompleted };
                assert_eq!((done.NodeOrdinal, done.EngineOrdinal), (0, 0));
                let fence = done.SubmissionFenceId;
                line.dma.lock().unwrap().push(DmaReport::Completed { fence });
            }
            DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_PREEMPTED => {
                // SAFETY: the member that goes with the type.
                let done = unsafe { data.u0.DmaPreempted };
                assert_eq!((done.NodeOrdinal, done.EngineOrdinal), (0, 0));
                line.dma.lock().unwrap().push(DmaReport::Preempted {
                    fence: done.PreemptionFenceId,
                    last_completed: done.LastCompletedFenceId,
                });
            }
            other => panic!("{other:?}"),
        }
        line.inside.store(false, Ordering::SeqCst);
    }

    unsafe fn queue(handle: HANDLE) -> BOOLEAN {
        line(handle).queued.fetch_add(1, Ordering::SeqCst);
        1
    }
}
