//! `DxgkDdiCloseAllocation`: takes allocations from a device again.

use core::ffi::CStr;

use dxgk_sys::HANDLE;

use super::Store;
use super::destroy::WrongHandle;
use crate::kernel::complain;
use crate::kernel::irql::Passive;
use crate::pool::{AHEAD, Class, Refused};

const CALL: &CStr = c"CloseAllocation";

/// Frees every live opening in `handles` (contract: O3).
///
/// # Errors
///
/// [`WrongHandle`] after all the rest is freed, as [`super::destroy::destroy`] does it.
pub fn close(store: &Store, handles: &[HANDLE], irql: Passive) -> Result<(), WrongHandle> {
    for handle in handles.iter().take(AHEAD) {
        store.openings.prefetch(*handle);
    }
    let refused = store
        .openings
        .release_batch(irql)
        .discard_all(Class::FIRST, handles);
    let Some(Refused { index, wrong }) = refused else {
        return Ok(());
    };
    complain(CALL, c"pOpenHandleList entry", index as u64, wrong.why());
    Err(WrongHandle)
}
