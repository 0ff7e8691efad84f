//! The hardware resources of an adapter, as the PnP manager lists them.

use core::ptr;

use dxgk_sys::CM_RESOURCE_LIST;

/// `CmResourceTypeMemory`.
const MEMORY: u8 = 3;
/// `CmResourceTypeMemoryLarge`: a range whose length is in larger units.
const MEMORY_LARGE: u8 = 7;
/// `CmResourceTypeDeviceSpecific`: its data follow the descriptor.
const DEVICE_SPECIFIC: u8 = 5;
/// `CM_RESOURCE_MEMORY_LARGE_40`, `_48`, `_64`, and by how many bits each shifts the length.
const LARGE: [(u16, u32); 3] = [(0x200, 8), (0x400, 16), (0x800, 32)];

/// Bytes of a `CM_RESOURCE_LIST` before its first element.
const LIST_HEADER: usize = 4;
/// Bytes of a `CM_FULL_RESOURCE_DESCRIPTOR` before its first partial descriptor: interface type,
/// bus number, version and revision, count.
const FULL_HEADER: usize = 16;
/// Where the count of partial descriptors lies in it.
const FULL_COUNT: usize = 12;
/// Bytes of a `CM_PARTIAL_RESOURCE_DESCRIPTOR`.
const PARTIAL: usize = 20;
/// More descriptors than any adapter has: a list that says more is not read on.
const MOST: u32 = 64;

/// A range of physical addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryRange {
    /// Where it begins.
    pub physical: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// The memory ranges of an adapter, at most 16, in the order in which they were listed.
#[derive(Clone, Copy)]
pub struct MemoryRanges {
    ranges: [MemoryRange; 16],
    count: usize,
}

impl MemoryRanges {
    const NONE: Self = Self {
        ranges: [MemoryRange {
            physical: 0,
            bytes: 0,
        }; 16],
        count: 0,
    };

    /// The ranges.
    #[must_use]
    pub fn as_slice(&self) -> &[MemoryRange] {
        self.ranges.get(..self.count).unwrap_or_default()
    }

    fn push(&mut self, range: MemoryRange) {
        if let Some(slot) = self.ranges.get_mut(self.count) {
            *slot = range;
            self.count += 1;
        }
    }
}

/// Collects the memory ranges of a resource list; NULL is an empty list.
///
/// # Safety
///
/// `list` is NULL or points to a whole `CM_RESOURCE_LIST`: as many elements as its counts say.
#[must_use]
pub unsafe fn memory_ranges(list: *const CM_RESOURCE_LIST) -> MemoryRanges {
    let mut found = MemoryRanges::NONE;
    let list = list.cast::<u8>();
    if list.is_null() {
        return found;
    }
    // SAFETY: the list begins with its count.
    let elements = unsafe { read_u32(list) }.min(MOST);
    // SAFETY: the first element follows the count.
    let mut at = unsafe { list.add(LIST_HEADER) };
    for _ in 0..elements {
        // SAFETY: `at` is the beginning of an element, which has its header.
        let count = unsafe { at.add(FULL_COUNT) };
        // SAFETY: the count lies in the header.
        let count = unsafe { read_u32(count) };
        // SAFETY: the partial descriptors follow the header.
        at = unsafe { at.add(FULL_HEADER) };
        for _ in 0..count.min(MOST) {
            let mut bytes = [0; PARTIAL];
            // SAFETY: `at` is the beginning of a partial descriptor.
            unsafe { ptr::copy_nonoverlapping(at, bytes.as_mut_ptr(), PARTIAL) };
            let partial = Partial::of(&bytes);
            if let Some(range) = partial.memory() {
                found.push(range);
            }
            // SAFETY: the next one follows, after the data of a device-specific one.
            at = unsafe { at.add(PARTIAL + partial.data_bytes()) };
        }
        if count > MOST {
            break;
        }
    }
    found
}

/// Reads four bytes, aligned or not.
///
/// # Safety
///
/// They can be read.
unsafe fn read_u32(at: *const u8) -> u32 {
    // SAFETY: the caller's contract.
    u32::from_le_bytes(unsafe { at.cast::<[u8; 4]>().read() })
}

