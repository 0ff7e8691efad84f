//! Freeing a list of objects of which some may be wrong.

use dxgk_sys::HANDLE;

use crate::kernel::irql::Passive;
use crate::pool::{Pool, Wrong};

/// An entry that was not freed.
pub struct WrongEntry {
    /// Its place in the list.
    pub index: usize,
    /// What is wrong with it.
    pub wrong: Wrong,
}

/// How many entries ahead the objects are fetched into the cache: one is mostly long out of it when
/// it is destroyed.
const AHEAD: usize = 8;

/// Frees every live object in `handles` and returns the first entry that was none. NULL entries are
/// skipped: they stand for no object (contract: D2, D12).
pub fn release<T: Send + Sync>(
    pool: &Pool<T>,
    handles: &[HANDLE],
    irql: Passive,
) -> Option<WrongEntry> {
    for handle in handles.iter().take(AHEAD) {
        pool.prefetch(*handle);
    }
    let mut first = None;
    let mut gone = pool.release_batch(irql);
    for (index, handle) in handles.iter().enumerate() {
        if let Some(later) = handles.get(index.saturating_add(AHEAD)) {
            pool.prefetch(*later);
        }
        match gone.remove(*handle) {
            Ok(_) | Err(Wrong::Null) => {}
            Err(wrong) => {
                first.get_or_insert(WrongEntry { index, wrong });
            }
        }
    }
    first
}
