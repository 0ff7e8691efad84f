//! What the machine is set to: the service's parameters, and whether Driver Verifier looks on.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::collections::BTreeMap;
use std::string::String;
use std::sync::Mutex;

use super::World;
use super::irql::{PASSIVE, demand};
use super::line::complain;
use super::world::{locked, with};
use crate::kernel::irql::Passive;

/// Registry type of a 32-bit value.
const REG_DWORD: u32 = 4;

/// A value of the service's `Parameters` key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Parameter {
    /// A `REG_DWORD`.
    Dword(u32),
    /// A value of another registry type (1 is `REG_SZ`).
    OfType(u32),
}

#[derive(Default)]
pub(super) struct Settings {
    parameters: Mutex<BTreeMap<String, Parameter>>,
    verified: AtomicBool,
    driver_word: AtomicU32,
}

/// Reads the `REG_DWORD` `name` (ASCII, at most 63 characters) of the `Parameters` key below
/// `service`, the registry path that `DriverEntry` was given (UTF-16, without a NUL).
///
/// `None` if there is no such value. A value of another type counts as none and is complained
/// about.
pub fn parameter_dword(_service: &[u16], name: &CStr, _irql: Passive) -> Option<u32> {
    demand(PASSIVE, "parameter_dword");
    let name = name.to_str().ok()?;
    let found = with(|world| locked(&world.settings.parameters).get(name).copied());
    match found? {
        Parameter::Dword(value) => Some(value),
        Parameter::OfType(kind) => {
            let kind = u64::from(kind);
            complain(
                c"DriverEntry",
                c"Parameters value's type",
                kind,
                c"is not REG_DWORD",
            );
            None
        }
    }
}

/// A word of the driver's own: what `DriverEntry` found out and every adapter has to know. Zero until
/// it is set. In the kernel there is one for each loaded image, here one for each world. Any IRQL.
pub fn driver_word() -> u32 {
    with(|world| world.settings.driver_word.load(Ordering::Relaxed))
}

/// Sets the driver's word. Any IRQL.
pub fn set_driver_word(word: u32) {
    with(|world| world.settings.driver_word.store(word, Ordering::Relaxed));
}

/// Whether Driver Verifier checks this driver. Any IRQL.
pub fn is_verified() -> bool {
    with(|world| world.settings.verified.load(Ordering::Relaxed))
}

impl World {
    /// Sets or removes a value of the `Parameters` key.
    pub fn set_parameter(&self, name: &str, value: Option<Parameter>) {
        debug_assert_ne!(
            value,
            Some(Parameter::OfType(REG_DWORD)),
            "that is Parameter::Dword"
        );
        let mut parameters = locked(&self.inner().settings.parameters);
        match value {
            Some(value) => parameters.insert(name.into(), value),
            None => parameters.remove(name),
        };
    }

    /// Says whether Driver Verifier checks the driver from now.
    pub fn set_verified(&self, verified: bool) {
        self.inner()
            .settings
            .verified
            .store(verified, Ordering::Relaxed);
    }
}
