//! Where things are in the kernel's address space.
//!
//! Each kind of memory has a top-level slot (512 GiB) of its own, so an address
//! in a fault report says by itself what it points at. The lower, user half is
//! empty, and no virtual address equals the physical one behind it.

use x86_64::VirtAddr;

/// Bytes of a page.
pub const PAGE: u64 = 4096;

/// Bytes of a top-level slot.
const SLOT: u64 = 1 << 39;

/// The address where top-level slot `slot` (256 to 511) starts.
const fn slot(slot: u64) -> u64 {
    0xffff_0000_0000_0000 | (slot * SLOT)
}

/// Top-level slot of the direct map; `boot::entry` needs its number.
pub const DIRECT_MAP_SLOT: usize = 256;
/// All RAM, writable and never executable.
pub const DIRECT_MAP: u64 = slot(256);
/// Device memory mapped by the driver's request.
pub const DEVICE: Area = Area::new(320);
/// System pages as the port sees them.
pub const SYSTEM_PAGES: Area = Area::new(328);
/// Addresses that the driver reserves for pages of its choice.
pub const RESERVED: Area = Area::new(336);
/// The driver's pool blocks.
pub const POOL: Area = Area::new(352);
/// The kernel's stacks, each above an unmapped page.
pub const STACKS: Area = Area::new(384);
/// Loaded driver images.
pub const IMAGES: Area = Area::new(496);
/// What `kernel.ld` calls `HIGH_HALF`: the kernel's own image.
pub const KERNEL: u64 = 0xffff_ffff_8000_0000;

/// Memory of user-mode processes, in the lower half.
pub const USER: Area = Area {
    start: 32 * SLOT,
    end: 33 * SLOT,
};

/// A top-level slot given to one kind of memory.
#[derive(Clone, Copy)]
pub struct Area {
    /// First address.
    pub start: u64,
    /// First address after it.
    pub end: u64,
}

impl Area {
    const fn new(number: u64) -> Self {
        Self {
            start: slot(number),
            end: slot(number) + SLOT,
        }
    }

    /// Whether `address` lies in it.
    pub fn contains(self, address: u64) -> bool {
        (self.start..self.end).contains(&address)
    }
}

/// What kind of memory an address belongs to, for people.
pub fn describe(address: u64) -> &'static str {
    if address < PAGE {
        "a null pointer"
    } else if USER.contains(address) {
        "user memory"
    } else if address < 1 << 47 {
        "the user half, where nothing is mapped"
    } else if VirtAddr::try_new(address).is_err() {
        "not a canonical address"
    } else if POOL.contains(address) {
        "the driver's pool"
    } else if DEVICE.contains(address) {
        "device memory"
    } else if SYSTEM_PAGES.contains(address) {
        "the port's system pages"
    } else if RESERVED.contains(address) {
        "addresses that the driver reserved"
    } else if STACKS.contains(address) {
        "the kernel's stacks"
    } else if IMAGES.contains(address) {
        "the driver's image"
    } else if address >= KERNEL {
        "the small kernel's image"
    } else if address < DIRECT_MAP + SLOT {
        "the direct map of RAM"
    } else {
        "no known range"
    }
}
