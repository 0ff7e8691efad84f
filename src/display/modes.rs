//! The modes that are offered: the monitor's, those that users ask for, and their own.
//!
//! A mode is offered if the device can show it and video memory holds as many primaries of it as
//! are needed. A width that the device would round down is rounded down here, so that a mode is
//! offered as what would be seen.
#![forbid(unsafe_code)]

mod common;
mod custom;
mod list;
#[cfg(test)]
mod tests;
mod timing;

use zerocopy::FromZeros;

use super::edid::Edid;
use crate::device::primary_pitch;

pub use list::{CAPACITY, ModeList};
pub use timing::{Rational, Timing};

/// What primaries are rounded up to in video memory, in bytes.
const PAGE: u64 = 4096;

/// Who named a mode. Where two name the same one, the first of these has it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, FromZeros)]
#[repr(u8)]
pub enum Origin {
    /// The monitor's EDID, as the one it likes best.
    Preferred,
    /// The monitor's EDID.
    Monitor,
    /// The user, in the registry.
    Custom,
    /// The driver's list of common modes.
    Common,
}

/// A mode that is offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromZeros)]
pub struct Mode {
    /// Size and rates.
    pub timing: Timing,
    /// Who named it.
    pub origin: Origin,
    /// Bytes from one line of a primary to the next.
    pitch: u32,
}

impl Mode {
    /// Visible pixels of a line.
    #[must_use]
    pub fn width(&self) -> u32 {
        self.timing.width
    }

    /// Visible lines.
    #[must_use]
    pub fn height(&self) -> u32 {
        self.timing.height
    }

    /// Bytes from one line of a primary to the next.
    #[must_use]
    pub fn pitch(&self) -> u32 {
        self.pitch
    }

    /// Bytes of a primary.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        u64::from(self.pitch).saturating_mul(self.timing.height.into())
    }
}

/// What can be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// The widest picture that the device takes, in pixels.
    pub largest_width: u32,
    /// The highest, in lines.
    pub largest_height: u32,
    /// The device rounds widths down to a multiple of this many pixels.
    pub width_multiple: u32,
    /// Bytes of video memory.
    pub video_memory: u64,
    /// The shortest pitch of a primary, in bytes; see
    /// [`ScanOutLimits`](crate::device::ScanOutLimits).
    pub least_pitch: u32,
    /// Primaries that must fit into it together: two for the full driver (the shown one and the one
    /// that is drawn), one for the display-only driver.
    pub primaries: u32,
}

/// Why a mode cannot be offered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Unfit {
    /// Smaller than [`Limits::SMALLEST`].
    TooSmall,
    /// Larger than the device can show.
    TooLarge,
    /// Its primaries do not fit into video memory.
    Memory,
    /// A rate outside [`Limits::RATES`].
    Rate,
}

impl Limits {
    /// The smallest picture that is offered: what monitors still name, and no more than a device
    /// takes (`bochs-display` shows nothing under 64×64).
    pub const SMALLEST: (u32, u32) = (320, 200);
    /// Pictures a second, rounded, that are offered. Vertical sync is a timer, so no cable limits it.
    pub const RATES: core::ops::RangeInclusive<u32> = 20..=500;

    /// The width that the device shows when asked for `width`.
    fn shown_width(&self, width: u32) -> u32 {
        let beyond = width.checked_rem(self.width_multiple).unwrap_or(0);
        width - beyond
    }

    /// The timing as the device would show it, if it can be offered.
    fn fit(&self, timing: Timing) -> Result<Timing, Unfit> {
        let width = self.shown_width(timing.width);
        let height = timing.height;
        if width < Self::SMALLEST.0 || height < Self::SMALLEST.1 {
            return Err(Unfit::TooSmall);
        }
        if width > self.largest_width || height > self.largest_height {
            return Err(Unfit::TooLarge);
        }
        if !Self::RATES.contains(&timing.vertical.whole()) {
            return Err(Unfit::Rate);
        }
        let pitch = u64::from(primary_pitch(width, self.least_pitch));
        let primary = pitch.saturating_mul(height.into()).next_multiple_of(PAGE);
        if primary.saturating_mul(self.primaries.into()) > self.video_memory {
            return Err(Unfit::Memory);
        }
        Ok(Timing { width, ..timing })
    }
}

/// What the list is made of.
#[derive(Clone, Copy)]
pub struct Sources<'a> {
    /// The monitor's; without blocks if it has none or a broken one.
    pub edid: &'a Edid,
    /// What can be shown.
    pub limits: Limits,
    /// The text of a `REG_MULTI_SZ`: lines of `WIDTHxHEIGHT[@HZ]`, each ended by a NUL.
    pub custom: &'a [u16],
}
