//! Present, of the full driver (contract: X7). Its first argument is the context.

use core::ffi::{CStr, c_void};

use dxgk_sys::status::{STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_SUCCESS};
use dxgk_sys::{DXGK_PRESENTFLAGS, DXGKARG_PRESENT};

use super::recorded::callbacks;
use super::{buffers, handles, lists, status, view};
use crate::engine::operand::Uses;
use crate::engine::present::{Call, Error, present};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

/// Elements of the allocation list: none, source, destination.
const ALLOCATIONS: u32 = 3;

callbacks! {
    /// `DxgkDdiPresent`: a blt, a colour fill or a flip. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes, allocation list and rectangles for
    /// reads, and DMA buffer, private data and patch-location list for writes of the sizes that stand
    /// beside them.
    #[traced(c"Present")]
    pub unsafe fn present_full(context: *mut c_void, argument: *mut DXGKARG_PRESENT) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let context = unsafe { handles::context(context, irql) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some((adapter, context)), Some(argument)) = (context, argument) else {
            complain(c"Present", c"hContext", 0, c"no context of this driver");
            return status::of(Err(Error::Handle));
        };
        if argument.Flags.contains(DXGK_PRESENTFLAGS::FlipWithMultiPlaneOverlay) {
            // Then the union below holds something else.
            return wrong(c"Flags", argument.Flags.bits(), c"there are no overlay planes");
        }
        // SAFETY: all members are pointers; without overlay planes it is the allocation list's.
        let list = unsafe { argument.u0.pAllocationList };
        // SAFETY: dxgkrnl's list, which nobody writes during the call.
        let Some(list) = (unsafe { lists::allocations(list, ALLOCATIONS) }) else {
            return wrong(c"pAllocationList", 0, c"is NULL or misaligned");
        };
        let count = argument.SubRectCnt;
        // SAFETY: as above.
        let Some(rectangles) = (unsafe { view::list(argument.pDstSubRects, count) }) else {
            return wrong(c"SubRectCnt", count, c"pDstSubRects is NULL or misaligned");
        };
        let place = buffers::Place {
            buffer: argument.pDmaBuffer,
            buffer_bytes: argument.DmaSize,
            private: argument.pDmaBufferPrivateData,
            private_bytes: argument.DmaBufferPrivateDataSize,
            patches: argument.pPatchLocationListOut,
            patch_count: argument.PatchLocationListOutSize,
        };
        // SAFETY: dxgkrnl's buffers, used by nobody else during the call.
        let room = unsafe { place.room() };
        if room.is_none() && !argument.pDmaBuffer.is_null() {
            return wrong(c"pDmaBuffer", argument.DmaSize, c"or another buffer is NULL or misaligned");
        }
        let uses = Uses {
            store: &adapter.store,
            device: context.device,
            list,
            irql,
        };
        let call = Call {
            flags: argument.Flags,
            color: argument.Color,
            source: argument.SrcRect,
            destination: argument.DstRect,
            rectangles,
            done: argument.MultipassOffset,
            room,
        };
        match present(&uses, call) {
            Ok(presented) => {
                argument.MultipassOffset = presented.done;
                let after = place.after(&presented.written);
                argument.pDmaBuffer = after.buffer;
                argument.pDmaBufferPrivateData = after.private;
                argument.pPatchLocationListOut = after.patches;
                if presented.more {
                    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER
                } else {
                    STATUS_SUCCESS
                }
            }
            Err(error) => status::of(Err(error)),
        }
    }
}

/// The page lists no `STATUS_INVALID_PARAMETER`.
fn wrong(field: &'static CStr, value: u32, why: &'static CStr) -> i32 {
    complain(c"Present", field, value.into(), why);
    status::of(Err(Error::Illegal))
}
