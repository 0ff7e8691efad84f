//! How a scenario ends.

use alloc::format;
use alloc::string::String;
use core::fmt::Debug;

use dxgk_port::Status;
use dxgk_sys::status;

/// What should have been, and what was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// What the scenario expected.
    pub expected: String,
    /// What it saw.
    pub seen: String,
}

impl core::fmt::Display for Failed {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "expected {}, saw {}", self.expected, self.seen)
    }
}

/// A note about what was done, or the first thing that was not as it should be.
pub type Outcome = Result<String, Failed>;

/// Fails unless `holds`.
pub fn check(
    holds: bool,
    expected: impl Into<String>,
    seen: impl FnOnce() -> String,
) -> Result<(), Failed> {
    if holds {
        Ok(())
    } else {
        Err(Failed {
            expected: expected.into(),
            seen: seen(),
        })
    }
}

/// Fails unless `seen` is `expected`.
pub fn same<T: PartialEq + Debug>(what: &str, expected: &T, seen: &T) -> Result<(), Failed> {
    check(expected == seen, format!("{what} {expected:?}"), || {
        format!("{seen:?}")
    })
}

/// Fails unless a call returned `expected`.
pub fn status_is(what: &str, expected: Status, seen: Status) -> Result<(), Failed> {
    check(
        expected == seen,
        format!("{what}: {}", name(expected)),
        || name(seen),
    )
}

/// Fails unless a call of the port's succeeded.
pub fn done<T>(what: &str, result: Result<T, Status>) -> Result<T, Failed> {
    result.map_err(|status| Failed {
        expected: format!("{what}: STATUS_SUCCESS"),
        seen: name(status),
    })
}

/// A status by name, or as a number if it has none here.
pub fn name(status: Status) -> String {
    status::name(status).map_or_else(|| format!("{status:#010x}"), String::from)
}
