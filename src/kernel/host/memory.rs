//! Nonpaged pool: blocks with tags, counted and checked when the world watches.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::sync::atomic::{AtomicBool, Ordering};
use std::alloc::{alloc_zeroed, dealloc};
use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::vec::Vec;

use super::World;
use super::countdown::Countdown;
use super::guard;
use super::irql::{DISPATCH, demand};
use super::system_threads::stall_point;
use super::world::{Inner, locked, watched, with};
use crate::kernel::irql::AtMostDispatch;
use crate::kernel::{Align, PAGE, Tag};

/// What a freed block is filled with before it goes, in a world that watches.
const FREED: u8 = 0xDD;

/// How much pool one tag has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct TagUse {
    /// The tag.
    pub tag: Tag,
    /// Blocks that live.
    pub blocks: u64,
    /// Their bytes.
    pub bytes: u64,
    /// The most blocks that lived at once.
    pub high_blocks: u64,
    /// The most bytes that lived at once.
    pub high_bytes: u64,
    /// Pool calls that gave a block.
    pub calls: u64,
}

/// A free that a kernel would stop at, or worse would not. The block stays as it was.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct WrongFree {
    /// The address that was to be freed.
    pub address: usize,
    /// The tag that the caller named.
    pub tag: Tag,
    /// What is wrong.
    pub kind: WrongFreeKind,
}

/// What is wrong with a free.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum WrongFreeKind {
    /// No block of this world was ever at this address.
    Foreign,
    /// The block was freed before.
    Double,
    /// The block was taken with this tag.
    Tag(Tag),
    /// The block has this many bytes.
    Size(usize),
    /// The bytes behind the block were written (seen with guard pages on). It is freed.
    Overrun,
}

/// A world's pool.
#[derive(Default)]
pub(super) struct Memory {
    book: Mutex<Book>,
    guarded: AtomicBool,
    pool_calls: Countdown,
    slots: Countdown,
}

#[derive(Default)]
struct Book {
    blocks: HashMap<usize, Block>,
    tags: BTreeMap<Tag, TagUse>,
    bytes: u64,
    high_bytes: u64,
    wrong: Vec<WrongFree>,
}

#[derive(Clone, Copy)]
struct Block {
    tag: Tag,
    bytes: usize,
    memory: Source,
    live: bool,
}

/// Where a block's memory came from.
#[derive(Clone, Copy, PartialEq)]
enum Source {
    System(Align),
    Guarded(Align),
}

fn layout(bytes: usize, align: Align) -> Option<Layout> {
    let align = if bytes >= PAGE { PAGE } else { align.bytes() };
    Layout::from_size_align(bytes, align).ok()
}

/// Takes `bytes` (at least 1) of nonpaged pool that cannot be executed, all zero. A block of a page
/// or more is page aligned, a smaller one as `align` says. `None` when the pool is used up.
#[inline]
pub fn allocate(
    tag: Tag,
    bytes: usize,
    align: Align,
    _irql: impl AtMostDispatch,
) -> Option<NonNull<u8>> {
    if watched() {
        with(|world| watched_allocate(world, tag, bytes, align))
    } else {
        system(bytes, align)
    }
}

fn system(bytes: usize, align: Align) -> Option<NonNull<u8>> {
    if bytes == 0 {
        return None; // as the kernel answers
    }
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc_zeroed(layout(bytes, align)?) })
}

fn watched_allocate(world: &Inner, tag: Tag, bytes: usize, align: Align) -> Option<NonNull<u8>> {
    demand(DISPATCH, "allocate");
    stall_point();
    let memory = &world.memory;
    if !memory.pool_calls.allows() {
        return None;
    }
    let (block, source) = if memory.guarded.load(Ordering::Relaxed) {
        (guard::allocate(bytes, align)?, Source::Guarded(align))
    } else {
        (system(bytes, align)?, Source::System(align))
    };
    let entry = Block {
        tag,
        bytes,
        memory: source,
        live: true,
    };
    locked(&memory.book).enter(block.as_ptr().expose_provenance(), entry);
    Some(block)
}

/// Gives a block back. At most `DISPATCH_LEVEL`.
///
/// # Safety
///
/// `block` came from [`allocate`] with this `tag` and as many `bytes`, was not freed since, and
/// nothing refers to it any more.
#[inline]
pub unsafe fn free(tag: Tag, block: NonNull<u8>, bytes: usize) {
    if watched() {
        with(|world| watched_free(world, tag, block, bytes));
    } else if let Some(layout) = layout(bytes, Align::Natural) {
        // SAFETY: the block came from the system's allocator with this size. A C allocator is
        // not told the alignment, which is all that may differ here.
        unsafe { dealloc(block.as_ptr(), layout) };
    }
}

