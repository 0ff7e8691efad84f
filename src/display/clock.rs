//! When the screen's vertical syncs are, and what line it is at in between.
//!
//! The hardware has neither: the host draws when it wants. So both follow from the time and the
//! mode's rates, without a counter that could drift.

use crate::display::modes::Timing;
use crate::kernel::Time;

/// Units of [`Time`] in a second.
const SECOND: u128 = 10_000_000;

/// The frames of one mode, from the moment that it was set. Each begins with its vertical blanking.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Clock {
    begun: Time,
    timing: Timing,
}

/// Where in a frame the screen is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ScanLine {
    /// From 0 at the top; in blanking the count goes on below the last visible line.
    pub line: u32,
    /// Whether it is in vertical blanking.
    pub in_blank: bool,
}

impl Clock {
    /// The clock of a mode that is set now.
    #[must_use]
    pub const fn new(timing: Timing, now: Time) -> Self {
        Self { begun: now, timing }
    }

    /// The number of the frame that is under way, from 0.
    #[must_use]
    pub fn frame(&self, now: Time) -> u64 {
        let (frames, _) = self.position(now);
        u64::try_from(frames).unwrap_or(u64::MAX)
    }

    /// The vertical sync that begins a frame; the last moment there is, if the mode has no rate.
    #[must_use]
    pub fn due(&self, frame: u64) -> Time {
        let rate = self.timing.vertical;
        let span = u128::from(frame)
            .saturating_mul(u128::from(rate.denominator).saturating_mul(SECOND))
            .checked_add(u128::from(rate.numerator).saturating_sub(1))
            .and_then(|span| span.checked_div(rate.numerator.into()));
        let span = span.and_then(|span| u64::try_from(span).ok());
        Time(self.begun.0.saturating_add(span.unwrap_or(u64::MAX)))
    }

    /// The line that is scanned out.
    #[must_use]
    pub fn scan_line(&self, now: Time) -> ScanLine {
        let (_, passed) = self.position(now);
        let (total, visible) = (self.timing.total_height, self.timing.height);
        let lines = passed
            .checked_mul(total.into())
            .and_then(|lines| lines.checked_div(self.frame_units()));
        let lines = lines.and_then(|lines| u32::try_from(lines).ok());
        let lines = lines.unwrap_or(0);
        match lines.checked_sub(total.saturating_sub(visible)) {
            Some(line) => ScanLine {
                line,
                in_blank: false,
            },
            None => ScanLine {
                line: visible.saturating_add(lines),
                in_blank: true,
            },
        }
    }

    /// Whole frames since the beginning, and what has passed of the one under way in
    /// [`Clock::frame_units`].
    fn position(&self, now: Time) -> (u128, u128) {
        let units =
            u128::from(now.since(self.begun).0) * u128::from(self.timing.vertical.numerator);
        let frame = self.frame_units();
        let frames = units.checked_div(frame).unwrap_or(0);
        (frames, units.checked_rem(frame).unwrap_or(0))
    }

    /// How long a frame is, in units of 100 ns divided by the rate's numerator.
    fn frame_units(&self) -> u128 {
        u128::from(self.timing.vertical.denominator) * SECOND
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 1920×1080 at 60000/1001 Hz.
    fn clock(begun: u64) -> Clock {
        let timing = Timing::known((1920, 1080), (2200, 1125), 148_351_648).unwrap();
        Clock::new(timing, Time(begun))
    }

    #[test]
    fn syncs_do_not_drift() {
        let clock = clock(123_456);
        let rate = clock.timing.vertical;
        // Ten days.
        for frame in [0, 1, 2, 59, 60, 1_000_000, 51_788_212] {
            let due = clock.due(frame);
            assert_eq!(clock.frame(due), frame);
            if frame > 0 {
                assert_eq!(clock.frame(Time(due.0 - 1)), frame - 1);
            }
            // Exact to one unit, rounded up.
            let units = u128::from(due.0 - 123_456) * u128::from(rate.numerator);
            let exact = u128::from(frame) * u128::from(rate.denominator) * SECOND;
            assert!((exact..exact + u128::from(rate.numerator)).contains(&units));
        }
    }

    #[test]
    fn a_frame_begins_with_its_blanking() {
        let clock = clock(0);
        let due = clock.due(100).0;
        let line = |time| clock.scan_line(Time(time));
        assert_eq!(
            line(due),
            ScanLine {
                line: 1080,
                in_blank: true
            }
        );
        // 45 of 1125 lines are blanking: 0.667 ms of 16.68 ms.
        assert!(line(due + 6_600).in_blank);
        assert_eq!(
            line(due + 6_680),
            ScanLine {
                line: 0,
                in_blank: false
            }
        );
        let last = line(clock.due(101).0 - 1);
        assert_eq!((last.line, last.in_blank), (1079, false));
    }

    #[test]
    fn a_mode_without_a_rate_has_no_sync() {
        let mut clock = clock(7);
        clock.timing.vertical.numerator = 0;
        assert_eq!(clock.due(1), Time(u64::MAX));
        assert_eq!(clock.frame(Time(1 << 40)), 0);
        clock.timing.vertical.denominator = 0;
        let _ = clock.scan_line(Time(1 << 40));
    }
}
