//! The good miniport's engine: a queue that runs a command whenever the machine has time for it, and reports.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::collections::VecDeque;
use std::ffi::c_void;
use std::sync::Mutex;
use std::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use dxgk_sys::*;

use super::commands::{self, COMMAND_BYTES, Command};
use super::{Context, notify, queue_dpc};
use crate::common::machine::{self, INTERRUPT_LEVEL};

pub const PRIVATE_MAGIC: u32 = 0x5649_5250;

/// Private data of a DMA or paging buffer.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Private {
    pub magic: u32,
    /// Everything before this offset has been executed.
    pub progress: u32,
    /// The buffer, as the CPU sees it.
    pub address: *mut u8,
    tail: [u64; 6],
}

pub const PRIVATE_BYTES: u32 = 64;

impl Private {
    /// For a buffer that begins there, with nothing executed.
    pub unsafe fn begin(at: *mut c_void, address: *mut u8) {
        let private = Self {
            magic: PRIVATE_MAGIC,
            progress: 0,
            address,
            tail: [0; 6],
        };
        unsafe { at.cast::<Self>().write(private) };
    }
}

/// A submission in the queue.
struct Submitted {
    fence: u32,
    /// NULL if there is nothing to run.
    private: *mut Private,
    start: u32,
    end: u32,
    paging: bool,
}

/// What a bad driver's engine does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Fault {
    None,
    /// Reports the fence after the one that was completed.
    WrongFence,
    /// Reports each fence twice.
    Twice,
    /// Reports another node.
    WrongNode,
    /// Reports no completion until it is asked.
    Silent,
    /// Is silent, and reports nothing when it is asked.
    Mute,
    /// Never reports a preemption.
    NoPreemption,
    /// Reports another preemption than the one that was asked for.
    WrongPreemption,
    /// Reports that more is completed than is, when it is preempted.
    PreemptedTooMuch,
    /// Reports a fault of every buffer, which is not a driver's to report.
    Faulting,
    /// Stands still at the first buffer of a context.
    Hung,
    /// Stands still at paging.
    HungPaging,
    /// A preempted buffer begins again.
    ForgetsProgress,
    /// A reset leaves the queue as it is.
    IgnoresReset,
}

/// The engine. The machine keeps it for as long as it lives itself.
pub struct Engine {
    queue: Mutex<Queue>,
    fault: AtomicU32,
    context: AtomicPtr<Context>,
}

#[derive(Default)]
struct Queue {
    submitted: VecDeque<Submitted>,
    last: u32,
    completed: u32,
    reported: u32,
    preemption: Option<u32>,
}

// SAFETY: private data are touched under the lock, while the port waits for the submission.
unsafe impl Send for Queue {}

impl Engine {
    pub fn new() -> Self {
        Self {
            queue: Mutex::default(),
            fault: AtomicU32::new(Fault::None as u32),
            context: AtomicPtr::default(),
        }
    }

    /// It works for that adapter from now on, or for none.
    pub fn attach(&self, context: *mut Context) {
        self.context.store(context, Ordering::Release);
        *self.queue.lock().unwrap() = Queue::default();
    }

    pub fn set_fault(&self, fault: Fault) {
        self.fault.store(fault as u32, Ordering::Relaxed);
    }

    pub fn has(&self, fault: Fault) -> bool {
        self.fault.load(Ordering::Relaxed) == fault as u32
    }

    /// A command, or a report. Does nothing if it is at it already.
    pub fn step(&self) {
        let context = self.context.load(Ordering::Acquire);
        let Some(context) = (unsafe { context.as_ref() }) else {
            return;
        };
        let Ok(mut queue) = self.queue.try_lock() else {
            return;
        };
        if let Some(fence) = queue.preemption {
            if self.has(Fault::NoPreemption) || self.hangs(&queue) {
                return;
            }
            queue.preemption = None;
            if self.has(Fault::ForgetsProgress) {
                for packet in queue
                    .submitted
                    .iter()
                    .filter(|packet| !packet.private.is_null())
                {
                    unsafe { (*packet.private).progress = packet.start };
                }
            }
            queue.submitted.clear();
            let last = queue.completed;
            drop(queue);
            self.report_preempted(context, fence, last);
            return;
        }
        if self.hangs(&queue) {
            return;
        }
        let Some(packet) = queue.submitted.front() else {
            return;
        };
        if let Some(private) = unsafe { packet.private.as_mut() } {
            let at = private.progress.max(packet.start);
            if at < packet.end {
                let command = unsafe { Command::read(private.address.wrapping_add(at as usize)) };
                commands::run(context, &command);
                private.progress = at + COMMAND_BYTES;
                return;
            }
        }
        let fence = packet.fence;
        queue.submitted.pop_front();
        queue.completed = fence;
        drop(queue);
        if self.has(Fault::Faulting) {
            let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
            data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_FAULTED;
            data.u0.DmaFaulted.FaultedFenceId = fence;
            at_interrupt(context, &mut data);
        } else if !self.has(Fault::Silent) && !self.has(Fault::Mute) {
            self.report_completed(context, fence);
        }
    }

