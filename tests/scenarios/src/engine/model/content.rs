//! The content of one allocation, and how it is laid out.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use vmdisp_abi::allocation::PITCH_ALIGNMENT;
use vmdisp_abi::format::bytes_per_pixel;

/// How an allocation's bytes are laid out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// So many bytes.
    Buffer(u64),
    /// Rows of pixels.
    Picture {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Bytes a pixel: 1, 2, 4 or 8.
        pixel: u32,
        /// Bytes from row to row.
        pitch: u32,
    },
}

impl Shape {
    /// A picture whose pitch the driver chooses, and which is no primary.
    pub fn picture(width: u32, height: u32, format: u32) -> Self {
        let pixel = bytes_per_pixel(format).unwrap_or(4);
        Self::Picture {
            width,
            height,
            pixel,
            pitch: (width * pixel).next_multiple_of(PITCH_ALIGNMENT),
        }
    }

    /// Bytes of the whole.
    pub fn bytes(&self) -> u64 {
        match *self {
            Self::Buffer(bytes) => bytes,
            Self::Picture { height, pitch, .. } => u64::from(height) * u64::from(pitch),
        }
    }

    /// Width and height in pixels; a buffer has none.
    pub fn size(&self) -> (u32, u32) {
        match *self {
            Self::Buffer(_) => (0, 0),
            Self::Picture { width, height, .. } => (width, height),
        }
    }

    /// Bytes a pixel; 1 for a buffer.
    pub fn pixel(&self) -> u32 {
        match *self {
            Self::Buffer(_) => 1,
            Self::Picture { pixel, .. } => pixel,
        }
    }

    /// Where a byte is, for people.
    pub fn place(&self, offset: usize) -> String {
        match *self {
            Self::Buffer(_) => format!("byte {offset}"),
            Self::Picture { pixel, pitch, .. } => {
                let (pitch, pixel) = (pitch as usize, pixel as usize);
                let (y, in_row) = (offset / pitch, offset % pitch);
                format!(
                    "column {}, row {y}, byte {}",
                    in_row / pixel,
                    in_row % pixel
                )
            }
        }
    }
}

/// The content of one allocation.
pub struct Content {
    /// Its layout.
    pub shape: Shape,
    /// All its bytes; the spaces behind rows are content, too.
    pub bytes: Vec<u8>,
    /// Nothing has made a part of it uncertain since all of it was written last.
    pub known: bool,
}

impl Content {
    /// Zeros, as the memory manager gives an allocation at first.
    pub fn new(shape: Shape) -> Self {
        let bytes = usize::try_from(shape.bytes()).unwrap_or(0);
        Self {
            shape,
            bytes: alloc::vec![0; bytes],
            known: true,
        }
    }

    /// Replaces bytes; those that lie outside are left out.
    pub fn write(&mut self, offset: u64, bytes: &[u8]) {
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        self.known |= offset == 0 && bytes.len() >= self.bytes.len();
        let room = self.bytes.get_mut(offset..).unwrap_or_default();
        let count = room.len().min(bytes.len());
        room[..count].copy_from_slice(&bytes[..count]);
    }

    /// Where the pixel at column `x` of row `y` is.
    pub fn at(&self, x: u32, y: u32) -> usize {
        match self.shape {
            Shape::Buffer(_) => 0,
            Shape::Picture { pixel, pitch, .. } => {
                y as usize * pitch as usize + x as usize * pixel as usize
            }
        }
    }

    /// The pixel at column `x` of row `y` of a picture of 32 bits a pixel, as `0x00RRGGBB`.
    pub fn pixel(&self, x: u32, y: u32) -> u32 {
        let at = self.at(x, y);
        let bytes = self.bytes.get(at..at + 4).unwrap_or(&[0; 4]);
        u32::from_le_bytes([bytes[0], bytes[1], bytes[2], 0])
    }
}
