//! A function's ranges in the form in which Windows hands them to its driver.

use alloc::vec::Vec;

use dxgk_sys::{
    CM_RESOURCE_MEMORY_PREFETCHABLE, CM_RESOURCE_MEMORY_READ_WRITE, CmResourceTypeMemory,
    CmResourceTypePort,
};

use super::{Adapter, Bar};

/// `INTERFACE_TYPE`: `PCIBus`.
const PCI_BUS: u32 = 5;
/// `CmResourceShareDeviceExclusive`.
const EXCLUSIVE: u8 = 1;
/// `CmResourceShareShared`.
const SHARED: u8 = 3;
/// `CM_RESOURCE_PORT_IO`.
const PORT_IO: u16 = 1;

/// What a VGA adapter answers to besides its BARs: memory or not, start, length.
const LEGACY: [(bool, u64, u64); 3] = [
    (false, 0x3b0, 0xc),
    (false, 0x3c0, 0x20),
    (true, 0xa_0000, 0x2_0000),
];

/// One `CM_PARTIAL_RESOURCE_DESCRIPTOR`, 20 bytes.
fn descriptor(memory: bool, share: u8, flags: u16, start: u64, bytes: u64) -> [u8; 20] {
    let mut descriptor = [0; 20];
    descriptor[0] = if memory {
        CmResourceTypeMemory
    } else {
        CmResourceTypePort
    };
    descriptor[1] = share;
    descriptor[2..4].copy_from_slice(&flags.to_le_bytes());
    descriptor[4..12].copy_from_slice(&start.to_le_bytes());
    let bytes = u32::try_from(bytes).expect("no display adapter here has a range of 4 GiB");
    descriptor[12..16].copy_from_slice(&bytes.to_le_bytes());
    descriptor
}

fn of_bar(bar: &Bar) -> [u8; 20] {
    let flags = match (bar.memory, bar.prefetchable) {
        (true, true) => CM_RESOURCE_MEMORY_READ_WRITE | CM_RESOURCE_MEMORY_PREFETCHABLE,
        (true, false) => CM_RESOURCE_MEMORY_READ_WRITE,
        (false, _) => PORT_IO,
    };
    descriptor(bar.memory, EXCLUSIVE, flags, bar.start, bar.bytes)
}

/// The adapter's `CM_RESOURCE_LIST`. On a PC addresses are translated to themselves.
pub fn list(adapter: &Adapter) -> Vec<u8> {
    let mut descriptors: Vec<[u8; 20]> = adapter.bars.iter().map(of_bar).collect();
    if adapter.vga {
        let legacy = LEGACY.iter().map(|(memory, start, bytes)| {
            let flags = if *memory {
                CM_RESOURCE_MEMORY_READ_WRITE
            } else {
                PORT_IO
            };
            descriptor(*memory, SHARED, flags, *start, *bytes)
        });
        descriptors.extend(legacy);
    }
    let count = u32::try_from(descriptors.len()).expect("a handful of ranges");
    let mut list = Vec::new();
    list.extend_from_slice(&1_u32.to_le_bytes()); // one bus
    list.extend_from_slice(&PCI_BUS.to_le_bytes());
    list.extend_from_slice(&0_u32.to_le_bytes()); // its number
    list.extend_from_slice(&1_u16.to_le_bytes()); // version
    list.extend_from_slice(&1_u16.to_le_bytes()); // revision
    list.extend_from_slice(&count.to_le_bytes());
    list.extend(descriptors.iter().flatten());
    list
}
