//! What the monitor says about itself: its EDID, at most the base block and two extensions.
//!
//! A block that is damaged is left out, with a debug line, and so is a timing that is none: a
//! monitor with a bad EDID is still a monitor. Written here because no crate for it can be used in a
//! kernel: `piaf` wants 9 KiB of stack and can panic, `edid-rs`, `edid` and `liboptic_edid` allocate.
#![forbid(unsafe_code)]

mod base;
mod cta;
mod display_id;
mod established;
#[cfg(test)]
mod tests;
mod video_codes;

use zerocopy::FromZeros;

use super::modes::Timing;
use crate::kernel::{complain, note};

/// Bytes of a block.
pub const BLOCK: usize = 128;

/// Blocks that are read: the base block and two extensions, as QEMU's `VGA` has them.
const BLOCKS: usize = 3;

/// Bytes of the longest EDID that is read.
pub const LONGEST: usize = BLOCK * BLOCKS;

/// What every base block begins with.
const HEADER: [u8; 8] = [0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00];
/// Where a base block has its version and revision.
const VERSION: usize = 18;
/// Where a base block counts the extensions that follow.
const EXTENSIONS: usize = 126;

/// A monitor's EDID: the blocks that are whole.
#[derive(Clone, Debug, FromZeros)]
pub struct Edid {
    blocks: [[u8; BLOCK]; BLOCKS],
    count: usize,
}

/// What an EDID has in a place for a timing.
enum Found {
    /// A timing; true if the monitor likes it best.
    Timing(Timing, bool),
    /// Numbers that no picture has.
    Absurd,
}

impl Edid {
    /// No EDID.
    pub const NONE: Self = Self {
        blocks: [[0; BLOCK]; BLOCKS],
        count: 0,
    };

    /// What is whole of an EDID that the device gave; see [`Edid::read`].
    #[must_use]
    pub fn new(bytes: &[u8]) -> Self {
        let mut edid = Self::NONE;
        edid.read(bytes);
        edid
    }

    /// Replaces the EDID by what is whole of `bytes`; see [`Edid::read_from`].
    pub fn read(&mut self, bytes: &[u8]) {
        self.read_from(|room| {
            for (to, from) in room.iter_mut().zip(bytes) {
                *to = *from;
            }
            bytes.len()
        });
    }

    /// Replaces the EDID by what is whole of the bytes that `device` puts into the room that it is
    /// given, of [`LONGEST`] bytes. It says how many it has, and nobody checked them. What is wrong is
    /// complained about: an EDID without a good base block is none, and an extension with a bad
    /// checksum is left out. All zeros or all ones are a device without an EDID. Any IRQL.
    pub fn read_from(&mut self, device: impl FnOnce(&mut [u8]) -> usize) {
        let bytes = device(self.blocks.as_flattened_mut());
        self.check(bytes.min(LONGEST));
    }

    /// Finds out which of the blocks that the first `bytes` bytes fill are whole.
    #[inline(never)] // its frame is no caller's
    fn check(&mut self, bytes: usize) {
        self.count = 0;
        let [base, second, third] = &mut self.blocks;
        let Some(extensions) = (bytes / BLOCK).checked_sub(1) else {
            if bytes > 0 {
                complain(c"EDID", c"bytes", bytes as u64, c"shorter than a block");
            }
            return;
        };
        if is_absent(base) {
            note(c"EDID", c"blocks", 0);
            return;
        }
        if let Err((field, value, why)) = check_base(base) {
            complain(c"EDID", field, value, why);
            return;
        }
        let announced = base.get(EXTENSIONS).copied().unwrap_or_default();
        if announced > 0 && extensions == 0 {
            complain(c"EDID", c"extensions", announced.into(), c"there is none");
        }
        let extensions = extensions.min(announced.into());
        let second_is_whole = extensions > 0 && is_extension(second);
        let third_is_whole = extensions > 1 && is_extension(third);
        if third_is_whole && !second_is_whole {
            *second = *third;
        }
        self.count = 1 + usize::from(second_is_whole) + usize::from(third_is_whole);
        self.count_extensions();
        note(c"EDID", c"blocks", self.count as u64);

        let mut absurd = 0;
        self.walk(&mut |found| {
            if matches!(found, Found::Absurd) {
                absurd += 1;
            }
        });
        if absurd > 0 {
            complain(c"EDID", c"timings ignored", absurd, c"no picture has them");
        }
    }

