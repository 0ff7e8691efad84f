//! Pages of system memory that the port gives out, and pages of a user-mode process.
//!
//! Each block has addresses of its own, which are not used twice, with a page behind it that is not mapped.

use alloc::{collections::BTreeMap, vec::Vec};
use core::ptr::NonNull;

use spin::Mutex;
use x86_64::structures::paging::{FrameDeallocator, PageTableFlags, PhysFrame};

use super::{
    frames::FRAMES,
    layout::{PAGE, SYSTEM_PAGES, USER},
    paging::{self, Caching, Protection},
};

/// Blocks of pages: where the next one goes, and the frames of each by its address.
struct Blocks {
    next: u64,
    live: BTreeMap<u64, Vec<PhysFrame>>,
}

static SYSTEM: Mutex<Blocks> = Mutex::new(Blocks {
    next: SYSTEM_PAGES.start,
    live: BTreeMap::new(),
});
static PROCESS: Mutex<Blocks> = Mutex::new(Blocks {
    next: USER.start,
    live: BTreeMap::new(),
});

/// What is known of a frame of [`SYSTEM`].
#[derive(Clone, Copy, Default)]
struct Known {
    /// How many mappings of the driver's it has.
    mapped: u64,
    /// It was given back while one was left, and is free when that goes.
    given_back: bool,
}

/// The frames of [`SYSTEM`], by their numbers.
static KNOWN: Mutex<BTreeMap<u64, Known>> = Mutex::new(BTreeMap::new());

fn number(frame: PhysFrame) -> u64 {
    frame.start_address().as_u64() / PAGE
}

impl Blocks {
    fn make(&mut self, pages: u64) -> Option<u64> {
        let mut frames = Vec::new();
        for _ in 0..pages {
            let Some(frame) = FRAMES.lock().allocate() else {
                frames.into_iter().for_each(free);
                return None;
            };
            frames.push(frame);
        }
        let frames = apart(&frames);
        let start = self.next;
        self.next += (pages + 1) * PAGE;
        for (page, frame) in (0..).zip(&frames) {
            let address = start + page * PAGE;
            paging::map(address, *frame, Protection::ReadWrite, Caching::WriteBack);
        }
        self.live.insert(start, frames);
        Some(start)
    }

    fn take(&mut self, start: u64) -> Option<Vec<PhysFrame>> {
        let frames = self.live.remove(&start)?;
        for page in 0..frames.len() as u64 {
            paging::unmap(start + page * PAGE);
        }
        Some(frames)
    }
}

/// The frames in an order in which no frame follows the one before it: every other one, then the others.
fn apart(frames: &[PhysFrame]) -> Vec<PhysFrame> {
    let mut sorted = frames.to_vec();
    sorted.sort();
    let (odd, even) = (sorted.iter().skip(1).step_by(2), sorted.iter().step_by(2));
    odd.chain(even).copied().collect()
}

fn free(frame: PhysFrame) {
    // SAFETY: callers have unmapped it, and give it up.
    unsafe { FRAMES.lock().deallocate_frame(frame) };
}

/// Zeroed pages for the port, and their frame numbers. None where RAM is used up.
pub fn allocate(pages: u64) -> Option<(NonNull<u8>, Vec<u64>)> {
    let mut system = SYSTEM.lock();
    let start = system.make(pages)?;
    let frames = system.live.get(&start)?;
    let numbers: Vec<u64> = frames.iter().map(|frame| number(*frame)).collect();
    let mut known = KNOWN.lock();
    for number in &numbers {
        known.insert(*number, Known::default());
    }
    Some((NonNull::new(start as *mut u8)?, numbers))
}

/// Takes the pages back that [`allocate`] gave at `start`; the numbers of those that the driver has mapped.
/// None where it gave none there.
pub fn give_back(start: u64) -> Option<Vec<u64>> {
    let frames = SYSTEM.lock().take(start)?;
    let mut still_mapped = Vec::new();
    for frame in frames {
        let number = number(frame);
        let mut known = KNOWN.lock();
        match known.get_mut(&number) {
            Some(entry) if entry.mapped > 0 => {
                entry.given_back = true;
                still_mapped.push(number);
            }
            _ => {
                known.remove(&number);
                drop(known);
                free(frame);
            }
        }
    }
    Some(still_mapped)
}

/// The frame with that number, for one more mapping; none if the port gave out no such frame.
pub fn take_mapping(number: u64) -> Option<PhysFrame> {
    let mut known = KNOWN.lock();
    let entry = known.get_mut(&number).filter(|entry| !entry.given_back)?;
    entry.mapped += 1;
    let address = x86_64::PhysAddr::new(number * PAGE);
    Some(PhysFrame::containing_address(address))
}

/// A mapping of that frame is gone.
pub fn drop_mapping(frame: PhysFrame) {
    let mut known = KNOWN.lock();
    let Some(entry) = known.get_mut(&number(frame)) else {
        return;
    };
    entry.mapped -= 1;
    if entry.mapped == 0 && entry.given_back {
        known.remove(&number(frame));
        drop(known);
        free(frame);
    }
}

/// Zeroed memory of a user-mode process, in whole pages. None where RAM is used up.
pub fn allocate_user(bytes: usize) -> Option<NonNull<u8>> {
    let pages = (bytes as u64).max(1).div_ceil(PAGE);
    NonNull::new(PROCESS.lock().make(pages)? as *mut u8)
}

/// Takes back what [`allocate_user`] gave; false where it gave nothing.
pub fn free_user(start: u64) -> bool {
    let mut process = PROCESS.lock();
    let pages = process.live.get(&start).map_or(0, Vec::len) as u64;
    for page in 0..pages {
        set_readable(start + page * PAGE, true);
    }
    let Some(frames) = process.take(start) else {
        return false;
    };
    frames.into_iter().for_each(free);
    true
}

/// Takes the page of user memory that `address` lies in away, or brings it back; false if it is no user memory.
pub fn protect_user(address: u64, readable: bool) -> bool {
    let process = PROCESS.lock();
    let block = process.live.range(..=address).next_back();
    let inside = block.is_some_and(|(start, frames)| address < start + frames.len() as u64 * PAGE);
    if inside {
        set_readable(address & !(PAGE - 1), readable);
    }
    inside
}

fn set_readable(page: u64, readable: bool) {
    let kept = PageTableFlags::WRITABLE | PageTableFlags::NO_EXECUTE;
    let present = if readable {
        PageTableFlags::PRESENT
    } else {
        PageTableFlags::empty()
    };
    paging::set_flags(page, kept | present);
    paging::flush_page(page);
}
