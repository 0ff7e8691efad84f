//! What dxgkrnl is told as the adapter's interrupt, and in the DPC after it (contract: I1, I2).

use core::ffi::c_void;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use dxgk_sys::status::{STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    BOOLEAN, DXGK_INTERRUPT_TYPE, DXGKARGCB_NOTIFY_INTERRUPT_DATA,
    DXGKARGCB_NOTIFY_INTERRUPT_DATA_CrtcVsync, DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaCompleted,
    DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaPreempted, LARGE_INTEGER, ddi_fn,
};
use zerocopy::FromZeros;

use super::dxgkrnl::Dxgkrnl;
use super::irql::{AtMostDispatch, DeviceIrql, Dispatch};
use super::{NoMemory, Owned, Shared, Tag, at_device_irql, complain};

/// A vertical sync.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct VerticalSync {
    /// The VidPN target.
    pub target: u32,
    /// Where what is shown from now on lies: the address that the last flip named.
    pub address: u64,
}

/// What became of DMA buffers, on node 0 of engine 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DmaReport {
    /// The buffer with this fence, and all before it, are executed.
    Completed {
        /// `SubmissionFenceId`
        fence: u32,
    },
    /// What was in the queue when the preemption was asked for, and is not executed, never will be.
    Preempted {
        /// `PreemptionFenceId`
        fence: u32,
        /// The fence of the last buffer that is executed.
        last_completed: u32,
    },
}

/// Reports that are kept until they are sent: more than the engine can have outstanding.
const ROOM: u32 = 512;

/// The adapter's interrupt, which is not nested whoever reports on it. Copies are the same interrupt.
#[derive(Clone)]
pub struct InterruptLine {
    dxgkrnl: Dxgkrnl,
    pending: Shared<Pending>,
}

struct Pending {
    lock: DeviceLock,
    reports: Owned<Reports>,
}

/// Reports in order. One thread at a time posts, and one takes, who has the device's lock.
#[derive(FromZeros)]
struct Reports {
    slots: [Slot; ROOM as usize],
    /// How many were posted, and how many of those were taken.
    posted: AtomicU32,
    taken: AtomicU32,
}

#[derive(FromZeros)]
struct Slot {
    /// [`COMPLETED`] or [`PREEMPTED`]
    kind: AtomicU32,
    fence: AtomicU32,
    last_completed: AtomicU32,
}

const COMPLETED: u32 = 1;
const PREEMPTED: u32 = 2;

/// Keeps reports from nesting where no interrupt does: it is taken at the device's IRQL.
struct DeviceLock(AtomicBool);

impl DeviceLock {
    /// Runs `work` at the device's IRQL, one at a time.
    fn run(&self, irql: impl AtMostDispatch, work: impl FnOnce(DeviceIrql)) {
        at_device_irql(irql, |irql| {
            // Nobody has it for longer than the reports that are pending.
            while self.0.swap(true, Ordering::Acquire) {
                core::hint::spin_loop();
            }
            work(irql);
            self.0.store(false, Ordering::Release);
        });
    }
}

/// What the routine that runs as the interrupt is given.
struct Report<'call> {
    line: &'call InterruptLine,
    vsync: Option<VerticalSync>,
}

impl InterruptLine {
    /// The interrupt of an adapter that is being started.
    ///
    /// # Errors
    ///
    /// [`NoMemory`]
    pub fn try_new(
        tag: Tag,
        dxgkrnl: Dxgkrnl,
        irql: impl AtMostDispatch,
    ) -> Result<Self, NoMemory> {
        let pending = Pending {
            lock: DeviceLock(AtomicBool::new(false)),
            reports: Owned::try_zeroed(tag, irql, |_| {})?,
        };
        Ok(Self {
            dxgkrnl,
            pending: Shared::try_new(tag, pending, irql)?,
        })
    }

    /// Keeps a report for [`InterruptLine::send`]. The caller has a lock under which all reports are
    /// posted, so that their order is that of what they tell. `false` if there is no room.
    #[must_use]
    pub fn post(&self, report: DmaReport, _irql: Dispatch) -> bool {
        let reports = &self.pending.reports;
        let posted = reports.posted.load(Ordering::Relaxed);
        let waiting = posted.wrapping_sub(reports.taken.load(Ordering::Acquire));
        let Some(slot) = reports.slot(posted).filter(|_| waiting < ROOM) else {
            complain(
                c"engine",
                c"reports",
                waiting.into(),
                c"no room for one more",
            );
            return false;
        };
        let (kind, fence, last_completed) = match report {
            DmaReport::Completed { fence } => (COMPLETED, fence, 0),
            DmaReport::Preempted {
                fence,
                last_completed,
            } => (PREEMPTED, fence, last_completed),
        };
        slot.kind.store(kind, Ordering::Relaxed);
        slot.fence.store(fence, Ordering::Relaxed);
        slot.last_completed.store(last_completed, Ordering::Relaxed);
        reports
            .posted
            .store(posted.wrapping_add(1), Ordering::Release);
        true
    }

    /// Sends every report that was posted and is not sent. Nothing is lost if that cannot be done now: the
    /// next one does it.
    pub fn send(&self, irql: impl AtMostDispatch) {
        if self.pending.reports.is_waiting() {
            self.report(None, irql);
        }
    }

