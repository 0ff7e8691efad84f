//! SubmitCommand, PreemptCommand, CancelCommand and QueryCurrentFence (contract: X5, X6, X8).

use core::ffi::{CStr, c_void};
use core::ptr::{self, NonNull};

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_SUBMITCOMMANDFLAGS, DXGKARG_CANCELCOMMAND, DXGKARG_PREEMPTCOMMAND,
    DXGKARG_QUERYCURRENTFENCE, DXGKARG_SUBMITCOMMAND,
};

use super::handles;
use super::recorded::callbacks;
use crate::engine::private;
use crate::engine::queue::Job;
use crate::kernel::irql::{Dispatch, Passive};
use crate::kernel::{KernelBuffer, complain};

type Flags = DXGK_SUBMITCOMMANDFLAGS;

callbacks! {
    /// `DxgkDdiSubmitCommand`: enters a buffer into the engine's queue. `DISPATCH_LEVEL`. It does not fail, since
    /// Windows would stop (contract: B2.12): what is for no engine of this driver's is lost, which the scheduler
    /// finds out as a hang; a buffer whose private data are wrong is refused by the engine, which then stands
    /// still at it.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads. The buffer and its private data stay until the
    /// submission has been reported as completed or preempted, or was reset.
    #[traced(c"SubmitCommand", failures)]
    pub unsafe fn submit_command(
        context: *mut c_void,
        argument: *const DXGKARG_SUBMITCOMMAND,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Dispatch::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return lost(c"SubmitCommand", c"hAdapter", 0);
        };
        if argument.NodeOrdinal != 0 {
            return lost(c"SubmitCommand", c"NodeOrdinal", argument.NodeOrdinal);
        }
        // SAFETY: dxgkrnl's buffer and private data, which stay as the engine needs them.
        let job = unsafe { job(argument) };
        adapter.engine.submit(job, irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiPreemptCommand`: what is in the queue is given up, what is executed stops at its next step;
    /// an idle engine answers in this call. `DISPATCH_LEVEL`. As SubmitCommand it does not fail.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads.
    #[traced(c"PreemptCommand")]
    pub unsafe fn preempt_command(
        context: *mut c_void,
        argument: *const DXGKARG_PREEMPTCOMMAND,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Dispatch::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return lost(c"PreemptCommand", c"hAdapter", 0);
        };
        if (argument.NodeOrdinal, argument.EngineOrdinal) != (0, 0) {
            return lost(c"PreemptCommand", c"NodeOrdinal", argument.NodeOrdinal);
        }
        adapter.engine.preempt(argument.PreemptionFenceId, irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiCancelCommand`: a buffer will not be submitted again. What the driver keeps of one is in its
    /// private data alone: where it lies and how far it came, which is forgotten here.
    /// `PASSIVE_LEVEL`. As SubmitCommand it does not fail.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, and the private data that it names for reads and
    /// writes. The buffer is not in the engine's queue.
    #[traced(c"CancelCommand")]
    pub unsafe fn cancel_command(
        context: *mut c_void,
        argument: *const DXGKARG_CANCELCOMMAND,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(_), Some(argument)) = (adapter, argument) else {
            return lost(c"CancelCommand", c"hAdapter", 0);
        };
        let data = PrivateData {
            first: argument.pDmaBufferPrivateData,
            bytes: argument.DmaBufferPrivateDataSize,
            begin: argument.DmaBufferPrivateDataSubmissionStartOffset,
            end: argument.DmaBufferPrivateDataSubmissionEndOffset,
        };
        // SAFETY: dxgkrnl's private data.
        if let Some((_, blocks)) = unsafe { data.blocks() } {
            let mut at = 0;
            while blocks.write(at, &[0; private::BYTES]) {
                at = at.saturating_add(private::BYTES);
            }
        }
        STATUS_SUCCESS
    }

    /// `DxgkDdiQueryCurrentFence`: the fence of the last buffer that is completed, which is reported before
    /// this returns, should that have been missed. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"QueryCurrentFence")]
    pub unsafe fn query_current_fence(
        context: *mut c_void,
        argument: *mut DXGKARG_QUERYCURRENTFENCE,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else uses during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return bad(c"QueryCurrentFence", c"hAdapter", 0);
        };
        if (argument.NodeOrdinal, argument.EngineOrdinal) != (0, 0) {
            return bad(c"QueryCurrentFence", c"NodeOrdinal", argument.NodeOrdinal);
        }
        argument.CurrentFence = adapter.engine.current_fence(irql);
        STATUS_SUCCESS
    }
}

