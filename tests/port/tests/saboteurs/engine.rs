//! Bad drivers of contexts, buffers, submission and escapes.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::contexts as good;
use super::with;

/// A callback that does what the good one does, and then something else with its argument.
macro_rules! after {
    ($($name:ident $good:ident ($argument:ident: $type:ty, $status:ident) $body:block)*) => {
        ddi_fn! {
            $(pub(super) unsafe fn $name(handle: HANDLE, $argument: *mut $type) -> NTSTATUS {
                #[allow(unused_mut, unused_assignments)]
                let mut $status = unsafe { good::$good(handle, $argument) };
                #[allow(unused_variables)]
                let $argument = unsafe { &mut *$argument };
                $body
                $status
            })*
        }
    };
}
pub(super) use after;

/// The same for arguments that are read only.
macro_rules! refuses {
    ($($name:ident $good:ident $type:ty, $status:expr;)*) => {
        ddi_fn! {
            $(pub(super) unsafe fn $name(handle: HANDLE, argument: *const $type) -> NTSTATUS {
                unsafe { good::$good(handle, argument) };
                $status
            })*
        }
    };
}

after! {
    from_memory create_context (argument: DXGKARG_CREATECONTEXT, status) {
        argument.ContextInfo.DmaBufferSegmentSet = 1;
    }
    for_short_gdi create_context (argument: DXGKARG_CREATECONTEXT, status) {
        argument.ContextInfo.AllocationListSize = 128;
    }
    reserved_info create_context (argument: DXGKARG_CREATECONTEXT, status) {
        argument.ContextInfo.Reserved = 7;
    }
    behind_the_info create_context (argument: DXGKARG_CREATECONTEXT, status) {
        argument.ContextInfo.PagingCompanionNodeId = 0;
    }
    other_node create_context (argument: DXGKARG_CREATECONTEXT, status) {
        argument.NodeOrdinal = 1;
    }
    renders_oddly render (argument: DXGKARG_RENDER, status) {
        status = STATUS_NOT_SUPPORTED;
    }
    renders_too_much render (argument: DXGKARG_RENDER, status) {
        argument.pDmaBuffer = argument.pDmaBuffer.cast::<u8>().wrapping_add(1 << 20).cast();
    }
    renders_private_too_much render (argument: DXGKARG_RENDER, status) {
        argument.pDmaBufferPrivateData = argument.pDmaBufferPrivateData.cast::<u8>().wrapping_add(65).cast();
    }
    renders_behind render (argument: DXGKARG_RENDER, status) {
        // Where the buffer began: the good one keeps it in the private data.
        let end = argument.DmaSize as usize;
        let start = unsafe { *argument.pDmaBufferPrivateData.cast::<*mut u8>().add(1) };
        unsafe { start.wrapping_add(end + 3).write(0) };
    }
    renders_into_its_list render (argument: DXGKARG_RENDER, status) {
        unsafe { (*argument.pAllocationList).hDeviceSpecificAllocation = std::ptr::null_mut() };
    }
    names_no_allocation render (argument: DXGKARG_RENDER, status) {
        bend(argument, |patch| patch.AllocationIndex = 99);
    }
    patches_behind render (argument: DXGKARG_RENDER, status) {
        bend(argument, |patch| patch.PatchOffset = 8192);
    }
    splits_backwards render (argument: DXGKARG_RENDER, status) {
        let count = unsafe { argument.pPatchLocationListOut.sub(1) };
        if status == STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER {
            unsafe { (*count).SplitOffset = 0 };
        }
    }
    uses_other_slots render (argument: DXGKARG_RENDER, status) {
        bend(argument, |patch| patch.u0.set_SlotId(2));
    }
    presents_oddly present (argument: DXGKARG_PRESENT, status) {
        status = STATUS_INVALID_PARAMETER;
    }
    presents_too_much present (argument: DXGKARG_PRESENT, status) {
        if !argument.pDmaBuffer.is_null() {
            argument.pDmaBuffer = argument.pDmaBuffer.cast::<u8>().wrapping_add(1 << 20).cast();
        }
    }
    presents_elsewhere present (argument: DXGKARG_PRESENT, status) {
        argument.DstRect.left += 1;
    }
    current_fence_unset query_current_fence (argument: DXGKARG_QUERYCURRENTFENCE, status) {
        argument.NodeOrdinal = 2;
    }
}

refuses! {
    fails_to_patch patch DXGKARG_PATCH, STATUS_NO_MEMORY;
    fails_to_submit submit_command DXGKARG_SUBMITCOMMAND, STATUS_NO_MEMORY;
    fails_to_preempt preempt_command DXGKARG_PREEMPTCOMMAND, STATUS_NO_MEMORY;
    fails_to_cancel cancel_command DXGKARG_CANCELCOMMAND, STATUS_NO_MEMORY;
    escapes_oddly escape DXGKARG_ESCAPE, STATUS_NOT_SUPPORTED;
}

