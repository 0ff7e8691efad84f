//! The kernel's counted strings.

use wdk_sys::UNICODE_STRING;

/// ASCII in UTF-16, for constants.
#[must_use]
#[allow(clippy::indexing_slicing)] // the compiler runs it, and says so where it panics
pub const fn utf16<const N: usize>(ascii: &[u8; N]) -> [u16; N] {
    let mut units = [0; N];
    let mut at = 0;
    while at < N {
        assert!(ascii[at].is_ascii());
        units[at] = ascii[at] as u16;
        at += 1;
    }
    units
}

/// A counted string of `text`, for the kernel to read while `text` lives. `None` if it is longer than
/// such a string can be, 32767 units.
#[must_use]
pub fn unicode_string(text: &[u16]) -> Option<UNICODE_STRING> {
    let bytes = u16::try_from(size_of_val(text)).ok()?;
    Some(UNICODE_STRING {
        Length: bytes,
        MaximumLength: bytes,
        Buffer: text.as_ptr().cast_mut(),
    })
}
