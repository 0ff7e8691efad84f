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

/// A stack that can be given back.
pub struct Stack {
    bottom: u64,
    pages: u64,
}

impl Stack {
    /// The address above its end, where RSP starts.
    pub fn end(&self) -> u64 {
        self.bottom + self.pages * PAGE
    }

    /// Gives it back. Its addresses are not used again, so a late use of it faults.
    pub fn free(self) {
        paging::unmap_and_free(self.bottom, self.pages);
    }
}

/// As [`allocate`], for a stack that is given back. None where RAM is used up.
pub fn try_allocate(pages: u64) -> Option<Stack> {
    let bottom = NEXT.fetch_add((pages + 1) * PAGE, Ordering::Relaxed) + PAGE;
    paging::map_new(bottom, pages, Protection::ReadWrite).then_some(Stack { bottom, pages })
}

/// Whether `address` is in a page that was left unmapped below a stack.
pub fn is_guard(address: u64) -> bool {
    (STACKS.start..NEXT.load(Ordering::Relaxed)).contains(&address)
        && paging::translate(address).is_none()
}
