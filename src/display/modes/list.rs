//! The list itself: sorted, without duplicates, of a fixed size.
#![forbid(unsafe_code)]

use core::cmp::Reverse;
use core::mem;

use zerocopy::FromZeros;

use super::{Mode, Origin, Sources, Timing, Unfit, common, custom};
use crate::device::primary_pitch;
use crate::kernel::{complain, note};

/// The most modes that a list holds.
pub const CAPACITY: usize = 128;

/// The modes that are offered, largest first. Of one size, the highest rate is first.
///
/// It is some KiB large, so it is built where it lies
/// ([`Shared::try_zeroed`](crate::kernel::Shared::try_zeroed)) and not on a kernel stack.
#[derive(FromZeros)]
pub struct ModeList {
    modes: [Mode; CAPACITY],
    count: usize,
    /// Which of them is preferred, if there are any.
    preferred: usize,
}

impl ModeList {
    /// An empty list. For constants and tests: see the type.
    pub const EMPTY: Self = {
        let timing = Timing {
            width: 0,
            height: 0,
            total_width: 0,
            total_height: 0,
            pixel_clock: 0,
            vertical: super::Rational {
                numerator: 0,
                denominator: 0,
            },
            horizontal: super::Rational {
                numerator: 0,
                denominator: 0,
            },
        };
        let origin = Origin::Preferred;
        Self {
            modes: [Mode {
                timing,
                origin,
                pitch: 0,
            }; CAPACITY],
            count: 0,
            preferred: 0,
        }
    };

    /// Fills the list anew. A line of [`Sources::custom`] that cannot be offered is complained about
    /// by its number, and skipped; so is what is beyond [`CAPACITY`]. Any IRQL.
    #[inline(never)] // its frame is no caller's
    pub fn build(&mut self, sources: &Sources<'_>) {
        self.count = 0;
        let mut left_out = 0;
        let mut add = |timing, origin| -> Result<(), Unfit> {
            let timing = sources.limits.fit(timing)?;
            let pitch = primary_pitch(timing.width, sources.limits.least_pitch);
            let mode = Mode {
                timing,
                origin,
                pitch,
            };
            if self.insert(mode).is_err() {
                left_out += 1;
            }
            Ok(())
        };
        // What a list that runs full would miss most comes first.
        let mut own = None;
        sources.edid.timings(|timing, preferred| {
            if preferred {
                own = Some(timing);
                let _ = add(timing, Origin::Preferred);
            }
        });
        for timing in common::timings() {
            let _ = add(timing, Origin::Common);
        }
        custom::lines(sources.custom, &sources.limits, |timing| {
            add(timing, Origin::Custom)
        });
        sources.edid.timings(|timing, preferred| {
            if !preferred {
                let _ = add(timing, Origin::Monitor);
            }
        });
        if left_out > 0 {
            complain(c"Modes", c"modes left out", left_out, c"the list is full");
        }
        self.preferred = self.choose(own);
        note(c"Modes", c"modes offered", self.count as u64);
    }

    /// Puts a mode where it belongs. One of the same size and whole rate stays or goes, whichever
    /// comes from the lesser origin.
    fn insert(&mut self, mode: Mode) -> Result<(), Full> {
        let place = self
            .modes()
            .iter()
            .position(|other| order(other) >= order(&mode))
            .unwrap_or(self.count);
        let same = self.modes.get_mut(place..self.count).and_then(|rest| {
            let first = rest.first_mut()?;
            (order(first) == order(&mode)).then_some(first)
        });
        if let Some(same) = same {
            if mode.origin < same.origin {
                *same = mode;
            }
            return Ok(());
        }
        let room = self.modes.get_mut(place..=self.count).ok_or(Full)?;
        let mut moved = mode;
        for slot in room {
            mem::swap(slot, &mut moved);
        }
        self.count += 1;
        Ok(())
    }

    /// The index of the mode to begin with. The monitor's own, where it is offered; where it is not,
    /// its size at another rate, or the largest of its shape; then the largest that the monitor
    /// names; then 1024×768.
    fn choose(&self, own: Option<Timing>) -> usize {
        let first = |wanted: &dyn Fn(&Mode) -> bool| self.modes().iter().position(wanted);
        let own_shape = |mode: &Mode| {
            let shape = |timing: &Timing, of: &Timing| {
                u64::from(timing.width).saturating_mul(of.height.into())
            };
            own.is_some_and(|own| shape(&own, &mode.timing) == shape(&mode.timing, &own))
        };
        let own_size = |mode: &Mode| {
            own.is_some_and(|own| (own.width, own.height) == (mode.width(), mode.height()))
        };
        first(&|mode| mode.origin == Origin::Preferred)
            .or_else(|| first(&own_size))
            .or_else(|| first(&own_shape))
            .or_else(|| first(&|mode| mode.origin == Origin::Monitor))
            .or_else(|| first(&|mode| (mode.width(), mode.height()) == (1024, 768)))
            .unwrap_or(0)
    }

    /// Every mode. Never empty where 640×480 fits.
    #[must_use]
    pub fn modes(&self) -> &[Mode] {
        self.modes.get(..self.count).unwrap_or_default()
    }

    /// The mode to begin with. `None` if there is no mode at all.
    #[must_use]
    pub fn preferred(&self) -> Option<&Mode> {
        self.modes().get(self.preferred)
    }

    /// The mode of this size, in pixels: the preferred one if it is of that size, or else the one
    /// whose rate is nearest to 60 Hz.
    #[must_use]
    pub fn find(&self, width: u32, height: u32) -> Option<&Mode> {
        let of_size = |mode: &&Mode| (mode.width(), mode.height()) == (width, height);
        self.preferred().filter(of_size).or_else(|| {
            let modes = self.modes().iter().filter(of_size);
            modes.min_by_key(|mode| mode.timing.vertical.whole().abs_diff(60))
        })
    }
}

/// There is no room for one more.
struct Full;

/// Ascending in the order of the list, and equal for modes that a user cannot tell apart.
fn order(mode: &Mode) -> Reverse<(u64, u32, u32)> {
    let timing = &mode.timing;
    let pixels = u64::from(timing.width).saturating_mul(timing.height.into());
    Reverse((pixels, timing.width, timing.vertical.whole()))
}
