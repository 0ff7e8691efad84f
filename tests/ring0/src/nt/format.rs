//! C's formatted text, as `DbgPrint` takes it.

use alloc::{
    format as formatted,
    string::{String, ToString},
    vec::Vec,
};

use super::string::{UnicodeString, text};
use crate::{
    cpu::irql::{self, PASSIVE_LEVEL},
    fault,
    memory::paging,
};

/// The longest string that is taken from the driver.
const LONGEST: usize = 4096;

/// The arguments of a call, in a row.
struct Arguments(*const u64);

impl Arguments {
    /// # Safety
    ///
    /// There is one more argument.
    unsafe fn next(&mut self) -> u64 {
        // SAFETY: the caller's promise.
        let value = unsafe { self.0.read() };
        self.0 = self.0.wrapping_add(1);
        value
    }
}

/// A conversion: what stands between the percent sign and its letter.
#[derive(Default)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the flags that the language has"
)]
struct Conversion {
    left: bool,
    zero: bool,
    alternate: bool,
    sign: bool,
    width: usize,
    precision: Option<usize>,
    /// Eight bytes wide (`ll`, `I64`, and on x64 `I` and `z`).
    long: bool,
    wide: bool,
}

/// The text that `format` and its arguments make.
///
/// # Safety
///
/// `format` is a terminated string, and the arguments that it names lie at `arguments`.
pub unsafe fn format(format: *const u8, arguments: *const u64) -> String {
    let format = string(format, None);
    let mut arguments = Arguments(arguments);
    let mut bytes = format.bytes().peekable();
    let mut out = String::new();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(char::from(byte));
            continue;
        }
        let mut conversion = Conversion::default();
        while let Some(flag) = bytes.next_if(|byte| b"-0#+ ".contains(byte)) {
            match flag {
                b'-' => conversion.left = true,
                b'0' => conversion.zero = true,
                b'#' => conversion.alternate = true,
                _ => conversion.sign = flag == b'+',
            }
        }
        let mut number = |bytes: &mut core::iter::Peekable<_>| {
            if bytes.next_if_eq(&b'*').is_some() {
                // SAFETY: the format names an argument here.
                return unsafe { arguments.next() } as usize;
            }
            let mut number = 0;
            while let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                number = number * 10 + usize::from(digit - b'0');
            }
            number
        };
        conversion.width = number(&mut bytes);
        if bytes.next_if_eq(&b'.').is_some() {
            conversion.precision = Some(number(&mut bytes));
        }
        while let Some(size) = bytes.next_if(|byte| b"lhwIzjtq".contains(byte)) {
            match size {
                b'l' if bytes.peek() == Some(&b'l') => conversion.long = true,
                b'l' | b'w' => conversion.wide = true,
                b'I' => {
                    let mut digits = [0; 2];
                    for digit in &mut digits {
                        *digit = bytes.next_if(u8::is_ascii_digit).unwrap_or(0);
                    }
                    conversion.long = &digits != b"32";
                }
                b'z' | b'j' | b't' | b'q' => conversion.long = true,
                _ => {}
            }
        }
        match bytes.next() {
            Some(b'%') | None => out.push('%'),
            Some(letter) => {
                // SAFETY: the format names an argument here.
                let value = unsafe { arguments.next() };
                out.push_str(&conversion.apply(letter, value));
            }
        }
    }
    out
}

impl Conversion {
    fn apply(&self, letter: u8, value: u64) -> String {
        let unsigned = if self.long {
            value
        } else {
            u64::from(value as u32)
        };
        let signed = if self.long {
            value.cast_signed()
        } else {
            i64::from((value as u32).cast_signed())
        };
        let body = match letter {
            b'd' | b'i' if self.sign => formatted!("{signed:+}"),
            b'd' | b'i' => signed.to_string(),
            b'u' => unsigned.to_string(),
            b'o' => formatted!("{unsigned:o}"),
            b'x' if self.alternate => formatted!("{unsigned:#x}"),
            b'X' if self.alternate => formatted!("0X{unsigned:X}"),
            b'x' => formatted!("{unsigned:x}"),
            b'X' => formatted!("{unsigned:X}"),
            b'p' => formatted!("{value:016X}"),
            b'c' => char::from(value as u8).to_string(),
            b's' if !self.wide => string(value as *const u8, self.precision),
            b'Z' if self.wide => {
                demand_passive("%wZ");
                // SAFETY: the format says that the argument points at a counted string.
                unsafe { text(value as *const UnicodeString) }
            }
            b'S' | b's' => {
                demand_passive("%S");
                wide_string(value as *const u16, self.precision)
            }
            other => formatted!("%{}?", char::from(other)),
        };
        self.pad(body, b"diuoxXp".contains(&letter))
    }

    fn pad(&self, mut body: String, number: bool) -> String {
        if number && let Some(digits) = self.precision {
            let sign = usize::from(body.starts_with(['-', '+']));
            while body.len() - sign < digits {
                body.insert(sign, '0');
            }
        }
        let missing = self.width.saturating_sub(body.chars().count());
        let fill = |character: char| core::iter::repeat_n(character, missing).collect::<String>();
        if self.left {
            body + &fill(' ')
        } else if self.zero && number && self.precision.is_none() {
            let sign = usize::from(body.starts_with(['-', '+']));
            body.insert_str(sign, &fill('0'));
            body
        } else {
            fill(' ') + &body
        }
    }
}

/// Text in UTF-16 is converted with tables that Windows keeps in paged memory.
fn demand_passive(conversion: &str) {
    if irql::current() > PASSIVE_LEVEL {
        let text = formatted!("{conversion} is for PASSIVE_LEVEL only");
        fault::wrong_use("DbgPrintEx", &text, Vec::new());
    }
}

/// Reads units from `start` up to a zero, `most`, or the end of mapped memory.
fn units<T: Copy + Default + PartialEq>(start: *const T, most: Option<usize>) -> Vec<T> {
    let mut found = Vec::new();
    for index in 0..most.unwrap_or(LONGEST).min(LONGEST) {
        let unit = start.wrapping_add(index);
        if !paging::is_mapped(unit as u64, size_of::<T>() as u64) {
            let text = formatted!("a string at {unit:p} that is not mapped");
            fault::wrong_use("DbgPrintEx", &text, Vec::new());
        }
        // SAFETY: the unit is mapped, and plain data.
        let unit = unsafe { unit.read_unaligned() };
        if unit == T::default() {
            break;
        }
        found.push(unit);
    }
    found
}

fn string(start: *const u8, most: Option<usize>) -> String {
    if start.is_null() {
        return "(null)".to_string();
    }
    String::from_utf8_lossy(&units(start, most)).into_owned()
}

fn wide_string(start: *const u16, most: Option<usize>) -> String {
    if start.is_null() {
        return "(null)".to_string();
    }
    String::from_utf16_lossy(&units(start, most))
}
