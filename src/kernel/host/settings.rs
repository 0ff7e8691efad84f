//! What the machine is set to: the service's parameters, and whether Driver Verifier looks on.

use core::ffi::CStr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::collections::BTreeMap;
use std::string::String;
use std::sync::Mutex;
use std::vec::Vec;

use super::World;
use super::irql::{PASSIVE, demand};
use super::line::complain;
use super::world::{locked, with};
use crate::kernel::irql::Passive;
use crate::kernel::strings::{LONGEST, Strings};

/// Registry type of a 32-bit value.
const REG_DWORD: u32 = 4;
/// Registry type of a list of strings.
const REG_MULTI_SZ: u32 = 7;

/// A value of the service's `Parameters` key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Parameter {
    /// A `REG_DWORD`.
    Dword(u32),
    /// A `REG_MULTI_SZ`, with all its NULs, as it lies in the registry.
    Strings(Vec<u16>),
    /// A value of another registry type (1 is `REG_SZ`).
    OfType(u32),
}

impl Parameter {
    /// The strings of a `REG_MULTI_SZ`.
    #[must_use]
    pub fn strings(lines: &[&str]) -> Self {
        let ended = lines.iter().flat_map(|line| line.encode_utf16().chain([0]));
        Self::Strings(ended.chain([0]).collect())
    }

    /// Its registry type.
    fn kind(&self) -> u32 {
        match self {
            Self::Dword(_) => REG_DWORD,
            Self::Strings(_) => REG_MULTI_SZ,
            Self::OfType(kind) => *kind,
        }
    }
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
    let found = with(|world| locked(&world.settings.parameters).get(name).cloned())?;
    if let Parameter::Dword(value) = found {
        return Some(value);
    }
    complain(
        c"DriverEntry",
        c"Parameters value's type",
        found.kind().into(),
        c"is not REG_DWORD",
    );
    None
}

/// Reads the `REG_MULTI_SZ` `name` (ASCII, at most 63 characters) of the `Parameters` key below
/// `service`, the registry path that `DriverEntry` was given (UTF-16, without a NUL).
///
/// `None` if there is no such value, or nonpaged pool is used up. A value of another type, and one
/// of more than 2048 UTF-16 units, counts as none and is complained about.
pub fn parameter_strings(_service: &[u16], name: &CStr, irql: Passive) -> Option<Strings> {
    demand(PASSIVE, "parameter_strings");
    let name = name.to_str().ok()?;
    let found = with(|world| locked(&world.settings.parameters).get(name).cloned())?;
    let refuse = |field, value: u64, why| {
        complain(c"StartDevice", field, value, why);
        None
    };
    let Parameter::Strings(text) = found else {
        let kind = found.kind().into();
        return refuse(c"Parameters value's type", kind, c"is not REG_MULTI_SZ");
    };
    if text.len() > LONGEST {
        let units = text.len() as u64;
        return refuse(c"Parameters value's units", units, c"over 2048");
    }
    Strings::read(irql, |value| {
        value.kind = REG_MULTI_SZ;
        value.bytes = u32::try_from(2 * text.len()).unwrap_or(u32::MAX);
        for (to, from) in value.text.iter_mut().zip(&text) {
            *to = *from;
        }
        true
    })
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
        debug_assert!(
            !matches!(value, Some(Parameter::OfType(REG_DWORD | REG_MULTI_SZ))),
            "that has a variant of its own"
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
