//! QEMU's display adapters as the machine itself handles them: what firmware and a loss of power do.

use core::ptr::NonNull;

use dxgk_sys::{D3DDDIFORMAT, DXGK_DISPLAY_INFORMATION};

use crate::{
    memory::{device, paging::Caching},
    pci::Adapter,
};

/// Vendor and device of `VGA` and `bochs-display`.
const FAMILY: (u16, u16) = (0x1234, 0x1111);

/// Where the VGA's ports from 0x3C0 on begin in the registers.
const VGA: usize = 0x400;
/// The attribute controller: an index, then data, by turns; bit 5 of the index shows the picture.
const ATTRIBUTE: usize = VGA;
/// The miscellaneous output register; bit 0 makes the ports from 0x3D0 on answer.
const MISC: usize = VGA + 0x02;
/// Reading it makes the attribute controller expect an index.
const STATUS_1: usize = VGA + 0x1a;
/// Where the DISPI registers begin, 16 bits each.
const DISPI: usize = 0x500;

/// Bits of [`Dispi::Enable`]: the graphics mode is on; all of video memory is linear.
const ENABLED: u16 = 0x01;
const LINEAR: u16 = 0x40;

/// A DISPI register's number.
#[derive(Clone, Copy)]
pub enum Dispi {
    /// Width in pixels.
    XRes = 1,
    /// Height in pixels.
    YRes = 2,
    /// Bits a pixel.
    Bpp = 3,
    /// See [`ENABLED`].
    Enable = 4,
    /// Pixels from a row to the next.
    VirtWidth = 6,
    /// The first column shown.
    XOffset = 8,
    /// The first row shown.
    YOffset = 9,
}

/// An adapter's ranges, mapped for the kernel.
pub struct Display {
    registers: NonNull<u8>,
    memory: NonNull<u8>,
    bytes: u64,
    /// Where video memory begins.
    physical: u64,
    vga: bool,
}

impl Display {
    /// Takes hold of the adapter, if it is one of the family.
    pub fn open(adapter: &Adapter) -> Option<Self> {
        if (adapter.vendor, adapter.device) != FAMILY {
            return None;
        }
        let bars = || adapter.bars.iter().filter(|bar| bar.memory);
        let memory = bars().find(|bar| bar.prefetchable)?;
        let registers = bars().find(|bar| !bar.prefetchable)?;
        Some(Self {
            registers: device::map(registers.start, registers.bytes, Caching::Uncached)?,
            memory: device::map(memory.start, memory.bytes, Caching::WriteCombined)?,
            bytes: memory.bytes,
            physical: memory.start,
            vga: adapter.vga,
        })
    }

    fn register<T>(&self, offset: usize) -> *mut T {
        self.registers.as_ptr().wrapping_add(offset).cast()
    }

    /// Writes a DISPI register.
    pub fn write(&self, register: Dispi, value: u16) {
        let register = self.register::<u16>(DISPI + 2 * register as usize);
        // SAFETY: the register is mapped and aligned.
        unsafe { register.write_volatile(value) }
    }

    /// Reads a DISPI register.
    fn read(&self, register: Dispi) -> u16 {
        let register = self.register::<u16>(DISPI + 2 * register as usize);
        // SAFETY: the register is mapped and aligned, and reading it has no effect.
        unsafe { register.read_volatile() }
    }

    /// Shows a linear picture of that size, with 32 bits a pixel, that begins with video memory.
    pub fn set_mode(&self, width: u16, height: u16) {
        for (register, value) in [
            (Dispi::Enable, 0),
            (Dispi::XRes, width),
            (Dispi::YRes, height),
            (Dispi::Bpp, 32),
            (Dispi::Enable, ENABLED | LINEAR),
        ] {
            self.write(register, value);
        }
        self.show(true);
    }

    /// Shows the picture, or blanks the screen where the adapter can.
    pub fn show(&self, show: bool) {
        if self.vga {
            self.write_byte(MISC, 1);
            self.expect_index();
            self.write_byte(ATTRIBUTE, if show { 0x20 } else { 0 });
            self.expect_index();
        }
    }

    fn expect_index(&self) {
        // SAFETY: the register is mapped.
        let _: u8 = unsafe { self.register::<u8>(STATUS_1).read_volatile() };
    }

    fn write_byte(&self, offset: usize, value: u8) {
        // SAFETY: the register is mapped.
        unsafe { self.register::<u8>(offset).write_volatile(value) }
    }

    /// Makes four bytes of video memory, the `index`-th, `value`.
    pub fn put(&self, index: u64, value: u32) {
        if index < self.bytes / 4 {
            let offset = 4 * index as usize;
            let at: *mut u32 = self.memory.as_ptr().wrapping_add(offset).cast();
            // SAFETY: the place is in the mapped video memory.
            unsafe { at.write_volatile(value) }
        }
    }
}

impl Drop for Display {
    fn drop(&mut self) {
        device::unmap(self.registers);
        device::unmap(self.memory);
    }
}

/// The mode on the adapter's screen, if it is one that firmware hands over: linear, 32 bits a pixel.
pub fn post(adapter: &Adapter) -> Option<DXGK_DISPLAY_INFORMATION> {
    let display = Display::open(adapter)?;
    if display.read(Dispi::Enable) & ENABLED == 0 || display.read(Dispi::Bpp) != 32 {
        return None;
    }
    let (width, height) = (display.read(Dispi::XRes), display.read(Dispi::YRes));
    let pitch = 4 * u32::from(display.read(Dispi::VirtWidth).max(width));
    let above = u64::from(display.read(Dispi::YOffset)) * u64::from(pitch);
    let start = display.physical + above + 4 * u64::from(display.read(Dispi::XOffset));
    let mut mode = DXGK_DISPLAY_INFORMATION::ZERO;
    mode.Width = width.into();
    mode.Height = height.into();
    mode.Pitch = pitch;
    mode.ColorFormat = D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8;
    mode.PhysicAddress.QuadPart = start.cast_signed();
    Some(mode)
}

/// Makes the adapter as after a cold start: no mode, nothing shown, anything in its memory. False if it
/// is not one of the family.
pub fn lose_power(adapter: &Adapter) -> bool {
    let Some(display) = Display::open(adapter) else {
        return false;
    };
    display.write(Dispi::Enable, 0);
    for register in [
        Dispi::XRes,
        Dispi::YRes,
        Dispi::Bpp,
        Dispi::VirtWidth,
        Dispi::XOffset,
        Dispi::YOffset,
    ] {
        display.write(register, 0);
    }
    display.show(false);
    if display.vga {
        display.write_byte(MISC, 0);
    }
    for index in 0..display.bytes / 4 {
        display.put(
            index,
            (index as u32).wrapping_mul(0x9e37_79b1).rotate_left(7),
        );
    }
    true
}
