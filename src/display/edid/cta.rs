//! Timings of a CTA-861 extension: what televisions and HDMI monitors have.
#![forbid(unsafe_code)]

use super::{BLOCK, Found, detailed, video_codes};

/// The tag of such a block.
const TAG: u8 = 0x02;
/// The first revision with data blocks.
const DATA_BLOCKS: u8 = 3;
/// The kind of a data block of short video descriptors.
const VIDEO: u8 = 2;

/// Hands over each. None if the block is another kind of extension.
pub(super) fn timings(block: &[u8; BLOCK], each: &mut dyn FnMut(Found)) {
    let [TAG, revision, detailed_at, _, body @ .., _sum] = block else {
        return;
    };
    // 0 says that there are neither data blocks nor detailed timings; 1 to 3 would be in the header.
    let Some(data_bytes) = usize::from(*detailed_at).checked_sub(4) else {
        return;
    };
    let Some((data, descriptors)) = body.split_at_checked(data_bytes) else {
        each(Found::Absurd);
        return;
    };
    for descriptor in descriptors.as_chunks::<18>().0 {
        // The first that has no clock ends them: the rest is padding.
        if let [0, 0, ..] = descriptor {
            break;
        }
        if let Some(found) = detailed(descriptor, false) {
            each(found);
        }
    }
    if *revision >= DATA_BLOCKS {
        data_blocks(data, each);
    }
}

/// Each data block has its kind in the upper three bits of its first byte and its length in the rest.
fn data_blocks(mut data: &[u8], each: &mut dyn FnMut(Found)) {
    while let Some((&header, rest)) = data.split_first() {
        let Some((block, rest)) = rest.split_at_checked(usize::from(header & 0x1f)) else {
            each(Found::Absurd);
            return;
        };
        if header >> 5 == VIDEO {
            for descriptor in block {
                // Up to 192 the highest bit says that the mode is native; the code is in the rest.
                let code = match descriptor {
                    129..=192 => descriptor & 0x7f,
                    _ => *descriptor,
                };
                if let Some(timing) = video_codes::timing(code) {
                    each(Found::Timing(timing, false));
                }
            }
        }
        data = rest;
    }
}
