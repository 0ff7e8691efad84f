//! The driver's pool: each block against a page that does not answer, and freed blocks never given out again.
//!
//! A block of less than a page ends at the end of its page, as far as its alignment lets it; the bytes behind it are
//! filled and looked at when it is freed. A larger one begins with a page, as Windows' do.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;

use nt::ntoskrnl::{OWN_PROCESS, ZwAllocateVirtualMemory, ZwFreeVirtualMemory};
use nt::protocol::Message;
use nt::shim::PoolTotals;
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::threads::{DISPATCH, demand};
use crate::unwind::Note;
use crate::{fault, report};

const PAGE: usize = 4096;
/// Address space that blocks come from, each from a place of its own.
const ARENA: usize = 16 << 30;
/// Behind a block and before it.
const FILL: u8 = 0xa5;
/// In a block that was not to be zeroed.
const GARBAGE: u8 = 0xcd;

/// `POOL_FLAG_UNINITIALIZED`
const UNINITIALIZED: u64 = 2;
/// `POOL_FLAG_CACHE_ALIGNED`
const CACHE_ALIGNED: u64 = 8;
/// `POOL_FLAG_NON_PAGED` and `POOL_FLAG_NON_PAGED_EXECUTE`
const NON_PAGED: u64 = 0x40;
const EXECUTE: u64 = 0x80;

const RESERVE: u32 = 0x2000;
const COMMIT: u32 = 0x1000;
const DECOMMIT: u32 = 0x4000;
const NO_ACCESS: u32 = 1;
const READ_WRITE: u32 = 4;

#[derive(Clone, Copy)]
struct Block {
    bytes: usize,
    tag: u32,
    /// Its first page, and how many it has.
    base: usize,
    pages: usize,
    taken: Note,
    freed: Option<Note>,
}

struct Pool {
    /// Where blocks are and were, by address.
    blocks: BTreeMap<usize, Block>,
    arena: usize,
    /// The first page that no block had.
    next: usize,
    totals: PoolTotals,
    /// Tag, blocks, bytes.
    tags: Vec<(u32, u64, u64)>,
    calls: u64,
    /// The call that fails.
    fails: u64,
}

static POOL: Mutex<Pool> = Mutex::new(Pool {
    blocks: BTreeMap::new(),
    arena: 0,
    next: 0,
    totals: PoolTotals {
        blocks: 0,
        bytes: 0,
        high_water_bytes: 0,
    },
    tags: Vec::new(),
    calls: 0,
    fails: 0,
});

/// Has the system do something with pages.
fn commit(base: usize, bytes: usize, kind: u32, protection: u32) -> Option<usize> {
    let mut base = ptr::with_exposed_provenance_mut::<c_void>(base);
    let mut bytes = bytes;
    // SAFETY: the pages are the arena's, or none's yet.
    let status = unsafe {
        ZwAllocateVirtualMemory(
            OWN_PROCESS,
            &raw mut base,
            0,
            &raw mut bytes,
            kind,
            protection,
        )
    };
    (status >= 0).then(|| base.expose_provenance())
}

/// Takes fresh pages for other parts of the shim.
pub fn pages(bytes: usize) -> Option<usize> {
    commit(0, bytes, RESERVE | COMMIT, READ_WRITE)
}

/// A tag as a debugger shows it.
pub fn tag_text(tag: u32) -> String {
    String::from_utf8_lossy(&tag.to_le_bytes()).into_owned()
}

impl Pool {
    /// A place for so many pages, with a page before the next that does not answer.
    fn place(&mut self, pages: usize) -> Option<usize> {
        if self.arena == 0 {
            self.arena = commit(0, ARENA, RESERVE, NO_ACCESS)?;
            self.next = self.arena;
        }
        let base = self.next;
        if base + (pages + 1) * PAGE > self.arena + ARENA {
            return None;
        }
        commit(base, pages * PAGE, COMMIT, READ_WRITE)?;
        self.next = base + (pages + 1) * PAGE;
        Some(base)
    }

