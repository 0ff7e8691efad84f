//! The good miniport: contexts, Render, Present, Patch, and the calls to its engine.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::slice;
use std::sync::atomic::Ordering;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::commands::{COMMAND_BYTES, COPY, Command, FILL, FROM, TO};
use super::queue::{PRIVATE_BYTES, Private};
use super::{Allocation, Context, Device, Opening, context};

/// A context of a device.
pub struct GpuContext {
    pub context: *const Context,
}

fn adapter_of<'a>(handle: HANDLE) -> &'a Context {
    unsafe { &*(*handle.cast::<GpuContext>()).context }
}

/// An element's address, and whether it is known.
fn address_of(element: &DXGK_ALLOCATIONLIST) -> Option<u64> {
    let address = unsafe { element.u0.PhysicalAddress.QuadPart };
    (element.s0.SegmentId() != 0).then_some(address.cast_unsigned())
}

/// What a call of Render or Present writes: commands and their patch locations.
struct Writer {
    start: *mut u8,
    used: u32,
    size: u32,
    patches: *mut D3DDDI_PATCHLOCATIONLIST,
    patches_left: u32,
}

impl Writer {
    /// False if there is no room for it. Operands are (element, offset in it, place in the command).
    fn put(
        &mut self,
        mut command: Command,
        list: &[DXGK_ALLOCATIONLIST],
        operands: &[(u32, u32, u32)],
    ) -> bool {
        let count = u32::try_from(operands.len()).unwrap();
        if self.size - self.used < COMMAND_BYTES || self.patches_left < count {
            return false;
        }
        for (slot, (index, offset, place)) in operands.iter().enumerate() {
            let address =
                address_of(&list[*index as usize]).map_or(0, |base| base + u64::from(*offset));
            if *place == FROM {
                command.from = address;
            } else {
                command.to = address;
            }
            let mut patch = D3DDDI_PATCHLOCATIONLIST::ZERO;
            patch.AllocationIndex = *index;
            patch.u0.set_SlotId(u32::try_from(slot).unwrap());
            patch.AllocationOffset = *offset;
            patch.PatchOffset = self.used + *place;
            patch.SplitOffset = self.used;
            unsafe {
                self.patches.write(patch);
                self.patches = self.patches.add(1);
            }
            self.patches_left -= 1;
        }
        unsafe { command.write(self.start.wrapping_add(self.used as usize)) };
        self.used += COMMAND_BYTES;
        true
    }
}

/// The rows of a rectangle: left, right, y.
fn rows_of(rect: RECT) -> impl Iterator<Item = (i32, i32, i32)> {
    (rect.top..rect.bottom).map(move |row| (rect.left, rect.right, row))
}

/// The allocation of an element.
fn allocation<'a>(element: &DXGK_ALLOCATIONLIST) -> Option<&'a Allocation> {
    let opening = element.hDeviceSpecificAllocation.cast::<Opening>();
    unsafe { opening.as_ref().map(|opening| &*opening.allocation) }
}

