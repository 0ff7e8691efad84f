//! Allocation lists of Render, Present and Patch.

use dxgk_sys::{DXGK_ALLOCATIONLIST, DXGK_ALLOCATIONLIST_s0};

use super::view;
use crate::engine::operand::{AllocationList, Entry};

/// The list as the engine takes it; `None` if the pointer is NULL or misaligned although there are
/// elements.
///
/// # Safety
///
/// As [`view::list`].
pub unsafe fn allocations<'call>(
    first: *const DXGK_ALLOCATIONLIST,
    count: u32,
) -> Option<AllocationList<'call>> {
    // SAFETY: the caller's contract is the same.
    let elements = unsafe { view::list(first, count) }?;
    Some(AllocationList::new(elements, entry))
}

/// Reads one element.
pub fn entry(element: &DXGK_ALLOCATIONLIST) -> Entry {
    // SAFETY: an address in WDDM 1.x is the physical one; both members are 64 bits of any value.
    let address = unsafe { element.u0.PhysicalAddress };
    // SAFETY: as above, 64 bits of any value.
    let address = unsafe { address.QuadPart };
    Entry {
        opening: element.hDeviceSpecificAllocation,
        write: element.s0.contains(DXGK_ALLOCATIONLIST_s0::WriteOperation),
        segment: element.s0.SegmentId(),
        address: address.cast_unsigned(),
    }
}
