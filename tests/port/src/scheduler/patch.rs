//! Patch: addresses into a buffer before it is submitted (X5).

use alloc::format;
use alloc::vec::Vec;
use core::ptr;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{DXGK_PATCHFLAGS, DXGKARG_PATCH, DXGKARG_PATCH_u0, PHYSICAL_ADDRESS};

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::memory::{Location, PagingBuffer};
use crate::pattern::bytes_of;
use crate::rules::Rule;
use crate::scheduler::packet::{Dma, Fence, Portion};
use crate::scheduler::render::{element, element_words};

const NAME: &str = "Patch";

/// VIDEO_SCHEDULER_INTERNAL_ERROR.
pub(crate) const SCHEDULER_ERROR: u32 = 0x119;
/// DRIVER_FAILED_PATCH_COMMAND.
const FAILED_PATCH: u64 = 3;

impl AdapterInner {
    /// Writes where a portion's allocations are into its list, and has the driver patch it if one of them is elsewhere
    /// than the buffer says, or always if the options say so.
    pub(crate) fn patch_portion(
        &self,
        dma: &Dma,
        portion: &mut Portion,
        places: &[(u32, Location)],
        fence: Fence,
        null: bool,
    ) {
        let mut lists = dma.lists.lock();
        let mut moved = false;
        for (index, location) in places {
            let now = (location.segment, location.address);
            let resident = portion.resident.iter().position(|known| known == index);
            if let Some(known) = resident.and_then(|at| portion.patched.get_mut(at)) {
                moved |= *known != now;
                *known = now;
            }
            if let Some(entry) = lists.allocations.get_mut(*index as usize) {
                let (handle, flags, _) = element_words(entry);
                *entry = element(handle, flags & 1 != 0, Some(now));
            }
        }
        if !moved && !self.scheduler.state.lock().options.always_repatch {
            return;
        }
        let mut argument = DXGKARG_PATCH::ZERO;
        argument.u0 = DXGKARG_PATCH_u0 {
            hContext: dma.context.driver.0,
        };
        argument.DmaBufferPhysicalAddress = PHYSICAL_ADDRESS {
            QuadPart: dma.buffer.physical().cast_signed(),
        };
        argument.pDmaBuffer = dma.buffer.address().cast();
        argument.DmaBufferSize = dma.buffer.bytes();
        argument.DmaBufferSubmissionStartOffset = portion.bytes.start;
        argument.DmaBufferSubmissionEndOffset = portion.bytes.end;
        argument.pDmaBufferPrivateData = dma.buffer.private().cast();
        argument.DmaBufferPrivateDataSize = dma.buffer.private_bytes();
        argument.DmaBufferPrivateDataSubmissionEndOffset = dma.private_end;
        argument.pAllocationList = lists.allocations.as_ptr();
        argument.AllocationListSize = u32::try_from(lists.allocations.len()).unwrap_or(u32::MAX);
        argument.pPatchLocationList = lists.patches.as_ptr();
        argument.PatchLocationListSize = u32::try_from(lists.patches.len()).unwrap_or(u32::MAX);
        argument.PatchLocationListSubmissionStart = portion.patches.start;
        argument.PatchLocationListSubmissionLength = portion.patches.end - portion.patches.start;
        argument.SubmissionFenceId = fence;
        argument.Flags.set(DXGK_PATCHFLAGS::Present, dma.present);
        argument.Flags.set(DXGK_PATCHFLAGS::NullRendering, null);
        let words = |lists: &super::packet::Lists| {
            let allocations = lists
                .allocations
                .iter()
                .map(element_words)
                .collect::<Vec<_>>();
            let patches = lists
                .patches
                .iter()
                .flat_map(bytes_of)
                .copied()
                .collect::<Vec<_>>();
            (allocations, patches)
        };
        let before = words(&lists);
        self.call_patch(&argument);
        self.check(
            Rule::B2_13,
            NAME,
            before == words(&lists),
            || "a list was written",
        );
        let holds = dma.buffer.guards_hold();
        self.check(
            Rule::X5,
            NAME,
            holds,
            || "written behind the DMA buffer or its private data",
        );
    }

    /// The same for paging, which has no lists.
    pub(crate) fn patch_paging(&self, paging: &PagingBuffer, fence: Fence) {
        let mut argument = DXGKARG_PATCH::ZERO;
        argument.DmaBufferSegmentId = paging.segment;
        argument.DmaBufferPhysicalAddress = PHYSICAL_ADDRESS {
            QuadPart: paging.physical.cast_signed(),
        };
        argument.pDmaBuffer = paging.buffer.address().cast();
        argument.DmaBufferSize = paging.buffer.bytes();
        argument.DmaBufferSubmissionEndOffset = paging.bytes;
        argument.pDmaBufferPrivateData = paging.buffer.private().cast();
        argument.DmaBufferPrivateDataSize = paging.buffer.private_bytes();
        argument.DmaBufferPrivateDataSubmissionStartOffset = paging.private.start;
        argument.DmaBufferPrivateDataSubmissionEndOffset = paging.private.end;
        argument.pAllocationList = ptr::null();
        argument.pPatchLocationList = ptr::null();
        argument.SubmissionFenceId = fence;
        argument.Flags = DXGK_PATCHFLAGS::Paging;
        self.call_patch(&argument);
    }

    fn call_patch(&self, argument: &DXGKARG_PATCH) {
        let Some(patch) = self.registration.table.DxgkDdiPatch else {
            return;
        };
        let given = bytes_of(argument).to_vec();
        let arguments = || {
            let (fence, flags) = (argument.SubmissionFenceId, argument.Flags.bits());
            let (from, to) = (
                argument.DmaBufferSubmissionStartOffset,
                argument.DmaBufferSubmissionEndOffset,
            );
            format!("fence {fence}, bytes {from}..{to}, flags {flags:#x}")
        };
        let status = self.call_in(&self.scheduler_class, Ddi::Patch, arguments, || {
            // SAFETY: the driver's own function and context, at its IRQL and level.
            unsafe { patch(self.context(), ptr::from_ref(argument)) }
        });
        self.check(
            Rule::B2_13,
            NAME,
            given == bytes_of(argument),
            || "the argument was written",
        );
        let patched = self.check(Rule::X5, NAME, status == STATUS_SUCCESS, || {
            format!("fence {}: {status:#010x}", argument.SubmissionFenceId)
        });
        if !patched {
            let detail = format!("Patch returned {status:#010x}");
            self.port
                .bugcheck(NAME, SCHEDULER_ERROR, [FAILED_PATCH, 0, 0, 0], detail);
        }
    }
}
