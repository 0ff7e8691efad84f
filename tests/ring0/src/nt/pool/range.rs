//! Ranges of pages for pool blocks: an unmapped page follows each, and a freed range stays
//! unmapped until many others were freed after it.

use alloc::{
    collections::{BTreeMap, VecDeque},
    vec::Vec,
};

use crate::memory::{
    layout::{PAGE, POOL},
    paging::{self, Protection},
};

/// Freed ranges that are not used again yet.
const QUARANTINE: usize = 8192;

/// The addresses of the pool's area.
pub struct Ranges {
    /// Where no range has been yet.
    next: u64,
    /// Unmapped ranges that may be used again, by their number of pages.
    reusable: BTreeMap<u64, Vec<u64>>,
    /// Ranges freed not long ago: start and pages.
    quarantine: VecDeque<(u64, u64)>,
}

impl Ranges {
    pub fn new() -> Self {
        // The very first page stays unmapped too.
        Self {
            next: POOL.start + PAGE,
            reusable: BTreeMap::new(),
            quarantine: VecDeque::new(),
        }
    }

    /// A mapped, zeroed range: its start and its pages. None where RAM is used up.
    pub fn allocate(&mut self, pages: u64) -> Option<(u64, u64)> {
        let reused = self.reusable.get_mut(&pages).and_then(Vec::pop);
        let start = if let Some(start) = reused {
            start
        } else {
            let bytes = pages.checked_add(1)?.checked_mul(PAGE)?;
            let end = self
                .next
                .checked_add(bytes)
                .filter(|end| *end <= POOL.end)?;
            core::mem::replace(&mut self.next, end)
        };
        if paging::map_new(start, pages, Protection::ReadWrite) {
            Some((start, pages))
        } else {
            self.reusable.entry(pages).or_default().push(start);
            None
        }
    }

    /// Unmaps a range.
    pub fn free(&mut self, start: u64, pages: u64) {
        paging::unmap_and_free(start, pages);
        self.quarantine.push_back((start, pages));
        if self.quarantine.len() > QUARANTINE
            && let Some((start, pages)) = self.quarantine.pop_front()
        {
            self.reusable.entry(pages).or_default().push(start);
        }
    }
}
