//! Counted UTF-16 strings.

use alloc::{string::String, vec::Vec};

/// `UNICODE_STRING`.
#[repr(C)]
pub struct UnicodeString {
    /// Bytes in use.
    pub length: u16,
    /// Bytes there are.
    pub maximum_length: u16,
    /// The text, not terminated.
    pub buffer: *mut u16,
}

/// Owned text that a [`UnicodeString`] can point at.
pub struct Utf16(Vec<u16>);

impl Utf16 {
    /// `text` in UTF-16.
    pub fn new(text: &str) -> Self {
        Self(text.encode_utf16().collect())
    }

    /// The counted string that points at the text.
    ///
    /// # Panics
    ///
    /// Where the text is longer than a counted string can be.
    pub fn as_unicode_string(&mut self) -> UnicodeString {
        let bytes = u16::try_from(self.0.len() * 2).expect("a short string");
        UnicodeString {
            length: bytes,
            maximum_length: bytes,
            buffer: self.0.as_mut_ptr(),
        }
    }
}

/// The text of `string`; what is not UTF-16 becomes the replacement character.
///
/// # Safety
///
/// `string` is null or points at a counted string whose buffer can be read.
pub unsafe fn text(string: *const UnicodeString) -> String {
    // SAFETY: the caller's promise.
    let Some(string) = (unsafe { string.as_ref() }) else {
        return String::new();
    };
    if string.buffer.is_null() {
        return String::new();
    }
    // SAFETY: the caller's promise.
    let units =
        unsafe { core::slice::from_raw_parts(string.buffer, usize::from(string.length / 2)) };
    String::from_utf16_lossy(units)
}
