//! Pages of system memory, named by frame numbers as a kernel names them.
//!
//! A frame number here is a key to a table that all worlds share, not a part of an address. Numbers of neighbouring pages
//! are never neighbours, so who takes the next page for the next number finds another one or none. A number that
//! nobody was given leads nowhere.

use core::alloc::Layout;
use core::ptr::{self, NonNull};
use core::sync::atomic::{AtomicPtr, AtomicU32, AtomicU64, Ordering};
use std::alloc::{alloc_zeroed, dealloc};
use std::boxed::Box;
use std::collections::{HashMap, VecDeque};
use std::sync::Mutex;
use std::vec::Vec;

use super::World;
use super::world::{locked, with};
use crate::kernel::PAGE;

/// Frame numbers begin here, so that neither 0 nor a small count is one.
const FIRST: u64 = 0x10_0000;
/// Frame numbers in a leaf of the table, and leaves.
const LEAF: usize = 1024;
/// How many pages all worlds can have: 4 GiB.
const ALL: u64 = (LEAF * LEAF) as u64;
/// The step from a new page's number to the next one's: odd, so that all numbers come.
const STEP: u64 = 0x9_E375;

/// Pages of system memory.
#[derive(Debug)]
pub struct SystemPages {
    /// All of them in one piece, page aligned.
    pub address: NonNull<u8>,
    /// Their frame numbers, in that order.
    pub frames: Vec<u64>,
}

/// What was done wrong with pages of system memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrongPages {
    /// A frame was to be mapped that nobody was given.
    NoFrame(u64),
    /// Pages were given back while this frame of theirs was mapped.
    FreedMapped(u64),
    /// No pages were given at this address, or they were given back before.
    NotGiven(usize),
}

/// What a world has of the pages.
#[derive(Default)]
pub(super) struct Pages {
    given: Mutex<HashMap<usize, Vec<u64>>>,
    wrong: Mutex<Vec<WrongPages>>,
}

impl Drop for Pages {
    fn drop(&mut self) {
        for (address, frames) in locked(&self.given).drain() {
            give_back(address, &frames);
        }
    }
}

/// A page: where it is, NULL for none, and how often it is mapped.
#[derive(Default)]
struct Entry {
    address: AtomicPtr<u8>,
    mapped: AtomicU32,
    /// Which of its world's stalls was the last before it was mapped.
    stall: AtomicU64,
}

type Leaf = [Entry; LEAF];

/// Leaves are made when one of their numbers is first given out, and stay.
static TABLE: [AtomicPtr<Leaf>; LEAF] = [const { AtomicPtr::new(ptr::null_mut()) }; LEAF];

/// Which numbers are free.
static FREE: Mutex<Free> = Mutex::new(Free {
    fresh: 0,
    used: VecDeque::new(),
});

struct Free {
    /// How many numbers were ever given out.
    fresh: u64,
    /// Those that came back, the oldest first: a stale number leads nowhere for as long as possible.
    used: VecDeque<u64>,
}

impl Free {
    fn take(&mut self) -> Option<u64> {
        if self.fresh < ALL {
            let number = FIRST + self.fresh * STEP % ALL;
            self.fresh += 1;
            return Some(number);
        }
        self.used.pop_front()
    }
}

/// Where a number is in the table; `None` if it is no frame number at all.
fn place(frame: u64) -> Option<(usize, usize)> {
    let index = usize::try_from(frame.checked_sub(FIRST)?).ok()?;
    (index < LEAF * LEAF).then_some((index / LEAF, index % LEAF))
}

fn entry(frame: u64) -> Option<&'static Entry> {
    let (leaf, index) = place(frame)?;
    let leaf = TABLE[leaf].load(Ordering::Acquire);
    // SAFETY: a leaf is NULL or lives as long as the program.
    let leaf = unsafe { leaf.as_ref() }?;
    Some(&leaf[index])
}

/// As [`entry`]; makes the leaf. The caller holds `FREE`.
fn made_entry(frame: u64) -> Option<&'static Entry> {
    let (leaf, _) = place(frame)?;
    if TABLE[leaf].load(Ordering::Acquire).is_null() {
        let empty = (0..LEAF).map(|_| Entry::default());
        let empty: Box<Leaf> = empty.collect::<Box<[_]>>().try_into().ok()?;
        TABLE[leaf].store(Box::into_raw(empty), Ordering::Release);
    }
    entry(frame)
}

/// Maps the page with that frame number: its address, good until [`frame_unmap`] is called as often. `None` if nobody was
/// given such a frame, which the world records. Any IRQL.
pub(in crate::kernel) fn frame_map(frame: u64) -> Option<NonNull<u8>> {
    if let Some(entry) = entry(frame) {
        entry.mapped.fetch_add(1, Ordering::AcqRel);
        if let Some(address) = NonNull::new(entry.address.load(Ordering::Acquire)) {
            let stall = with(|world| world.threads.stalls());
            entry.stall.store(stall, Ordering::Relaxed);
            return Some(address);
        }
        entry.mapped.fetch_sub(1, Ordering::AcqRel);
    }
    record(WrongPages::NoFrame(frame));
    None
}

