//! Pictures that every host can compute by itself, pixel by pixel.
//!
//! A scenario draws one, and the machine is asked what its screen shows instead: in ring 0 that is
//! for another program to say, which computes the same picture and compares. So a picture is a
//! few numbers, and a function of the place.

mod test_card;

use alloc::boxed::Box;
use alloc::vec::Vec;

use serde::{Deserialize, Serialize};

use test_card::TestCard;

/// A picture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Picture {
    /// All black, of any size: what a screen that shows nothing shows.
    Black,
    /// No two neighbours alike, so that a row or a pixel in the wrong place is seen.
    Pattern {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
        /// Another seed, another picture.
        seed: u32,
    },
    /// A test card, which is also worth a person's look.
    TestCard {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Another picture, turned clockwise.
    Turned {
        /// What is turned.
        picture: Box<Picture>,
        /// How often by 90 degrees.
        quarters: u8,
    },
    /// A part of a picture over another as large.
    Patched {
        /// What is seen outside the part.
        below: Box<Picture>,
        /// What is seen inside it.
        above: Box<Picture>,
        /// Left, top, and the first column and row that are outside again.
        part: [u32; 4],
    },
    /// Any picture at all, of which only what [`digest`] makes of each row is told: a program far away
    /// can say which rows differ, and need not be sent the pixels.
    Rows {
        /// In pixels.
        width: u32,
        /// From the top.
        digests: Vec<u64>,
    },
}

/// A number that tells rows of pixels apart, each `0x00RRGGBB`.
pub fn digest(row: impl Iterator<Item = u32>) -> u64 {
    // FNV-1a, with its upper bits folded in so that all bits of a pixel count.
    row.fold(0xcbf2_9ce4_8422_2325, |all: u64, pixel| {
        let mixed = (all ^ u64::from(pixel)).wrapping_mul(0x0000_0100_0000_01b3);
        mixed ^ (mixed >> 29)
    })
}

impl Picture {
    /// Width and height in pixels, if it has a size of its own.
    pub fn size(&self) -> Option<(u32, u32)> {
        match self {
            Self::Black => None,
            Self::Pattern { width, height, .. } | Self::TestCard { width, height } => {
                Some((*width, *height))
            }
            Self::Patched { below, .. } => below.size(),
            Self::Rows { width, digests } => {
                Some((*width, u32::try_from(digests.len()).unwrap_or(0)))
            }
            Self::Turned { picture, quarters } => {
                let (width, height) = picture.size()?;
                Some(if quarters % 2 == 0 {
                    (width, height)
                } else {
                    (height, width)
                })
            }
        }
    }

    /// The pixel in column `x` of row `y`, counted from the top left: `0x00RRGGBB`. 0 where only rows are
    /// known.
    pub fn pixel(&self, x: u32, y: u32) -> u32 {
        match self {
            Self::Black | Self::Rows { .. } => 0,
            Self::Pattern { seed, .. } => noise(x, y, *seed),
            Self::TestCard { width, height } => TestCard {
                width: *width,
                height: *height,
            }
            .pixel(x, y),
            Self::Patched { below, above, part } => {
                let [left, top, right, bottom] = *part;
                let inside = (left..right).contains(&x) && (top..bottom).contains(&y);
                if inside { above } else { below }.pixel(x, y)
            }
            Self::Turned { picture, quarters } => {
                let (width, height) = picture.size().unwrap_or((x + 1, y + 1));
                match quarters % 4 {
                    0 => picture.pixel(x, y),
                    1 => picture.pixel(y, height - 1 - x),
                    2 => picture.pixel(width - 1 - x, height - 1 - y),
                    _ => picture.pixel(width - 1 - y, x),
                }
            }
        }
    }
}

/// A number without a pattern for each place; not black, so that a missing row is seen.
fn noise(x: u32, y: u32, seed: u32) -> u32 {
    let mut value = x
        .wrapping_mul(0x9e37_79b1)
        .wrapping_add(y.wrapping_mul(0x85eb_ca77))
        .wrapping_add(seed.wrapping_mul(0xc2b2_ae3d));
    value ^= value >> 15;
    value = value.wrapping_mul(0x2c1b_3c6d);
    value ^= value >> 13;
    value & 0x00ff_ffff | 0x0001_0101
}

