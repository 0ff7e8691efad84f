//! Patch (contract: X4, X5).

use core::ffi::c_void;
use core::slice;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{D3DDDI_PATCHLOCATIONLIST, DXGK_PATCHFLAGS, DXGKARG_PATCH};

use super::recorded::callbacks;
use super::{lists, view};
use crate::engine::patch::{Call, patch};
use crate::kernel::complain;

callbacks! {
    /// `DxgkDdiPatch`: writes the addresses of allocations into a DMA buffer. It cannot fail: Windows would
    /// stop. `PASSIVE_LEVEL`, never beside another call for the scheduler.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` and its lists are good for reads, and the part of the DMA buffer that
    /// it names for reads and writes.
    #[traced(c"Patch")]
    pub unsafe fn patch_buffer(_adapter: *mut c_void, argument: *const DXGKARG_PATCH) -> i32 {
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let Some(argument) = (unsafe { argument.as_ref() }) else {
            complain(c"Patch", c"pPatch", 0, c"is NULL");
            return STATUS_SUCCESS;
        };
        // What BuildPagingBuffer writes has its addresses.
        if argument.Flags.contains(DXGK_PATCHFLAGS::Paging) {
            return STATUS_SUCCESS;
        }
        // SAFETY: dxgkrnl's list.
        let locations = unsafe { view::list(argument.pPatchLocationList, argument.PatchLocationListSize) };
        // SAFETY: as above.
        let list = unsafe { lists::allocations(argument.pAllocationList, argument.AllocationListSize) };
        // SAFETY: dxgkrnl's buffer: nobody else has this part of it before it is submitted.
        let part = unsafe { part(argument) };
        let locations = locations.and_then(|all| submitted(all, argument));
        let (Some(part), Some(locations), Some(list)) = (part, locations, list) else {
            complain(
                c"Patch",
                c"pDmaBuffer",
                argument.DmaBufferSize.into(),
                c"or a list is NULL, misaligned, or shorter than the part that is submitted",
            );
            return STATUS_SUCCESS;
        };
        patch(Call {
            part,
            start: argument.DmaBufferSubmissionStartOffset,
            locations,
            list,
        });
        STATUS_SUCCESS
    }
}

/// The locations that belong to the part.
fn submitted<'call>(
    all: &'call [D3DDDI_PATCHLOCATIONLIST],
    argument: &DXGKARG_PATCH,
) -> Option<&'call [D3DDDI_PATCHLOCATIONLIST]> {
    let first = usize::try_from(argument.PatchLocationListSubmissionStart).ok()?;
    let count = usize::try_from(argument.PatchLocationListSubmissionLength).ok()?;
    all.get(first..)?.get(..count)
}

/// The part of the DMA buffer that is going to be submitted; empty if nothing is.
///
/// # Safety
///
/// The argument's buffer is good for reads and writes there, by nobody else.
unsafe fn part<'call>(argument: &DXGKARG_PATCH) -> Option<&'call mut [u8]> {
    let (start, end) = (
        argument.DmaBufferSubmissionStartOffset,
        argument.DmaBufferSubmissionEndOffset,
    );
    let bytes = usize::try_from(end.checked_sub(start)?).ok()?;
    if end > argument.DmaBufferSize {
        return None;
    }
    if bytes == 0 {
        return Some(&mut []);
    }
    if argument.pDmaBuffer.is_null() {
        return None;
    }
    let first = argument
        .pDmaBuffer
        .cast::<u8>()
        .wrapping_add(usize::try_from(start).ok()?);
    // SAFETY: it lies inside of the buffer, for whose part the caller vouches.
    Some(unsafe { slice::from_raw_parts_mut(first, bytes) })
}
