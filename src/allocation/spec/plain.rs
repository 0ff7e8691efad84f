//! Private data that are plainly right, told by a few words and tables.
//!
//! Nearly all data that come are right, and most are of pictures and buffers that are no primaries.
//! [`accept`] says yes to those and nothing to everything else, which `complete` then looks at member
//! by member. What it says is what `complete` would have said: a test compares the two.

use core::num::NonZeroU64;

use vmdisp_abi::allocation::{
    AllocationFlags, Kind, MAX_DIMENSION, NO_VIDPN_SOURCE, PITCH_ALIGNMENT,
};
use vmdisp_abi::format;
use zerocopy::transmute;

use super::{Decided, Words, wanted};
use crate::memory::segments::{SegmentSet, Sizes};

/// Kinds and flags have three bits each here.
const BITS: u32 = 3;
const LOW: u64 = (1 << BITS) - 1;

/// By kind (the lower three bits) and flags (the upper): the segments that are wanted, none where
/// `complete` has to look.
const WANTED: [SegmentSet; 1 << (2 * BITS)] = {
    let mut table = [SegmentSet::NONE; 1 << (2 * BITS)];
    let mut number = 0_u32;
    let mut index = 0;
    while index < table.len() {
        let kind = Kind::from_number(number & 7);
        let flags = AllocationFlags::from_bits(number >> BITS);
        if let (Some(kind), Some(flags)) = (kind, flags)
            && !matches!(kind, Kind::Primary)
            && (flags.contains(AllocationFlags::CPU_VISIBLE)
                || !flags.contains(AllocationFlags::CPU_READS))
        {
            // In a constant: an index out of bounds would not compile.
            #[allow(clippy::indexing_slicing)]
            {
                table[index] = wanted(kind, flags);
            }
        }
        number = number.wrapping_add(1);
        index = index.wrapping_add(1);
    }
    table
};

/// Bytes of a pixel by format, 0 where there is none.
const PIXELS: [u8; 128] = {
    let mut table = [0; 128];
    let mut index = 0;
    while index < format::ALL.len() {
        // In a constant: an index out of bounds would not compile.
        #[allow(clippy::indexing_slicing)]
        let format = format::ALL[index];
        if let Some(bytes) = format::bytes_per_pixel(format) {
            #[allow(clippy::indexing_slicing, clippy::cast_possible_truncation)] // 1 to 8
            {
                table[format as usize] = bytes as u8;
            }
        }
        index = index.wrapping_add(1);
    }
    table
};

/// Two 32-bit numbers as they lie in a word.
const fn pair(low: u32, high: u32) -> u64 {
    low as u64 | (high as u64) << 32
}

/// Bits that neither a width nor a height has, once it is one less than it is.
const TOO_LARGE: u64 = pair(!(MAX_DIMENSION - 1), !(MAX_DIMENSION - 1));
const _: () = assert!(MAX_DIMENSION.is_power_of_two());

/// What is decided about data whose header is right; `None` where `complete` has to look.
#[inline]
pub(super) fn accept(words: &Words, sizes: &Sizes) -> Option<Decided> {
    let [_, usage, extent, layout, buffer_bytes, refresh, place] = *words;
    // No primary: no refresh rate, no source (and nothing in `reserved`).
    if refresh != 0 || place != pair(NO_VIDPN_SOURCE, 0) || usage & !(LOW | LOW << 32) != 0 {
        return None;
    }
    let index = (usage | usage >> (32 - BITS)) & (LOW | LOW << BITS);
    let wanted = *WANTED.get(usize::try_from(index).ok()?)?;
    let (bytes, pitch) = if usage & LOW == Kind::Buffer as u64 {
        if extent | layout != 0 {
            return None;
        }
        (buffer_bytes, 0)
    } else {
        // A width of 0 borrows from the height and is itself too large then.
        if extent.wrapping_sub(pair(1, 1)) & TOO_LARGE != 0 || buffer_bytes != 0 {
            return None;
        }
        let [width, height]: [u32; 2] = transmute!(extent);
        let [format, given]: [u32; 2] = transmute!(layout);
        let pixel = u32::from(*PIXELS.get(usize::try_from(format).ok()?)?);
        // At most 16,384 pixels of 8 bytes.
        let row = width.wrapping_mul(pixel);
        let smallest = row.wrapping_add(PITCH_ALIGNMENT - 1) & !(PITCH_ALIGNMENT - 1);
        let pitch = if given == 0 { smallest } else { given };
        if pixel == 0 || pitch < smallest || !pitch.is_multiple_of(PITCH_ALIGNMENT) {
            return None;
        }
        (u64::from(pitch).wrapping_mul(u64::from(height)), pitch)
    };
    // What does not fit into every segment is not plain.
    if bytes > sizes.smallest() || wanted == SegmentSet::NONE {
        return None;
    }
    Some(Decided {
        bytes: NonZeroU64::new(bytes)?,
        pitch,
        segments: wanted,
    })
}
