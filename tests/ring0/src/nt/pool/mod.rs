//! `ExAllocatePool2` and its fellows: the memory that the driver asks for.
//!
//! A block below a page has the alignment that Windows promises, 16 bytes, and
//! on purpose no more; from a page on it starts at a page. Every block has a
//! record of its tag and of who asked for it. What a driver gets uninitialised,
//! the slack behind a block, and a freed block are filled with a pattern.

mod block;
mod range;

use alloc::{
    collections::{BTreeMap, VecDeque},
    format,
    string::String,
    vec,
    vec::Vec,
};
use core::ptr;

use block::{Block, Blocks};
use spin::{Mutex, Once};

use super::{caller, demand_irql, dpc, timer};
use crate::{
    cpu::irql::{APC_LEVEL, DISPATCH_LEVEL},
    fault,
    memory::layout::PAGE,
    threads,
};

/// `POOL_FLAG_UNINITIALIZED`.
const UNINITIALIZED: u64 = 0x2;
/// `POOL_FLAG_CACHE_ALIGNED`.
const CACHE_ALIGNED: u64 = 0x8;
/// `POOL_FLAG_RAISE_ON_FAILURE`.
const RAISE_ON_FAILURE: u64 = 0x20;
/// `POOL_FLAG_NON_PAGED`.
const NON_PAGED: u64 = 0x40;
/// `POOL_FLAG_NON_PAGED_EXECUTE`.
const NON_PAGED_EXECUTE: u64 = 0x80;
/// `POOL_FLAG_PAGED`.
const PAGED: u64 = 0x100;
/// Flags above these bits are optional: what is not known is ignored.
const REQUIRED_FLAGS: u64 = 0xffff_ffff;

/// How many freed blocks are remembered.
const REMEMBERED: usize = 4096;

/// Bytes of a cache line.
const CACHE_LINE: u64 = 64;

/// What the driver holds under one tag.
#[derive(Clone, Copy, Debug, Default)]
pub struct TagUse {
    /// Live blocks.
    pub blocks: u64,
    /// Live bytes, as asked for.
    pub bytes: u64,
    /// The most live bytes there ever were.
    pub high_water: u64,
    /// Allocations so far, failed ones too.
    pub calls: u64,
}

struct Pool {
    blocks: Blocks,
    /// The live blocks, by address.
    live: BTreeMap<u64, Block>,
    /// The blocks freed last, and who freed them.
    freed: VecDeque<(Block, u64)>,
    tags: BTreeMap<[u8; 4], TagUse>,
    bytes: u64,
    high_water: u64,
    calls: u64,
    /// The number of the call that shall fail.
    fails: Option<u64>,
}

static POOL: Once<Mutex<Pool>> = Once::new();

/// Starts the pool; with `guard` each block ends at an unmapped page.
pub fn set_up(guard: bool) {
    POOL.call_once(|| {
        Mutex::new(Pool {
            blocks: Blocks::new(guard),
            live: BTreeMap::new(),
            freed: VecDeque::new(),
            tags: BTreeMap::new(),
            bytes: 0,
            high_water: 0,
            calls: 0,
            fails: None,
        })
    });
}

fn pool() -> &'static Mutex<Pool> {
    POOL.get()
        .expect("the pool is set up before the driver is loaded")
}

/// `tag` as people see it.
pub fn tag_text(tag: [u8; 4]) -> String {
    tag.iter()
        .map(|byte| {
            if byte.is_ascii_graphic() {
                char::from(*byte)
            } else {
                '.'
            }
        })
        .collect()
}

/// Everything the driver holds.
pub struct Use {
    /// Live blocks.
    pub blocks: u64,
    /// Live bytes, as asked for.
    pub bytes: u64,
    /// The most live bytes there ever were.
    pub high_water: u64,
    /// The same by tag.
    pub tags: Vec<([u8; 4], TagUse)>,
}

/// What the driver holds now.
pub fn in_use() -> Use {
    let pool = pool().lock();
    Use {
        blocks: pool.live.len() as u64,
        bytes: pool.bytes,
        high_water: pool.high_water,
        tags: pool.tags.iter().map(|(tag, used)| (*tag, *used)).collect(),
    }
}

/// Lines about each live block, for a report of leaks.
pub fn describe_live() -> Vec<String> {
    pool().lock().live.values().map(Block::describe).collect()
}

/// Lets the `nth` allocation from now on fail, 1 being the next, or none any more.
pub fn fail_call(nth: Option<u64>) {
    let mut pool = pool().lock();
    pool.fails = nth.map(|nth| pool.calls + nth);
}

/// Allocations that were asked for so far.
pub fn calls() -> u64 {
    pool().lock().calls
}

/// Counts an allocation that a service makes for itself; false if it is the one that shall fail.
pub fn count_call() -> bool {
    pool().lock().count_call()
}

impl Pool {
    /// Counts a call; false if it is the one that shall fail.
    fn count_call(&mut self) -> bool {
        self.calls += 1;
        self.fails.take_if(|nth| *nth == self.calls).is_none()
    }

    fn allocate(&mut self, bytes: u64, tag: [u8; 4], flags: u64) -> *mut u8 {
        let counted = self.count_call();
        let used = self.tags.entry(tag).or_default();
        used.calls += 1;
        if !counted {
            return ptr::null_mut();
        }
        let alignment = if flags & CACHE_ALIGNED == 0 {
            16
        } else {
            CACHE_LINE
        };
        let zeroed = flags & UNINITIALIZED == 0;
        let Some(block) = self
            .blocks
            .allocate(bytes, alignment, tag, caller(), zeroed)
        else {
            return ptr::null_mut();
        };
        used.blocks += 1;
        used.bytes += bytes;
        used.high_water = used.high_water.max(used.bytes);
        self.bytes += bytes;
        self.high_water = self.high_water.max(self.bytes);
        self.live.insert(block.address, block);
        block.address as *mut u8
    }

