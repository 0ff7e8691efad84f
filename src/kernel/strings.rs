//! A registry value of several strings, in a block of nonpaged pool.

use core::ops::Deref;

use zerocopy::FromZeros;

use super::irql::Passive;
use super::{Owned, Tag};

/// The longest text that is read, in UTF-16 units with its NULs.
pub const LONGEST: usize = 2048;

const TAG: Tag = Tag(*b"VmdS");

/// The text of a `REG_MULTI_SZ`: strings that a NUL ends, the last of them followed by one more. What
/// is in it was checked by nobody: the last NULs can be missing.
pub struct Strings(Owned<Value>);

/// `KEY_VALUE_PARTIAL_INFORMATION` with room for the longest text.
#[repr(C)]
#[derive(FromZeros)]
pub(super) struct Value {
    pub(super) title: u32,
    /// Registry type.
    pub(super) kind: u32,
    /// Bytes that `text` has of the value.
    pub(super) bytes: u32,
    pub(super) text: [u16; LONGEST],
}

impl Strings {
    /// What `fill` puts into a value of zeros. `None` if it says that there is none, or nonpaged pool
    /// is used up.
    pub(super) fn read(irql: Passive, fill: impl FnOnce(&mut Value) -> bool) -> Option<Self> {
        let mut found = false;
        let value = Owned::try_zeroed(TAG, irql, |value| found = fill(value)).ok()?;
        found.then_some(Self(value))
    }
}

impl Deref for Strings {
    type Target = [u16];

    fn deref(&self) -> &[u16] {
        let units = usize::try_from(self.0.bytes / 2).unwrap_or(usize::MAX);
        self.0.text.get(..units).unwrap_or(&self.0.text)
    }
}
