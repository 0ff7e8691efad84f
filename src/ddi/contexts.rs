//! CreateContext and DestroyContext (contract: X2).

use core::ffi::c_void;

use dxgk_sys::DXGKARG_CREATECONTEXT;
use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};

use super::recorded::callbacks;
use super::{handles, status};
use crate::engine::context::{
    self, ALLOCATIONS, Call, DMA_BUFFER_BYTES, Error, PATCH_LOCATIONS, PRIVATE_BYTES,
};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

callbacks! {
    /// `DxgkDdiCreateContext`: as many contexts as there is memory for. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"CreateContext")]
    pub unsafe fn create_context(
        device: *mut c_void,
        argument: *mut DXGKARG_CREATECONTEXT,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let device = unsafe { handles::device(device, irql) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some((adapter, device)), Some(argument)) = (device, argument) else {
            complain(c"CreateContext", c"hDevice", 0, c"no device of this driver");
            return status::of(Err(Error::Mismatch));
        };
        let call = Call {
            node: argument.NodeOrdinal,
            engines: argument.EngineAffinity,
            flags: argument.Flags,
            private_bytes: argument.PrivateDriverDataSize,
        };
        let handle = match context::create(adapter, &device, &call, irql) {
            Ok(handle) => handle,
            Err(error) => return status::of(Err(error)),
        };
        argument.hContext = handle.as_ptr();
        // Member by member: the record of WDDM 1.3 ends with `Reserved`.
        let info = &mut argument.ContextInfo;
        info.DmaBufferSize = DMA_BUFFER_BYTES;
        info.DmaBufferSegmentSet = 0;
        info.DmaBufferPrivateDataSize = PRIVATE_BYTES;
        info.AllocationListSize = ALLOCATIONS;
        info.PatchLocationListSize = PATCH_LOCATIONS;
        info.Reserved = 0;
        STATUS_SUCCESS
    }

    /// `DxgkDdiDestroyContext`: none of its buffers is in the engine any more. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"DestroyContext")]
    pub unsafe fn destroy_context(handle: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let found = unsafe { handles::context(handle, irql) };
        // The context must not be held while it is removed.
        let adapter = found.map(|(adapter, _)| adapter);
        let Some(adapter) = adapter else {
            complain(c"DestroyContext", c"hContext", 0, c"no context of this driver");
            return STATUS_INVALID_PARAMETER;
        };
        match adapter.contexts.remove(handle, irql) {
            Ok(context) => {
                context::forget(adapter, context, irql);
                STATUS_SUCCESS
            }
            Err(wrong) => {
                complain(c"DestroyContext", c"hContext", 0, wrong.why());
                STATUS_INVALID_PARAMETER
            }
        }
    }
}
