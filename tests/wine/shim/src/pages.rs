//! Pages of system memory, and what the driver maps of them into addresses that it has reserved.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use spin::Mutex;

use crate::threads::{APC, DISPATCH, demand};
use crate::unwind::Note;
use crate::{fault, linux, pool};

const PAGE: usize = 4096;
/// Frames that the machine has: 256 MiB.
const FRAMES: u64 = 0x1_0000;
/// The number of the first.
const FIRST: u64 = 0x10_0000;

/// An MDL's head; frame numbers follow it.
#[repr(C)]
pub struct Mdl {
    next: usize,
    size: i16,
    flags: i16,
    process: usize,
    system_address: usize,
    start: usize,
    bytes: u32,
    offset: u32,
}

const _: () = assert!(size_of::<Mdl>() == 48);

/// `MDL_MAPPED_TO_SYSTEM_VA`
const MAPPED: i16 = 1;
/// `MDL_PAGES_LOCKED`
const LOCKED: i16 = 2;
/// `MmCached`
const CACHED: u32 = 1;

struct Range {
    pages: usize,
    tag: u32,
    by: Note,
    /// What is mapped there: the MDL, its frames, and who did it.
    mapped: Option<(usize, Vec<u64>, Note)>,
}

struct System {
    /// The file whose pages are the frames.
    file: Option<u64>,
    /// Frames that nobody has.
    free: Vec<u64>,
    /// What was given: first address to frames.
    given: BTreeMap<usize, Vec<u64>>,
    /// What the driver has reserved.
    ranges: BTreeMap<usize, Range>,
}

static SYSTEM: Mutex<System> = Mutex::new(System {
    file: None,
    free: Vec::new(),
    given: BTreeMap::new(),
    ranges: BTreeMap::new(),
});

impl System {
    fn open(&mut self) -> Option<u64> {
        if self.file.is_none() {
            self.file = linux::memory_file(FRAMES * PAGE as u64);
            // In an order in which no two that follow each other are neighbours.
            self.free = (0..FRAMES).map(|at| (at * 0x6eed) % FRAMES).collect();
        }
        self.file
    }
}

/// Zeroed pages: the port's view of them, and their frame numbers.
pub fn allocate(pages: usize) -> Option<(usize, Vec<u64>)> {
    let mut system = SYSTEM.lock();
    let file = system.open()?;
    let left = system.free.len().checked_sub(pages)?;
    let address = pool::pages(pages * PAGE)?;
    let frames = system.free.split_off(left);
    for (page, frame) in frames.iter().enumerate() {
        // SAFETY: the address is new, and nobody else's.
        if !unsafe { linux::map_page(address + page * PAGE, file, frame * PAGE as u64) } {
            system.free.extend(&frames);
            return None;
        }
    }
    let place = core::ptr::with_exposed_provenance_mut::<u8>(address);
    // SAFETY: so many pages are mapped there.
    unsafe { core::ptr::write_bytes(place, 0, pages * PAGE) };
    let numbers = frames.iter().map(|frame| FIRST + frame).collect();
    system.given.insert(address, frames);
    Some((address, numbers))
}

/// Gives pages back. The driver must have none of them mapped.
pub fn free(address: usize) {
    let mut system = SYSTEM.lock();
    let frames = system.given.remove(&address);
    let Some(frames) = frames else {
        drop(system);
        fault::wrong_use(
            "the port",
            &format!("{address:#x} is no address of system pages"),
            Vec::new(),
        );
    };
    let still = system.ranges.iter().find_map(|(start, range)| {
        let (_, mapped, by) = range.mapped.as_ref()?;
        mapped
            .iter()
            .any(|frame| frames.contains(frame))
            .then_some((*start, *by))
    });
    if let Some((start, by)) = still {
        drop(system);
        let text = format!("pages that are mapped at {start:#x} are given back to the system");
        let notes = vec![format!("mapped by {}", by.text())];
        fault::wrong_use("MmMapLockedPagesWithReservedMapping", &text, notes);
    }
    // SAFETY: the pages were mapped by `allocate`, and nobody uses them any more.
    unsafe { linux::unmap_pages(address, frames.len() * PAGE) };
    system.free.extend(frames);
}

/// Does something with a reserved range of that tag; what is wrong ends the run.
fn with<R>(
    service: &str,
    start: usize,
    tag: u32,
    work: impl FnOnce(&mut Range) -> Result<R, (String, Vec<String>)>,
) -> R {
    let mut system = SYSTEM.lock();
    let result = match system.ranges.get_mut(&start) {
        None => Err((
            format!("{start:#x} is no range that was reserved, or was freed"),
            Vec::new(),
        )),
        Some(range) if range.tag != tag => Err((
            format!(
                "tag '{}' does not match the range's, '{}'",
                pool::tag_text(tag),
                pool::tag_text(range.tag)
            ),
            vec![format!("reserved by {}", range.by.text())],
        )),
        Some(range) => work(range),
    };
    drop(system);
    result.unwrap_or_else(|(text, notes)| fault::wrong_use(service, &text, notes))
}

