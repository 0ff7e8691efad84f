//! QEMU's VGA as a driver sees it: two memory ranges and a configuration space.

use std::alloc::{Layout, alloc_zeroed, dealloc, handle_alloc_error};
use std::ptr::NonNull;

/// Where the DISPI registers begin in BAR 2.
const DISPI: usize = 0x500;
/// DISPI register: which version of the interface.
const DISPI_ID: usize = 0x0;
/// DISPI register: video memory in units of 64 KiB.
const DISPI_VIDEO_MEMORY_64K: usize = 0xa;

/// An adapter to simulate. The default is what QEMU's `-device VGA` shows; a test changes what it wants
/// the driver to find.
#[derive(Clone, Debug)]
pub struct Vga {
    /// PCI vendor and device.
    pub pci: (u16, u16),
    /// DISPI id; 0xB0C0 to 0xB0C5 are known.
    pub dispi_id: u16,
    /// Bytes of video memory that the DISPI register reports, in units of 64 KiB.
    pub reported_bytes: u64,
    /// Bytes of BAR 0; 0 for no BAR 0.
    pub bar0_bytes: u64,
    /// Bytes of BAR 2; 0 for no BAR 2.
    pub bar2_bytes: u64,
    /// Which of its ranges cannot be mapped.
    pub unmappable: Option<u8>,
}

impl Default for Vga {
    fn default() -> Self {
        Self {
            pci: (0x1234, 0x1111),
            dispi_id: 0xb0c5,
            reported_bytes: 16 << 20,
            bar0_bytes: 16 << 20,
            bar2_bytes: 4096,
            unmappable: None,
        }
    }
}

/// A range of device memory.
pub struct Bar {
    /// 0 or 2.
    pub number: u8,
    /// Where the machine has it.
    pub physical: u64,
    memory: NonNull<u8>,
    layout: Layout,
}

// SAFETY: the memory belongs to the bar alone, and drivers access it with volatile operations, as they
// would a device's.
unsafe impl Send for Bar {}
// SAFETY: as above.
unsafe impl Sync for Bar {}

impl Bar {
    fn new(number: u8, physical: u64, bytes: u64) -> Option<Self> {
        let bytes = usize::try_from(bytes).ok().filter(|bytes| *bytes > 0)?;
        let layout = Layout::from_size_align(bytes, 4096).ok()?;
        // SAFETY: the size is not 0.
        let memory = unsafe { alloc_zeroed(layout) };
        let memory = NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout));
        Some(Self {
            number,
            physical,
            memory,
            layout,
        })
    }

    /// Its length.
    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// The address of `bytes` bytes at `physical`, if they lie in this range.
    pub fn at(&self, physical: u64, bytes: usize) -> Option<NonNull<u8>> {
        let offset = usize::try_from(physical.checked_sub(self.physical)?).ok()?;
        let end = offset.checked_add(bytes)?;
        if end > self.bytes() {
            return None;
        }
        // SAFETY: the offset is within the block.
        Some(unsafe { self.memory.add(offset) })
    }

    fn write(&self, offset: usize, bytes: &[u8]) {
        let fits = offset
            .checked_add(bytes.len())
            .is_some_and(|end| end <= self.bytes());
        if fits {
            // SAFETY: the offset is within the block.
            let to = unsafe { self.memory.add(offset) };
            // SAFETY: the bytes fit, and nobody has the adapter mapped yet.
            unsafe { to.copy_from_nonoverlapping(NonNull::from(bytes).cast(), bytes.len()) };
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout, freed once.
        unsafe { dealloc(self.memory.as_ptr(), self.layout) };
    }
}

/// An adapter in its slot of the machine.
pub struct Adapter {
    /// BAR 0 and BAR 2, as far as it has them.
    pub bars: Vec<Bar>,
    /// PCI configuration space.
    pub config: [u8; 256],
    /// See [`Vga::unmappable`].
    pub unmappable: Option<u8>,
}

impl Adapter {
    /// Puts an adapter into slot `slot`.
    pub fn new(vga: &Vga, slot: u32) -> Self {
        let video_memory = Bar::new(
            0,
            0xe000_0000 + 0x1000_0000 * u64::from(slot),
            vga.bar0_bytes,
        );
        let registers = Bar::new(2, 0xfebf_0000 + 0x10_000 * u64::from(slot), vga.bar2_bytes);
        if let Some(registers) = &registers {
            registers.write(0, &edid());
            let units = u16::try_from(vga.reported_bytes >> 16).unwrap_or(u16::MAX);
            for (index, value) in [(DISPI_ID, vga.dispi_id), (DISPI_VIDEO_MEMORY_64K, units)] {
                registers.write(DISPI + 2 * index, &value.to_le_bytes());
            }
        }
        let bars: Vec<_> = [video_memory, registers].into_iter().flatten().collect();
        let config = config(vga.pci, &bars);
        Self {
            bars,
            config,
            unmappable: vga.unmappable,
        }
    }
}

/// A configuration space of type 0.
fn config((vendor, device): (u16, u16), bars: &[Bar]) -> [u8; 256] {
    let mut space = [0; 256];
    let mut put = |offset: usize, bytes: &[u8]| {
        space[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0x00, &vendor.to_le_bytes());
    put(0x02, &device.to_le_bytes());
    put(0x04, &0x0003_u16.to_le_bytes()); // command: I/O and memory space
    put(0x08, &[0x02, 0x00, 0x00, 0x03]); // revision 2, VGA-compatible display controller
    for bar in bars {
        let prefetchable = if bar.number == 0 { 0x8 } else { 0 };
        let low = u32::try_from(bar.physical).unwrap_or(0) | prefetchable;
        put(0x10 + 4 * usize::from(bar.number), &low.to_le_bytes());
    }
    put(0x2c, &0x1af4_u16.to_le_bytes());
    put(0x2e, &0x1100_u16.to_le_bytes());
    space
}

/// A monitor's data: the base block of EDID 1.4 with its checksum.
fn edid() -> [u8; 128] {
    let mut block = [0; 128];
    block[..8].copy_from_slice(&[0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0]);
    block[8..10].copy_from_slice(&[0x49, 0x14]); // manufacturer RHT, as QEMU's monitor
    block[18..20].copy_from_slice(&[1, 4]);
    block[127] = block.iter().fold(0_u8, |sum, byte| sum.wrapping_sub(*byte));
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registers_are_where_the_driver_looks() {
        let adapter = Adapter::new(&Vga::default(), 1);
        let registers = &adapter.bars[1];
        let read = |offset: u64| {
            let at = registers
                .at(registers.physical + offset, 2)
                .unwrap()
                .cast::<u16>();
            // SAFETY: two bytes of the block.
            unsafe { at.read_volatile() }
        };
        assert_eq!((read(0x500), read(0x514)), (0xb0c5, 256));
        assert_eq!(adapter.config[..4], [0x34, 0x12, 0x11, 0x11]);
        assert!(registers.at(registers.physical + 4095, 2).is_none());
        assert!(registers.at(registers.physical - 1, 2).is_none());
    }

    #[test]
    fn the_monitors_data_has_its_checksum() {
        assert_eq!(
            edid()
                .iter()
                .fold(0_u8, |sum, byte| sum.wrapping_add(*byte)),
            0
        );
    }
}
