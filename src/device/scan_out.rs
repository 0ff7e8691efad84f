//! What a display engine scans out, and what it can.

use core::ffi::CStr;

use vmdisp_abi::allocation::PITCH_ALIGNMENT;

/// Bytes of a pixel: all scan-outs are 32 bits per pixel, blue first, the highest byte unused.
pub const PIXEL: u32 = 4;

/// The pitch of a primary that is `width` pixels wide, in bytes. Flips come when no other pitch can be
/// asked for, so all primaries of a width have the same.
#[must_use]
#[inline]
pub const fn primary_pitch(width: u32, least_pitch: u32) -> u32 {
    let row = width.saturating_mul(PIXEL);
    let pitch = match row.checked_next_multiple_of(PITCH_ALIGNMENT) {
        Some(pitch) => pitch,
        None => row,
    };
    if pitch < least_pitch {
        least_pitch
    } else {
        pitch
    }
}

/// A picture in video memory that the screen shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ScanOut {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from a row to the next.
    pub pitch: u32,
    /// Where the first pixel lies in video memory, in bytes; a multiple of 4.
    pub offset: u64,
}

impl ScanOut {
    /// Bytes from the first pixel to the end of the last row's pitch.
    #[must_use]
    pub const fn bytes(&self) -> u64 {
        // Two 32-bit numbers: their product fits.
        self.pitch as u64 * self.height as u64
    }

    /// Whether all of it lies in `memory` bytes of video memory, and rows do not overlap.
    #[must_use]
    pub const fn fits(&self, memory: u64) -> bool {
        let Some(end) = self.offset.checked_add(self.bytes()) else {
            return false;
        };
        end <= memory
            && self.width as u64 * PIXEL as u64 <= self.pitch as u64
            && self.offset.is_multiple_of(PIXEL as u64)
    }
}

/// What a display engine can scan out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanOutLimits {
    /// In pixels.
    pub largest_width: u32,
    /// In pixels.
    pub largest_height: u32,
    /// Widths are multiples of so many pixels.
    pub width_multiple: u32,
    /// With a smaller pitch, in bytes, the engine cannot pan to the end of video memory: its offset
    /// is counted in rows, and their number is limited. A multiple of 64.
    pub least_pitch: u32,
}

/// The hardware took other values than it was given, so the mode is not set.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NotTaken {
    /// Which value.
    pub what: &'static CStr,
    /// What it was to be.
    pub wanted: u64,
    /// What it is, as the hardware says, or the most that it could be.
    pub taken: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_picture_lies_in_video_memory_or_does_not_fit() {
        let scan_out = ScanOut {
            width: 800,
            height: 600,
            pitch: 3200,
            offset: 4096,
        };
        let bytes = 3200 * 600 + 4096;
        assert!(scan_out.fits(bytes));
        assert!(!scan_out.fits(bytes - 1));
        let all = u64::MAX;
        assert!(
            !ScanOut {
                pitch: 3199,
                ..scan_out
            }
            .fits(all)
        );
        assert!(
            !ScanOut {
                offset: 4097,
                ..scan_out
            }
            .fits(all)
        );
        assert!(
            !ScanOut {
                offset: all - 3,
                ..scan_out
            }
            .fits(all)
        );
    }
}
