//! From QEMU's PVH entry to the kernel's own page tables and stack.

mod entry;
mod start_info;

pub use start_info::{Region, memory_map};
