//! Timings of the base block.
#![forbid(unsafe_code)]

use super::{BLOCK, Found, VERSION, detailed, established, part};
use crate::display::modes::Timing;

/// Where a base block has what it can do; [`PREFERRED`] is a bit of it.
const FEATURES: usize = 24;
/// Before EDID 1.4: the first detailed timing is the one that the monitor likes best. Since then it
/// always is.
const PREFERRED: u8 = 0x02;
/// Where the three bytes of established timings are.
const ESTABLISHED: usize = 35;
/// Where the eight standard timings are.
const STANDARD: usize = 38;
/// Where the four descriptors are.
const DESCRIPTORS: usize = 54;

/// A descriptor's tag: more standard timings.
const MORE_STANDARD: u8 = 0xfa;
/// A descriptor's tag: more established timings.
const MORE_ESTABLISHED: u8 = 0xf7;

/// Hands over each.
pub(super) fn timings(block: &[u8; BLOCK], each: &mut dyn FnMut(Found)) {
    let revision = block.get(VERSION + 1).copied().unwrap_or_default();
    let features = block.get(FEATURES).copied().unwrap_or_default();
    let mut preferred = revision >= 4 || features & PREFERRED != 0;
    let descriptors = part::<72>(block, DESCRIPTORS).map_or(&[][..], |all| all);
    for descriptor in descriptors.as_chunks::<18>().0 {
        match descriptor {
            [0, 0, _, MORE_STANDARD, _, all @ ..] => standard(all, revision, each),
            [0, 0, _, MORE_ESTABLISHED, _, _, bits @ ..] => established::more(bits, each),
            _ => {
                if let Some(found) = detailed(descriptor, preferred) {
                    each(found);
                }
            }
        }
        preferred = false;
    }
    if let Some(bits) = part(block, ESTABLISHED) {
        established::first(*bits, each);
    }
    if let Some(all) = part::<16>(block, STANDARD) {
        standard(all, revision, each);
    }
}

/// Standard timings: pairs of a width and a shape with a rate.
fn standard(all: &[u8], revision: u8, each: &mut dyn FnMut(Found)) {
    for [width, shape] in all.as_chunks().0 {
        // 01 01 is an unused place; 00 and 20 20 are what some monitors put there.
        if let (0 | 1, _) | (0x20, 0x20) = (*width, *shape) {
            continue;
        }
        let width = (u32::from(*width) + 31) * 8;
        let height = match shape >> 6 {
            0 if revision < 3 => width,
            0 => width * 10 / 16,
            1 => width * 3 / 4,
            2 => width * 4 / 5,
            _ => width * 9 / 16,
        };
        // Widths are multiples of 8 here, so that these are the names for 1366×768.
        let (width, height) = match (width, height) {
            (1360, 765) | (1368, 769) => (1366, 768),
            other => other,
        };
        computed(width, height, u32::from(shape & 0x3f) + 60, each);
    }
}

/// A timing that is named by its size and rate alone.
pub(super) fn computed(width: u32, height: u32, rate: u32, each: &mut dyn FnMut(Found)) {
    each(
        Timing::computed(width, height, rate)
            .map_or(Found::Absurd, |timing| Found::Timing(timing, false)),
    );
}
