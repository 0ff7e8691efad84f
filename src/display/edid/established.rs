//! Established timings: a bit for each of VESA's well-known modes.
#![forbid(unsafe_code)]

use super::Found;
use super::base::computed;

/// Width, height and rate of a mode. A width of 0 is a bit that is not used here: the one interlaced
/// mode, and the manufacturer's own.
type Named = (u32, u32, u32);

const NONE: Named = (0, 0, 0);

/// Bytes 35 to 37 of the base block, the highest bit first.
const FIRST: [[Named; 8]; 3] = [
    [
        (720, 400, 70),
        (720, 400, 88),
        (640, 480, 60),
        (640, 480, 67),
        (640, 480, 72),
        (640, 480, 75),
        (800, 600, 56),
        (800, 600, 60),
    ],
    [
        (800, 600, 72),
        (800, 600, 75),
        (832, 624, 75),
        NONE, // 1024×768, interlaced
        (1024, 768, 60),
        (1024, 768, 70),
        (1024, 768, 75),
        (1280, 1024, 75),
    ],
    [(1152, 870, 75), NONE, NONE, NONE, NONE, NONE, NONE, NONE],
];

/// Bytes 6 to 11 of the descriptor with tag 0xF7, the highest bit first. A mode with reduced
/// blanking and one without are the same here.
const MORE: [[Named; 8]; 6] = [
    [
        (640, 350, 85),
        (640, 400, 85),
        (720, 400, 85),
        (640, 480, 85),
        (848, 480, 60),
        (800, 600, 85),
        (1024, 768, 85),
        (1152, 864, 75),
    ],
    [
        (1280, 768, 60),
        (1280, 768, 60),
        (1280, 768, 75),
        (1280, 768, 85),
        (1280, 960, 60),
        (1280, 960, 85),
        (1280, 1024, 60),
        (1280, 1024, 85),
    ],
    [
        (1360, 768, 60),
        (1440, 900, 60),
        (1440, 900, 60),
        (1440, 900, 75),
        (1440, 900, 85),
        (1400, 1050, 60),
        (1400, 1050, 60),
        (1400, 1050, 75),
    ],
    [
        (1400, 1050, 85),
        (1680, 1050, 60),
        (1680, 1050, 60),
        (1680, 1050, 75),
        (1680, 1050, 85),
        (1600, 1200, 60),
        (1600, 1200, 65),
        (1600, 1200, 70),
    ],
    [
        (1600, 1200, 75),
        (1600, 1200, 85),
        (1792, 1344, 60),
        (1792, 1344, 75),
        (1856, 1392, 60),
        (1856, 1392, 75),
        (1920, 1200, 60),
        (1920, 1200, 60),
    ],
    [
        (1920, 1200, 75),
        (1920, 1200, 85),
        (1920, 1440, 60),
        (1920, 1440, 75),
        NONE,
        NONE,
        NONE,
        NONE,
    ],
];

/// Hands over those of the base block itself.
pub(super) fn first(bits: [u8; 3], each: &mut dyn FnMut(Found)) {
    named(&FIRST, &bits, each);
}

/// Hands over those of the descriptor, whose bytes from 6 on these are.
pub(super) fn more(bits: &[u8; 12], each: &mut dyn FnMut(Found)) {
    named(&MORE, bits, each);
}

fn named(table: &[[Named; 8]], bits: &[u8], each: &mut dyn FnMut(Found)) {
    for (row, byte) in table.iter().zip(bits) {
        for (bit, &(width, height, rate)) in row.iter().enumerate() {
            if width != 0 && byte & (0x80 >> bit) != 0 {
                computed(width, height, rate, each);
            }
        }
    }
}
