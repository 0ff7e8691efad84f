//! Configuration space through I/O ports 0xCF8 and 0xCFC.

use x86_64::instructions::port::Port;

const ADDRESS: u16 = 0xcf8;
const DATA: u16 = 0xcfc;
/// The address register's bit that lets the data register reach configuration space.
const ENABLE: u32 = 0x8000_0000;

/// A function on bus 0.
#[derive(Clone, Copy)]
pub struct Function(u8);

impl Function {
    /// Every place where a function can be.
    pub fn all() -> impl Iterator<Item = Self> {
        (0..=u8::MAX).map(Self)
    }

    /// Device number, 0 to 31.
    pub fn device(self) -> u8 {
        self.0 >> 3
    }

    /// Function number, 0 to 7.
    pub fn number(self) -> u8 {
        self.0 & 7
    }

    fn select(self, offset: u8) {
        let mut address = Port::<u32>::new(ADDRESS);
        let value = ENABLE | u32::from(self.0) << 8 | u32::from(offset & 0xfc);
        // SAFETY: the register only chooses what the data register shows.
        unsafe { address.write(value) }
    }

    /// The double word at `offset`, a multiple of four.
    pub fn read(self, offset: u8) -> u32 {
        self.select(offset);
        // SAFETY: reading configuration space of a device model has no effect.
        unsafe { Port::<u32>::new(DATA).read() }
    }

    /// Writes the double word at `offset`, a multiple of four.
    pub fn write(self, offset: u8, value: u32) {
        self.select(offset);
        // SAFETY: callers own the function they write to.
        unsafe { Port::<u32>::new(DATA).write(value) }
    }

    /// Writes the word at `offset`, a multiple of two.
    pub fn write_16(self, offset: u8, value: u16) {
        self.select(offset);
        let port = DATA + u16::from(offset & 2);
        // SAFETY: callers own the function they write to.
        unsafe { Port::<u16>::new(port).write(value) }
    }

    /// Reads bytes from `offset` on, up to the end of the 256 that there are; says how many.
    pub fn read_bytes(self, offset: u32, out: &mut [u8]) -> usize {
        let mut count = 0;
        for (byte, offset) in out.iter_mut().zip(offset..256) {
            let word = self.read((offset & 0xfc) as u8).to_le_bytes();
            if let Some(value) = word.get((offset & 3) as usize) {
                *byte = *value;
            }
            count += 1;
        }
        count
    }

    /// Writes bytes from `offset` on, up to the end of the 256 that there are; says how many.
    pub fn write_bytes(self, offset: u32, data: &[u8]) -> usize {
        let mut count = 0;
        for (byte, offset) in data.iter().zip(offset..256) {
            self.select((offset & 0xfc) as u8);
            let port = DATA + (offset & 3) as u16;
            // SAFETY: callers own the function they write to.
            unsafe { Port::<u8>::new(port).write(*byte) }
            count += 1;
        }
        count
    }
}
