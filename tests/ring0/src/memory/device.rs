//! Mappings of device memory, each with a range of addresses of its own.

use alloc::vec::Vec;
use core::ptr::NonNull;

use spin::Mutex;
use x86_64::{PhysAddr, structures::paging::PhysFrame};

use super::{
    layout::{DEVICE, PAGE},
    paging::{self, Caching, Protection},
    watch,
};

/// One mapping.
#[derive(Clone, Copy, Debug)]
pub struct Mapping {
    /// Address that the caller was given.
    pub address: u64,
    /// Physical address behind it.
    pub physical: u64,
    /// Bytes asked for.
    pub bytes: u64,
    /// Whether the driver has it; the others are the kernel's and the port's own.
    pub of_driver: bool,
}

impl Mapping {
    /// Pages that it takes.
    fn pages(&self) -> u64 {
        (self.physical % PAGE + self.bytes).div_ceil(PAGE)
    }

    /// Its first page, and how many it takes.
    pub fn place(&self) -> (u64, u64) {
        (self.address & !(PAGE - 1), self.pages())
    }
}

struct Mappings {
    live: Vec<Mapping>,
    /// Where the next mapping goes: addresses are not used twice, so a use
    /// after unmap faults.
    next: u64,
}

static MAPPINGS: Mutex<Mappings> = Mutex::new(Mappings {
    live: Vec::new(),
    next: DEVICE.start,
});

/// Maps `bytes` of device memory at `physical`, for the kernel or the port.
pub fn map(physical: u64, bytes: u64, caching: Caching) -> Option<NonNull<u8>> {
    let mapping = new(physical, bytes, caching, false)?;
    NonNull::new(mapping.address as *mut u8)
}

/// The same for the driver.
pub fn map_for_driver(physical: u64, bytes: u64, caching: Caching) -> Option<Mapping> {
    new(physical, bytes, caching, true)
}

/// The mappings that the driver has.
pub fn of_driver() -> Vec<Mapping> {
    let mappings = MAPPINGS.lock();
    let of_driver = mappings.live.iter().filter(|mapping| mapping.of_driver);
    of_driver.copied().collect()
}

fn new(physical: u64, bytes: u64, caching: Caching, of_driver: bool) -> Option<Mapping> {
    if bytes == 0 {
        return None;
    }
    let mut mappings = MAPPINGS.lock();
    let offset = physical % PAGE;
    let start = mappings.next;
    let mapping = Mapping {
        address: start + offset,
        physical,
        bytes,
        of_driver,
    };
    let pages = mapping.pages();
    // One page stays unmapped after each mapping.
    mappings.next = start + (pages + 1) * PAGE;
    for page in 0..pages {
        let frame = PhysAddr::new(physical - offset + page * PAGE);
        let frame = PhysFrame::containing_address(frame);
        paging::map(start + page * PAGE, frame, Protection::ReadWrite, caching);
    }
    mappings.live.push(mapping);
    Some(mapping)
}

/// Unmaps what [`map`] gave as `address`. False where it gave no such address.
pub fn unmap(address: NonNull<u8>) -> bool {
    let address = address.as_ptr() as u64;
    watch::forget(address);
    let mut mappings = MAPPINGS.lock();
    let Some(index) = mappings
        .live
        .iter()
        .position(|mapping| mapping.address == address)
    else {
        return false;
    };
    let mapping = mappings.live.swap_remove(index);
    for page in 0..mapping.pages() {
        paging::unmap((mapping.address & !(PAGE - 1)) + page * PAGE);
    }
    true
}
