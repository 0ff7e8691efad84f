//! System addresses that are reserved once, and pages that an MDL describes mapped there again and again.

use alloc::{collections::BTreeMap, format, string::String, vec, vec::Vec};

use spin::Mutex;
use x86_64::structures::paging::PhysFrame;

use super::{caller, demand_irql, pool};
use crate::{
    cpu::irql::{APC_LEVEL, DISPATCH_LEVEL},
    fault,
    memory::{
        layout::{PAGE, RESERVED},
        paging::{self, Caching, Protection},
        system,
    },
    threads,
};

/// `MDL`, before its frame numbers.
#[repr(C)]
pub struct Mdl {
    next: usize,
    size: i16,
    flags: i16,
    process: usize,
    system_address: u64,
    start: u64,
    bytes: u32,
    offset: u32,
}

const _: () = assert!(size_of::<Mdl>() == 48);

/// `MDL_MAPPED_TO_SYSTEM_VA`.
const MAPPED: i16 = 1;
/// `MDL_PAGES_LOCKED`.
const LOCKED: i16 = 2;
/// `MmCached`.
const CACHED: u32 = 1;

/// A reserved range.
struct Range {
    pages: u64,
    tag: u32,
    /// Who reserved it.
    by: u64,
    mapped: Option<Mapping>,
}

/// What is mapped in a range.
struct Mapping {
    mdl: u64,
    frames: Vec<PhysFrame>,
    /// Who mapped it.
    by: u64,
    /// Stalls that there had been.
    stalls: u64,
}

struct Ranges {
    live: BTreeMap<u64, Range>,
    /// Where the next range goes: addresses are not used twice.
    next: u64,
}

static RANGES: Mutex<Ranges> = Mutex::new(Ranges {
    live: BTreeMap::new(),
    next: RESERVED.start,
});

fn tag_text(tag: u32) -> String {
    pool::tag_text(tag.to_le_bytes())
}

/// What is left of a driver that goes, a line each; it is freed.
pub fn forget_all() -> Vec<String> {
    let left = core::mem::take(&mut RANGES.lock().live);
    let lines = left.iter().map(|(start, range)| {
        format!(
            "a reserved range not freed: {start:#x}, tag '{}', reserved by <{:#x}>",
            tag_text(range.tag),
            range.by
        )
    });
    let lines = lines.collect();
    for (start, range) in left {
        if let Some(mapping) = range.mapped {
            unmap_pages(start, mapping);
        }
    }
    lines
}

/// Ends the run if the driver has a page of `frames` mapped, which were given back, unless it was told to stand still
/// since: then it has another use for the mapping than to free it.
pub fn demand_none_of(frames: &[u64]) {
    let stalls = threads::stalls();
    let ranges = RANGES.lock();
    let found = ranges.live.iter().find_map(|(start, range)| {
        let mapping = range.mapped.as_ref()?;
        let ours = |frame: &PhysFrame| frames.contains(&(frame.start_address().as_u64() / PAGE));
        let wrong = mapping.stalls == stalls && mapping.frames.iter().any(ours);
        wrong.then_some((*start, mapping.by))
    });
    drop(ranges);
    if let Some((start, by)) = found {
        let text = format!("pages that are mapped at {start:#x} are given back to the system");
        let notes = vec![format!("mapped by <{by:#x}>")];
        fault::wrong_use("MmMapLockedPagesWithReservedMapping", &text, notes);
    }
}

