//! The PVH start information: which physical memory is RAM.
//!
//! QEMU's `hvm_start_info`, version 1, as Xen's public headers define it.

use crate::memory::direct;

const MAGIC: u32 = 0x336e_c578;
const TYPE_RAM: u32 = 1;

/// `struct hvm_start_info`.
#[repr(C)]
struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    memory_map: u64,
    memory_map_entries: u32,
    reserved: u32,
}

/// `struct hvm_memmap_table_entry`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Entry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

/// A range of physical memory that is RAM.
#[derive(Clone, Copy)]
pub struct Region {
    /// First physical address.
    pub start: u64,
    /// First physical address after it.
    pub end: u64,
}

/// The RAM that the start information at physical address `start_info` lists.
///
/// # Panics
///
/// Where there is no start information of version 1.
///
/// # Safety
///
/// `start_info` is what the PVH loader passed, and nothing has reused its memory.
pub unsafe fn memory_map(start_info: u64) -> impl Iterator<Item = Region> + Clone {
    let info: *const StartInfo = direct(start_info).as_ptr();
    // SAFETY: the loader put the structure there, below 4 GiB and aligned.
    let info = unsafe { &*info };
    assert!(
        info.magic == MAGIC && info.version >= 1,
        "no PVH start information of version 1"
    );
    let entries: *const Entry = direct(info.memory_map).as_ptr();
    let count = info.memory_map_entries as usize;
    // SAFETY: the loader says that this many entries lie there.
    let entries = unsafe { core::slice::from_raw_parts(entries, count) };
    entries
        .iter()
        .filter(|entry| entry.kind == TYPE_RAM)
        .map(|entry| Region {
            start: entry.address,
            end: entry.address + entry.size,
        })
}