    fn count(&mut self, tag: u32, bytes: usize, more: bool) {
        let at = self.tags.iter().position(|entry| entry.0 == tag);
        let at = at.unwrap_or_else(|| {
            self.tags.push((tag, 0, 0));
            self.tags.len() - 1
        });
        let entry = &mut self.tags[at];
        let bytes = bytes as u64;
        if more {
            (entry.1, entry.2) = (entry.1 + 1, entry.2 + bytes);
            self.totals.blocks += 1;
            self.totals.bytes += bytes;
            self.totals.high_water_bytes = self.totals.high_water_bytes.max(self.totals.bytes);
        } else {
            (entry.1, entry.2) = (entry.1 - 1, entry.2 - bytes);
            self.totals.blocks -= 1;
            self.totals.bytes -= bytes;
        }
    }
}

/// Counts a call that takes memory. False if it is the one that fails.
pub fn count_call() -> bool {
    let mut pool = POOL.lock();
    pool.calls += 1;
    pool.calls != pool.fails
}

fn take(flags: u64, bytes: usize, tag: u32) -> Option<usize> {
    if !count_call() {
        return None;
    }
    let taken = Note::now();
    let mut pool = POOL.lock();
    let pages = bytes.div_ceil(PAGE);
    let base = pool.place(pages)?;
    let alignment = match flags & CACHE_ALIGNED {
        _ if bytes >= PAGE => PAGE,
        0 => 16,
        _ => 64,
    };
    let end = base + pages * PAGE;
    let address = if bytes >= PAGE {
        base
    } else {
        end - bytes.next_multiple_of(alignment)
    };
    pool.blocks.insert(
        address,
        Block {
            bytes,
            tag,
            base,
            pages,
            taken,
            freed: None,
        },
    );
    pool.count(tag, bytes, true);
    drop(pool);
    let fill = |from: usize, to: usize, byte: u8| {
        let place = ptr::with_exposed_provenance_mut::<u8>(from);
        // SAFETY: the range is in the block's pages, which nobody else has.
        unsafe { ptr::write_bytes(place, byte, to - from) };
    };
    fill(base, address, FILL);
    if flags & UNINITIALIZED != 0 {
        fill(address, address + bytes, GARBAGE);
    }
    fill(address + bytes, end, FILL);
    Some(address)
}

