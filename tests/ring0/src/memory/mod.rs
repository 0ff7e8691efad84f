//! Physical memory, page tables, and what is built on them: the kernel's heap,
//! its stacks and the mappings of device memory.

pub mod device;
pub mod frames;
pub mod heap;
pub mod layout;
pub mod paging;
pub mod stack;
pub mod system;
pub mod watch;

use x86_64::VirtAddr;

/// Where RAM at the physical address `physical` is mapped.
pub fn direct(physical: u64) -> VirtAddr {
    VirtAddr::new(layout::DIRECT_MAP + physical)
}
