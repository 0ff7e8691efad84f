//! The DISPI registers, as QEMU's two models treat them.
//!
//! `VGA` corrects what is written: a width that is no multiple of eight, a picture that does not fit.
//! `bochs-display` keeps what is written and judges it when a picture is wanted.

use super::Model;

/// Which version of the interface.
const ID: usize = 0x0;
const XRES: usize = 0x1;
const YRES: usize = 0x2;
const BPP: usize = 0x3;
const ENABLE: usize = 0x4;
const VIRT_WIDTH: usize = 0x6;
const VIRT_HEIGHT: usize = 0x7;
const X_OFFSET: usize = 0x8;
const Y_OFFSET: usize = 0x9;
/// Video memory in units of 64 KiB.
const VIDEO_MEMORY_64K: usize = 0xa;

/// Bit of `ENABLE`: the graphics mode is on.
const ENABLED: u16 = 0x01;
/// Bit of `ENABLE`: three registers say what is possible instead of what is.
const GET_CAPS: u16 = 0x02;
/// Bit of `ENABLE`: video memory is left as it is.
const NO_CLEAR: u16 = 0x80;

/// What `VGA` can do at most: width, height, bits a pixel.
const LARGEST: (u16, u16, u16) = (16000, 12000, 32);
/// What `bochs-display` shows at least, in both directions.
const SMALLEST: u32 = 64;

/// A picture in video memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Frame {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from a row to the next.
    pub pitch: usize,
    /// Where the first row begins in video memory, in bytes.
    pub start: usize,
    /// Bits a pixel.
    pub bits: u16,
}

/// The registers.
pub struct Dispi {
    model: Model,
    values: [u16; VIDEO_MEMORY_64K],
    video_memory: u64,
}

impl Dispi {
    /// The registers after a cold start.
    pub fn new(model: Model, id: u16, video_memory: u64) -> Self {
        let mut values = [0; VIDEO_MEMORY_64K];
        values[ID] = id;
        Self {
            model,
            values,
            video_memory,
        }
    }

    /// As [`Dispi::new`], again.
    pub fn reset(&mut self) {
        *self = Self::new(self.model, self.values[ID], self.video_memory);
    }

    /// What reads at register `index`.
    pub fn read(&self, index: usize) -> u16 {
        let caps = self.model == Model::Vga && self.values[ENABLE] & GET_CAPS != 0;
        match index {
            XRES if caps => LARGEST.0,
            YRES if caps => LARGEST.1,
            BPP if caps => LARGEST.2,
            VIDEO_MEMORY_64K => u16::try_from(self.video_memory >> 16).unwrap_or(u16::MAX),
            _ => self.values.get(index).copied().unwrap_or(u16::MAX),
        }
    }

    /// Writes register `index`. What comes back is how many bytes of video memory the adapter clears.
    pub fn write(&mut self, index: usize, value: u16) -> usize {
        match (self.model, index) {
            // These say what the adapter is.
            (_, ID | VIRT_HEIGHT | VIDEO_MEMORY_64K..) => 0,
            (Model::Vga, ENABLE) => self.enable(value),
            (Model::Vga, XRES..=BPP | VIRT_WIDTH | X_OFFSET | Y_OFFSET) => {
                self.values[index] = value;
                self.correct();
                0
            }
            _ => {
                self.values[index] = value;
                0
            }
        }
    }

    fn is_enabled(&self) -> bool {
        self.values[ENABLE] & ENABLED != 0
    }

    fn enable(&mut self, value: u16) -> usize {
        let mut cleared = 0;
        if value & ENABLED != 0 && !self.is_enabled() {
            for index in [VIRT_WIDTH, X_OFFSET, Y_OFFSET] {
                self.values[index] = 0;
            }
            self.values[ENABLE] |= ENABLED;
            self.correct();
            if value & NO_CLEAR == 0 {
                cleared = usize::from(self.values[YRES]) * self.pitch();
            }
        }
        self.values[ENABLE] = value;
        cleared
    }

    /// `VGA`'s corrections, which it makes only while the mode is on.
    fn correct(&mut self) {
        if !self.is_enabled() {
            return;
        }
        let values = &mut self.values;
        if !matches!(values[BPP], 4 | 8 | 15 | 16 | 24 | 32) {
            values[BPP] = 8;
        }
        values[XRES] = (values[XRES] & !7).clamp(8, LARGEST.0);
        values[VIRT_WIDTH] = (values[VIRT_WIDTH] & !7).clamp(values[XRES], LARGEST.0);
        let pitch = self.pitch();
        let memory = usize::try_from(self.video_memory).unwrap_or(usize::MAX);
        let most = u16::try_from(memory / pitch).unwrap_or(u16::MAX);
        let values = &mut self.values;
        values[YRES] = values[YRES].clamp(1, LARGEST.1).min(most);
        values[X_OFFSET] = values[X_OFFSET].min(LARGEST.0);
        values[Y_OFFSET] = values[Y_OFFSET].min(LARGEST.1);
        values[VIRT_HEIGHT] = most;
        for index in [Y_OFFSET, X_OFFSET] {
            if self.start() + usize::from(self.values[YRES]) * pitch > memory {
                self.values[index] = 0;
            }
        }
    }

