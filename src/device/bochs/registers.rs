//! The registers of the Bochs family, in BAR 2.
//!
//! | offset | what |
//! |---|---|
//! | 0 | EDID, as far as the adapter has one |
//! | 0x400 | the VGA ports 0x3c0 to 0x3df, 8 bits each; `bochs-display` has none |
//! | 0x500 | the DISPI registers, 16 bits each |
//! | 0x600 | QEMU's own, 32 bits each: their size in bytes, and the byte order of pixels |
//!
//! An address where nothing is reads all ones, and writes to it vanish.

use crate::kernel::Window;

/// Where the VGA ports begin, and the first of them.
const VGA: usize = 0x400;
const VGA_FIRST: usize = 0x3c0;
/// Where the DISPI registers begin.
const DISPI: usize = 0x500;

/// Where QEMU says how many bytes of registers of its own there are, and the most that it could be.
const OWN_BYTES: usize = 0x600;
const OWN: core::ops::RangeInclusive<u32> = 8..=0xa00;
/// The byte order of pixels, and its value for blue first.
const BYTE_ORDER: usize = 0x604;
const LITTLE_ENDIAN: u32 = 0x1e1e_1e1e;

/// The DISPI registers used here, by index.
#[derive(Clone, Copy)]
pub enum Dispi {
    /// The version of the interface.
    Id = 0x0,
    /// Width in pixels.
    Width = 0x1,
    /// Height in pixels.
    Height = 0x2,
    /// Bits of a pixel.
    Depth = 0x3,
    /// See [`Enable`].
    Enable = 0x4,
    /// Pixels from a row to the next.
    VirtualWidth = 0x6,
    /// Pixels that are left out before the first one.
    OffsetX = 0x8,
    /// Rows that are left out before the first one.
    OffsetY = 0x9,
    /// Video memory in units of 64 KiB.
    VideoMemory64K = 0xa,
}

/// Bits of [`Dispi::Enable`].
pub mod enable {
    /// The DISPI graphics mode is on.
    pub const ON: u16 = 1 << 0;
    /// Width, height and depth read as the largest that there are.
    pub const CAPS: u16 = 1 << 1;
    /// Video memory is linear.
    pub const LINEAR: u16 = 1 << 6;
    /// Video memory is left as it is.
    pub const KEEP_MEMORY: u16 = 1 << 7;
}

/// The VGA ports used here.
#[derive(Clone, Copy)]
enum Port {
    /// Attribute controller: its index, with [`PALETTE_ON`], after a read of [`Port::Status`].
    Attribute = 0x3c0,
    /// Miscellaneous output, to write.
    MiscWrite = 0x3c2,
    /// The sequencer's index.
    Sequencer = 0x3c4,
    /// Miscellaneous output, to read.
    MiscRead = 0x3cc,
    /// Input status 1, for a colour adapter.
    Status = 0x3da,
}

/// The bit of the attribute controller's index without which the screen is black.
const PALETTE_ON: u8 = 1 << 5;
/// The bit of miscellaneous output with which the ports are a colour adapter's.
const COLOUR: u8 = 1 << 0;

/// BAR 2. Any IRQL.
#[derive(Clone, Copy)]
pub struct Registers<'mapping>(pub Window<'mapping>);

impl Registers<'_> {
    /// Reads a DISPI register.
    pub fn read(self, register: Dispi) -> u16 {
        self.0.read_u16(DISPI + 2 * register as usize)
    }

    /// Writes a DISPI register.
    pub fn write(self, register: Dispi, value: u16) {
        self.0.write_u16(DISPI + 2 * register as usize, value);
    }

    /// Whether the VGA ports are there: an index that was written reads back. The one that was set
    /// before is set again.
    pub fn has_vga(self) -> bool {
        let before = self.port(Port::Sequencer);
        let kept = [1, 2].iter().all(|&index| {
            self.set_port(Port::Sequencer, index);
            self.port(Port::Sequencer) == index
        });
        self.set_port(Port::Sequencer, before);
        kept
    }

    /// Makes the VGA's ports a colour adapter's, so that [`Registers::vga_blank`] finds them. Where no
    /// firmware ran they are a monochrome adapter's.
    pub fn vga_colour(self) {
        let misc = self.port(Port::MiscRead);
        if misc & COLOUR == 0 {
            self.set_port(Port::MiscWrite, misc | COLOUR);
        }
    }

    /// Has the VGA show black, or its picture.
    pub fn vga_blank(self, blank: bool) {
        // The next write is an index, not its data.
        let _ = self.port(Port::Status);
        self.set_port(Port::Attribute, if blank { 0 } else { PALETTE_ON });
    }

    /// Has the adapter take the lowest byte of a pixel for its blue, where that can be chosen.
    pub fn little_endian(self) {
        if OWN.contains(&self.0.read_u32(OWN_BYTES)) {
            self.0.write_u32(BYTE_ORDER, LITTLE_ENDIAN);
        }
    }

    fn port(self, port: Port) -> u8 {
        self.0.read_u8(VGA + (port as usize - VGA_FIRST))
    }

    fn set_port(self, port: Port, value: u8) {
        self.0.write_u8(VGA + (port as usize - VGA_FIRST), value);
    }
}