/// `PVOID ExAllocatePool2(POOL_FLAGS, SIZE_T, ULONG)`
pub unsafe extern "system" fn allocate_pool2(flags: u64, bytes: usize, tag: u32) -> *mut u8 {
    const SERVICE: &str = "ExAllocatePool2";
    demand(SERVICE, DISPATCH);
    let kind = flags & (NON_PAGED | EXECUTE);
    if bytes == 0 || tag == 0 || kind != NON_PAGED {
        let text =
            format!("{bytes} bytes, flags {flags:#x}, tag {tag:#x} are not a valid request here");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    ptr::with_exposed_provenance_mut(take(flags, bytes, tag).unwrap_or(0))
}

/// What is wrong with freeing a block, and what is known of it.
fn wrong_free(
    block: Option<&Block>,
    address: usize,
    tag: Option<u32>,
) -> Option<(String, Vec<String>)> {
    let Some(block) = block else {
        return Some((format!("{address:#x} is no block of the pool"), Vec::new()));
    };
    let about = format!(
        "a block of {} bytes with tag '{}', allocated by {}",
        block.bytes,
        tag_text(block.tag),
        block.taken.text()
    );
    if let Some(freed) = &block.freed {
        let notes = vec![about, format!("freed before by {}", freed.text())];
        return Some((
            format!("the block at {address:#x} was freed before (a double free)"),
            notes,
        ));
    }
    // 0 matches every tag, as ExFreePool's.
    if let Some(tag) = tag.filter(|tag| *tag != 0 && *tag != block.tag) {
        let text = format!(
            "tag '{}' does not match the block's, '{}'",
            tag_text(tag),
            tag_text(block.tag)
        );
        return Some((text, vec![about]));
    }
    let end = block.base + block.pages * PAGE;
    for (at, from) in [(block.base, address), (address + block.bytes, end)] {
        let range = at..from;
        let place = ptr::with_exposed_provenance::<u8>(range.start);
        // SAFETY: the pages are the block's.
        let bytes = unsafe { core::slice::from_raw_parts(place, range.len()) };
        if let Some(wrong) = bytes.iter().position(|byte| *byte != FILL) {
            let place = range.start + wrong;
            let text = if place < address {
                format!(
                    "the block at {address:#x} was underrun: byte {} before it",
                    address - place
                )
            } else {
                format!(
                    "the block at {address:#x} was overrun: byte {} behind it",
                    place - address - block.bytes
                )
            };
            return Some((text, vec![about]));
        }
    }
    None
}

fn give_back(service: &str, address: usize, tag: Option<u32>) {
    demand(service, DISPATCH);
    let freed = Note::now();
    let mut pool = POOL.lock();
    let found = pool.blocks.get(&address).copied();
    if let Some((text, notes)) = wrong_free(found.as_ref(), address, tag) {
        drop(pool);
        fault::wrong_use(service, &text, notes);
    }
    let Some(mut block) = found else { return };
    block.freed = Some(freed);
    pool.blocks.insert(address, block);
    pool.count(block.tag, block.bytes, false);
    let mut base = ptr::with_exposed_provenance_mut::<c_void>(block.base);
    let mut bytes = block.pages * PAGE;
    // SAFETY: the pages are the block's, which is free now.
    unsafe { ZwFreeVirtualMemory(OWN_PROCESS, &raw mut base, &raw mut bytes, DECOMMIT) };
}

/// `VOID ExFreePoolWithTag(PVOID, ULONG)`
pub unsafe extern "system" fn free_pool_with_tag(block: *mut u8, tag: u32) {
    give_back("ExFreePoolWithTag", block.addr(), Some(tag));
}

/// `VOID ExFreePool(PVOID)`
pub unsafe extern "system" fn free_pool(block: *mut u8) {
    give_back("ExFreePool", block.addr(), None);
}

/// What is known of the block that `address` is in, or near.
pub fn describe(address: u64) -> Option<String> {
    let pool = POOL.try_lock()?;
    let address = address as usize;
    if !(pool.arena..pool.arena + ARENA).contains(&address) {
        return None;
    }
    // The last one that begins in this page or before; a page behind it is still its own.
    let mut near = pool.blocks.iter().filter(|(_, block)| {
        (block.base..block.base + (block.pages + 1) * PAGE).contains(&address)
    });
    let (start, block) = near.next_back()?;
    let state = block.freed.map_or_else(
        || "in use".to_string(),
        |freed| format!("freed by {}", freed.text()),
    );
    let offset = address.cast_signed() - start.cast_signed();
    Some(format!(
        "byte {offset} of a block of {} bytes with tag '{}', {state}, allocated by {}",
        block.bytes,
        tag_text(block.tag),
        block.taken.text()
    ))
}

/// Totals, and the same by tag.
pub fn in_use() -> (PoolTotals, Vec<(u32, u64, u64)>) {
    let pool = POOL.lock();
    let tags = pool.tags.iter().filter(|(_, blocks, _)| *blocks > 0);
    (pool.totals, tags.copied().collect())
}

/// Calls that took memory.
pub fn calls() -> u64 {
    POOL.lock().calls
}

/// Makes the n-th of them from now fail; 0 takes that back.
pub fn fail_call(nth: u64) {
    let mut pool = POOL.lock();
    pool.fails = if nth == 0 { 0 } else { pool.calls + nth };
}

/// Reports the blocks that are left, and forgets all.
pub fn report_left() {
    let mut pool = POOL.lock();
    for block in pool.blocks.values().filter(|block| block.freed.is_none()) {
        report::message(&Message::Leaked {
            tag: tag_text(block.tag),
            bytes: block.bytes as u64,
            by: block.taken.text(),
        });
    }
    pool.blocks.clear();
    pool.tags.clear();
    pool.totals = PoolTotals::default();
}

/// How long a live block is; 0 for what is none.
pub fn length(block: *mut u8) -> usize {
    POOL.lock()
        .blocks
        .get(&block.addr())
        .map_or(0, |block| block.bytes)
}