    /// Frees the block at `address`, or says what is wrong with that.
    fn free(&mut self, address: u64, tag: Option<[u8; 4]>) -> Result<(), (String, Vec<String>)> {
        let Some(block) = self.live.get(&address).copied() else {
            return Err(self.unknown(address));
        };
        if let Some(tag) = tag.filter(|tag| *tag != block.tag) {
            let text = format!("tag '{}' does not match the block's", tag_text(tag));
            return Err((text, vec![block.describe()]));
        }
        if let Some(offset) = block.written_behind() {
            let text = format!("the block at {address:#x} was overrun: byte {offset} behind it");
            return Err((text, vec![block.describe()]));
        }
        self.live.remove(&address);
        let used = self.tags.entry(block.tag).or_default();
        used.blocks -= 1;
        used.bytes -= block.bytes;
        self.bytes -= block.bytes;
        self.blocks.free(&block);
        if self.freed.len() == REMEMBERED {
            self.freed.pop_front();
        }
        self.freed.push_back((block, caller()));
        Ok(())
    }

    /// What to say of a free of `address`, where no live block starts.
    fn unknown(&self, address: u64) -> (String, Vec<String>) {
        if let Some((block, by)) = self.freed.iter().rev().find(|(b, _)| b.address == address) {
            let text = format!("{address:#x} was freed before");
            return (text, vec![block.describe(), format!("freed by <{by:#x}>")]);
        }
        let near = self
            .live
            .range(..=address)
            .next_back()
            .map(|(_, block)| block);
        let inside = near.filter(|block| address < block.address + block.bytes);
        let text = format!("{address:#x} is no block's address");
        (
            text,
            inside
                .map(|block| vec![block.describe()])
                .unwrap_or_default(),
        )
    }

    /// What the pool knows of `address`.
    fn explain(&self, address: u64) -> Option<String> {
        if let Some((block, by)) = self
            .freed
            .iter()
            .rev()
            .find(|(block, _)| block.owns(address))
            && !self.live.values().any(|live| live.owns(address))
        {
            let offset = address.wrapping_sub(block.address).cast_signed();
            return Some(format!(
                "byte {offset} of a block that was freed by <{by:#x}>: {}",
                block.describe()
            ));
        }
        let (_, block) = self.live.range(..=address).next_back()?;
        let behind = address - block.address;
        let near = behind < block.bytes.next_multiple_of(PAGE) + PAGE;
        near.then(|| format!("byte {behind} of {}", block.describe()))
    }
}

/// What the pool knows of `address`, for a fault's report.
pub fn explain(address: u64) -> Option<String> {
    POOL.get()?.try_lock()?.explain(address)
}

/// `PVOID ExAllocatePool2(POOL_FLAGS, SIZE_T, ULONG)`.
pub unsafe extern "win64" fn allocate_pool2(flags: u64, bytes: usize, tag: u32) -> *mut u8 {
    const SERVICE: &str = "ExAllocatePool2";
    demand_irql(
        SERVICE,
        if flags & PAGED == 0 {
            DISPATCH_LEVEL
        } else {
            APC_LEVEL
        },
    );
    if flags & NON_PAGED_EXECUTE != 0 {
        let text = String::from("executable pool is refused: nothing may be written and executed");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    if flags & RAISE_ON_FAILURE != 0 {
        let text = String::from("POOL_FLAG_RAISE_ON_FAILURE: this kernel raises no exceptions");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    threads::stall_point(SERVICE);
    let known = UNINITIALIZED | CACHE_ALIGNED | NON_PAGED | PAGED;
    let kinds = (flags & (NON_PAGED | PAGED)).count_ones();
    if flags & REQUIRED_FLAGS & !known != 0 || kinds != 1 || tag == 0 {
        let text = format!("flags {flags:#x} with tag {tag:#x} are not a valid request");
        fault::wrong_use(SERVICE, &text, Vec::new());
    }
    pool()
        .lock()
        .allocate(bytes as u64, tag.to_le_bytes(), flags)
}

fn free(service: &str, block: *mut u8, tag: Option<[u8; 4]>) {
    demand_irql(service, DISPATCH_LEVEL);
    threads::stall_point(service);
    let bytes = pool().lock().live.get(&(block as u64)).map(|b| b.bytes);
    if let Some(bytes) = bytes {
        dpc::demand_none_in(service, block as u64, bytes);
        timer::demand_none_in(service, block as u64, bytes);
        if let Some((event, by)) = threads::waits_inside(block as u64, bytes) {
            let text = format!(
                "the block at {block:p} has an event in it, at {event:#x}, that a thread waits for"
            );
            fault::wrong_use(
                service,
                &text,
                vec![format!("the thread was made by <{by:#x}>")],
            );
        }
    }
    let result = pool().lock().free(block as u64, tag);
    if let Err((text, notes)) = result {
        fault::wrong_use(service, &text, notes);
    }
}

/// `void ExFreePool(PVOID)`.
pub unsafe extern "win64" fn free_pool(block: *mut u8) {
    free("ExFreePool", block, None);
}

/// `void ExFreePoolWithTag(PVOID, ULONG)`: tag 0 matches every block's.
pub unsafe extern "win64" fn free_pool_with_tag(block: *mut u8, tag: u32) {
    let tag = (tag != 0).then(|| tag.to_le_bytes());
    free("ExFreePoolWithTag", block, tag);
}