/// `PVOID MmAllocateMappingAddress(SIZE_T, ULONG)`. It counts as a pool call: addresses may be used up.
pub unsafe extern "win64" fn allocate(bytes: usize, tag: u32) -> u64 {
    const SERVICE: &str = "MmAllocateMappingAddress";
    demand_irql(SERVICE, APC_LEVEL);
    threads::stall_point(SERVICE);
    if bytes == 0 || tag == 0 {
        let text = format!("{bytes} bytes with tag {tag:#x} are not a valid request");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if !pool::count_call() {
        return 0;
    }
    let pages = (bytes as u64).div_ceil(PAGE);
    let range = Range {
        pages,
        tag,
        by: caller(),
        mapped: None,
    };
    let mut ranges = RANGES.lock();
    let start = ranges.next;
    ranges.next += (pages + 1) * PAGE;
    ranges.live.insert(start, range);
    start
}

/// Does something with the range at `start`, if it is one of that tag.
fn with<R>(
    service: &str,
    start: u64,
    tag: u32,
    work: impl FnOnce(&mut Range) -> Result<R, (String, Vec<String>)>,
) -> R {
    let mut ranges = RANGES.lock();
    let result = match ranges.live.get_mut(&start) {
        None => Err((
            format!("{start:#x} is no range that was reserved, or was freed"),
            Vec::new(),
        )),
        Some(range) if range.tag != tag => Err((
            format!(
                "tag '{}' does not match the range's, '{}'",
                tag_text(tag),
                tag_text(range.tag)
            ),
            vec![format!("reserved by <{:#x}>", range.by)],
        )),
        Some(range) => work(range),
    };
    drop(ranges);
    match result {
        Ok(result) => result,
        Err((text, notes)) => fault::wrong_use(service, &text, notes),
    }
}

/// `void MmFreeMappingAddress(PVOID, ULONG)`.
pub unsafe extern "win64" fn free(start: u64, tag: u32) {
    const SERVICE: &str = "MmFreeMappingAddress";
    demand_irql(SERVICE, APC_LEVEL);
    threads::stall_point(SERVICE);
    with(SERVICE, start, tag, |range| match &range.mapped {
        None => Ok(()),
        Some(mapping) => Err((
            format!("the range at {start:#x} has pages mapped in it"),
            vec![format!("mapped by <{:#x}>", mapping.by)],
        )),
    });
    RANGES.lock().live.remove(&start);
}

/// `PVOID MmMapLockedPagesWithReservedMapping(PVOID, ULONG, PMDL, MEMORY_CACHING_TYPE)`.
pub unsafe extern "win64" fn map(start: u64, tag: u32, mdl: *mut Mdl, caching: u32) -> u64 {
    const SERVICE: &str = "MmMapLockedPagesWithReservedMapping";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    threads::stall_point(SERVICE);
    // SAFETY: the driver passes an MDL of its own.
    let list = unsafe { &mut *mdl };
    let pages = u64::from(list.offset) + u64::from(list.bytes);
    let pages = pages.div_ceil(PAGE);
    let room = (i64::from(list.size) - (size_of::<Mdl>() as u64).cast_signed()) / 8;
    if list.flags & LOCKED == 0 || list.flags & MAPPED != 0 {
        let text = format!(
            "the MDL's flags are {:#x}: locked (2) and not mapped (1) was wanted",
            list.flags
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if u64::from(list.offset) >= PAGE || pages == 0 || room < pages.cast_signed() {
        let text = format!(
            "the MDL of {} bytes has room for {room} pages and describes {pages}",
            list.size
        );
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if caching != CACHED {
        let text = format!("system memory is cached, not of caching type {caching}");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let numbers = mdl.wrapping_add(1).cast::<u64>();
    // SAFETY: the driver's MDL has as many frame numbers behind it.
    let numbers = unsafe { core::slice::from_raw_parts(numbers, pages as usize) }.to_vec();
    with(SERVICE, start, tag, |range| {
        if let Some(mapping) = &range.mapped {
            let text = format!("the range at {start:#x} has pages mapped in it already");
            return Err((text, vec![format!("mapped by <{:#x}>", mapping.by)]));
        }
        if pages > range.pages {
            let text = format!("{pages} pages into a range of {}", range.pages);
            return Err((text, vec![format!("reserved by <{:#x}>", range.by)]));
        }
        let mut frames = Vec::with_capacity(numbers.len());
        for number in numbers {
            let Some(frame) = system::take_mapping(number) else {
                let text = format!("{number:#x} is no frame that the system has locked");
                return Err((text, Vec::new()));
            };
            frames.push(frame);
        }
        for (page, frame) in (0..).zip(&frames) {
            let address = start + page * PAGE;
            paging::map(address, *frame, Protection::ReadWrite, Caching::WriteBack);
        }
        range.mapped = Some(Mapping {
            mdl: mdl as u64,
            frames,
            by: caller(),
            stalls: threads::stalls(),
        });
        Ok(())
    });
    list.flags |= MAPPED;
    list.system_address = start + u64::from(list.offset);
    list.system_address
}

/// `void MmUnmapReservedMapping(PVOID, ULONG, PMDL)`.
pub unsafe extern "win64" fn unmap(address: u64, tag: u32, mdl: *mut Mdl) {
    const SERVICE: &str = "MmUnmapReservedMapping";
    demand_irql(SERVICE, DISPATCH_LEVEL);
    threads::stall_point(SERVICE);
    let start = address & !(PAGE - 1);
    let mapping = with(SERVICE, start, tag, |range| match range.mapped.take() {
        None => Err((
            format!("nothing is mapped in the range at {start:#x}"),
            vec![format!("reserved by <{:#x}>", range.by)],
        )),
        Some(mapping) if mapping.mdl != mdl as u64 => Err((
            format!("the pages at {start:#x} were mapped with another MDL"),
            vec![format!("mapped by <{:#x}>", mapping.by)],
        )),
        Some(mapping) => Ok(mapping),
    });
    unmap_pages(start, mapping);
    // SAFETY: the driver passes an MDL of its own, as it did to the map.
    let list = unsafe { &mut *mdl };
    list.flags &= !MAPPED;
    list.system_address = 0;
}

fn unmap_pages(start: u64, mapping: Mapping) {
    for (page, frame) in (0..).zip(mapping.frames) {
        paging::unmap(start + page * PAGE);
        system::drop_mapping(frame);
    }
}