/// Changes the first patch location of a buffer that is full.
fn bend(argument: &DXGKARG_RENDER, change: impl FnOnce(&mut D3DDDI_PATCHLOCATIONLIST)) {
    let written = argument.MultipassOffset != 0 && argument.PatchLocationListInSize != 0;
    if written {
        unsafe { change(&mut *argument.pPatchLocationListOut.sub(1)) };
    }
}

ddi_fn! {
    unsafe fn without_a_handle(_device: HANDLE, argument: *mut DXGKARG_CREATECONTEXT) -> NTSTATUS {
        let info = unsafe { &mut (*argument).ContextInfo };
        info.DmaBufferSize = 4096;
        info.DmaBufferSegmentSet = 0;
        info.DmaBufferPrivateDataSize = 64;
        info.AllocationListSize = 256;
        info.PatchLocationListSize = 128;
        info.Reserved = 0;
        STATUS_SUCCESS
    }

    unsafe fn refuses_contexts(_device: HANDLE, _argument: *mut DXGKARG_CREATECONTEXT) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn renders_for_ever(_context: HANDLE, _argument: *mut DXGKARG_RENDER) -> NTSTATUS {
        STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER
    }

    unsafe fn presents_for_ever(_context: HANDLE, _argument: *mut DXGKARG_PRESENT) -> NTSTATUS {
        STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER
    }

    unsafe fn fails_to_destroy(handle: HANDLE) -> NTSTATUS {
        unsafe { good::destroy_context(handle) };
        STATUS_UNSUCCESSFUL
    }

    unsafe fn patch_writes_behind(this: HANDLE, argument: *const DXGKARG_PATCH) -> NTSTATUS {
        let patch = unsafe { &*argument };
        unsafe { patch.pDmaBuffer.cast::<u8>().wrapping_add(patch.DmaBufferSize as usize).write(1) };
        unsafe { good::patch(this, argument) }
    }

    unsafe fn submit_lowers(this: HANDLE, argument: *const DXGKARG_SUBMITCOMMAND) -> NTSTATUS {
        let status = unsafe { good::submit_command(this, argument) };
        super::common::machine::set_irql(0);
        status
    }

    unsafe fn collects_too_much(_this: HANDLE, argument: *const DXGKARG_COLLECTDBGINFO) -> NTSTATUS {
        let argument = unsafe { &*argument };
        unsafe { argument.pBuffer.cast::<u8>().write_bytes(0x1D, argument.BufferSize + 1) };
        STATUS_SUCCESS
    }

    unsafe fn collects_oddly(_this: HANDLE, _argument: *const DXGKARG_COLLECTDBGINFO) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn escape_writes_behind(_this: HANDLE, argument: *const DXGKARG_ESCAPE) -> NTSTATUS {
        let argument = unsafe { &*argument };
        if !argument.pPrivateDriverData.is_null() {
            let bytes = argument.PrivateDriverDataSize as usize;
            unsafe { argument.pPrivateDriverData.cast::<u8>().wrapping_add(bytes).write(1) };
        }
        STATUS_INVALID_PARAMETER
    }

    unsafe fn escape_answers_anything(_this: HANDLE, argument: *const DXGKARG_ESCAPE) -> NTSTATUS {
        let argument = unsafe { &*argument };
        if !argument.pPrivateDriverData.is_null() {
            unsafe { argument.pPrivateDriverData.cast::<u8>().write(1) };
        }
        STATUS_SUCCESS
    }

    unsafe fn all_nodes(this: HANDLE, _node: UINT, metadata: *mut DXGKARG_GETNODEMETADATA) -> NTSTATUS {
        unsafe { good::get_node_metadata(this, 0, metadata) }
    }

}

