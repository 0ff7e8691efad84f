//! The Bochs family's display engine: modes, panning, black. Register accesses alone, so that all of
//! it can be done at any IRQL.
//!
//! What QEMU does with the registers, as far as it matters here:
//!
//! * `VGA` clears the virtual width and both offsets when the mode is switched on, so they are
//!   written after that. It rounds widths down to 8 pixels and clamps what it cannot do, at the write;
//!   so what was taken is read back.
//! * `VGA` limits the offsets (to 16000 pixels and 12000 rows) and takes both as 0 when the picture
//!   would reach past video memory, also between two writes. Horizontal first, vertical last ends
//!   right in every case.
//! * `bochs-display` takes every value, and shows nothing new when it cannot draw the result.
//! * `VGA` shows black while its palette is off, and video memory stays as it is. `bochs-display` has
//!   no such switch, and goes on showing its last picture when the mode is switched off. So it is
//!   made to show a very small black picture that is kept at the end of video memory.

use super::registers::{Dispi, Registers, enable};
use crate::device::scan_out::{NotTaken, PIXEL, ScanOut};
use crate::kernel::Window;

/// Bits of a pixel.
const DEPTH: u16 = 32;
/// Width and height of the black picture: the smallest that `bochs-display` shows.
const BLACK: u32 = 64;

/// What an adapter of the family has and how far it can pan.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Abilities {
    /// The VGA ports, and with them a way to show black.
    pub vga: bool,
    /// The largest horizontal offset, in pixels.
    pub most_x: u16,
    /// The largest vertical offset, in rows.
    pub most_y: u16,
}

impl Abilities {
    /// The offsets that make a picture begin `offset` bytes into video memory, with `pitch` bytes from
    /// row to row. `None` if it is out of reach.
    #[must_use]
    pub fn split(self, offset: u64, pitch: u32) -> Option<(u16, u16)> {
        let pixel = offset / u64::from(PIXEL);
        let row = u64::from(pitch / PIXEL);
        // What is too far down may still be reached from the last row.
        let y = pixel.checked_div(row)?.min(self.most_y.into());
        let x = pixel.checked_sub(y.checked_mul(row)?)?;
        let x = u16::try_from(x).ok().filter(|x| *x <= self.most_x)?;
        Some((x, u16::try_from(y).ok()?))
    }

    /// The smallest pitch, a multiple of 64 bytes, with which every offset in `memory` bytes of video
    /// memory is in reach.
    #[must_use]
    pub fn least_pitch(self, memory: u64) -> u32 {
        let sideways = u64::from(self.most_x) * u64::from(PIXEL);
        let rows = u64::from(self.most_y).max(1);
        let pitch = memory.saturating_sub(sideways).div_ceil(rows);
        u32::try_from(pitch.next_multiple_of(64)).unwrap_or(u32::MAX)
    }

    /// The black picture at the end of `memory` bytes of video memory. Its rows are so far apart that it is in reach.
    /// `None` where black is shown without one.
    fn black(self, memory: u64) -> Option<ScanOut> {
        if self.vga {
            return None;
        }
        let pitch = self.least_pitch(memory).max(BLACK * PIXEL);
        let bytes = u64::from(pitch) * u64::from(BLACK);
        Some(ScanOut {
            width: BLACK,
            height: BLACK,
            pitch,
            offset: memory.checked_sub(bytes)?,
        })
    }
}

/// The display engine of a mapped adapter.
#[derive(Clone, Copy)]
pub struct Engine<'mapping> {
    /// BAR 2.
    pub registers: Registers<'mapping>,
    /// BAR 0, with the black picture at its end where one is needed.
    pub memory: Window<'mapping>,
    /// What it can do.
    pub abilities: Abilities,
}