    /// Sends every report that is not sent, and after those a vertical sync.
    pub fn send_vsync(&self, vsync: VerticalSync, irql: impl AtMostDispatch) {
        self.report(Some(vsync), irql);
    }

    /// Where the adapter's interrupt is connected, this is done in its place; where none is, at one fixed
    /// IRQL of a device, under a lock of the adapter's own.
    fn report(&self, vsync: Option<VerticalSync>, irql: impl AtMostDispatch) {
        let mut report = Report { line: self, vsync };
        let status = match self.dxgkrnl.synchronize_execution {
            None => STATUS_UNSUCCESSFUL,
            Some(call) => {
                let mut result: BOOLEAN = 0;
                let context = (&raw mut report).cast::<c_void>();
                // SAFETY: at DISPATCH_LEVEL at most, with a routine whose context outlives the call, for
                // the adapter's only interrupt.
                unsafe {
                    call(
                        self.dxgkrnl.adapter,
                        Some(in_place),
                        context,
                        0,
                        &raw mut result,
                    )
                }
            }
        };
        match status {
            STATUS_SUCCESS => {}
            STATUS_UNSUCCESSFUL => self.pending.lock.run(irql, |irql| report.send(irql)),
            status => complain(
                c"interrupt",
                c"DxgkCbSynchronizeExecution",
                u64::from(status.cast_unsigned()),
                c"refused",
            ),
        }
    }
}

impl Dxgkrnl {
    /// Tells the GPU scheduler, in a DPC, that there was an interrupt.
    pub fn notify_dpc(&self, _irql: Dispatch) {
        if let Some(call) = self.notify_dpc {
            // SAFETY: at DISPATCH_LEVEL, with the handle that came with the callback.
            unsafe { call(self.adapter) };
        }
    }
}

impl Reports {
    fn slot(&self, number: u32) -> Option<&Slot> {
        let place = usize::try_from(number % ROOM).ok()?;
        self.slots.get(place)
    }

    fn is_waiting(&self) -> bool {
        self.posted.load(Ordering::Acquire) != self.taken.load(Ordering::Acquire)
    }

    /// The oldest report that was not taken. The caller has the device's lock.
    fn take(&self) -> Option<DmaReport> {
        let taken = self.taken.load(Ordering::Relaxed);
        if taken == self.posted.load(Ordering::Acquire) {
            return None;
        }
        let slot = self.slot(taken)?;
        let fence = slot.fence.load(Ordering::Relaxed);
        let report = if slot.kind.load(Ordering::Relaxed) == COMPLETED {
            DmaReport::Completed { fence }
        } else {
            DmaReport::Preempted {
                fence,
                last_completed: slot.last_completed.load(Ordering::Relaxed),
            }
        };
        self.taken.store(taken.wrapping_add(1), Ordering::Release);
        Some(report)
    }
}

impl Report<'_> {
    /// DMA before the vertical sync, and one DPC for all (contract: I2).
    fn send(&self, irql: DeviceIrql) {
        let mut any = false;
        while let Some(report) = self.line.pending.reports.take() {
            self.notify(&mut dma(report), irql);
            any = true;
        }
        if let Some(sync) = self.vsync {
            self.notify(&mut vsync(sync), irql);
            any = true;
        }
        let dxgkrnl = &self.line.dxgkrnl;
        if let (true, Some(queue)) = (any, dxgkrnl.queue_dpc) {
            // One that is queued already will do for all.
            // SAFETY: any IRQL, with the handle that came with the callback.
            unsafe { queue(dxgkrnl.adapter) };
        }
    }

    fn notify(&self, data: &mut DXGKARGCB_NOTIFY_INTERRUPT_DATA, _irql: DeviceIrql) {
        let dxgkrnl = &self.line.dxgkrnl;
        if let Some(call) = dxgkrnl.notify_interrupt {
            // SAFETY: at the device's IRQL, not nested, with data of ours.
            unsafe { call(dxgkrnl.adapter, data) };
        }
    }
}

fn dma(report: DmaReport) -> DXGKARGCB_NOTIFY_INTERRUPT_DATA {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    match report {
        DmaReport::Completed { fence } => {
            data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED;
            data.u0.DmaCompleted = DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaCompleted {
                SubmissionFenceId: fence,
                NodeOrdinal: 0,
                EngineOrdinal: 0,
            };
        }
        DmaReport::Preempted {
            fence,
            last_completed,
        } => {
            data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_PREEMPTED;
            data.u0.DmaPreempted = DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaPreempted {
                PreemptionFenceId: fence,
                LastCompletedFenceId: last_completed,
                NodeOrdinal: 0,
                EngineOrdinal: 0,
            };
        }
    }
    data
}

fn vsync(sync: VerticalSync) -> DXGKARGCB_NOTIFY_INTERRUPT_DATA {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
    data.u0.CrtcVsync = DXGKARGCB_NOTIFY_INTERRUPT_DATA_CrtcVsync {
        VidPnTargetId: sync.target,
        PhysicalAddress: LARGE_INTEGER {
            QuadPart: sync.address.cast_signed(),
        },
        PhysicalAdapterMask: 0,
    };
    data
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
