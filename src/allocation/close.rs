//! `DxgkDdiCloseAllocation`: takes allocations from a device again.

use core::ffi::CStr;

use dxgk_sys::HANDLE;

use super::Store;
use super::destroy::WrongHandle;
use super::release::release;
use crate::kernel::complain;
use crate::kernel::irql::Passive;

const CALL: &CStr = c"CloseAllocation";

/// Frees every live opening in `handles` (contract: O3).
///
/// # Errors
///
/// [`WrongHandle`] after all the rest is freed, as [`super::destroy::destroy`] does it.
pub fn close(store: &Store, handles: &[HANDLE], irql: Passive) -> Result<(), WrongHandle> {
    let Some(entry) = release(&store.openings, handles, irql) else {
        return Ok(());
    };
    complain(
        CALL,
        c"pOpenHandleList entry",
        entry.index as u64,
        entry.wrong.why(),
    );
    Err(WrongHandle)
}
