//! An adapter's resources as the PnP manager lists them, translated.

use std::sync::Arc;

use dxgk_sys::{
    CM_RESOURCE_MEMORY_PREFETCHABLE, CM_RESOURCE_MEMORY_READ_WRITE, CmResourceTypeMemory,
    CmResourceTypePort,
};

use crate::vga::Bar;

/// `PCIBus` of `INTERFACE_TYPE`.
const PCI_BUS: u32 = 5;
/// `CmResourceShareDeviceExclusive`.
const EXCLUSIVE: u8 = 1;
/// The ranges that every VGA has beside its BARs: type, first address, bytes.
const LEGACY: [(u8, u64, u32); 3] = [
    (CmResourceTypeMemory, 0xa_0000, 0x2_0000),
    (CmResourceTypePort, 0x3b0, 0xc),
    (CmResourceTypePort, 0x3c0, 0x20),
];

/// The bytes of a `CM_RESOURCE_LIST` with one bus: the BARs, then what every VGA has.
pub fn list(bars: &[Arc<Bar>]) -> Vec<u8> {
    let bars = bars.iter().map(|bar| {
        let prefetchable = bar.number == 0;
        let flags = if prefetchable {
            CM_RESOURCE_MEMORY_PREFETCHABLE
        } else {
            CM_RESOURCE_MEMORY_READ_WRITE
        };
        let bytes = u32::try_from(bar.bytes()).unwrap_or(u32::MAX);
        (CmResourceTypeMemory, flags, bar.physical, bytes)
    });
    let legacy = LEGACY.map(|(kind, start, bytes)| (kind, 0, start, bytes));
    let partials: Vec<_> = bars.chain(legacy).collect();

    let mut list = Vec::new();
    list.extend(1_u32.to_le_bytes()); // one bus
    list.extend(PCI_BUS.to_le_bytes());
    list.extend(0_u32.to_le_bytes()); // its number
    list.extend(1_u16.to_le_bytes()); // version
    list.extend(1_u16.to_le_bytes()); // revision
    list.extend(u32::try_from(partials.len()).unwrap_or(0).to_le_bytes());
    for (kind, flags, start, bytes) in partials {
        list.extend([kind, EXCLUSIVE]);
        list.extend(flags.to_le_bytes());
        list.extend(start.to_le_bytes());
        list.extend(bytes.to_le_bytes());
        list.extend(0_u32.to_le_bytes()); // the union's other members are longer
    }
    list
}
