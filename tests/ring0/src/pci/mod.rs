//! The machine's display adapters, as PCI functions on bus 0.

mod config;
mod resources;

use alloc::{format, string::String, vec::Vec};

pub use config::Function;

/// Offset of the command register.
const COMMAND: u8 = 0x04;
/// Offset of the class codes and the revision.
const CLASS: u8 = 0x08;
/// Offset of the header type (byte 2).
const HEADER: u8 = 0x0c;
/// Offset of the first base address register.
const FIRST_BAR: u8 = 0x10;

/// Command register: the function answers to I/O addresses.
const DECODE_IO: u16 = 1;
/// Command register: the function answers to memory addresses.
const DECODE_MEMORY: u16 = 2;

/// Base class of display controllers.
const DISPLAY: u8 = 0x03;
/// Sub-class of display controllers that answer to VGA's legacy addresses.
const VGA: u8 = 0x00;

/// A range that a base address register gives the function.
#[derive(Clone, Copy)]
pub struct Bar {
    /// Memory, or I/O ports.
    pub memory: bool,
    /// Memory that may be prefetched.
    pub prefetchable: bool,
    /// First address.
    pub start: u64,
    /// Addresses.
    pub bytes: u64,
}

/// A display adapter.
pub struct Adapter {
    /// The function.
    pub function: Function,
    /// PCI vendor.
    pub vendor: u16,
    /// PCI device.
    pub device: u16,
    /// Whether it answers to VGA's legacy addresses.
    pub vga: bool,
    /// Its ranges, as the firmware placed them.
    pub bars: Vec<Bar>,
}

impl Adapter {
    /// Bus, device and function, as `00:01.0`.
    pub fn place(&self) -> String {
        format!(
            "00:{:02x}.{}",
            self.function.device(),
            self.function.number()
        )
    }

    /// Whether the `bytes` bytes from physical address `start` on lie in one of its memory BARs.
    pub fn owns(&self, start: u64, bytes: u64) -> bool {
        let Some(end) = start.checked_add(bytes) else {
            return false;
        };
        let mut memory = self.bars.iter().filter(|bar| bar.memory);
        memory.any(|bar| bar.start <= start && end <= bar.start + bar.bytes)
    }

    /// Its resources as a translated `CM_RESOURCE_LIST`.
    pub fn resources(&self) -> Vec<u8> {
        resources::list(self)
    }
}

/// The display adapters in the order of their places.
pub fn display_adapters() -> Vec<Adapter> {
    Function::all().filter_map(display_adapter).collect()
}

fn display_adapter(function: Function) -> Option<Adapter> {
    let [vendor_low, vendor_high, device_low, device_high] = function.read(0).to_le_bytes();
    let vendor = u16::from_le_bytes([vendor_low, vendor_high]);
    let [_, _, sub_class, class] = function.read(CLASS).to_le_bytes();
    let [_, _, header, _] = function.read(HEADER).to_le_bytes();
    if vendor == 0xffff || class != DISPLAY || header & 0x7f != 0 {
        return None;
    }
    let bars = bars(function);
    let decode = bars.iter().fold(0, |decode, bar| {
        decode | if bar.memory { DECODE_MEMORY } else { DECODE_IO }
    });
    // Windows starts a device with the ranges decoded that it has.
    function.write_16(COMMAND, (function.read(COMMAND) & 0xffff) as u16 | decode);
    let device = u16::from_le_bytes([device_low, device_high]);
    Some(Adapter {
        function,
        vendor,
        device,
        vga: sub_class == VGA,
        bars,
    })
}

/// The ranges of `function`; their sizes are what it answers when all address bits are set.
fn bars(function: Function) -> Vec<Bar> {
    let command = (function.read(COMMAND) & 0xffff) as u16;
    function.write_16(COMMAND, command & !(DECODE_IO | DECODE_MEMORY));
    let mut found = Vec::new();
    let mut offset = FIRST_BAR;
    while offset < FIRST_BAR + 6 * 4 {
        let value = function.read(offset);
        let io = value & 1 != 0;
        let wide = !io && value & 6 == 4;
        let flag_bits = if io { 3 } else { 0xf };
        let (mut start, mut mask) = (u64::from(value & !flag_bits), 0xffff_ffff_0000_0000);
        mask |= u64::from(size_mask(function, offset) & !flag_bits);
        if wide {
            start |= u64::from(function.read(offset + 4)) << 32;
            mask = mask & 0xffff_ffff | u64::from(size_mask(function, offset + 4)) << 32;
        }
        let bytes = if io {
            (!mask & 0xffff) + 1
        } else {
            (!mask).wrapping_add(1)
        };
        if mask & 0xffff_ffff != 0 && start != 0 {
            let prefetchable = !io && value & 8 != 0;
            found.push(Bar {
                memory: !io,
                prefetchable,
                start,
                bytes,
            });
        }
        offset += if wide { 8 } else { 4 };
    }
    function.write_16(COMMAND, command);
    found
}

/// What the register at `offset` keeps of all ones.
fn size_mask(function: Function, offset: u8) -> u32 {
    let value = function.read(offset);
    function.write(offset, u32::MAX);
    let mask = function.read(offset);
    function.write(offset, value);
    mask
}
