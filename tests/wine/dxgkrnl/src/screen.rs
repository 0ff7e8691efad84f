//! What an adapter scans out, from its registers and its video memory, as QEMU's `bochs-display` does.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use dxgk_port::AdapterIndex;
use vmdisp_scenarios::{Look, Picture};

use crate::host::Wine;

/// Where the DISPI registers begin, 16 bits each.
const DISPI: u64 = 0x500;
const XRES: u64 = 1;
const YRES: u64 = 2;
const BPP: u64 = 3;
const ENABLE: u64 = 4;
const VIRT_WIDTH: u64 = 6;
const X_OFFSET: u64 = 8;
const Y_OFFSET: u64 = 9;

/// A picture: `0x00RRGGBB`, row by row.
pub struct Shown {
    width: u32,
    height: u32,
    pixels: Vec<u32>,
}

impl Shown {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// Why there is none.
    pub fn read(host: &Wine, index: AdapterIndex) -> Result<Self, String> {
        let registers = host.bar(index, 2) + DISPI;
        let read = |number: u64| {
            let register = host.memory(index, registers + 2 * number, 2);
            // SAFETY: two bytes of the adapter's, at an even address.
            register.map_or(0, |register| unsafe {
                register.cast::<u16>().read_volatile()
            })
        };
        let (width, height, bits) = (read(XRES), read(YRES), read(BPP));
        if read(ENABLE) & 1 == 0 || bits != 32 {
            return Err(format!("the adapter is off, or shows {bits} bits a pixel"));
        }
        let row = u64::from(read(VIRT_WIDTH).max(width));
        let start = u64::from(read(Y_OFFSET)) * row + u64::from(read(X_OFFSET));
        let memory = host.bar(index, 0);
        let mut pixels = Vec::with_capacity(usize::from(width) * usize::from(height));
        for y in 0..u64::from(height) {
            let from = memory + 4 * (start + y * row);
            let line = host.memory(index, from, 4 * usize::from(width));
            let line = line
                .ok_or("the picture reaches beyond video memory")?
                .cast::<u32>();
            for x in 0..usize::from(width) {
                // SAFETY: the row lies in the adapter's memory, at a multiple of 4.
                let pixel = unsafe { line.add(x) };
                // SAFETY: as above.
                pixels.push(unsafe { pixel.read_volatile() } & 0x00ff_ffff);
            }
        }
        Ok(Self {
            width: width.into(),
            height: height.into(),
            pixels,
        })
    }

    /// Compares it with what it should be.
    pub fn compare(&self, expected: &Picture) -> Look {
        let mut pixels = self.pixels.iter();
        // `compare` asks row by row, each pixel once.
        Look::compare(expected, self.width, self.height, |_, _| {
            pixels.next().copied().unwrap_or(u32::MAX)
        })
    }

    /// As a PPM file.
    pub fn to_ppm(&self) -> Vec<u8> {
        let mut file = format!("P6\n{} {}\n255\n", self.width, self.height).into_bytes();
        for pixel in &self.pixels {
            let [_, red, green, blue] = pixel.to_be_bytes();
            file.extend([red, green, blue]);
        }
        file
    }
}
