//! The adapter's PCI configuration space.

use super::bar::Bar;

/// A configuration space of type 0.
pub fn space((vendor, device): (u16, u16), vga: bool, bars: &[&Bar]) -> [u8; 256] {
    let mut space = [0; 256];
    let mut put = |offset: usize, bytes: &[u8]| {
        space[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0x00, &vendor.to_le_bytes());
    put(0x02, &device.to_le_bytes());
    put(0x04, &0x0003_u16.to_le_bytes()); // command: I/O and memory space
    // Revision 2, VGA-compatible display controller or another one.
    put(0x08, &[0x02, 0x00, if vga { 0x00 } else { 0x80 }, 0x03]);
    for bar in bars {
        let prefetchable = if bar.number == 0 { 0x8 } else { 0 };
        let low = u32::try_from(bar.physical).unwrap_or(0) | prefetchable;
        put(0x10 + 4 * usize::from(bar.number), &low.to_le_bytes());
    }
    put(0x2c, &0x1af4_u16.to_le_bytes());
    put(0x2e, &0x1100_u16.to_le_bytes());
    space
}