ddi_fn! {
    pub unsafe fn create_context(device: HANDLE, argument: *mut DXGKARG_CREATECONTEXT) -> NTSTATUS {
        let context = unsafe { (*device.cast::<Device>()).context };
        let block = unsafe { &*context }.make(GpuContext { context });
        if block.is_null() {
            return STATUS_NO_MEMORY;
        }
        let argument = unsafe { &mut *argument };
        argument.hContext = block.cast();
        let info = &mut argument.ContextInfo;
        info.DmaBufferSize = 4096;
        info.DmaBufferSegmentSet = 0;
        info.DmaBufferPrivateDataSize = PRIVATE_BYTES;
        info.AllocationListSize = 256;
        info.PatchLocationListSize = 128;
        info.Reserved = 0;
        if unsafe { &*context }.is_wddm2() {
            info.Caps = DXGK_CONTEXTINFO_CAPS::empty();
            info.PagingCompanionNodeId = 0;
        }
        STATUS_SUCCESS
    }

    pub unsafe fn destroy_context(handle: HANDLE) -> NTSTATUS {
        adapter_of(handle).free(handle.cast::<GpuContext>());
        STATUS_SUCCESS
    }

    pub unsafe fn render(_handle: HANDLE, argument: *mut DXGKARG_RENDER) -> NTSTATUS {
        let argument = unsafe { &mut *argument };
        let list = unsafe { slice::from_raw_parts(argument.pAllocationList, argument.AllocationListSize as usize) };
        let incoming = unsafe {
            slice::from_raw_parts(argument.pPatchLocationListIn, argument.PatchLocationListInSize as usize)
        };
        if !argument.CommandLength.is_multiple_of(COMMAND_BYTES) {
            return STATUS_INVALID_USER_BUFFER;
        }
        let mut writer = Writer {
            start: argument.pDmaBuffer.cast(),
            used: 0,
            size: argument.DmaSize,
            patches: argument.pPatchLocationListOut,
            patches_left: argument.PatchLocationListOutSize,
        };
        unsafe { Private::begin(argument.pDmaBufferPrivateData, writer.start) };
        let mut at = argument.MultipassOffset;
        let mut status = STATUS_SUCCESS;
        while at < argument.CommandLength {
            let command = unsafe { Command::read(argument.pCommand.cast::<u8>().wrapping_add(at as usize)) };
            if command.kind > FILL {
                return STATUS_ILLEGAL_INSTRUCTION;
            }
            let mut operands = Vec::new();
            for patch in incoming.iter().filter(|patch| patch.PatchOffset / COMMAND_BYTES == at / COMMAND_BYTES) {
                let place = patch.PatchOffset % COMMAND_BYTES;
                let Some(element) = list.get(patch.AllocationIndex as usize) else {
                    return STATUS_INVALID_PARAMETER;
                };
                let Some(allocation) = allocation(element) else {
                    return STATUS_INVALID_HANDLE;
                };
                let end = u64::from(patch.AllocationOffset).checked_add(command.bytes);
                let fits = end.is_some_and(|end| end <= allocation.blob.size() as u64);
                if !fits || place != FROM && place != TO {
                    return STATUS_INVALID_PARAMETER;
                }
                operands.push((patch.AllocationIndex, patch.AllocationOffset, place));
            }
            let wanted = [0, 2, 1][command.kind as usize];
            if operands.len() != wanted {
                return STATUS_INVALID_PARAMETER;
            }
            if !writer.put(command, list, &operands) {
                status = STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
                break;
            }
            at += COMMAND_BYTES;
        }
        argument.MultipassOffset = at;
        argument.pDmaBuffer = writer.start.wrapping_add(writer.used as usize).cast();
        argument.pPatchLocationListOut = writer.patches;
        status
    }

    pub unsafe fn present(_handle: HANDLE, argument: *mut DXGKARG_PRESENT) -> NTSTATUS {
        let argument = unsafe { &mut *argument };
        if argument.pDmaBuffer.is_null() {
            return STATUS_SUCCESS;
        }
        let list = unsafe { slice::from_raw_parts(argument.u0.pAllocationList, 3) };
        let (source, destination) = (allocation(&list[1]), allocation(&list[2]));
        let Some(destination) = destination else {
            return STATUS_INVALID_HANDLE;
        };
        let (from, to) = (argument.SrcRect, argument.DstRect);
        let stretched = from.right - from.left != to.right - to.left || from.bottom - from.top != to.bottom - to.top;
        if source.is_some() && stretched {
            return STATUS_ILLEGAL_INSTRUCTION;
        }
        let rects = if argument.SubRectCnt == 0 {
            slice::from_ref(&argument.DstRect)
        } else {
            unsafe { slice::from_raw_parts(argument.pDstSubRects, argument.SubRectCnt as usize) }
        };
        let mut writer = Writer {
            start: argument.pDmaBuffer.cast(),
            used: 0,
            size: argument.DmaSize,
            patches: argument.pPatchLocationListOut,
            patches_left: argument.PatchLocationListOutSize,
        };
        unsafe { Private::begin(argument.pDmaBufferPrivateData, writer.start) };
        let mut rows = 0;
        let mut status = STATUS_SUCCESS;
        for (left, right, row) in rects.iter().copied().flat_map(rows_of).skip(argument.MultipassOffset as usize) {
            let offset = |width: u32, x: i32, y: i32| (width * y.cast_unsigned() + x.cast_unsigned()) * 4;
            let to_offset = offset(destination.blob.width, left, row);
            let mut command = Command {
                kind: FILL,
                value: argument.Color,
                bytes: u64::from((right - left).cast_unsigned()) * 4,
                ..Command::default()
            };
            let there = (2, to_offset, TO);
            let done = if let Some(source) = source {
                command.kind = COPY;
                let (x, y) = (left - to.left + from.left, row - to.top + from.top);
                writer.put(command, list, &[(1, offset(source.blob.width, x, y), FROM), there])
            } else {
                writer.put(command, list, &[there])
            };
            if !done {
                status = STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
                break;
            }
            rows += 1;
        }
        argument.MultipassOffset += rows;
        argument.pDmaBuffer = writer.start.wrapping_add(writer.used as usize).cast();
        argument.pPatchLocationListOut = writer.patches;
        status
    }

    pub unsafe fn patch(_this: HANDLE, argument: *const DXGKARG_PATCH) -> NTSTATUS {
        let argument = unsafe { &*argument };
        let first = argument.PatchLocationListSubmissionStart as usize;
        for index in first..first + argument.PatchLocationListSubmissionLength as usize {
            let patch = unsafe { &*argument.pPatchLocationList.add(index) };
            let element = unsafe { &*argument.pAllocationList.add(patch.AllocationIndex as usize) };
            let base = address_of(element).unwrap_or(0);
            let at = argument.pDmaBuffer.cast::<u8>().wrapping_add(patch.PatchOffset as usize);
            unsafe { at.cast::<u64>().write_unaligned(base + u64::from(patch.AllocationOffset)) };
        }
        STATUS_SUCCESS
    }

    pub unsafe fn submit_command(this: HANDLE, argument: *const DXGKARG_SUBMITCOMMAND) -> NTSTATUS {
        unsafe { context(this) }.engine().submit(unsafe { &*argument });
        STATUS_SUCCESS
    }

    pub unsafe fn preempt_command(this: HANDLE, argument: *const DXGKARG_PREEMPTCOMMAND) -> NTSTATUS {
        let context = unsafe { context(this) };
        context.engine().preempt(context, unsafe { (*argument).PreemptionFenceId });
        STATUS_SUCCESS
    }

    pub unsafe fn cancel_command(_this: HANDLE, _argument: *const DXGKARG_CANCELCOMMAND) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn query_current_fence(this: HANDLE, argument: *mut DXGKARG_QUERYCURRENTFENCE) -> NTSTATUS {
        let context = unsafe { context(this) };
        unsafe { (*argument).CurrentFence = context.engine().current_fence(context) };
        STATUS_SUCCESS
    }

    pub unsafe fn query_engine_status(_this: HANDLE, argument: *mut DXGKARG_QUERYENGINESTATUS) -> NTSTATUS {
        unsafe { (*argument).EngineStatus = DXGK_ENGINESTATUS::empty() };
        STATUS_SUCCESS
    }

    pub unsafe fn query_dependent_engine_group(
        _this: HANDLE,
        argument: *mut DXGKARG_QUERYDEPENDENTENGINEGROUP,
    ) -> NTSTATUS {
        unsafe { (*argument).DependentNodeOrdinalMask = 1 };
        STATUS_SUCCESS
    }

    pub unsafe fn reset_engine(this: HANDLE, argument: *mut DXGKARG_RESETENGINE) -> NTSTATUS {
        let context = unsafe { context(this) };
        if context.machine().no_engine_reset.load(Ordering::Relaxed) {
            return STATUS_UNSUCCESSFUL;
        }
        let fence = context.engine().reset(false);
        unsafe { (*argument).LastAbortedFenceId = fence };
        STATUS_SUCCESS
    }

    pub unsafe fn reset_from_timeout(this: HANDLE) -> NTSTATUS {
        unsafe { context(this) }.engine().reset(true);
        STATUS_SUCCESS
    }

    pub unsafe fn restart_from_timeout(_this: HANDLE) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn collect_dbg_info(_this: HANDLE, argument: *const DXGKARG_COLLECTDBGINFO) -> NTSTATUS {
        let argument = unsafe { &*argument };
        unsafe { argument.pBuffer.cast::<u8>().write_bytes(0x1D, argument.BufferSize.min(100)) };
        STATUS_SUCCESS
    }

    pub unsafe fn escape(_this: HANDLE, _argument: *const DXGKARG_ESCAPE) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    pub unsafe fn get_node_metadata(
        _this: HANDLE,
        node: UINT,
        metadata: *mut DXGKARG_GETNODEMETADATA,
    ) -> NTSTATUS {
        if node != 0 {
            return STATUS_INVALID_PARAMETER;
        }
        let mut answer = DXGK_NODEMETADATA::ZERO;
        answer.EngineType = DXGK_ENGINE_TYPE::DXGK_ENGINE_TYPE_3D;
        unsafe { metadata.cast::<DXGK_NODEMETADATA>().write(answer) };
        STATUS_SUCCESS
    }
}

