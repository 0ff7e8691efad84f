//! Hangs: what the engine says of itself, resets, and the debug report (contract: T1, T2, X9).

use core::ffi::{CStr, c_void};
use core::ptr::NonNull;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    DXGK_ENGINESTATUS, DXGKARG_COLLECTDBGINFO, DXGKARG_QUERYDEPENDENTENGINEGROUP,
    DXGKARG_QUERYENGINESTATUS, DXGKARG_RESETENGINE,
};
use zerocopy::IntoBytes;

use super::handles;
use super::recorded::callbacks;
use crate::kernel::irql::Passive;
use crate::kernel::{complain, note};

/// The one node, as a mask.
const NODES: u64 = 1;

callbacks! {
    /// `DxgkDdiQueryEngineStatus`: whether the engine is idle or makes progress. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"QueryEngineStatus")]
    pub unsafe fn query_engine_status(
        context: *mut c_void,
        argument: *mut DXGKARG_QUERYENGINESTATUS,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else uses during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return bad(c"QueryEngineStatus", c"hAdapter", 0);
        };
        if (argument.NodeOrdinal, argument.EngineOrdinal) != (0, 0) {
            return bad(c"QueryEngineStatus", c"NodeOrdinal", argument.NodeOrdinal);
        }
        argument.EngineStatus = if adapter.engine.is_responsive(irql) {
            DXGK_ENGINESTATUS::Responsive
        } else {
            DXGK_ENGINESTATUS::empty()
        };
        STATUS_SUCCESS
    }

    /// `DxgkDdiQueryDependentEngineGroup`: a reset of the node resets that node. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"QueryDependentEngineGroup")]
    pub unsafe fn query_dependent_engine_group(
        context: *mut c_void,
        argument: *mut DXGKARG_QUERYDEPENDENTENGINEGROUP,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else uses during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(_), Some(argument)) = (adapter, argument) else {
            return bad(c"QueryDependentEngineGroup", c"hAdapter", 0);
        };
        if (argument.NodeOrdinal, argument.EngineOrdinal) != (0, 0) {
            return bad(c"QueryDependentEngineGroup", c"NodeOrdinal", argument.NodeOrdinal);
        }
        argument.DependentNodeOrdinalMask = NODES;
        STATUS_SUCCESS
    }

    /// `DxgkDdiResetEngine`: gives up the buffer under way and empties the queue. When it returns nothing
    /// of that touches memory, and buffers are taken again. `PASSIVE_LEVEL`.
    ///
    /// `STATUS_UNSUCCESSFUL` if within 2 s the engine does not leave memory alone, or no thread of it comes where
    /// none has come since the reset before: dxgkrnl resets the adapter then (contract: G60).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"ResetEngine")]
    pub unsafe fn reset_engine(context: *mut c_void, argument: *mut DXGKARG_RESETENGINE) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else uses during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return bad(c"ResetEngine", c"hAdapter", 0);
        };
        if (argument.NodeOrdinal, argument.EngineOrdinal) != (0, 0) {
            return bad(c"ResetEngine", c"NodeOrdinal", argument.NodeOrdinal);
        }
        let Ok(aborted) = adapter.engine.reset_engine(irql) else {
            return STATUS_UNSUCCESSFUL;
        };
        note(c"ResetEngine", c"LastAbortedFenceId", aborted.into());
        argument.LastAbortedFenceId = aborted;
        STATUS_SUCCESS
    }

    /// `DxgkDdiResetFromTimeout`: gives up all that was submitted. When it returns the engine touches no
    /// memory. `PASSIVE_LEVEL`, while no other DDI of the adapter runs. It does not fail (contract: B2.12).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"ResetFromTimeout")]
    pub unsafe fn reset_from_timeout(context: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return lost(c"ResetFromTimeout", c"hAdapter", 0);
        };
        adapter.engine.reset_adapter(irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiRestartFromTimeout`: Windows has cleaned up and uses the engine again. `PASSIVE_LEVEL`. It does not
    /// fail (contract: B2.12).
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"RestartFromTimeout")]
    pub unsafe fn restart_from_timeout(context: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return lost(c"RestartFromTimeout", c"hAdapter", 0);
        };
        adapter.engine.restart(irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiCollectDbgInfo`: as much of [`DebugReport`](crate::engine::report::DebugReport) as there is
    /// room for, whatever the reason; no byte beyond it is touched. Any IRQL: atomics alone.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, its buffer for writes of so many bytes as it says, its
    /// extension, if there is one, for writes.
    #[traced(c"CollectDbgInfo")]
    pub unsafe fn collect_dbg_info(
        context: *mut c_void,
        argument: *const DXGKARG_COLLECTDBGINFO,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return STATUS_UNSUCCESSFUL;
        };
        let report = adapter.engine.debug_report();
        if let Some(to) = NonNull::new(argument.pBuffer.cast::<u8>()) {
            let from = report.as_bytes();
            let bytes = from.len().min(argument.BufferSize);
            // SAFETY: so many bytes are in the report, and there is room for them.
            unsafe { to.as_ptr().copy_from_nonoverlapping(from.as_ptr(), bytes) };
        }
        if let Some(extension) = NonNull::new(argument.pExtension) {
            let extension = extension.as_ptr();
            // SAFETY: dxgkrnl's extension.
            unsafe { (*extension).BucketingKey = report.trouble };
            // SAFETY: as above.
            unsafe { (*extension).CurrentDmaBufferOffset = report.offset };
        }
        STATUS_SUCCESS
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