    /// The whole blocks: none, or the base block and up to two extensions. The base block counts as
    /// many extensions as there are here.
    #[must_use]
    pub fn blocks(&self) -> &[[u8; BLOCK]] {
        self.blocks.get(..self.count).unwrap_or_default()
    }

    /// Hands over each progressive timing that the monitor names, and whether it likes that one
    /// best. A size may come more than once.
    pub fn timings(&self, mut each: impl FnMut(Timing, bool)) {
        self.walk(&mut |found| {
            if let Found::Timing(timing, preferred) = found {
                each(timing, preferred);
            }
        });
    }

    fn walk(&self, each: &mut dyn FnMut(Found)) {
        let mut blocks = self.blocks().iter();
        if let Some(block) = blocks.next() {
            base::timings(block, each);
        }
        for block in blocks {
            cta::timings(block, each);
            display_id::timings(block, each);
        }
    }

    /// Makes the base block announce the extensions that are kept, for whoever reads on by it.
    fn count_extensions(&mut self) {
        let kept = u8::try_from(self.count.saturating_sub(1)).unwrap_or_default();
        let [block, ..] = &mut self.blocks;
        let Some([announced, sum]) = block.last_chunk_mut() else {
            return;
        };
        *sum = sum.wrapping_add(*announced).wrapping_sub(kept);
        *announced = kept;
    }
}

/// Why a block is none: which field, what is in it, and what is wrong.
type Damage = (&'static core::ffi::CStr, u64, &'static core::ffi::CStr);

fn check_base(block: &[u8; BLOCK]) -> Result<(), Damage> {
    if !block.starts_with(&HEADER) {
        let first = block.first_chunk().copied().map_or(0, u64::from_be_bytes);
        return Err((c"header", first, c"no EDID's"));
    }
    if checksum(block) != 0 {
        let sum = checksum(block).into();
        return Err((c"sum of the base block", sum, c"not 0, so all is ignored"));
    }
    match block.get(VERSION) {
        Some(1) => Ok(()),
        version => Err((
            c"version",
            version.copied().unwrap_or_default().into(),
            c"not 1",
        )),
    }
}

/// Whether an extension is whole. If not, that is complained about.
fn is_extension(block: &[u8; BLOCK]) -> bool {
    let sum = checksum(block);
    if is_absent(block) {
        complain(c"EDID", c"extension", block[0].into(), c"empty");
    } else if sum != 0 {
        let why = c"not 0, so it is ignored";
        complain(c"EDID", c"sum of an extension", sum.into(), why);
    }
    !is_absent(block) && sum == 0
}

/// The sum of a block's bytes; 0 if it is whole.
fn checksum(block: &[u8; BLOCK]) -> u8 {
    block.iter().fold(0, |sum, byte| sum.wrapping_add(*byte))
}

/// Whether this is what a device without an EDID, or without this block, gives.
fn is_absent(block: &[u8; BLOCK]) -> bool {
    [0x00, 0xff].contains(&block[0]) && block.iter().all(|byte| *byte == block[0])
}

/// `N` bytes of a block, from `at` on.
fn part<const N: usize>(block: &[u8], at: usize) -> Option<&[u8; N]> {
    block.get(at..)?.first_chunk()
}

/// The detailed timing in a descriptor of 18 bytes. `None` if the descriptor is something else, or an
/// interlaced timing: these adapters scan every line.
fn detailed(descriptor: &[u8; 18], preferred: bool) -> Option<Found> {
    const INTERLACED: u8 = 0x80;
    let [
        clock_low,
        clock_high,
        width,
        h_blank,
        h_high,
        height,
        v_blank,
        v_high,
        ..,
        flags,
    ] = *descriptor;
    let clock = u16::from_le_bytes([clock_low, clock_high]);
    if clock == 0 || flags & INTERLACED != 0 {
        return None;
    }
    // Twelve bits each: the high four of the first are the upper half of a shared byte.
    let upper = |low: u8, high: u8| u32::from(low) | u32::from(high >> 4) << 8;
    let lower = |low: u8, high: u8| u32::from(low) | u32::from(high & 0xf) << 8;
    let visible = (upper(width, h_high), upper(height, v_high));
    let total = (
        visible.0 + lower(h_blank, h_high),
        visible.1 + lower(v_blank, v_high),
    );
    let timing = Timing::known(visible, total, u64::from(clock) * 10_000);
    Some(timing.map_or(Found::Absurd, |timing| Found::Timing(timing, preferred)))
}
