//! Bad drivers of memory and the engine.

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_INVALID_USER_BUFFER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_BUILDPAGINGBUFFER_OPERATION as Operation, DXGK_SUBMITCOMMANDFLAGS as Flags,
    DXGKARG_BUILDPAGINGBUFFER, DXGKARG_PATCH, DXGKARG_RENDER, DXGKARG_RESETENGINE,
    DXGKARG_SUBMITCOMMAND, ddi_fn,
};
use vmdisp::engine::private::{self, Position};

use super::real;

/// vmdisp's own SubmitCommand.
///
/// # Safety
///
/// As the DDI.
unsafe fn submit(context: *mut c_void, argument: *const DXGKARG_SUBMITCOMMAND) -> i32 {
    let submit = real().DxgkDdiSubmitCommand.expect("it is in the table");
    // SAFETY: the caller's contract.
    unsafe { submit(context, argument) }
}

/// BuildPagingBuffer, but for operations of that kind, which succeed and do nothing.
///
/// # Safety
///
/// As the DDI.
unsafe fn page_without(
    kind: Operation,
    context: *mut c_void,
    argument: *mut DXGKARG_BUILDPAGINGBUFFER,
) -> i32 {
    // SAFETY: the caller's contract.
    if unsafe { (*argument).Operation } == kind {
        return STATUS_SUCCESS;
    }
    let build = real().DxgkDdiBuildPagingBuffer.expect("it is in the table");
    // SAFETY: the caller's contract.
    unsafe { build(context, argument) }
}

ddi_fn! {
    pub(super) unsafe fn execute_nothing(
        context: *mut c_void,
        argument: *const DXGKARG_SUBMITCOMMAND,
    ) -> i32 {
        // SAFETY: the port's argument.
        let mut argument = unsafe { argument.read() };
        if !argument.Flags.contains(Flags::Paging) {
            argument.Flags |= Flags::NullRendering;
        }
        // SAFETY: the port's call.
        unsafe { submit(context, &raw const argument) }
    }

    pub(super) unsafe fn begin_again(
        context: *mut c_void,
        argument: *const DXGKARG_SUBMITCOMMAND,
    ) -> i32 {
        // SAFETY: the port's argument.
        let copy = unsafe { argument.read() };
        let first = copy.pDmaBufferPrivateData.cast::<[u8; private::BYTES]>();
        if !copy.Flags.contains(Flags::Paging) && copy.DmaBufferPrivateDataSize >= 64 {
            // SAFETY: the port's private data have so many bytes.
            let block = unsafe { first.read_unaligned() };
            if let Ok(mut known) = private::read(&block) {
                known.position = Position::default();
                // SAFETY: as above.
                unsafe { first.write_unaligned(private::encode(&known)) };
            }
        }
        // SAFETY: the port's call.
        unsafe { submit(context, argument) }
    }

    pub(super) unsafe fn patch_nothing(_context: *mut c_void, _argument: *const DXGKARG_PATCH) -> i32 {
        STATUS_SUCCESS
    }

    pub(super) unsafe fn transfer_nothing(
        context: *mut c_void,
        argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    ) -> i32 {
        // SAFETY: the port's call.
        unsafe { page_without(Operation::DXGK_OPERATION_TRANSFER, context, argument) }
    }

    pub(super) unsafe fn unmap_nothing(
        context: *mut c_void,
        argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    ) -> i32 {
        // SAFETY: the port's call.
        unsafe { page_without(Operation::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT, context, argument) }
    }

    pub(super) unsafe fn blame_a_parameter(
        context: *mut c_void,
        argument: *mut DXGKARG_RENDER,
    ) -> i32 {
        let render = real().DxgkDdiRender.expect("it is in the table");
        // SAFETY: the port's call.
        match unsafe { render(context, argument) } {
            STATUS_INVALID_USER_BUFFER => STATUS_INVALID_PARAMETER,
            status => status,
        }
    }

    pub(super) unsafe fn forgive_the_guilty(
        context: *mut c_void,
        argument: *mut DXGKARG_RESETENGINE,
    ) -> i32 {
        let reset = real().DxgkDdiResetEngine.expect("it is in the table");
        // SAFETY: the port's call.
        let status = unsafe { reset(context, argument) };
        // SAFETY: the port's argument, which nobody else uses during the call.
        let argument = unsafe { &mut *argument };
        argument.LastAbortedFenceId = argument.LastAbortedFenceId.saturating_sub(1);
        status
    }
}
