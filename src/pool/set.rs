//! The set of addresses that belong to a pool: an open-addressing table of granules.
//!
//! A granule is a naturally aligned piece of the address space that lies in one block of the pool: a page
//! when the pool has runs, a line when each object has a block. A cell holds the granule's number with a
//! payload in its low bits, a page's [place](super::place), so a lookup never reads half an entry.
//!
//! A granule's first cell is an even one, and a lookup reads it and the next one together. At most half of
//! the cells are used, so it is seldom further on.
//!
//! Lookups take no lock. Changes are made under the pool's growth lock. A full table is replaced
//! by another one, and the old one is kept until the pool goes or a new table of its size is
//! wanted, because a lookup may still be in it; sizes double, so the old ones together are no
//! larger than the current one.

use core::ptr::{self, NonNull};

use super::granules::Granules;
use super::slot::LINE;
use crate::kernel::sync::{AtomicPtr, AtomicUsize, MODEL, Ordering, from_zeroes};

/// A cell that was never used, which ends a lookup.
const EMPTY: usize = 0;
/// A cell that is not used any more, which does not.
const GONE: usize = 1;

/// Cells of the table that lies in the pool itself.
const FIRST: usize = if MODEL { 2 } else { 64 };

/// 2^64 divided by the golden ratio: multiples of it are spread evenly.
const SPREAD: usize = 0x9E37_79B9_7F4A_7C15;

/// What a table begins with; its cells follow.
#[repr(C)]
pub(super) struct Table {
    /// Number of cells, a power of two, less one.
    mask: usize,
    /// The next older table that is not used.
    old: *mut Table,
    cells: [AtomicUsize; 0],
}

#[repr(C)]
struct FirstTable {
    table: Table,
    cells: [AtomicUsize; FIRST],
}

/// The part that lookups read.
pub(super) struct Set {
    current: AtomicPtr<Table>,
    granules: Granules,
    first: FirstTable,
}

/// The part that the growth lock guards.
pub(super) struct SetState {
    /// Granules in the set.
    live: usize,
    /// Cells that are not empty.
    used: usize,
    /// Tables that are not used any more.
    old: *mut Table,
}

/// What has to be done before more granules can go in.
pub(super) enum Room {
    /// Nothing.
    Enough,
    /// A table of this many cells has to be put in the place of the current one.
    Wanted(usize),
}

impl Set {
    /// Makes an empty set of such granules.
    ///
    /// # Safety
    ///
    /// `at` points to zeroed memory for a `Set`, which does not move after this.
    pub(super) unsafe fn place(at: *mut Self, granules: Granules) {
        // SAFETY: `at` points to memory for a set.
        let first = unsafe { &raw mut (*at).first };
        // SAFETY: the first table is zeroed and followed by its cells.
        unsafe { Table::place(first.cast(), FIRST) };
        // SAFETY: as above.
        let current = unsafe { &raw mut (*at).current };
        // SAFETY: as above.
        unsafe { current.write(AtomicPtr::new(first.cast())) };
        // SAFETY: as above.
        unsafe { (*at).granules = granules };
    }

    /// The payload of the granule of `address`, if it is in the set. `granules` are those that the set was
    /// made with. Of the line at 0, which no pool has, it says anything.
    #[inline(always)]
    pub(super) fn find(&self, address: usize, granules: Granules) -> Option<usize> {
        let table = self.current();
        let wanted = granules.word(address, 0);
        // Mostly it is in one of its first two cells. Which of them, a processor could not foretell, so
        // there is no branch for it: a wrong guess costs more than the rest of the lookup. What is left of
        // another word, an unused cell's among them, is no payload.
        let [one, other] = table.first_two(wanted).map(|word| word ^ wanted);
        let mut payload = one.min(other);
        if !granules.is_payload(payload) {
            payload = Self::find_further(table, wanted, granules)?;
        }
        Some(payload)
    }

    /// As [`Set::find`], for a granule that is not in its first two cells.
    #[cold]
    #[inline(never)]
    fn find_further(table: TableRef, wanted: usize, granules: Granules) -> Option<usize> {
        let mut found = None;
        table.probe(wanted, |_, word| {
            let payload = word ^ wanted;
            if granules.is_payload(payload) {
                found = Some(payload);
            }
            word == EMPTY || found.is_some()
        });
        found
    }