impl Engine<'_> {
    /// Sets a mode, and shows it or black. The screen shows black meanwhile, where that is possible.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] if the hardware cannot do it. It then shows something else.
    pub fn set_mode(&self, scan_out: &ScanOut, blank: bool) -> Result<(), NotTaken> {
        self.registers.little_endian();
        if self.abilities.vga {
            self.registers.vga_colour();
            self.registers.vga_blank(true);
            self.program(scan_out)?;
            self.registers.vga_blank(blank);
            Ok(())
        } else if blank {
            // Whether it would be taken is seen when it is shown: this engine takes everything that
            // it has room for.
            self.check(scan_out)?;
            self.blank_picture();
            Ok(())
        } else {
            self.program(scan_out)
        }
    }

    /// Shows black, or the picture again.
    pub fn blank(&self, scan_out: &ScanOut, blank: bool) {
        if self.abilities.vga {
            self.registers.vga_colour();
            self.registers.vga_blank(blank);
        } else if blank {
            self.blank_picture();
        } else {
            // It was taken before, by the same hardware.
            let _ = self.program(scan_out);
        }
    }

    /// Shows another part of video memory, in the mode that is set: two register writes. What is out of
    /// reach is not shown.
    pub fn pan(&self, scan_out: &ScanOut) {
        if let Ok((x, y)) = self.check(scan_out) {
            self.registers.write(Dispi::OffsetX, x);
            self.registers.write(Dispi::OffsetY, y);
        }
    }

    /// The mode that the firmware left behind goes off: VGA character mode, where there is a VGA.
    pub fn text_mode(&self) {
        self.registers.write(Dispi::Enable, 0);
        if self.abilities.vga {
            self.registers.vga_blank(false);
        }
    }

    fn blank_picture(&self) {
        let Some(black) = self.abilities.black(self.memory.bytes() as u64) else {
            return;
        };
        let (Ok(offset), Ok(bytes)) = (
            usize::try_from(black.offset),
            usize::try_from(black.bytes()),
        ) else {
            return;
        };
        self.memory.clear(offset, bytes);
        if let Some(offsets) = self.abilities.split(black.offset, black.pitch) {
            // It was sized for this hardware.
            let _ = self.write_mode(&black, offsets);
        }
    }

    /// Bytes of video memory that pictures may lie in.
    #[must_use]
    pub fn picture_memory(&self) -> usize {
        let memory = self.memory.bytes();
        let black = self.abilities.black(memory as u64);
        let begins = black.and_then(|black| usize::try_from(black.offset).ok());
        begins.unwrap_or(memory)
    }

    /// The offsets of a picture, if the hardware can show it, as far as that can be said without it.
    ///
    /// # Errors
    ///
    /// [`NotTaken`] with what is too large or too small.
    pub fn check(&self, scan_out: &ScanOut) -> Result<(u16, u16), NotTaken> {
        let memory = self.picture_memory() as u64;
        if !scan_out.fits(memory) {
            return Err(NotTaken {
                what: c"bytes of the picture",
                wanted: scan_out.offset.saturating_add(scan_out.bytes()),
                taken: memory,
            });
        }
        for (what, size) in [(c"width", scan_out.width), (c"height", scan_out.height)] {
            if size < BLACK {
                return Err(NotTaken {
                    what,
                    wanted: size.into(),
                    taken: BLACK.into(),
                });
            }
        }
        let offsets = self.abilities.split(scan_out.offset, scan_out.pitch);
        offsets.ok_or(NotTaken {
            what: c"offset in video memory",
            wanted: scan_out.offset,
            taken: u64::from(self.abilities.most_y) * u64::from(scan_out.pitch),
        })
    }

    /// Writes a mode, and reads back what became of it.
    fn program(&self, scan_out: &ScanOut) -> Result<(), NotTaken> {
        self.write_mode(scan_out, self.check(scan_out)?)
    }

    /// As [`Engine::program`], wherever the picture lies.
    fn write_mode(&self, scan_out: &ScanOut, (x, y): (u16, u16)) -> Result<(), NotTaken> {
        let narrow = |what, value: u32| {
            u16::try_from(value).map_err(|_| NotTaken {
                what,
                wanted: value.into(),
                taken: u16::MAX.into(),
            })
        };
        let width = narrow(c"width", scan_out.width)?;
        let height = narrow(c"height", scan_out.height)?;
        let virtual_width = narrow(c"pitch in pixels", scan_out.pitch / PIXEL)?;
        let on = enable::ON | enable::LINEAR | enable::KEEP_MEMORY;

        self.registers.write(Dispi::Enable, 0);
        let steps = [
            (c"width", Dispi::Width, width),
            (c"height", Dispi::Height, height),
            (c"depth", Dispi::Depth, DEPTH),
            (c"enable", Dispi::Enable, on),
            (c"pitch in pixels", Dispi::VirtualWidth, virtual_width),
            (c"horizontal offset", Dispi::OffsetX, x),
            (c"vertical offset", Dispi::OffsetY, y),
        ];
        for (_, register, value) in steps {
            self.registers.write(register, value);
        }
        for (what, register, wanted) in steps {
            let taken = self.registers.read(register);
            if taken != wanted {
                return Err(NotTaken {
                    what,
                    wanted: wanted.into(),
                    taken: taken.into(),
                });
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VGA: Abilities = Abilities {
        vga: true,
        most_x: 16000,
        most_y: 12000,
    };

    #[test]
    fn every_offset_is_split_exactly_or_not_at_all() {
        for pitch in [2560, 3200, 5504, 5120, 7680, 15360] {
            for offset in (0..64 << 20).step_by(4096) {
                let Some((x, y)) = VGA.split(offset, pitch) else {
                    assert!(offset > 12000 * u64::from(pitch));
                    continue;
                };
                assert_eq!(u64::from(y) * u64::from(pitch) + u64::from(x) * 4, offset);
                assert!(x <= 16000 && y <= 12000);
            }
        }
        assert_eq!(VGA.split(4, 0), None);
    }

    #[test]
    fn the_least_pitch_reaches_the_end() {
        for memory in [1 << 20, 16 << 20, 64 << 20, 256_u64 << 20] {
            let pitch = VGA.least_pitch(memory);
            assert!(pitch.is_multiple_of(64));
            assert!(VGA.split(memory - 4, pitch.max(64)).is_some(), "{memory}");
        }
        assert_eq!(VGA.least_pitch(64 << 20), 5632);
        // And a smaller one does not.
        assert!(VGA.split((64 << 20) - 4, 5632 - 64).is_none());
    }

    #[test]
    fn the_black_picture_is_in_reach_and_small() {
        let abilities = Abilities {
            vga: false,
            most_x: u16::MAX,
            most_y: u16::MAX,
        };
        for mebibytes in [4_u64, 16, 64, 256, 512] {
            let memory = mebibytes << 20;
            let black = abilities.black(memory).unwrap();
            assert!(black.fits(memory));
            assert!(abilities.split(black.offset, black.pitch).is_some());
            assert!(memory - black.offset <= memory / 256, "{mebibytes}");
        }
        assert_eq!(VGA.black(16 << 20), None);
    }
}
