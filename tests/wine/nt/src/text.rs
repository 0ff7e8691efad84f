//! Strings of UTF-16, as the kernel takes them.

use alloc::{string::String, vec::Vec};

use windows_sys::Win32::Foundation::UNICODE_STRING;

/// A string that the kernel can be given.
pub struct Utf16(Vec<u16>);

impl Utf16 {
    /// `text`, with a zero behind it.
    pub fn new(text: &str) -> Self {
        Self(text.encode_utf16().chain([0]).collect())
    }

    /// As the kernel takes it; good while `self` lives.
    pub fn get(&self) -> UNICODE_STRING {
        let bytes = (self.0.len() - 1) * 2;
        UNICODE_STRING {
            Length: bytes as u16,
            MaximumLength: bytes as u16 + 2,
            Buffer: self.0.as_ptr().cast_mut(),
        }
    }
}

/// A string of the kernel's as text. What is no UTF-16 is replaced.
///
/// # Safety
///
/// `string` is null or valid.
pub unsafe fn read(string: *const UNICODE_STRING) -> String {
    // SAFETY: the caller's promise.
    let Some(string) = (unsafe { string.as_ref() }) else {
        return String::new();
    };
    if string.Buffer.is_null() {
        return String::new();
    }
    // SAFETY: a valid string has so many bytes.
    let units =
        unsafe { core::slice::from_raw_parts(string.Buffer, usize::from(string.Length) / 2) };
    String::from_utf16_lossy(units)
}
