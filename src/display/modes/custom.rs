//! The user's own modes: lines of text in the registry.
#![forbid(unsafe_code)]

use core::ffi::CStr;

use super::{Limits, Timing, Unfit, common};
use crate::kernel::{complain, note};

/// A line's part of the text is this many units at most; no mode is longer to write.
const LONGEST: usize = 32;

/// Hands the timing of each line to `offer`, and complains about each line, by its number from 1,
/// that is none or that `offer` refuses. An empty line ends the text, as in every `REG_MULTI_SZ`.
pub(super) fn lines(
    text: &[u16],
    limits: &Limits,
    mut offer: impl FnMut(Timing) -> Result<(), Unfit>,
) {
    let lines = text.split(|unit| *unit == 0);
    for (number, line) in (1_u64..).zip(lines.take_while(|line| !line.is_empty())) {
        let offered = parse(line).and_then(|timing| {
            offer(timing).map_err(|unfit| match unfit {
                Unfit::TooSmall => c"smaller than 320x200",
                Unfit::TooLarge => c"larger than the device can show",
                Unfit::Memory => c"does not fit into video memory",
                Unfit::Rate => BAD_RATE,
            })?;
            Ok(timing)
        });
        match offered {
            Err(why) => complain(c"Modes", c"Parameters\\Modes, line", number, why),
            Ok(timing) if limits.shown_width(timing.width) != timing.width => {
                let shown = limits.shown_width(timing.width);
                note(
                    c"Modes",
                    c"Parameters\\Modes: a width rounded down to what the device shows",
                    shown.into(),
                );
            }
            Ok(_) => {}
        }
    }
}

const BAD_RATE: &CStr = c"its rate is not 20 to 500 Hz";

/// Why a line is no mode.
type Why = &'static CStr;

/// `WIDTHxHEIGHT` or `WIDTHxHEIGHT@HZ` in whole numbers, with spaces around it if need be.
fn parse(line: &[u16]) -> Result<Timing, Why> {
    const NO_MODE: Why = c"not WIDTHxHEIGHT or WIDTHxHEIGHT@HZ";
    if line.len() > LONGEST {
        return Err(NO_MODE);
    }
    let mut rest = Text(line);
    rest.spaces();
    let width = rest.number().ok_or(NO_MODE)?;
    if !rest.one_of(b"xX") {
        return Err(NO_MODE);
    }
    let height = rest.number().ok_or(NO_MODE)?;
    let rate = if rest.one_of(b"@") {
        let rate = rest.number().ok_or(NO_MODE)?;
        if !Limits::RATES.contains(&rate) {
            return Err(BAD_RATE);
        }
        rate
    } else {
        common::RATE
    };
    rest.spaces();
    if !rest.0.is_empty() {
        return Err(NO_MODE);
    }
    Timing::computed(width, height, rate).ok_or(c"no size of a picture")
}

/// What of a line is not read yet.
struct Text<'a>(&'a [u16]);

impl Text<'_> {
    /// Takes the next unit if it is wanted.
    fn next_if(&mut self, wanted: impl Fn(u16) -> bool) -> Option<u16> {
        let (&first, rest) = self.0.split_first()?;
        wanted(first).then(|| {
            self.0 = rest;
            first
        })
    }

    fn spaces(&mut self) {
        let space = |unit| unit == u16::from(b' ') || unit == u16::from(b'\t');
        while self.next_if(space).is_some() {}
    }

    /// Takes one of these ASCII characters, if it is next.
    fn one_of(&mut self, characters: &[u8]) -> bool {
        let wanted = |unit| characters.iter().any(|byte| u16::from(*byte) == unit);
        self.next_if(wanted).is_some()
    }

    /// Takes a decimal number. One too large for 32 bits is as good as the largest.
    fn number(&mut self) -> Option<u32> {
        let digit = |unit| (u16::from(b'0')..=u16::from(b'9')).contains(&unit);
        let mut number = None;
        while let Some(unit) = self.next_if(digit) {
            let value = u32::from(unit - u16::from(b'0'));
            let so_far: u32 = number.unwrap_or(0);
            number = Some(so_far.saturating_mul(10).saturating_add(value));
        }
        number
    }
}