fn watched_free(world: &Inner, tag: Tag, block: NonNull<u8>, bytes: usize) {
    demand(DISPATCH, "free");
    stall_point();
    let mut book = locked(&world.memory.book);
    let Some(source) = book.strike(block.addr().get(), tag, bytes) else {
        return;
    };
    match source {
        Source::System(align) => {
            // SAFETY: the book says that the block is live and has this many bytes.
            unsafe { block.write_bytes(FREED, bytes) };
            if let Some(layout) = layout(bytes, align) {
                // SAFETY: the book says that it came from there with this size and alignment.
                unsafe { dealloc(block.as_ptr(), layout) };
            }
        }
        Source::Guarded(align) => {
            // SAFETY: the book says that it came from there with this size and alignment.
            let intact = unsafe { guard::free(block, bytes, align) };
            if !intact {
                let address = block.addr().get();
                book.wrong.push(WrongFree {
                    address,
                    tag,
                    kind: WrongFreeKind::Overrun,
                });
            }
        }
    }
}

impl Book {
    fn enter(&mut self, address: usize, block: Block) {
        let bytes = block.bytes as u64;
        self.blocks.insert(address, block);
        let none = TagUse {
            tag: block.tag,
            blocks: 0,
            bytes: 0,
            high_blocks: 0,
            high_bytes: 0,
            calls: 0,
        };
        let tag = self.tags.entry(block.tag).or_insert(none);
        tag.calls += 1;
        tag.blocks += 1;
        tag.bytes += bytes;
        tag.high_blocks = tag.high_blocks.max(tag.blocks);
        tag.high_bytes = tag.high_bytes.max(tag.bytes);
        self.bytes += bytes;
        self.high_bytes = self.high_bytes.max(self.bytes);
    }

    /// Marks a block freed and tells where its memory came from; records what is wrong instead.
    fn strike(&mut self, address: usize, tag: Tag, bytes: usize) -> Option<Source> {
        let kind = match self.blocks.get_mut(&address) {
            None => WrongFreeKind::Foreign,
            Some(block) if !block.live => WrongFreeKind::Double,
            Some(block) if block.tag != tag => WrongFreeKind::Tag(block.tag),
            Some(block) if block.bytes != bytes => WrongFreeKind::Size(block.bytes),
            Some(block) => {
                block.live = false;
                let source = block.memory;
                if let Some(used) = self.tags.get_mut(&tag) {
                    used.blocks -= 1;
                    used.bytes -= bytes as u64;
                }
                self.bytes -= bytes as u64;
                return Some(source);
            }
        };
        self.wrong.push(WrongFree { address, tag, kind });
        None
    }
}

/// Whether a slot of the driver's own pools may be taken: they ask before each. Only a test says
/// no. Any IRQL.
#[inline]
#[must_use]
pub fn slot_allowed() -> bool {
    with(|world| !world.watched || world.memory.slots.allows())
}

/// Whether [`slot_allowed`] has to be asked at all: not in a world that watches nothing. It stays
/// as it is for the length of a call. Any IRQL.
#[inline]
#[must_use]
pub fn slots_watched() -> bool {
    watched()
}

impl World {
    /// Makes the `nth` pool call from now fail (1 is the next), once. `None` takes it back.
    pub fn fail_pool_call(&self, nth: Option<u64>) {
        self.inner().memory.pool_calls.refuse(nth);
    }

    /// Pool calls for memory since the world was made, with those that failed.
    #[must_use]
    pub fn pool_calls(&self) -> u64 {
        self.inner().memory.pool_calls.calls()
    }

    /// Makes the `nth` slot acquisition from now fail (1 is the next), once. `None` takes it back.
    pub fn fail_slot(&self, nth: Option<u64>) {
        self.inner().memory.slots.refuse(nth);
    }

    /// Slot acquisitions since the world was made, with those that failed.
    #[must_use]
    pub fn slots(&self) -> u64 {
        self.inner().memory.slots.calls()
    }

    /// Puts each block from now on so that it ends at an unmapped page, after another before it,
    /// and unmaps freed blocks: an access outside a block, or after its end, ends the program.
    /// `false` if this operating system has no such pages here.
    #[must_use]
    pub fn guard_pages(&self, on: bool) -> bool {
        self.inner()
            .memory
            .guarded
            .store(on && guard::AVAILABLE, Ordering::Relaxed);
        guard::AVAILABLE || !on
    }

    /// What each tag has and had, by tag.
    #[must_use]
    pub fn pool(&self) -> Vec<TagUse> {
        locked(&self.inner().memory.book)
            .tags
            .values()
            .copied()
            .collect()
    }

    /// Blocks that live.
    #[must_use]
    pub fn live_blocks(&self) -> u64 {
        locked(&self.inner().memory.book)
            .tags
            .values()
            .map(|tag| tag.blocks)
            .sum()
    }

    /// Bytes that live.
    #[must_use]
    pub fn live_bytes(&self) -> u64 {
        locked(&self.inner().memory.book).bytes
    }

    /// The most bytes that lived at once.
    #[must_use]
    pub fn high_bytes(&self) -> u64 {
        locked(&self.inner().memory.book).high_bytes
    }

    /// The wrong frees, in order.
    #[must_use]
    pub fn wrong_frees(&self) -> Vec<WrongFree> {
        locked(&self.inner().memory.book).wrong.clone()
    }
}
