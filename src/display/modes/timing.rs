//! How a mode's picture goes over the cable: sizes with blanking, clock and rates.
#![forbid(unsafe_code)]

use zerocopy::FromZeros;

/// A number of hertz as a fraction in lowest terms.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromZeros)]
pub struct Rational {
    /// Above the line.
    pub numerator: u32,
    /// Below the line; never 0 in a [`Timing`].
    pub denominator: u32,
}

impl Rational {
    /// `numerator` / `denominator` in lowest terms. What 32 bits cannot hold then is rounded.
    #[must_use]
    pub fn new(numerator: u64, denominator: u64) -> Self {
        let divisor = greatest_common_divisor(numerator, denominator).max(1);
        let (mut above, mut below) = (numerator / divisor, denominator / divisor);
        loop {
            if let (Ok(numerator), Ok(denominator)) = (u32::try_from(above), u32::try_from(below)) {
                return Self {
                    numerator,
                    denominator,
                };
            }
            (above, below) = (above / 2, below / 2);
        }
    }

    /// The nearest whole number of hertz, by which Windows names a rate to its user. 0 if the
    /// denominator is 0.
    #[must_use]
    pub fn whole(self) -> u32 {
        let (above, below) = (u64::from(self.numerator), u64::from(self.denominator));
        let rounded = (2 * above + below).checked_div(2 * below).unwrap_or(0);
        u32::try_from(rounded).unwrap_or(u32::MAX)
    }
}

/// Euclid's.
fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while let Some(rest) = a.checked_rem(b) {
        (a, b) = (b, rest);
    }
    a
}

/// A progressive timing. Sizes are in pixels and lines.
#[derive(Clone, Copy, PartialEq, Eq, Debug, FromZeros)]
pub struct Timing {
    /// Visible pixels of a line.
    pub width: u32,
    /// Visible lines.
    pub height: u32,
    /// Pixels of a line with its blanking.
    pub total_width: u32,
    /// Lines with the blanking.
    pub total_height: u32,
    /// Pixels a second, blanking included.
    pub pixel_clock: u64,
    /// Pictures a second.
    pub vertical: Rational,
    /// Lines a second.
    pub horizontal: Rational,
}

/// The widest and highest picture, in pixels: what a DISPI register can hold.
const LARGEST: u32 = 0xffff;

/// Blanking of a line in CVT's reduced blanking, version 2, in pixels.
const REDUCED_BLANK: u32 = 80;
/// The shortest vertical blanking there, in microseconds.
const SHORTEST_BLANK: u64 = 460;
/// The fewest lines of it: one of front porch, eight of sync, six of back porch.
const FEWEST_BLANK_LINES: u64 = 15;

impl Timing {
    /// A timing whose numbers are known. `None` if they are none of a picture: no visible part, no
    /// blanking, no clock, or more than a million pixels or lines.
    #[must_use]
    pub fn known(
        (width, height): (u32, u32),
        (total_width, total_height): (u32, u32),
        pixel_clock: u64,
    ) -> Option<Self> {
        let visible = 1..=LARGEST;
        let whole = visible.contains(&width)
            && visible.contains(&height)
            && (width + 1..=1_000_000).contains(&total_width)
            && (height + 1..=1_000_000).contains(&total_height)
            && pixel_clock != 0;
        whole.then(|| Self {
            width,
            height,
            total_width,
            total_height,
            pixel_clock,
            vertical: Rational::new(
                pixel_clock,
                u64::from(total_width).saturating_mul(total_height.into()),
            ),
            horizontal: Rational::new(pixel_clock, total_width.into()),
        })
    }

    /// The timing that VESA's Coordinated Video Timings (reduced blanking, version 2) give a picture
    /// of this size at `rate` hertz. The pixel clock is not rounded to the standard's steps, because
    /// no cable asks for that here and so the rate is what its name says. `None` if the size or the
    /// rate (1 to 1000) is absurd.
    #[must_use]
    pub fn computed(width: u32, height: u32, rate: u32) -> Option<Self> {
        if !(1..=1000).contains(&rate) {
            return None;
        }
        // Lines that take 460 µs, where the visible ones share what 460 µs leave of a period.
        let rate = u64::from(rate);
        let left = 1_000_000_u64.checked_sub(SHORTEST_BLANK * rate)?;
        let lines = (SHORTEST_BLANK * rate * u64::from(height)).checked_div(left)? + 1;
        let blank = u32::try_from(lines.max(FEWEST_BLANK_LINES)).ok()?;
        let total_width = width.checked_add(REDUCED_BLANK)?;
        let total_height = height.checked_add(blank)?;
        let clock = (rate * u64::from(total_width)).checked_mul(total_height.into())?;
        Self::known((width, height), (total_width, total_height), clock)
    }
}
