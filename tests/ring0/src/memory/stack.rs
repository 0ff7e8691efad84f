//! Stacks, each above a page that is not mapped.

use core::sync::atomic::{AtomicU64, Ordering};

use super::{
    layout::{PAGE, STACKS},
    paging::{self, Protection},
};

/// Where the next stack's guard page goes.
static NEXT: AtomicU64 = AtomicU64::new(STACKS.start);

/// A new stack of `pages` pages; says the address above its end, where RSP starts.
///
/// # Panics
///
/// Where RAM is used up.
pub fn allocate(pages: u64) -> u64 {
    let guard = NEXT.fetch_add((pages + 1) * PAGE, Ordering::Relaxed);
    let bottom = guard + PAGE;
    assert!(
        paging::map_new(bottom, pages, Protection::ReadWrite),
        "no RAM for a stack"
    );
    bottom + pages * PAGE
}

/// Whether `address` is in a page that was left unmapped below a stack.
pub fn is_guard(address: u64) -> bool {
    (STACKS.start..NEXT.load(Ordering::Relaxed)).contains(&address)
        && paging::translate(address).is_none()
}