    fn hangs(&self, queue: &Queue) -> bool {
        let first = queue.submitted.front();
        let paging = first.is_some_and(|packet| packet.paging);
        self.has(Fault::Hung) && first.is_some() || self.has(Fault::HungPaging) && paging
    }

    fn report_completed(&self, context: &Context, fence: u32) {
        self.queue.lock().unwrap().reported = fence;
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED;
        data.u0.DmaCompleted = DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaCompleted {
            SubmissionFenceId: fence + u32::from(self.has(Fault::WrongFence)) * 1000,
            NodeOrdinal: u32::from(self.has(Fault::WrongNode)),
            EngineOrdinal: 0,
        };
        at_interrupt(context, &mut data);
        if self.has(Fault::Twice) {
            at_interrupt(context, &mut data);
        }
    }

    fn report_preempted(&self, context: &Context, fence: u32, last: u32) {
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_PREEMPTED;
        data.u0.DmaPreempted = DXGKARGCB_NOTIFY_INTERRUPT_DATA_DmaPreempted {
            PreemptionFenceId: fence + u32::from(self.has(Fault::WrongPreemption)) * 1000,
            LastCompletedFenceId: last + u32::from(self.has(Fault::PreemptedTooMuch)) * 1000,
            NodeOrdinal: 0,
            EngineOrdinal: 0,
        };
        at_interrupt(context, &mut data);
    }

    pub fn submit(&self, argument: &DXGKARG_SUBMITCOMMAND) {
        let nothing = argument
            .Flags
            .contains(DXGK_SUBMITCOMMANDFLAGS::NullRendering)
            || argument.DmaBufferPrivateDataSize == 0
            || argument.DmaBufferSubmissionStartOffset == argument.DmaBufferSubmissionEndOffset;
        let private = argument.pDmaBufferPrivateData.cast::<u8>();
        let private =
            private.wrapping_add(argument.DmaBufferPrivateDataSubmissionStartOffset as usize);
        let mut queue = self.queue.lock().unwrap();
        queue.last = queue.last.max(argument.SubmissionFenceId);
        queue.submitted.push_back(Submitted {
            fence: argument.SubmissionFenceId,
            private: if nothing {
                std::ptr::null_mut()
            } else {
                private.cast()
            },
            start: argument.DmaBufferSubmissionStartOffset,
            end: argument.DmaBufferSubmissionEndOffset,
            paging: argument.Flags.contains(DXGK_SUBMITCOMMANDFLAGS::Paging),
        });
    }

    /// Preempts; reports at once if there is nothing to preempt.
    pub fn preempt(&self, context: &Context, fence: u32) {
        let mut queue = self.queue.lock().unwrap();
        if !queue.submitted.is_empty() || self.has(Fault::NoPreemption) {
            queue.preemption = Some(fence);
            return;
        }
        let last = queue.completed;
        drop(queue);
        self.report_preempted(context, fence, last);
    }

    /// The last fence that was completed, after a report of it if there was none.
    pub fn current_fence(&self, context: &Context) -> u32 {
        let queue = self.queue.lock().unwrap();
        let (completed, reported) = (queue.completed, queue.reported);
        drop(queue);
        if self.has(Fault::Silent) && reported < completed {
            self.report_completed(context, completed);
        }
        completed
    }

    /// Gives up what it runs and all behind it; the fence of the first.
    pub fn reset(&self, all: bool) -> u32 {
        let mut queue = self.queue.lock().unwrap();
        queue.preemption = None;
        let first = queue.submitted.front().map(|packet| packet.fence);
        if self.has(Fault::IgnoresReset) {
            return first.unwrap_or(queue.completed);
        }
        queue.submitted.clear();
        queue.completed = if all {
            queue.last
        } else {
            first.unwrap_or(queue.completed)
        };
        queue.completed
    }
}

struct Told<'a> {
    context: &'a Context,
    data: &'a mut DXGKARGCB_NOTIFY_INTERRUPT_DATA,
}

ddi_fn! {
    unsafe fn tell(told: PVOID) -> BOOLEAN {
        let told = unsafe { &mut *told.cast::<Told>() };
        notify(told.context, told.data);
        queue_dpc(told.context);
        1
    }
}

/// NotifyInterrupt and QueueDpc, with the interrupt line or where it would be.
pub fn at_interrupt(context: &Context, data: &mut DXGKARGCB_NOTIFY_INTERRUPT_DATA) {
    let synchronize = context.interface.DxgkCbSynchronizeExecution.unwrap();
    let mut told = Told { context, data };
    let pointer: PVOID = (&raw mut told).cast();
    let mut answer = 0;
    let device = context.interface.DeviceHandle;
    let status = unsafe { synchronize(device, Some(tell), pointer, 0, &raw mut answer) };
    if status < 0 {
        let before = machine::irql();
        machine::set_irql(INTERRUPT_LEVEL);
        unsafe { tell(pointer) };
        machine::set_irql(before);
    }
}
