//! Sections that AddReg names: `root,key,value,flags,data`.

use super::Lint;
use crate::inf::parse::{Entry, Section};
use crate::inf::rules;

/// What src/adapter/parameters.rs reads from the service's key.
pub const PARAMETERS: &[&str] = &["DisplayOnly", "PoolPerObject", "Modes"];

/// FLG_ADDREG_TYPE_DWORD
const DWORD: u32 = 0x0001_0001;

/// Values by which a display driver names files, of which the DIRID rule of its class speaks.
const FILES: &[&str] = &[
    "UserModeDriverName",
    "UserModeDriverNameWow",
    "OpenGLDriverName",
    "VulkanDriverName",
];

impl Lint<'_> {
    pub(super) fn registry(&mut self, section: &Section, of_service: bool) {
        for entry in &section.entries {
            let (root, key, name) = (entry.field(0), entry.field(1), entry.field(2));
            if !root.eq_ignore_ascii_case("HKR") {
                self.says(
                    &rules::ROOT,
                    entry.line,
                    format!("{root} is everyone's: keep what the driver needs below HKR"),
                );
                continue;
            }
            let mut keys = key.split('\\');
            let in_parameters = keys
                .next()
                .is_some_and(|first| first.eq_ignore_ascii_case("Parameters"));
            if of_service && !in_parameters {
                self.says(&rules::PARAMETERS_KEY, entry.line, format!("{name} of a service belongs into its Parameters key: write HKR,Parameters,{name},…"));
            }
            let read = PARAMETERS
                .iter()
                .any(|known| known.eq_ignore_ascii_case(name));
            if of_service && in_parameters && !read {
                let known = PARAMETERS.join(", ");
                self.says(&rules::PARAMETER, entry.line, format!("the driver does not read {name} (src/adapter/parameters.rs): it reads {known}"));
            }
            self.value(entry);
            if FILES.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                self.user_mode(entry, name);
            }
        }
    }

    fn value(&mut self, entry: &Entry) {
        let flags = self.expanded(entry.field(3));
        let Some(flags) = number(&flags).or_else(|| flags.is_empty().then_some(0)) else {
            return self.says(
                &rules::REGISTRY_VALUE,
                entry.line,
                format!("the flags {flags} are no number: a REG_DWORD's are 0x00010001"),
            );
        };
        let data = self.expanded(entry.field(4));
        if flags & DWORD == DWORD && number(&data).is_none() {
            self.says(
                &rules::REGISTRY_VALUE,
                entry.line,
                format!("{data:?} is no number of 32 bits: write 1 or 0x1"),
            );
        }
    }

    /// A user-mode driver's files lie in the driver store, and the INF copies them.
    fn user_mode(&mut self, entry: &Entry, name: &str) {
        for file in entry.fields.iter().skip(4).filter(|file| !file.is_empty()) {
            let inside = file.strip_prefix("%13%\\");
            let copied =
                inside.is_some_and(|inside| self.copied().contains(&inside.to_lowercase()));
            // Direct3D 12, Vulkan and older runtimes have a list with places for each; this marks an empty one.
            if !copied && file != "<>" {
                self.says(&rules::USER_MODE, entry.line, format!("{name} is {file}: name a file that this INF copies, as %13%\\FILE, or none at all"));
            }
        }
    }
}

/// A number of 32 bits, as INFs write it.
pub(super) fn number(text: &str) -> Option<u32> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_parameters_are_those_that_the_driver_reads() {
        let driver = include_str!("../../../../../src/adapter/parameters.rs");
        let read = driver
            .split("c\"")
            .skip(1)
            .filter_map(|rest| rest.split('"').next());
        let is_name = |name: &&str| {
            name.bytes().all(|byte| byte.is_ascii_alphabetic())
                && *name != "DriverEntry"
                && *name != "RegistryPath"
        };
        let mut read: Vec<_> = read.filter(is_name).collect();
        let mut known = super::PARAMETERS.to_vec();
        read.sort_unstable();
        known.sort_unstable();
        assert_eq!(read, known);
    }
}
