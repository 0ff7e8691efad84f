//! QEMU's `fw_cfg` device: the files that the workbench gave the machine.

use alloc::{vec, vec::Vec};
use core::arch::asm;

use x86_64::instructions::port::Port;

/// Which item the data register shows.
const SELECTOR: u16 = 0x510;
/// The item's bytes, one a read.
const DATA: u16 = 0x511;

/// The item that holds "QEMU".
const SIGNATURE: u16 = 0x00;
/// The item that lists the files.
const DIRECTORY: u16 = 0x19;
/// Bytes of a directory entry: size and item (big-endian), a reserved word, the name.
const ENTRY: usize = 64;
/// Where an entry's name starts.
const NAME: usize = 8;

fn select(item: u16) {
    let mut selector = Port::<u16>::new(SELECTOR);
    // SAFETY: the register only chooses what the data register shows.
    unsafe { selector.write(item) }
}

/// The next `bytes` bytes of the selected item.
fn read(bytes: usize) -> Vec<u8> {
    let mut data = vec![0; bytes];
    // SAFETY: exactly the vector's bytes are written; reading the register only moves on.
    unsafe {
        asm!(
            "rep insb",
            inout("rcx") bytes => _,
            inout("rdi") data.as_mut_ptr() => _,
            in("dx") DATA,
            options(nostack, preserves_flags),
        );
    }
    data
}

/// The file named `name`.
///
/// # Panics
///
/// Where the machine has no `fw_cfg` device.
pub fn file(name: &str) -> Option<Vec<u8>> {
    select(SIGNATURE);
    assert!(read(4) == b"QEMU", "the machine has no fw_cfg device");
    select(DIRECTORY);
    let count = u32::from_be_bytes(read(4).try_into().ok()?);
    for _ in 0..count {
        let entry = read(ENTRY);
        let (head, file_name) = entry.split_at(NAME);
        let file_name = file_name.split(|byte| *byte == 0).next()?;
        if file_name == name.as_bytes() {
            let size = u32::from_be_bytes(head.get(..4)?.try_into().ok()?);
            select(u16::from_be_bytes(head.get(4..6)?.try_into().ok()?));
            return Some(read(size as usize));
        }
    }
    None
}
