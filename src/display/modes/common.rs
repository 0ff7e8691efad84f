//! The modes that users ask for, whatever their monitor says.
#![forbid(unsafe_code)]

use super::Timing;

/// Pictures a second of all of them.
pub(super) const RATE: u32 = 60;

/// Width and height in pixels.
const SIZES: [(u32, u32); 16] = [
    (640, 480),
    (800, 600),
    (1024, 768),
    (1280, 720),
    (1280, 800),
    (1280, 1024),
    (1366, 768),
    (1440, 900),
    (1600, 900),
    (1680, 1050),
    (1920, 1080),
    (1920, 1200),
    (2560, 1440),
    (2560, 1600),
    (3440, 1440),
    (3840, 2160),
];

/// Their timings.
pub(super) fn timings() -> impl Iterator<Item = Timing> {
    SIZES
        .iter()
        .filter_map(|&(width, height)| Timing::computed(width, height, RATE))
}
