//! [Manufacturer], the models sections, and the devices in them.

use vmdisp::device::bochs::PCI_ID;

use super::Lint;
use crate::inf::parse::Section;
use crate::inf::rules;

/// The oldest Windows that the driver runs on, as major version, minor version, build.
const OLDEST: (u32, u32, u32) = (10, 0, 19041);

impl<'inf> Lint<'inf> {
    pub(super) fn models(&mut self) {
        let Some(manufacturers) = self.inf.section("Manufacturer") else {
            return self.says(
                &rules::NOTHING,
                0,
                "there is no [Manufacturer], so nothing is ever installed: add it",
            );
        };
        let mut devices = 0;
        for entry in &manufacturers.entries {
            let models = self.expanded(entry.field(0));
            if models.is_empty() {
                self.says(&rules::MODELS, entry.line, "the manufacturer has no models section: write %Provider% = Models,NT$ARCH$.10.0...19041");
                continue;
            }
            let targets = entry.fields.get(1..).unwrap_or_default();
            if targets.is_empty() {
                self.says(
                    &rules::TARGET,
                    entry.line,
                    format!("{models} is for no Windows: add NTamd64.10.0...19041 behind it"),
                );
            }
            for target in targets {
                self.target(target, entry.line);
                let section =
                    self.follow(&format!("{models}.{target}"), "Manufacturer", entry.line);
                devices += section.map_or(0, |section| self.devices(section));
            }
        }
        if devices == 0 {
            self.says(
                &rules::NOTHING,
                manufacturers.line,
                "no models section has a device: add one",
            );
        }
    }

    /// A decoration: `NTamd64.10.0...19041`.
    fn target(&mut self, target: &str, line: usize) {
        let mut parts = target.split('.');
        let architecture = parts.next().unwrap_or_default().to_lowercase();
        if architecture != "ntamd64" && architecture != "ntarm64" {
            self.says(
                &rules::ARCHITECTURE,
                line,
                format!(
                    "{target} is for no architecture of the driver: begin with NTamd64 or NTarm64"
                ),
            );
        }
        let mut number = |skip: usize| parts.nth(skip).and_then(|part| part.parse().ok());
        let version = (number(0), number(0), number(2));
        let (Some(major), Some(minor), Some(build)) = version else {
            return self.says(
                &rules::TARGET,
                line,
                format!("{target} names no build of Windows: end with .10.0...19041"),
            );
        };
        if (major, minor, build) < OLDEST {
            self.says(&rules::TARGET, line, format!("{target} takes in a Windows without ExAllocatePool2: 10.0...19041 is the first with it"));
        }
    }

    /// A models section. Tells how many devices it has.
    fn devices(&mut self, section: &'inf Section) -> usize {
        let mut seen: Vec<String> = Vec::new();
        for entry in &section.entries {
            let install = self.expanded(entry.field(0));
            let ids = entry.fields.get(1..).unwrap_or_default();
            if install.is_empty() || ids.is_empty() {
                self.says(&rules::DEVICE, entry.line, "a device is %Device% = Install,PCI\\VEN_…&DEV_…: its install section or its hardware id is missing");
                continue;
            }
            for id in ids {
                let id = self.expanded(id).to_uppercase();
                if seen.contains(&id) {
                    self.says(
                        &rules::DUPLICATE,
                        entry.line,
                        format!("{id} is there before: remove one"),
                    );
                }
                if !is_ours(&id) {
                    let ours = hardware_id();
                    self.says(
                        &rules::HARDWARE,
                        entry.line,
                        format!("the driver refuses {id} (src/device): it drives {ours}"),
                    );
                }
                seen.push(id);
            }
            self.install(&install, entry.line);
        }
        section.entries.len()
    }
}

/// Vendor and device of the adapters that the driver takes. It does not look at their class.
pub fn hardware_id() -> String {
    format!("PCI\\VEN_{:04X}&DEV_{:04X}", PCI_ID & 0xFFFF, PCI_ID >> 16)
}

/// Whether the driver takes all that has this id, which may go on with subsystem, revision or class.
fn is_ours(id: &str) -> bool {
    let rest = id.strip_prefix(&hardware_id());
    rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('&'))
}
