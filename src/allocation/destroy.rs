//! `DxgkDdiDestroyAllocation`: allocations, and with them the resource if the flag asks for it.
//!
//! Dxgkrnl has forgotten the objects by the time it calls, so nothing is kept back: every entry that
//! is a live allocation of this adapter is freed, whatever the others are (contract: D2 to D4).

use core::ffi::CStr;

use dxgk_sys::HANDLE;

use super::Store;
use super::release::release;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::pool::Wrong;

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
    if let Some(resource) = call.resource {
        store.resources.prefetch(resource);
    }
    let mut result = Ok(());
    if let Some(entry) = release(&store.allocations, call.allocations, irql) {
        complain(
            CALL,
            c"pAllocationList entry",
            entry.index as u64,
            entry.wrong.why(),
        );
        result = Err(WrongHandle);
    }
    if let Some(resource) = call.resource {
        match store.resources.remove(resource, irql) {
            Ok(_) | Err(Wrong::Null) => {}
            Err(wrong) => {
                if result.is_ok() {
                    complain(CALL, c"hResource", 0, wrong.why());
                }
                result = Err(WrongHandle);
            }
        }
    }
    result
}
