//! Counts the driver's writes to an adapter's memory.
//!
//! While a watch is on, the pages that the driver has of the adapter are not present. Each access
//! faults, is counted if it is a write of the driver's, and is then let through alone: the page is
//! present for that one instruction, after which the processor stops again.

use alloc::vec::Vec;

use spin::Mutex;
use vmdisp_scenarios::Writes;
use x86_64::structures::paging::PageTableFlags;

use super::{device::Mapping, layout::PAGE, paging};
use crate::{image, nt};

/// What the adapter has at a mapping.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Registers.
    Registers,
    /// Video memory.
    VideoMemory,
}

/// Pages that are watched.
#[derive(Clone, Copy)]
struct Range {
    start: u64,
    pages: u64,
    kind: Kind,
    flags: PageTableFlags,
}

impl Range {
    fn contains(&self, address: u64) -> bool {
        (self.start..self.start + self.pages * PAGE).contains(&address)
    }

    fn set_present(&self, present: bool) {
        let mut flags = self.flags;
        flags.set(PageTableFlags::PRESENT, present);
        for page in 0..self.pages {
            paging::set_flags(self.start + page * PAGE, flags);
        }
        paging::flush();
    }
}

#[derive(Default)]
struct Watch {
    on: bool,
    adapter: u32,
    ranges: Vec<Range>,
    writes: Writes,
    /// The pages that the instruction under way was let through to.
    open: Vec<(u64, PageTableFlags)>,
    /// Whether it had interrupts enabled.
    interrupts: bool,
}

static WATCH: Mutex<Watch> = Mutex::new(Watch {
    on: false,
    adapter: 0,
    ranges: Vec::new(),
    writes: Writes {
        registers: 0,
        video_memory: 0,
    },
    open: Vec::new(),
    interrupts: false,
});

/// `RFLAGS`: stop after the next instruction.
const TRAP: u64 = 1 << 8;
/// `RFLAGS`: interrupts are taken.
const INTERRUPTS: u64 = 1 << 9;
/// A page fault's error code: it was a write.
const WRITE: u64 = 1 << 1;

/// Runs `work` and counts the writes that the driver makes meanwhile to the mappings of `adapter` that
/// it has or gets.
pub fn writes_during(adapter: u32, mappings: &[(Mapping, Kind)], work: &mut dyn FnMut()) -> Writes {
    {
        let mut watch = WATCH.lock();
        watch.on = true;
        watch.adapter = adapter;
        watch.writes = Writes::default();
        // The handler of the fault must not need the heap, which the interrupted code may be in.
        watch.open.reserve(8);
    }
    for (mapping, kind) in mappings {
        add(adapter, mapping, *kind);
    }
    work();
    let mut watch = WATCH.lock();
    watch.on = false;
    for range in core::mem::take(&mut watch.ranges) {
        range.set_present(true);
    }
    watch.writes
}

/// The driver has this mapping now.
pub fn add(adapter: u32, mapping: &Mapping, kind: Kind) {
    let mut watch = WATCH.lock();
    if !watch.on || watch.adapter != adapter {
        return;
    }
    let (start, pages) = mapping.place();
    let Some((_, flags)) = paging::translate(start) else {
        return;
    };
    let range = Range {
        start,
        pages,
        kind,
        flags,
    };
    range.set_present(false);
    watch.ranges.push(range);
}

/// The mapping at `address` is about to go.
pub fn forget(address: u64) {
    let mut watch = WATCH.lock();
    if let Some(index) = watch
        .ranges
        .iter()
        .position(|range| range.contains(address))
    {
        watch.ranges.swap_remove(index).set_present(true);
    }
}

/// A page fault at `address`, by the instruction at `instruction`. True if it was a watched access,
/// which may go on: then the flags that the instruction runs with are changed.
pub fn on_fault(address: u64, instruction: u64, error: u64, rflags: &mut u64) -> bool {
    let Some(mut watch) = WATCH.try_lock() else {
        return false;
    };
    let page = address & !(PAGE - 1);
    let found = watch
        .ranges
        .iter()
        .find(|range| range.contains(address))
        .copied();
    let Some(range) = found.filter(|_| watch.open.iter().all(|(open, _)| *open != page)) else {
        return false;
    };
    let by_driver = image::is_driver_code(instruction) || nt::is_copying();
    if error & WRITE != 0 && by_driver {
        match range.kind {
            Kind::Registers => watch.writes.registers += 1,
            Kind::VideoMemory => watch.writes.video_memory += 1,
        }
    }
    if watch.open.is_empty() {
        watch.interrupts = *rflags & INTERRUPTS != 0;
    }
    paging::set_flags(page, range.flags | PageTableFlags::PRESENT);
    watch.open.push((page, range.flags));
    *rflags = (*rflags | TRAP) & !INTERRUPTS;
    true
}

/// The processor stopped after an instruction. True if that was for a watched access.
pub fn on_step(rflags: &mut u64) -> bool {
    let Some(mut watch) = WATCH.try_lock() else {
        return false;
    };
    if watch.open.is_empty() {
        return false;
    }
    while let Some((page, flags)) = watch.open.pop() {
        paging::set_flags(page, flags - PageTableFlags::PRESENT);
        paging::flush_page(page);
    }
    *rflags &= !TRAP;
    if watch.interrupts {
        *rflags |= INTERRUPTS;
    }
    true
}
