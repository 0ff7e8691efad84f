//! Arrays of an argument as slices.

use core::slice;

/// `count` elements at `first`; empty if there are none, `None` if the pointer is NULL or misaligned
/// although there are some.
///
/// # Safety
///
/// Unless `count` is 0, `first` is NULL, misaligned, or good for reads of so many elements for as long
/// as the DDI runs that they were passed to, and nobody writes them meanwhile.
pub unsafe fn list<'call, T>(first: *const T, count: u32) -> Option<&'call [T]> {
    let length = usize::try_from(count).ok()?;
    if length == 0 {
        return Some(&[]);
    }
    if first.is_null() || !first.is_aligned() {
        return none();
    }
    // SAFETY: the caller vouches for the elements; the pointer has been checked.
    Some(unsafe { slice::from_raw_parts(first, length) })
}

/// As [`list`], to be written.
///
/// # Safety
///
/// As [`list`], and good for writes, by nobody else.
pub unsafe fn list_mut<'call, T>(first: *mut T, count: u32) -> Option<&'call mut [T]> {
    let length = usize::try_from(count).ok()?;
    if length == 0 {
        return Some(&mut []);
    }
    if first.is_null() || !first.is_aligned() {
        return none();
    }
    // SAFETY: the caller vouches for the elements; the pointer has been checked.
    Some(unsafe { slice::from_raw_parts_mut(first, length) })
}

/// `None`, out of the way of what mostly is.
#[cold]
const fn none<T>() -> Option<T> {
    None
}
