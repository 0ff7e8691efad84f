//! Memory at the same addresses in every run of a model.
//!
//! Blocks are cut from one piece of memory, one after the other, and never used twice in a run: a
//! read through a stale pointer meets bytes that make loom stop. A model that is about addresses which come
//! again asks for [`reuse`].

use core::cell::RefCell;
use core::ptr::NonNull;
use std::alloc::{Layout, alloc};

use super::irql::AtMostDispatch;
use super::{Align, Tag};

/// Bytes of the piece, and its alignment, so that granules are the same in every process.
const PIECE: usize = 1 << 20;

/// What a freed block is filled with.
const FREED: u8 = 0xDD;

struct Memory {
    piece: NonNull<u8>,
    used: usize,
    live: Vec<(NonNull<u8>, usize)>,
    /// Blocks to be used again, if that is asked for.
    freed: Option<Vec<(NonNull<u8>, usize)>>,
}

thread_local! {
    /// Loom runs a model's threads as coroutines of one thread, which this belongs to.
    static MEMORY: RefCell<Memory> = RefCell::new(Memory {
        piece: piece(),
        used: 0,
        live: Vec::new(),
        freed: None,
    });
}

impl Memory {
    /// The freed block of this size that is to be used again.
    fn again(&mut self, bytes: usize) -> Option<NonNull<u8>> {
        let freed = self.freed.as_mut()?;
        let found = freed.iter().rposition(|(_, size)| *size == bytes)?;
        Some(freed.remove(found).0)
    }

    /// A new block.
    fn cut(&mut self, bytes: usize) -> NonNull<u8> {
        let at = self.used;
        self.used = (at + bytes).next_multiple_of(256);
        assert!(self.used <= PIECE, "a model is to be small");
        // SAFETY: the offset lies within the piece.
        unsafe { self.piece.add(at) }
    }
}

fn piece() -> NonNull<u8> {
    let layout = Layout::from_size_align(PIECE, PIECE).expect("a power of two");
    // SAFETY: the size is not zero.
    NonNull::new(unsafe { alloc(layout) }).expect("a megabyte of memory")
}

/// Begins a run of a model: no block is taken.
pub fn begin() {
    MEMORY.with_borrow_mut(|memory| {
        memory.used = 0;
        memory.live.clear();
        memory.freed = None;
    });
}

/// From now on in this run, the block that was freed last is the first to be taken again.
pub fn reuse() {
    MEMORY.with_borrow_mut(|memory| memory.freed = Some(Vec::new()));
}

/// Blocks that live.
#[must_use]
pub fn live_blocks() -> usize {
    MEMORY.with_borrow(|memory| memory.live.len())
}

/// Takes a zeroed block.
///
/// # Panics
///
/// When a model uses more than there is.
pub fn allocate(
    _tag: Tag,
    bytes: usize,
    _align: Align,
    _irql: impl AtMostDispatch,
) -> Option<NonNull<u8>> {
    MEMORY.with_borrow_mut(|memory| {
        let block = memory.again(bytes).unwrap_or_else(|| memory.cut(bytes));
        // SAFETY: the block lies within the piece and nothing uses it.
        unsafe { block.write_bytes(0, bytes) };
        memory.live.push((block, bytes));
        Some(block)
    })
}

/// Gives a block back.
///
/// # Panics
///
/// When it is no live block of this size.
///
/// # Safety
///
/// Nothing refers to the block any more.
pub unsafe fn free(_tag: Tag, block: NonNull<u8>, bytes: usize) {
    MEMORY.with_borrow_mut(|memory| {
        let found = memory.live.iter().position(|live| *live == (block, bytes));
        memory
            .live
            .swap_remove(found.expect("a live block is freed, with its size"));
        // SAFETY: a live block, which nothing refers to any more.
        unsafe { block.write_bytes(FREED, bytes) };
        if let Some(freed) = &mut memory.freed {
            freed.push((block, bytes));
        }
    });
}
