//! Render (contract: X3, X4). Its first argument is the context.

use core::ffi::{CStr, c_void};

use dxgk_sys::DXGKARG_RENDER;
use dxgk_sys::status::{STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_SUCCESS};

use super::recorded::callbacks;
use super::{buffers, handles, lists, status};
use crate::engine::operand::Uses;
use crate::engine::render::{Call, Error, Source, render};
use crate::kernel::irql::Passive;
use crate::kernel::{UserAddress, complain};

callbacks! {
    /// `DxgkDdiRender`: commands of a user-mode driver to records. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl in the process whose commands they are: `argument` is good for reads and
    /// writes, the allocation list for reads, and DMA buffer, private data and outgoing patch-location
    /// list for writes of the sizes that stand beside them. Commands and incoming patch locations may be
    /// anywhere.
    #[traced(c"Render")]
    pub unsafe fn render_commands(context: *mut c_void, argument: *mut DXGKARG_RENDER) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let context = unsafe { handles::context(context, irql) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some((adapter, context)), Some(argument)) = (context, argument) else {
            complain(c"Render", c"hContext", 0, c"no context of this driver");
            return status::of(Err(Error::Handle));
        };
        let (list, count) = (argument.pAllocationList, argument.AllocationListSize);
        // SAFETY: dxgkrnl's list, which nobody writes during the call.
        let Some(list) = (unsafe { lists::allocations(list, count) }) else {
            return wrong(c"AllocationListSize", count, c"pAllocationList is NULL or misaligned");
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
        let Some(room) = (unsafe { place.room() }) else {
            return wrong(c"pDmaBuffer", argument.DmaSize, c"or another buffer is NULL or misaligned");
        };
        let uses = Uses {
            store: &adapter.store,
            device: context.device,
            list,
            irql,
        };
        let source = Source {
            commands: UserAddress(argument.pCommand.expose_provenance() as u64),
            length: argument.CommandLength,
            patches: UserAddress(argument.pPatchLocationListIn.expose_provenance() as u64),
            patch_count: argument.PatchLocationListInSize,
        };
        let call = Call {
            source,
            done: argument.MultipassOffset,
            room,
        };
        match render(&uses, call) {
            Ok(translated) => {
                argument.MultipassOffset = translated.done;
                let after = place.after(&translated.written);
                argument.pDmaBuffer = after.buffer;
                argument.pDmaBufferPrivateData = after.private;
                argument.pPatchLocationListOut = after.patches;
                if translated.more {
                    STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER
                } else {
                    STATUS_SUCCESS
                }
            }
            Err(error) => status::of(Err(error)),
        }
    }
}

fn wrong(field: &'static CStr, value: u32, why: &'static CStr) -> i32 {
    complain(c"Render", field, value.into(), why);
    status::of(Err(Error::Parameter))
}