/// The members of a partial descriptor that a memory range is made of.
struct Partial {
    kind: u8,
    flags: u16,
    /// `Memory.Start`; in a device-specific descriptor its low half is the size of its data.
    start: u64,
    /// `Memory.Length`.
    length: u32,
}

impl Partial {
    /// Type at 0, flags at 2, start at 4, length at 12.
    fn of(bytes: &[u8; PARTIAL]) -> Self {
        let [kind, _, f0, f1, s @ .., l0, l1, l2, l3, _, _, _, _] = *bytes;
        let start: [u8; 8] = s;
        Self {
            kind,
            flags: u16::from_le_bytes([f0, f1]),
            start: u64::from_le_bytes(start),
            length: u32::from_le_bytes([l0, l1, l2, l3]),
        }
    }

    fn memory(&self) -> Option<MemoryRange> {
        let length = u64::from(self.length);
        let bytes = match self.kind {
            MEMORY => length,
            MEMORY_LARGE => {
                let shift = LARGE.iter().find(|(flag, _)| self.flags & flag != 0)?.1;
                length << shift
            }
            _ => return None,
        };
        Some(MemoryRange {
            physical: self.start,
            bytes,
        })
    }

    fn data_bytes(&self) -> usize {
        if self.kind != DEVICE_SPECIFIC {
            return 0;
        }
        // The low half of the start, by its meaning in this kind of descriptor.
        usize::try_from(self.start & u64::from(u32::MAX)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use std::vec::Vec;

    use super::*;

    fn partial(kind: u8, flags: u16, start: u64, length: u32) -> [u8; PARTIAL] {
        let mut bytes = [0; PARTIAL];
        bytes[0] = kind;
        bytes[2..4].copy_from_slice(&flags.to_le_bytes());
        bytes[4..12].copy_from_slice(&start.to_le_bytes());
        bytes[12..16].copy_from_slice(&length.to_le_bytes());
        bytes
    }

    fn list(elements: &[&[[u8; PARTIAL]]]) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(u32::try_from(elements.len()).unwrap().to_le_bytes());
        for element in elements {
            bytes.extend([5, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0]); // PCI bus 0, version 1.1
            bytes.extend(u32::try_from(element.len()).unwrap().to_le_bytes());
            bytes.extend(element.iter().flatten());
        }
        bytes
    }

    fn ranges(bytes: &[u8]) -> Vec<(u64, u64)> {
        // SAFETY: the tests build whole lists.
        let found = unsafe { memory_ranges(bytes.as_ptr().cast()) };
        found
            .as_slice()
            .iter()
            .map(|range| (range.physical, range.bytes))
            .collect()
    }

    #[test]
    fn memory_is_found_among_other_resources() {
        let bytes = list(&[&[
            partial(1, 0, 0x3b0, 12),
            partial(MEMORY, 0, 0xa_0000, 0x2_0000),
            partial(2, 0, 11, 0),
            partial(MEMORY, 0, 0xfd00_0000, 16 << 20),
        ]]);
        assert_eq!(
            ranges(&bytes),
            [(0xa_0000, 0x2_0000), (0xfd00_0000, 16 << 20)]
        );
    }

    #[test]
    fn large_memory_is_shifted() {
        let bytes = list(&[&[partial(MEMORY_LARGE, 0x200, 1 << 40, 1 << 24)]]);
        assert_eq!(ranges(&bytes), [(1 << 40, 1 << 32)]);
    }

    #[test]
    fn data_after_a_device_specific_descriptor_is_skipped() {
        let mut bytes = list(&[&[partial(DEVICE_SPECIFIC, 0, 8, 0)]]);
        bytes.extend([0xee; 8]);
        let second = list(&[&[partial(MEMORY, 0, 0x1000_0000, 4096)]]);
        bytes.extend(&second[LIST_HEADER..]);
        bytes[0] = 2;
        assert_eq!(ranges(&bytes), [(0x1000_0000, 4096)]);
    }

    #[test]
    fn null_is_empty() {
        // SAFETY: NULL is allowed.
        assert!(unsafe { memory_ranges(ptr::null()) }.as_slice().is_empty());
    }

    #[test]
    fn a_list_longer_than_the_array_is_cut() {
        let many = [partial(MEMORY, 0, 0x1000_0000, 4096); 20];
        assert_eq!(ranges(&list(&[&many])).len(), 16);
    }
}
