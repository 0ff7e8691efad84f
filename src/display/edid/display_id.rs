//! Timings of a DisplayID extension: QEMU puts what is too large for a detailed timing of the base
//! block there, as monitors from 5K on do.
#![forbid(unsafe_code)]

use super::{BLOCK, Found};
use crate::display::modes::Timing;

/// The tag of such a block.
const TAG: u8 = 0x70;
/// The kind of a data block of detailed timings, in DisplayID 1 (type I, its clock in units of
/// 10 kHz) and in DisplayID 2 (type VII, in kHz).
const TYPE_I: u8 = 0x03;
const TYPE_VII: u8 = 0x22;

/// An option of a timing: the monitor likes it best.
const PREFERRED: u8 = 0x80;
/// An option of a timing: every other line.
const INTERLACED: u8 = 0x10;

/// Hands over each. None if the block is another kind of extension.
pub(super) fn timings(block: &[u8; BLOCK], each: &mut dyn FnMut(Found)) {
    let [TAG, _version, bytes, _product, _more, body @ .., _sum] = block else {
        return;
    };
    let Some(mut data) = body.get(..usize::from(*bytes)) else {
        each(Found::Absurd);
        return;
    };
    // A data block: kind, revision, length, and so many bytes.
    while let [kind, _revision, length, rest @ ..] = data {
        if (*kind, *length) == (0, 0) {
            return;
        }
        let Some((block, rest)) = rest.split_at_checked(usize::from(*length)) else {
            each(Found::Absurd);
            return;
        };
        let unit = match *kind {
            TYPE_I => Some(10_000),
            TYPE_VII => Some(1000),
            _ => None,
        };
        if let Some(unit) = unit {
            for timing in block.as_chunks().0 {
                detailed(timing, unit, each);
            }
        }
        data = rest;
    }
}

/// A timing of 20 bytes whose numbers are all written less one.
fn detailed(timing: &[u8; 20], unit: u64, each: &mut dyn FnMut(Found)) {
    let [clock_0, clock_1, clock_2, options, sizes @ ..] = *timing;
    let [w0, w1, hb0, hb1, _, _, _, _, h0, h1, vb0, vb1, _, _, _, _] = sizes;
    if options & INTERLACED != 0 {
        return;
    }
    let clock = u64::from(u32::from_le_bytes([clock_0, clock_1, clock_2, 0]));
    let number = |low, high| u32::from(u16::from_le_bytes([low, high])) + 1;
    let visible = (number(w0, w1), number(h0, h1));
    let total = (visible.0 + number(hb0, hb1), visible.1 + number(vb0, vb1));
    let timing = Timing::known(visible, total, (clock + 1) * unit);
    each(timing.map_or(Found::Absurd, |timing| {
        Found::Timing(timing, options & PREFERRED != 0)
    }));
}