/// `PVOID MmAllocateMappingAddress(SIZE_T, ULONG)`
pub unsafe extern "system" fn reserve(bytes: usize, tag: u32) -> usize {
    const SERVICE: &str = "MmAllocateMappingAddress";
    demand(SERVICE, APC);
    if bytes == 0 || tag == 0 {
        let text = format!("{bytes} bytes with tag {tag:#x} are not a valid request");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if !pool::count_call() {
        return 0;
    }
    let pages = bytes.div_ceil(PAGE);
    let Some(start) = pool::pages(pages * PAGE) else {
        return 0;
    };
    // SAFETY: the addresses are new, and nobody else's.
    unsafe { linux::unmap_pages(start, pages * PAGE) };
    let range = Range {
        pages,
        tag,
        by: Note::now(),
        mapped: None,
    };
    SYSTEM.lock().ranges.insert(start, range);
    start
}

/// `VOID MmFreeMappingAddress(PVOID, ULONG)`
pub unsafe extern "system" fn unreserve(start: usize, tag: u32) {
    const SERVICE: &str = "MmFreeMappingAddress";
    demand(SERVICE, APC);
    with(SERVICE, start, tag, |range| match &range.mapped {
        None => Ok(()),
        Some((_, _, by)) => Err((
            format!("the range at {start:#x} has pages mapped in it"),
            vec![format!("mapped by {}", by.text())],
        )),
    });
    SYSTEM.lock().ranges.remove(&start);
}

/// What is wrong with an MDL that is to be mapped.
fn wrong_list(list: &Mdl, pages: usize, caching: u32) -> Option<String> {
    let room = usize::from(list.size.cast_unsigned()).saturating_sub(48) / 8;
    if list.flags & LOCKED == 0 || list.flags & MAPPED != 0 {
        return Some(format!(
            "the MDL's flags are {:#x}: locked (2) and not mapped (1) was wanted",
            list.flags
        ));
    }
    if list.offset as usize >= PAGE || pages == 0 || room < pages {
        return Some(format!(
            "the MDL of {} bytes has room for {room} pages and describes {pages}",
            list.size
        ));
    }
    (caching != CACHED).then(|| format!("system memory is cached, not of caching type {caching}"))
}

/// `PVOID MmMapLockedPagesWithReservedMapping(PVOID, ULONG, PMDL, MEMORY_CACHING_TYPE)`
pub unsafe extern "system" fn map(start: usize, tag: u32, mdl: *mut Mdl, caching: u32) -> usize {
    const SERVICE: &str = "MmMapLockedPagesWithReservedMapping";
    demand(SERVICE, DISPATCH);
    // SAFETY: the caller's list.
    let list = unsafe { &mut *mdl };
    let pages = (list.offset as usize + list.bytes as usize).div_ceil(PAGE);
    if let Some(text) = wrong_list(list, pages, caching) {
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    let numbers = mdl.wrapping_add(1).cast::<u64>();
    // SAFETY: the list has room for so many numbers.
    let numbers = unsafe { core::slice::from_raw_parts(numbers, pages) };
    let known = {
        let system = SYSTEM.lock();
        let given = |frame: u64| system.given.values().any(|frames| frames.contains(&frame));
        let known = |number: &u64| number.checked_sub(FIRST).filter(|frame| given(*frame));
        numbers.iter().map(known).collect::<Option<Vec<u64>>>()
    };
    let Some(frames) = known else {
        let text = "a number in the MDL is no frame that the system has locked";
        fault::wrong_use(SERVICE, text, Vec::new());
    };
    let file = SYSTEM.lock().file.unwrap_or(0);
    let by = Note::now();
    with(SERVICE, start, tag, |range| {
        if let Some((_, _, by)) = &range.mapped {
            let text = format!("the range at {start:#x} has pages mapped in it already");
            return Err((text, vec![format!("mapped by {}", by.text())]));
        }
        if pages > range.pages {
            let text = format!("{pages} pages into a range of {}", range.pages);
            return Err((text, vec![format!("reserved by {}", range.by.text())]));
        }
        for (page, frame) in frames.iter().enumerate() {
            // SAFETY: the range is the driver's, and nothing is mapped in it.
            if !unsafe { linux::map_page(start + page * PAGE, file, frame * PAGE as u64) } {
                return Err(("Linux does not map the page".into(), Vec::new()));
            }
        }
        range.mapped = Some((mdl.addr(), frames, by));
        Ok(())
    });
    list.flags |= MAPPED;
    list.system_address = start + list.offset as usize;
    list.system_address
}

/// `VOID MmUnmapReservedMapping(PVOID, ULONG, PMDL)`
pub unsafe extern "system" fn unmap(address: usize, tag: u32, mdl: *mut Mdl) {
    const SERVICE: &str = "MmUnmapReservedMapping";
    demand(SERVICE, DISPATCH);
    let start = address & !(PAGE - 1);
    let pages = with(SERVICE, start, tag, |range| match range.mapped.take() {
        None => Err((
            format!("nothing is mapped in the range at {start:#x}"),
            vec![format!("reserved by {}", range.by.text())],
        )),
        Some((of, _, by)) if of != mdl.addr() => Err((
            format!("the pages at {start:#x} were mapped with another MDL"),
            vec![format!("mapped by {}", by.text())],
        )),
        Some((_, frames, _)) => Ok(frames.len()),
    });
    // SAFETY: so many pages of the range were mapped.
    unsafe { linux::unmap_pages(start, pages * PAGE) };
    // SAFETY: the caller's list.
    let list = unsafe { &mut *mdl };
    list.flags &= !MAPPED;
    list.system_address = 0;
}

/// The ranges that are left, a line each.
pub fn left() -> Vec<String> {
    let system = SYSTEM.lock();
    let lines = system.ranges.values();
    lines
        .map(|range| {
            format!(
                "a reserved range not freed, reserved by {}",
                range.by.text()
            )
        })
        .collect()
}