    #[inline]
    fn current(&self) -> TableRef {
        TableRef(self.current.load(Ordering::Acquire))
    }

    /// Whether `more` granules can go in.
    pub(super) fn room(&self, state: &SetState, more: usize) -> Room {
        let cells = self.current().cells();
        let full = |used: usize| used.saturating_mul(2) > cells;
        if !full(state.used.saturating_add(more)) {
            return Room::Enough;
        }
        let crowded = state.live.saturating_add(more).saturating_mul(4) > cells;
        Room::Wanted(if crowded {
            cells.saturating_mul(2)
        } else {
            cells
        })
    }

    /// Whether `more` granules can go in at all, at the price of long lookups.
    pub(super) fn squeeze(&self, state: &SetState, more: usize) -> bool {
        state.used.saturating_add(more) < self.current().cells()
    }

    /// Puts the granule of `address` in. There is room.
    pub(super) fn insert(&self, state: &mut SetState, address: usize, payload: usize) {
        let word = self.granules.word(address, payload);
        let table = self.current();
        table.probe(self.granules.word(address, 0), |cell, found| {
            if found != EMPTY && found != GONE {
                return false;
            }
            if found == EMPTY {
                state.used = state.used.wrapping_add(1);
            }
            state.live = state.live.wrapping_add(1);
            table.set(cell, word);
            true
        });
    }

    /// Takes the granule of `address` out.
    pub(super) fn remove(&self, state: &mut SetState, address: usize, payload: usize) {
        let word = self.granules.word(address, payload);
        let table = self.current();
        table.probe(self.granules.word(address, 0), |cell, found| {
            if found != word {
                return found == EMPTY;
            }
            state.live = state.live.wrapping_sub(1);
            table.set(cell, GONE);
            table.clean(state, cell);
            true
        });
    }

    /// Puts an empty table in the place of the current one, with the same granules in it.
    pub(super) fn replace(&self, state: &mut SetState, table: NonNull<Table>) {
        let before = self.current();
        let after = TableRef(table.as_ptr());
        state.used = 0;
        before.each(|word| {
            after.probe(self.granules.key_of(word), |cell, found| {
                if found == EMPTY {
                    after.set(cell, word);
                    state.used = state.used.wrapping_add(1);
                }
                found == EMPTY
            });
        });
        self.current.store(table.as_ptr(), Ordering::Release);
        before.set_old(state.old);
        state.old = before.0;
    }

    /// Takes an unused table of this many cells and empties it. Nobody may be reading.
    pub(super) fn reuse(state: &mut SetState, cells: usize) -> Option<NonNull<Table>> {
        let mut newer: Option<TableRef> = None;
        let mut at = NonNull::new(state.old);
        while let Some(table) = at {
            let this = TableRef(table.as_ptr());
            if this.cells() == cells {
                match newer {
                    Some(newer) => newer.set_old(this.old()),
                    None => state.old = this.old(),
                }
                for cell in 0..cells {
                    this.set(cell, EMPTY);
                }
                return Some(table);
            }
            newer = Some(this);
            at = NonNull::new(this.old());
        }
        None
    }

    /// Calls `each` with the address of every granule. For a pool that goes.
    pub(super) fn each(&self, mut each: impl FnMut(usize)) {
        self.current()
            .each(|word| each(self.granules.address(word)));
    }

    /// Calls `free` with every table that has a block of its own, and its bytes.
    ///
    /// # Safety
    ///
    /// The set is not used after this.
    pub(super) unsafe fn dissolve(
        &self,
        state: &SetState,
        mut free: impl FnMut(NonNull<u8>, usize),
    ) {
        let first = ptr::from_ref(&self.first).cast::<Table>();
        let current = self.current();
        current.set_old(state.old);
        let mut at = NonNull::new(current.0);
        while let Some(table) = at {
            let this = TableRef(table.as_ptr());
            at = NonNull::new(this.old());
            if !ptr::eq(table.as_ptr(), first) {
                free(table.cast(), Table::bytes(this.cells()));
            }
        }
    }
}

impl SetState {
    pub(super) const fn new() -> Self {
        Self {
            live: 0,
            used: 0,
            old: ptr::null_mut(),
        }
    }
}