/// Private data as an argument names them.
struct PrivateData {
    first: *mut c_void,
    /// How many there are.
    bytes: u32,
    /// Those of the submission.
    begin: u32,
    end: u32,
}

impl PrivateData {
    /// All of them, and the blocks of the submission; `None` if there are none.
    ///
    /// # Safety
    ///
    /// So many bytes are good for reads and writes for as long as the result is used, if there is an
    /// address.
    unsafe fn blocks(&self) -> Option<(KernelBuffer<'static>, KernelBuffer<'static>)> {
        let first = NonNull::new(self.first.cast::<u8>())?;
        let length = usize::try_from(self.bytes).ok()?;
        // SAFETY: the caller vouches for so many bytes.
        let all = unsafe { KernelBuffer::new(first, length) };
        let begin = usize::try_from(self.begin).ok()?;
        let bytes = usize::try_from(self.end.checked_sub(self.begin)?).ok()?;
        let blocks = all.part(begin, bytes)?;
        (bytes > 0).then_some((all, blocks))
    }
}

/// What is to be executed. What is wrong in itself becomes a job without a buffer, which the engine
/// refuses.
///
/// # Safety
///
/// The buffer and its private data stay until the submission has been reported as completed or
/// preempted, or was reset.
unsafe fn job(argument: &DXGKARG_SUBMITCOMMAND) -> Job {
    let fence = argument.SubmissionFenceId;
    let (begin, end) = (
        argument.DmaBufferSubmissionStartOffset,
        argument.DmaBufferSubmissionEndOffset,
    );
    let skipped = Flags::NullRendering | Flags::ContextSwitch;
    if argument.Flags.intersects(skipped) || begin == end || argument.DmaBufferPrivateDataSize == 0
    {
        return Job::nothing(fence);
    }
    let data = PrivateData {
        first: argument.pDmaBufferPrivateData,
        bytes: argument.DmaBufferPrivateDataSize,
        begin: argument.DmaBufferPrivateDataSubmissionStartOffset,
        end: argument.DmaBufferPrivateDataSubmissionEndOffset,
    };
    // SAFETY: the caller's contract.
    let Some((all, blocks)) = (unsafe { data.blocks() }) else {
        complain(
            c"SubmitCommand",
            c"DmaBufferPrivateDataSubmissionEndOffset",
            data.end.into(),
            c"no private data there, so there is nothing to execute",
        );
        return Job::nothing(fence);
    };
    let refused = Job {
        fence,
        begin,
        end,
        buffer: KernelBuffer::empty(),
        blocks,
    };
    if begin > end || end > argument.DmaBufferSize {
        return refused;
    }
    let mut first = [0; private::BYTES];
    if !all.read(0, &mut first) {
        return refused;
    }
    // The first block is that of the buffer's first record.
    let Ok(first) = private::read(&first) else {
        return refused;
    };
    let address = usize::try_from(first.address).ok();
    let address = address.map(ptr::with_exposed_provenance_mut::<u8>);
    let bytes = usize::try_from(argument.DmaBufferSize).ok();
    match address.and_then(NonNull::new).zip(bytes) {
        Some((address, bytes)) => Job {
            // SAFETY: the address is of the driver's own private data, which hold together: it is where
            // dxgkrnl's buffer of so many bytes begins.
            buffer: unsafe { KernelBuffer::new(address, bytes) },
            ..refused
        },
        None => refused,
    }
}

fn bad(call: &'static CStr, field: &'static CStr, value: u32) -> i32 {
    let _ = lost(call, field, value);
    STATUS_INVALID_PARAMETER
}

/// The same where no error may be returned.
fn lost(call: &'static CStr, field: &'static CStr, value: u32) -> i32 {
    complain(
        call,
        field,
        value.into(),
        c"no adapter of this driver, a NULL, or an ordinal that is not 0",
    );
    STATUS_SUCCESS
}
