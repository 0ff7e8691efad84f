//! The adapter's translated resources.

use alloc::vec::Vec;

use dxgk_sys::{
    CM_PARTIAL_RESOURCE_DESCRIPTOR, CM_RESOURCE_LIST, CM_RESOURCE_MEMORY_LARGE_40,
    CM_RESOURCE_MEMORY_LARGE_48, CM_RESOURCE_MEMORY_LARGE_64, CM_RESOURCE_MEMORY_PREFETCHABLE,
    CmResourceTypeMemory, CmResourceTypeMemoryLarge,
};

/// A range of device memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub start: u64,
    pub bytes: u64,
    pub prefetchable: bool,
}

/// A `CM_RESOURCE_LIST` at an aligned address, and what it says of memory.
pub(crate) struct Resources {
    list: Vec<u64>,
    pub memory: Vec<Range>,
}

/// Count, then for each bus interface type, number, version and revision, count.
const LIST_HEADER: usize = 4;
const BUS_HEADER: usize = 16;
const DESCRIPTOR: usize = size_of::<CM_PARTIAL_RESOURCE_DESCRIPTOR>();

impl Resources {
    pub(crate) fn new(bytes: &[u8]) -> Self {
        let mut list = Vec::with_capacity(bytes.len().div_ceil(8).max(1));
        for word in bytes.chunks(8) {
            let mut padded = [0; 8];
            padded[..word.len()].copy_from_slice(word);
            list.push(u64::from_ne_bytes(padded));
        }
        if list.is_empty() {
            list.push(0);
        }
        Self {
            list,
            memory: memory(bytes).unwrap_or_default(),
        }
    }

    /// The list for the driver, which may read it until the adapter goes.
    pub(crate) fn list(&self) -> *mut CM_RESOURCE_LIST {
        self.list.as_ptr().cast_mut().cast()
    }

    /// The range that holds all of `start .. start + bytes`.
    pub(crate) fn range(&self, start: u64, bytes: u64) -> Option<Range> {
        let end = start.checked_add(bytes)?;
        let holds = |range: &&Range| start >= range.start && end <= range.start + range.bytes;
        self.memory.iter().find(holds).copied()
    }
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(at..at + 8)?.try_into().ok()?))
}

/// The memory ranges of a list; `None` if it is cut short.
fn memory(bytes: &[u8]) -> Option<Vec<Range>> {
    let mut ranges = Vec::new();
    let mut at = LIST_HEADER;
    for _ in 0..u32_at(bytes, 0)? {
        let count = u32_at(bytes, at + 12)?;
        at += BUS_HEADER;
        for _ in 0..count {
            let kind = *bytes.get(at)?;
            let flags = u16_at(bytes, at + 2)?;
            let start = u64_at(bytes, at + 4)?;
            let length = u64::from(u32_at(bytes, at + 12)?);
            let shift = match flags {
                _ if kind == CmResourceTypeMemory => Some(0),
                _ if kind != CmResourceTypeMemoryLarge => None,
                flags if flags & CM_RESOURCE_MEMORY_LARGE_40 != 0 => Some(8),
                flags if flags & CM_RESOURCE_MEMORY_LARGE_48 != 0 => Some(16),
                flags if flags & CM_RESOURCE_MEMORY_LARGE_64 != 0 => Some(32),
                _ => None,
            };
            if let Some(shift) = shift {
                ranges.push(Range {
                    start,
                    bytes: length << shift,
                    prefetchable: flags & CM_RESOURCE_MEMORY_PREFETCHABLE != 0,
                });
            }
            at += DESCRIPTOR;
        }
    }
    Some(ranges)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_found_among_other_resources() {
        let mut bytes = Vec::new();
        for word in [1, 5, 0, 0x0001_0001, 3] {
            bytes.extend_from_slice(&u32::to_le_bytes(word));
        }
        // A memory range, an interrupt, a large memory range.
        for (kind, flags, start, length) in [
            (3u16, 4u16, 0x8000_0000u64, 0x100_0000u32),
            (2, 0, 7, 1),
            (7, 0x200, 1 << 40, 16),
        ] {
            bytes.extend_from_slice(&kind.to_le_bytes());
            bytes.extend_from_slice(&flags.to_le_bytes());
            bytes.extend_from_slice(&start.to_le_bytes());
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(&[0; 4]);
        }
        let resources = Resources::new(&bytes);
        assert_eq!(resources.memory.len(), 2);
        assert!(
            resources
                .range(0x8000_1000, 0x1000)
                .is_some_and(|range| range.prefetchable)
        );
        assert!(resources.range(0x80FF_F000, 0x1001).is_none());
        assert_eq!(resources.memory[1].bytes, 4096);
    }
}