    fn bits(&self) -> u16 {
        if self.values[BPP] == 15 {
            16
        } else {
            self.values[BPP]
        }
    }

    /// Bytes from a row to the next.
    fn pitch(&self) -> usize {
        let width = self.values[VIRT_WIDTH].max(self.values[XRES]);
        usize::from(width) * usize::from(self.bits()) / 8
    }

    /// Where the picture begins, in bytes.
    fn start(&self) -> usize {
        let left = usize::from(self.values[X_OFFSET]) * usize::from(self.bits()) / 8;
        left + usize::from(self.values[Y_OFFSET]) * self.pitch()
    }

    /// The picture that the registers describe, if they describe one that the model shows.
    pub fn frame(&self) -> Option<Frame> {
        let frame = Frame {
            width: self.values[XRES].into(),
            height: self.values[YRES].into(),
            pitch: self.pitch(),
            start: match self.model {
                // It counts in units of four bytes.
                Model::Vga => self.start() & !3,
                Model::BochsDisplay => self.start(),
            },
            bits: self.values[BPP],
        };
        let end = (frame.start + frame.pitch * self.values[YRES] as usize) as u64;
        let shown = self.model == Model::Vga
            || matches!(frame.bits, 16 | 32)
                && frame.width >= SMALLEST
                && frame.height >= SMALLEST
                && end <= self.video_memory;
        (self.is_enabled() && shown).then_some(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(dispi: &Dispi) -> [u16; 12] {
        std::array::from_fn(|index| dispi.read(index))
    }

    fn write(dispi: &mut Dispi, values: &[(usize, u16)]) {
        for (index, value) in values {
            dispi.write(*index, *value);
        }
    }

    const MODE: [(usize, u16); 5] = [
        (ENABLE, 0),
        (XRES, 1366),
        (YRES, 768),
        (BPP, 32),
        (ENABLE, 0x41),
    ];

    /// The numbers are what QEMU 7.2's own adapter answered to the same accesses.
    #[test]
    fn vga_corrects_as_qemu_does() {
        let mut vga = Dispi::new(Model::Vga, 0xb0c5, 16 << 20);
        assert_eq!(all(&vga), [0xb0c5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 256, 0xffff]);
        write(&mut vga, &[(ENABLE, 2)]);
        assert_eq!(all(&vga)[..5], [0xb0c5, 16000, 12000, 32, 2]);
        write(&mut vga, &MODE[..4]);
        assert_eq!(all(&vga)[1..4], [1366, 768, 32]);
        write(&mut vga, &MODE);
        assert_eq!(all(&vga)[1..10], [1360, 768, 32, 0x41, 0, 1360, 3084, 0, 0]);
        write(
            &mut vga,
            &[(VIRT_WIDTH, 2000), (X_OFFSET, 3), (Y_OFFSET, 9)],
        );
        assert_eq!(all(&vga)[1..10], [1360, 768, 32, 0x41, 0, 2000, 2097, 3, 9]);
        let frame = vga.frame().unwrap();
        assert_eq!((frame.start, frame.pitch), (9 * 8000 + 12, 8000));
        write(&mut vga, &[(Y_OFFSET, 5000)]);
        assert_eq!(all(&vga)[8..10], [3, 0]);
        write(&mut vga, &[(XRES, 20000), (YRES, 20000)]);
        assert_eq!(
            all(&vga)[1..10],
            [16000, 262, 32, 0x41, 0, 16000, 262, 3, 0]
        );
    }

    #[test]
    fn bochs_display_keeps_what_is_written_and_shows_what_it_can() {
        let mut bochs = Dispi::new(Model::BochsDisplay, 0xb0c5, 16 << 20);
        write(&mut bochs, &[(ENABLE, 2)]);
        assert_eq!(all(&bochs)[..5], [0xb0c5, 0, 0, 0, 2]);
        write(&mut bochs, &MODE);
        assert_eq!(all(&bochs)[1..10], [1366, 768, 32, 0x41, 0, 0, 0, 0, 0]);
        assert_eq!(
            bochs.frame().map(|frame| (frame.width, frame.pitch)),
            Some((1366, 5464))
        );
        write(&mut bochs, &[(Y_OFFSET, 5000)]);
        assert_eq!((bochs.frame(), bochs.read(Y_OFFSET)), (None, 5000));
        write(&mut bochs, &[(Y_OFFSET, 0), (XRES, 63)]);
        assert_eq!(bochs.frame(), None);
    }

    #[test]
    fn turning_it_on_clears_the_picture_unless_told_not_to() {
        let mut vga = Dispi::new(Model::Vga, 0xb0c5, 16 << 20);
        write(&mut vga, &MODE[..4]);
        assert_eq!(vga.write(ENABLE, 0x41), 1360 * 4 * 768);
        assert_eq!(vga.write(ENABLE, 0x41), 0, "it is on");
        vga.write(ENABLE, 0);
        assert_eq!(vga.write(ENABLE, 0xc1), 0);
    }
}