/// Takes a mapping away that [`frame_map`] made.
pub(in crate::kernel) fn frame_unmap(frame: u64) {
    if let Some(entry) = entry(frame) {
        entry.mapped.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cold]
fn record(wrong: WrongPages) {
    with(|world| locked(&world.pages.wrong).push(wrong));
}

fn layout(pages: usize) -> Option<Layout> {
    let bytes = pages.checked_mul(PAGE).filter(|bytes| *bytes != 0)?;
    Layout::from_size_align(bytes, PAGE).ok()
}

/// Frees memory and numbers; returns a frame that is still mapped, and how many stalls there were before that.
fn give_back(address: usize, frames: &[u64]) -> Option<(u64, u64)> {
    let mut mapped = None;
    let mut free = locked(&FREE);
    for &frame in frames {
        if let Some(entry) = entry(frame) {
            entry.address.store(ptr::null_mut(), Ordering::Release);
            if entry.mapped.load(Ordering::Acquire) != 0 {
                mapped = Some((frame, entry.stall.load(Ordering::Relaxed)));
            }
        }
        free.used.push_back(frame);
    }
    // Memory that somebody can still reach stays: the fault is named, and nothing else is hit.
    if mapped.is_none()
        && let Some(layout) = layout(frames.len())
    {
        // SAFETY: `system_pages` took it with this layout, and no mapping is left.
        unsafe { dealloc(ptr::with_exposed_provenance_mut(address), layout) };
    }
    mapped
}

impl World {
    /// Zeroed pages of system memory. `None` when there are no more.
    #[must_use]
    pub fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        let layout = layout(pages)?;
        // SAFETY: the size is not zero.
        let address = NonNull::new(unsafe { alloc_zeroed(layout) })?;
        let start = address.as_ptr().expose_provenance();
        let mut frames = Vec::with_capacity(pages);
        let mut free = locked(&FREE);
        for page in 0..pages {
            let entry = free
                .take()
                .and_then(|frame| Some((frame, made_entry(frame)?)));
            let Some((frame, entry)) = entry else {
                drop(free);
                give_back(start, &frames);
                return None;
            };
            let page = address.as_ptr().wrapping_add(page * PAGE);
            entry.address.store(page, Ordering::Release);
            frames.push(frame);
        }
        drop(free);
        locked(&self.inner().pages.given).insert(start, frames.clone());
        Some(SystemPages { address, frames })
    }

    /// Gives back what [`World::system_pages`] gave. No mapping of them may be left, which the world records.
    pub fn free_system_pages(&self, address: NonNull<u8>) {
        let pages = &self.inner().pages;
        let address = address.addr().get();
        let wrong = match locked(&pages.given).remove(&address) {
            None => Some(WrongPages::NotGiven(address)),
            // A thread that was told to stand still may keep a mapping that it never touches again.
            Some(frames) => give_back(address, &frames)
                .filter(|(_, stall)| *stall == self.inner().threads.stalls())
                .map(|(frame, _)| WrongPages::FreedMapped(frame)),
        };
        locked(&pages.wrong).extend(wrong);
    }

    /// What was done wrong with pages, in order.
    #[must_use]
    pub fn wrong_pages(&self) -> Vec<WrongPages> {
        locked(&self.inner().pages.wrong).clone()
    }

    /// Pages that were given and not given back.
    #[must_use]
    pub fn live_system_pages(&self) -> usize {
        locked(&self.inner().pages.given)
            .values()
            .map(Vec::len)
            .sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_leads_to_its_page_until_it_is_given_back() {
        let world = World::new();
        let _entered = world.enter();
        let pages = world.system_pages(3).unwrap();
        for (page, &frame) in pages.frames.iter().enumerate() {
            let mapped = frame_map(frame).unwrap();
            let expected = pages.address.as_ptr().wrapping_add(page * PAGE);
            assert_eq!(mapped.as_ptr(), expected);
            frame_unmap(frame);
        }
        let apart = |pair: &[u64]| pair[0].abs_diff(pair[1]) > 1;
        assert!(pages.frames.windows(2).all(apart));
        world.free_system_pages(pages.address);
        assert_eq!(frame_map(pages.frames[1]), None);
        assert_eq!(world.wrong_pages(), [WrongPages::NoFrame(pages.frames[1])]);
    }

    #[test]
    fn pages_that_are_mapped_are_not_given_back_unseen() {
        let world = World::new();
        let _entered = world.enter();
        let pages = world.system_pages(2).unwrap();
        let mapped = frame_map(pages.frames[1]).unwrap();
        world.free_system_pages(pages.address);
        // SAFETY: the world keeps what is mapped.
        unsafe { mapped.write(1) };
        frame_unmap(pages.frames[1]);
        world.free_system_pages(pages.address);
        let given = pages.address.addr().get();
        assert_eq!(
            world.wrong_pages(),
            [
                WrongPages::FreedMapped(pages.frames[1]),
                WrongPages::NotGiven(given)
            ]
        );
    }
}