impl Table {
    /// Bytes of a table of this many cells.
    pub(super) const fn bytes(cells: usize) -> usize {
        size_of::<Self>().saturating_add(cells.saturating_mul(size_of::<AtomicUsize>()))
    }

    /// Makes an empty table.
    ///
    /// # Safety
    ///
    /// `at` points to [`Table::bytes`] zeroed bytes; `cells` is a power of two.
    pub(super) unsafe fn place(at: *mut Self, cells: usize) {
        let table = Self {
            mask: cells.wrapping_sub(1),
            old: ptr::null_mut(),
            cells: [],
        };
        // SAFETY: there is memory for a table and its cells, of which this is the beginning.
        unsafe { at.write(table) };
        for cell in 0..cells {
            let cell = TableRef(at).cell(cell);
            // SAFETY: the cell is zeroed and nothing else uses it.
            unsafe { from_zeroes(cell) };
        }
    }
}

/// A table that is not freed while this is used: tables live as long as their pool. (Not a
/// reference, which would end where the cells begin.)
#[derive(Clone, Copy)]
struct TableRef(*mut Table);

impl TableRef {
    #[inline]
    fn mask(self) -> usize {
        // SAFETY: the table lives, and its size does not change.
        unsafe { (*self.0).mask }
    }

    fn cells(self) -> usize {
        self.mask().wrapping_add(1)
    }

    fn old(self) -> *mut Table {
        // SAFETY: the table lives; the field is guarded by the growth lock, which the caller holds.
        unsafe { (*self.0).old }
    }

    fn set_old(self, old: *mut Table) {
        // SAFETY: as above.
        unsafe { (*self.0).old = old };
    }

    /// The cell with this number, which is below that of the cells.
    #[inline]
    fn cell(self, cell: usize) -> *mut AtomicUsize {
        let cells = self
            .0
            .wrapping_byte_add(core::mem::offset_of!(Table, cells));
        cells.cast::<AtomicUsize>().wrapping_add(cell)
    }

    #[inline]
    fn get(self, cell: usize) -> usize {
        // SAFETY: the number is below that of the cells, all of which are initialised.
        unsafe { &*self.cell(cell) }.load(Ordering::Acquire)
    }

    fn set(self, cell: usize, word: usize) {
        // SAFETY: as above.
        unsafe { &*self.cell(cell) }.store(word, Ordering::Release);
    }

    /// The first of the cells where `key` can be: an even one.
    #[inline(always)]
    fn first(self, key: usize) -> usize {
        // The upper half of the product is the well-mixed one.
        (key.wrapping_mul(SPREAD) >> 32) & self.mask() & !1
    }

    /// What the first two cells hold where `key` can be.
    #[inline(always)]
    fn first_two(self, key: usize) -> [usize; 2] {
        let first = self.first(key);
        // There is a cell behind an even one: their number is a power of two, and not 1.
        [self.get(first), self.get(first | 1)]
    }

    /// Calls `at` with the cells where `key` can be, in order, until it says that it is done.
    #[inline(always)]
    fn probe(self, key: usize, mut at: impl FnMut(usize, usize) -> bool) {
        let mask = self.mask();
        let mut cell = self.first(key);
        let mut left = mask;
        while !at(cell, self.get(cell)) && left != 0 {
            cell = cell.wrapping_add(1) & mask;
            left = left.wrapping_sub(1);
        }
    }

    fn each(self, mut each: impl FnMut(usize)) {
        for cell in 0..self.cells() {
            let word = self.get(cell);
            if word != EMPTY && word != GONE {
                each(word);
            }
        }
    }

    /// Makes a cell that is gone empty, and those before it, where no lookup goes beyond them.
    fn clean(self, state: &mut SetState, cell: usize) {
        let mask = self.mask();
        if self.get(cell.wrapping_add(1) & mask) != EMPTY {
            return;
        }
        let mut cell = cell;
        while self.get(cell) == GONE {
            self.set(cell, EMPTY);
            state.used = state.used.wrapping_sub(1);
            cell = cell.wrapping_sub(1) & mask;
        }
    }
}

// One line holds eight cells of the atomics that the driver uses.
const _: () = assert!(MODEL || size_of::<AtomicUsize>() * 8 == LINE);