/// How what a screen shows differs from a picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// What the screen has, in pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// How many pixels differ; all of them if the sizes do.
    pub differing: u64,
    /// The first that does, row by row: column, row, what should be there, what is.
    pub first: Option<(u32, u32, u32, u32)>,
}

impl Look {
    /// Compares a screen of that size with a picture. `seen` gives `0x00RRGGBB` by column and row.
    pub fn compare(
        expected: &Picture,
        width: u32,
        height: u32,
        mut seen: impl FnMut(u32, u32) -> u32,
    ) -> Self {
        let mut look = Self {
            width,
            height,
            differing: 0,
            first: None,
        };
        if expected.size().is_some_and(|size| size != (width, height)) {
            look.differing = u64::from(width) * u64::from(height);
            return look;
        }
        if let Picture::Rows { digests, .. } = expected {
            for (y, wanted) in (0..height).zip(digests) {
                let row = (0..width).map(|x| seen(x, y) & 0x00ff_ffff);
                if digest(row) != *wanted {
                    look.differing += u64::from(width);
                    look.first
                        .get_or_insert((0, y, 0, seen(0, y) & 0x00ff_ffff));
                }
            }
            return look;
        }
        for y in 0..height {
            for x in 0..width {
                let (wanted, is) = (expected.pixel(x, y), seen(x, y) & 0x00ff_ffff);
                if wanted != is {
                    look.differing += 1;
                    look.first.get_or_insert((x, y, wanted, is));
                }
            }
        }
        look
    }
}

/// What the hardware was made to do meanwhile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Writes {
    /// Writes to the adapter's registers.
    pub registers: u64,
    /// Writes to its video memory.
    pub video_memory: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern() -> Picture {
        Picture::Pattern {
            width: 5,
            height: 3,
            seed: 1,
        }
    }

    fn turned(quarters: u8) -> Picture {
        let picture = Box::new(pattern());
        Picture::Turned { picture, quarters }
    }

    #[test]
    fn a_quarter_turn_is_clockwise() {
        let (picture, turned) = (pattern(), turned(1));
        assert_eq!(turned.size(), Some((3, 5)));
        // The first row becomes the last column.
        assert_eq!(turned.pixel(2, 0), picture.pixel(0, 0));
        assert_eq!(turned.pixel(2, 4), picture.pixel(4, 0));
        assert_eq!(turned.pixel(0, 0), picture.pixel(0, 2));
    }

    #[test]
    fn four_quarter_turns_change_nothing() {
        let mut picture = pattern();
        for _ in 0..4 {
            picture = Picture::Turned {
                picture: Box::new(picture),
                quarters: 1,
            };
        }
        let look = Look::compare(&picture, 5, 3, |x, y| pattern().pixel(x, y));
        assert_eq!((look.differing, look.first), (0, None));
        let half = Look::compare(&turned(2), 5, 3, |x, y| pattern().pixel(4 - x, 2 - y));
        assert_eq!(half.differing, 0);
    }

    #[test]
    fn rows_are_told_apart_by_their_digests() {
        let rows = Picture::Rows {
            width: 5,
            digests: (0..3)
                .map(|y| digest((0..5).map(|x| pattern().pixel(x, y))))
                .collect(),
        };
        assert_eq!(rows.size(), Some((5, 3)));
        let same = Look::compare(&rows, 5, 3, |x, y| pattern().pixel(x, y));
        assert_eq!((same.differing, same.first), (0, None));
        for bit in 0..24 {
            let other = |x, y| pattern().pixel(x, y) ^ (u32::from((x, y) == (4, 1)) << bit);
            let look = Look::compare(&rows, 5, 3, other);
            assert_eq!(look.differing, 5, "bit {bit}");
            assert_eq!(look.first.map(|first| first.1), Some(1));
        }
        // Rows that changed places are found, too.
        let swapped = Look::compare(&rows, 5, 3, |x, y| pattern().pixel(x, 2 - y));
        assert_eq!(swapped.differing, 10);
    }

    #[test]
    fn what_differs_is_counted_and_named() {
        let seen = |x, y| pattern().pixel(x, y) ^ u32::from(y == 2);
        let look = Look::compare(&pattern(), 5, 3, seen);
        assert_eq!(look.differing, 5);
        assert_eq!(look.first.map(|first| (first.0, first.1)), Some((0, 2)));
        assert_eq!(Look::compare(&pattern(), 4, 3, seen).differing, 12);
    }
}