/// Enters all of this.
pub fn fill(table: &mut DRIVER_INITIALIZATION_DATA) {
    table.DxgkDdiCreateContext = Some(create_context);
    table.DxgkDdiDestroyContext = Some(destroy_context);
    table.DxgkDdiRender = Some(render);
    table.DxgkDdiPresent = Some(present);
    table.DxgkDdiPatch = Some(patch);
    table.DxgkDdiSubmitCommand = Some(submit_command);
    table.DxgkDdiPreemptCommand = Some(preempt_command);
    table.DxgkDdiCancelCommand = Some(cancel_command);
    table.DxgkDdiQueryCurrentFence = Some(query_current_fence);
    table.DxgkDdiQueryEngineStatus = Some(query_engine_status);
    table.DxgkDdiQueryDependentEngineGroup = Some(query_dependent_engine_group);
    table.DxgkDdiResetEngine = Some(reset_engine);
    table.DxgkDdiResetFromTimeout = Some(reset_from_timeout);
    table.DxgkDdiRestartFromTimeout = Some(restart_from_timeout);
    table.DxgkDdiCollectDbgInfo = Some(collect_dbg_info);
    table.DxgkDdiEscape = Some(escape);
    table.DxgkDdiGetNodeMetadata = Some(get_node_metadata);
}
