//! What the monitor of an adapter shows, as pixels.

use std::fs::{File, create_dir_all};
use std::io::BufWriter;
use std::path::Path;

use vmdisp_scenarios::{Look, Picture};

use super::bar::Bar;
use super::device::Scan;

/// A monitor's picture: `0x00RRGGBB`, row by row.
pub struct Shown {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    pixels: Vec<u32>,
}

impl Shown {
    /// A picture of that size; `pixels` has its rows one after the other.
    #[must_use]
    pub fn new(width: u32, height: u32, pixels: Vec<u32>) -> Self {
        Self {
            width,
            height,
            pixels,
        }
    }

    /// Reads the picture out of video memory.
    pub(super) fn read(scan: &Scan, memory: &Bar) -> Self {
        match scan {
            Scan::Blank(width, height) => Self {
                width: *width,
                height: *height,
                pixels: vec![0; *width as usize * *height as usize],
            },
            Scan::Frame(frame) => {
                let row = |y: u32| frame.start + y as usize * frame.pitch;
                let pixels = (0..frame.height).flat_map(|y| {
                    (0..frame.width).map(move |x| memory.read_u32(row(y) + 4 * x as usize))
                });
                Self {
                    width: frame.width,
                    height: frame.height,
                    pixels: pixels.collect(),
                }
            }
        }
    }

    /// Compares it with what it should be.
    #[must_use]
    pub fn compare(&self, expected: &Picture) -> Look {
        let mut pixels = self.pixels.iter();
        // `compare` asks row by row, each pixel once.
        Look::compare(expected, self.width, self.height, |_, _| {
            pixels.next().copied().unwrap_or(u32::MAX)
        })
    }

    /// Writes it to `file` as PNG.
    ///
    /// # Errors
    ///
    /// Why it cannot be written.
    pub fn write_png(&self, file: &Path) -> Result<(), String> {
        let said = |error: &dyn std::fmt::Display| format!("{}: {error}", file.display());
        if let Some(folder) = file.parent() {
            create_dir_all(folder).map_err(|error| said(&error))?;
        }
        let to = BufWriter::new(File::create(file).map_err(|error| said(&error))?);
        let mut encoder = png::Encoder::new(to, self.width, self.height);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_compression(png::Compression::Fast);
        let bytes: Vec<u8> = self
            .pixels
            .iter()
            .flat_map(|pixel| {
                let [_, red, green, blue] = pixel.to_be_bytes();
                [red, green, blue]
            })
            .collect();
        let mut writer = encoder.write_header().map_err(|error| said(&error))?;
        writer
            .write_image_data(&bytes)
            .map_err(|error| said(&error))?;
        writer.finish().map_err(|error| said(&error))
    }
}
