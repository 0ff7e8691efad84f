//! `DxgkDdiPatch`: the addresses of allocations go into records.
//!
//! Patch cannot fail, so what is wrong is left out with a debug line. It must not lead the engine
//! anywhere else either: an address that is not known becomes 0, which is in no segment, and a record that
//! has it ends its buffer with a fault.

use dxgk_sys::D3DDDI_PATCHLOCATIONLIST;

use super::emit::{ADDRESS, REFERENCE};
use super::operand::AllocationList;
use super::record;
use crate::kernel::complain;

/// What is to be patched.
pub struct Call<'a> {
    /// The part of the DMA buffer that is going to be submitted.
    pub part: &'a mut [u8],
    /// Where that part begins, in bytes from the beginning of the buffer.
    pub start: u32,
    /// The patch locations to go through.
    pub locations: &'a [D3DDDI_PATCHLOCATIONLIST],
    /// Where the allocations are now.
    pub list: AllocationList<'a>,
}

/// Puts the address of each patch location's allocation where it belongs.
pub fn patch(call: Call<'_>) {
    let Call {
        part,
        start,
        locations,
        list,
    } = call;
    let mut wrong = None;
    for location in locations {
        if location.DriverId == REFERENCE {
            continue;
        }
        if let Err(why) = one(part, start, location, &list) {
            wrong.get_or_insert((location.PatchOffset, why));
        }
    }
    if let Some((offset, why)) = wrong {
        complain(c"Patch", c"PatchOffset", offset.into(), why);
    }
}

fn one(
    part: &mut [u8],
    start: u32,
    location: &D3DDDI_PATCHLOCATIONLIST,
    list: &AllocationList<'_>,
) -> Result<(), &'static core::ffi::CStr> {
    if location.DriverId != ADDRESS {
        return Err(c"not of a location that this driver has written");
    }
    let Some(offset) = location.PatchOffset.checked_sub(start) else {
        return Err(c"before the part that is submitted");
    };
    let place = list
        .get(location.AllocationIndex)
        .filter(|entry| entry.segment != 0);
    let address =
        place.and_then(|entry| entry.address.checked_add(location.AllocationOffset.into()));
    if record::set_address(part, offset, address.unwrap_or(0)).is_err() {
        return Err(c"no record with an address there");
    }
    if address.is_none() {
        return Err(c"the allocation is nowhere");
    }
    Ok(())
}

#[cfg(test)]
mod tests;
