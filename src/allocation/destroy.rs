//! `DxgkDdiDestroyAllocation`: allocations, and with them the resource if the flag asks for it.
//!
//! Dxgkrnl has forgotten the objects by the time it calls, so nothing is kept back: every entry that
//! is a live allocation of this adapter is freed, whatever the others are (contract: D2 to D4).

use core::ffi::CStr;
use core::ptr;

use dxgk_sys::HANDLE;

use super::Store;
use super::object::Object;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::pool::{AHEAD, Refused};

const CALL: &CStr = c"DestroyAllocation";

/// A checked view of `DXGKARG_DESTROYALLOCATION`.
pub struct Call<'a> {
    /// The handles that `DxgkDdiCreateAllocation` returned.
    pub allocations: &'a [HANDLE],
    /// `hResource`, if `Flags.DestroyResource` is set; NULL if none was ever returned (contract: D8).
    pub resource: Option<HANDLE>,
}

/// At least one handle was wrong. Everything else has been freed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongHandle;

/// Frees every live allocation in the list, then the resource (contract: D11).
///
/// # Errors
///
/// [`WrongHandle`] after all the rest is freed, if an entry is stale, foreign or in the list twice
/// or the resource is; with one debug line for the first of them. NULL entries are skipped.
pub fn destroy(store: &Store, call: &Call<'_>, irql: Passive) -> Result<(), WrongHandle> {
    let &Call {
        allocations,
        resource,
    } = call;
    let resource = resource.unwrap_or(ptr::null_mut());
    store.objects.prefetch(resource);
    for handle in allocations.iter().take(AHEAD) {
        store.objects.prefetch(*handle);
    }
    let (wrong_allocation, wrong_resource) = {
        // Both under one lock, where they lie together; it is let go before anything is said.
        let mut gone = store.objects.release_batch(irql);
        (
            gone.discard_all(Object::ALLOCATION, allocations),
            gone.discard(Object::RESOURCE, resource).err(),
        )
    };
    if let Some(Refused { index, wrong }) = wrong_allocation {
        complain(CALL, c"pAllocationList entry", index as u64, wrong.why());
        return Err(WrongHandle);
    }
    if let Some(wrong) = wrong_resource {
        complain(CALL, c"hResource", 0, wrong.why());
        return Err(WrongHandle);
    }
    Ok(())
}
