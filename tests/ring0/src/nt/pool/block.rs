//! Where pool blocks lie.
//!
//! In the normal mode blocks up to a page share pages with blocks of their own
//! size, each sixteen bytes after the one before, as pool headers would have
//! it. In guard mode, and for large blocks always, a block has pages of its own
//! with an unmapped page behind them.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

use super::{range::Ranges, tag_text};
use crate::memory::layout::PAGE;

/// The alignment that Windows promises for every block.
const GRAIN: u64 = 16;
/// Largest block that shares a page.
const LARGEST_SMALL: u64 = PAGE - GRAIN;
/// Fills memory that the driver asked for uninitialised.
const FRESH: u8 = 0xcd;
/// Fills what lies behind a block in its last page or slot.
const SLACK: u8 = 0xfd;
/// Fills freed blocks that stay mapped.
const FREED: u8 = 0xdd;

/// A block.
#[derive(Clone, Copy)]
pub struct Block {
    /// Its first byte.
    pub address: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Its tag.
    pub tag: [u8; 4],
    /// Where it was asked for.
    by: u64,
    /// First address after what it takes, slack included.
    end: u64,
    /// First of the pages that are its own and their number; none if it shares one.
    pages: Option<(u64, u64)>,
}

impl Block {
    /// Who it is, for people.
    pub fn describe(&self) -> String {
        let Self {
            address,
            bytes,
            tag,
            by,
            ..
        } = self;
        let tag = tag_text(*tag);
        format!("a block of {bytes} bytes at {address:#x}, tag '{tag}', allocated by <{by:#x}>")
    }

    /// Whether `address` is in the memory that was made for the block, its guard page included.
    pub fn owns(&self, address: u64) -> bool {
        let (start, end) = match self.pages {
            Some((start, pages)) => (start, start + (pages + 1) * PAGE),
            None => (self.address, self.end),
        };
        (start..end).contains(&address)
    }

    fn slack(&self) -> (*mut u8, usize) {
        let start = self.address + self.bytes;
        (start as *mut u8, (self.end - start) as usize)
    }

    /// Whether the slack behind the block was written to, and at which offset from its end.
    pub fn written_behind(&self) -> Option<usize> {
        let (start, bytes) = self.slack();
        // SAFETY: the slack belongs to the block, which is live, and `allocate` filled it.
        let slack = unsafe { core::slice::from_raw_parts(start, bytes) };
        slack.iter().position(|byte| *byte != SLACK)
    }
}

/// The memory of all blocks.
pub struct Blocks {
    guard: bool,
    ranges: Ranges,
    /// Free slots by the size that they have.
    slots: BTreeMap<u64, Vec<u64>>,
}

impl Blocks {
    pub fn new(guard: bool) -> Self {
        Self {
            guard,
            ranges: Ranges::new(),
            slots: BTreeMap::new(),
        }
    }

    /// A block of `bytes`, or none where RAM is used up.
    pub fn allocate(
        &mut self,
        bytes: u64,
        alignment: u64,
        tag: [u8; 4],
        by: u64,
        zeroed: bool,
    ) -> Option<Block> {
        let size = bytes.max(1).checked_next_multiple_of(GRAIN)?;
        let shares = !self.guard && alignment <= GRAIN && size <= LARGEST_SMALL;
        let (address, end, pages) = if shares {
            let address = self.slot(size)?;
            (address, address + size, None)
        } else {
            let (start, pages) = self.ranges.allocate(size.div_ceil(PAGE))?;
            let end = start + pages * PAGE;
            // A small block ends at the guard page, as near as its alignment lets it.
            let address = if bytes >= PAGE {
                start
            } else {
                (end - size) & !(alignment - 1)
            };
            (address, end, Some((start, pages)))
        };
        let block = Block {
            address,
            bytes,
            tag,
            by,
            end,
            pages,
        };
        let fill = if zeroed { 0 } else { FRESH };
        // SAFETY: the block's memory was just taken, and nobody else has it.
        unsafe { (address as *mut u8).write_bytes(fill, bytes as usize) };
        let (slack, length) = block.slack();
        // SAFETY: as above; the slack ends where the block's memory does.
        unsafe { slack.write_bytes(SLACK, length) };
        Some(block)
    }

    /// A slot of `size` bytes in a shared page.
    fn slot(&mut self, size: u64) -> Option<u64> {
        let free = self.slots.entry(size).or_default();
        if let Some(slot) = free.pop() {
            return Some(slot);
        }
        let (page, _) = self.ranges.allocate(1)?;
        let pitch = size + GRAIN;
        let first = page + GRAIN;
        free.extend((0..PAGE / pitch).rev().map(|index| first + index * pitch));
        free.pop()
    }

    /// Takes the block's memory back.
    pub fn free(&mut self, block: &Block) {
        if let Some((start, pages)) = block.pages {
            self.ranges.free(start, pages);
        } else {
            let size = block.end - block.address;
            // SAFETY: the block is given up, and its slot stays mapped.
            unsafe { (block.address as *mut u8).write_bytes(FREED, size as usize) };
            self.slots.entry(size).or_default().push(block.address);
        }
    }
}