bad_drivers! {
    contexts_have_no_handle breaks "X2" saying "hContext" => with(|table| {
        table.DxgkDdiCreateContext = Some(without_a_handle);
        table.DxgkDdiDestroyContext = Some(fails_to_destroy_nothing);
    });
    contexts_are_refused breaks "G6" "X2" saying "0xc000000d" => with(|table| {
        table.DxgkDdiCreateContext = Some(refuses_contexts);
    });
    dma_buffers_are_in_memory breaks "X2" saying "no aperture" => with(|table| {
        table.DxgkDdiCreateContext = Some(from_memory);
    });
    gdi_has_few_allocations breaks "X2" saying "GDI" => with(|table| {
        table.DxgkDdiCreateContext = Some(for_short_gdi);
    });
    context_info_is_reserved breaks "X2" saying "Reserved" => with(|table| {
        table.DxgkDdiCreateContext = Some(reserved_info);
    });
    context_info_is_too_long breaks "B2.13" saying "24 bytes" => with(|table| {
        table.DxgkDdiCreateContext = Some(behind_the_info);
    });
    contexts_change_their_node breaks "B2.13" saying "[in]" => with(|table| {
        table.DxgkDdiCreateContext = Some(other_node);
    });
    contexts_stay breaks "X2" saying "0xc0000001" => with(|table| {
        table.DxgkDdiDestroyContext = Some(fails_to_destroy);
    });
    render_returns_what_it_may_not breaks "G6" "X3" saying "not on the page" => with(|table| {
        table.DxgkDdiRender = Some(renders_oddly);
    });
    render_takes_more_than_the_buffer breaks "X3" saying "pDmaBuffer is" => with(|table| {
        table.DxgkDdiRender = Some(renders_too_much);
    });
    render_takes_more_private_data breaks "X3" saying "pDmaBufferPrivateData is" => with(|table| {
        table.DxgkDdiRender = Some(renders_private_too_much);
    });
    render_writes_behind_the_buffer breaks "X3" saying "behind the DMA buffer" => with(|table| {
        table.DxgkDdiRender = Some(renders_behind);
    });
    render_gets_nowhere breaks "X3" saying "nothing done" => with(|table| {
        table.DxgkDdiRender = Some(renders_for_ever);
    });
    render_writes_its_list breaks "B2.13" saying "allocation list" => with(|table| {
        table.DxgkDdiRender = Some(renders_into_its_list);
    });
    a_patch_location_names_nothing breaks "X4" saying "AllocationIndex" => with(|table| {
        table.DxgkDdiRender = Some(names_no_allocation);
    });
    a_patch_location_is_outside breaks "X4" saying "PatchOffset" => with(|table| {
        table.DxgkDdiRender = Some(patches_behind);
    });
    split_points_go_backwards breaks "X4" saying "SplitOffset" => with(|table| {
        table.DxgkDdiRender = Some(splits_backwards);
    });
    slots_are_more_than_the_capabilities_say breaks "X4" saying "SlotId" => with(|table| {
        table.DxgkDdiRender = Some(uses_other_slots);
    });
    present_returns_what_it_may_not breaks "G6" "X7" saying "not on the page" => with(|table| {
        table.DxgkDdiPresent = Some(presents_oddly);
    });
    present_takes_more_than_the_buffer breaks "X7" saying "pDmaBuffer is" => with(|table| {
        table.DxgkDdiPresent = Some(presents_too_much);
    });
    present_gets_nowhere breaks "X7" saying "nothing done" => with(|table| {
        table.DxgkDdiPresent = Some(presents_for_ever);
    });
    present_writes_its_argument breaks "B2.13" saying "[in]" => with(|table| {
        table.DxgkDdiPresent = Some(presents_elsewhere);
    });
    patch_fails breaks "G6" "X5" saying "fence" => with(|table| {
        table.DxgkDdiPatch = Some(fails_to_patch);
    });
    patch_goes_beyond_the_buffer breaks "X5" saying "written behind" => with(|table| {
        table.DxgkDdiPatch = Some(patch_writes_behind);
    });
    submit_fails breaks "G6" "X5" saying "fence" => with(|table| {
        table.DxgkDdiSubmitCommand = Some(fails_to_submit);
    });
    submit_comes_back_lower breaks "B3" saying "IRQL 2" => with(|table| {
        table.DxgkDdiSubmitCommand = Some(submit_lowers);
    });
    preempt_fails breaks "G6" "X6" saying "status" => with(|table| {
        table.DxgkDdiPreemptCommand = Some(fails_to_preempt);
    });
    cancel_fails breaks "G6" "X8" saying "status" => with(|table| {
        table.DxgkDdiCancelCommand = Some(fails_to_cancel);
    });
    the_fence_query_writes_its_node breaks "B2.13" saying "[in]" => with(|table| {
        table.DxgkDdiQueryCurrentFence = Some(current_fence_unset);
    });
    debug_info_is_too_long breaks "X9" saying "BufferSize" => with(|table| {
        table.DxgkDdiCollectDbgInfo = Some(collects_too_much);
    });
    debug_info_is_refused breaks "G6" "X9" saying "not on the page" => with(|table| {
        table.DxgkDdiCollectDbgInfo = Some(collects_oddly);
    });
    escapes_are_written_behind breaks "E1" saying "behind" => with(|table| {
        table.DxgkDdiEscape = Some(escape_writes_behind);
    });
    escapes_mean_anything breaks "E1" saying "nobody could mean" => with(|table| {
        table.DxgkDdiEscape = Some(escape_answers_anything);
    });
    escapes_return_what_they_may_not breaks "E1" "G6" saying "not on the page" => with(|table| {
        table.DxgkDdiEscape = Some(escapes_oddly);
    });
    nodes_are_endless breaks "Q8" saying "node 1 of 1" => with(|table| {
        table.DxgkDdiGetNodeMetadata = Some(all_nodes);
    });
}

ddi_fn! {
    unsafe fn fails_to_destroy_nothing(_handle: HANDLE) -> NTSTATUS {
        STATUS_SUCCESS
    }
}
