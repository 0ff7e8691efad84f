//! A device's install section, with the sections that belong to it by their name.

use super::Lint;
use crate::inf::parse::Section;
use crate::inf::rules;

/// What an install section may have.
const INSTALL: &[&str] = &[
    "FeatureScore",
    "CopyFiles",
    "AddReg",
    "AddProperty",
    "Include",
    "Needs",
];
/// What its .HW part may have.
const HARDWARE: &[&str] = &["AddReg", "AddProperty", "Include", "Needs"];
/// What its .Services part may have.
const SERVICES: &[&str] = &["AddService", "Include", "Needs"];
/// What its .Events part may have.
const EVENTS: &[&str] = &["AddEventProvider"];
/// What an event provider's section may have.
const PROVIDER: &[&str] = &[
    "ProviderName",
    "ResourceFile",
    "MessageFile",
    "ImportChannel",
    "AddChannel",
    "HelpLink",
];

/// Directives from before declarative INFs.
const LEGACY: &[&str] = &[
    "DelFiles",
    "RenFiles",
    "DelReg",
    "BitReg",
    "Ini2Reg",
    "UpdateInis",
    "UpdateIniFields",
    "RegisterDlls",
    "UnregisterDlls",
    "ProfileItems",
    "LogConfig",
    "CopyINF",
    "Reboot",
    "Restart",
    "DelService",
    "DelProperty",
    "CoInstallers32",
    "LayoutFile",
];

impl<'inf> Lint<'inf> {
    /// Follows an install section, in whichever decoration it is there, and its parts.
    pub(super) fn install(&mut self, name: &str, line: usize) {
        let inf = self.inf;
        let decorated = ["", ".NT", ".NTamd64", ".NTarm64"].map(|end| format!("{name}{end}"));
        let there = decorated.iter().filter_map(|name| inf.section(name));
        let there: Vec<_> = there.collect();
        if there.is_empty() {
            self.follow(name, "Models", line);
        }
        for section in there {
            self.uses(section, "Models");
            self.directives(section, INSTALL);
            self.feature_score(section);
            for entry in section.named("CopyFiles") {
                for files in &entry.fields {
                    self.copy(files, entry.line);
                }
            }
            self.registry_sections(section, false);
            let part = |part: &str| inf.section(&format!("{}.{part}", section.name));
            let parts = [part("HW"), part("Services"), part("Events")];
            let [hardware, services, events] = parts;
            if let Some(hardware) = hardware {
                self.uses(hardware, "the install section");
                self.directives(hardware, HARDWARE);
                self.registry_sections(hardware, false);
            }
            if let Some(events) = events {
                self.uses(events, "the install section");
                self.directives(events, EVENTS);
                for entry in events.named("AddEventProvider") {
                    let provider = self.follow(entry.field(1), "AddEventProvider", entry.line);
                    if let Some(provider) = provider {
                        self.directives(provider, PROVIDER);
                    }
                }
            }
            self.services(section, services, SERVICES);
        }
    }

    /// Follows a section's AddReg directives.
    pub(super) fn registry_sections(&mut self, section: &'inf Section, of_service: bool) {
        for entry in section.named("AddReg") {
            for name in &entry.fields {
                let values = self.follow(&self.expanded(name), "AddReg", entry.line);
                if let Some(values) = values {
                    self.registry(values, of_service);
                }
            }
        }
    }

    fn feature_score(&mut self, section: &Section) {
        let Some(entry) = section.first("FeatureScore") else {
            let message = format!(
                "[{}] has no FeatureScore: E3 comes before Basic Display, FF after it",
                section.name
            );
            return self.says(&rules::FEATURE_SCORE, section.line, message);
        };
        let score = entry.field(0);
        let digits = score.strip_prefix("0x").unwrap_or(score);
        if digits.len() != 2 || u8::from_str_radix(digits, 16).is_err() {
            self.says(
                &rules::FEATURE_SCORE,
                entry.line,
                format!("FeatureScore is {score:?}: write two hexadecimal digits"),
            );
        }
    }

    /// Checks that a section has only directives that it may have, each with a value.
    pub(super) fn directives(&mut self, section: &Section, known: &[&str]) {
        let once = [
            "AddReg",
            "CopyFiles",
            "AddService",
            "AddProperty",
            "AddEventProvider",
        ];
        let mut seen: Vec<&str> = Vec::new();
        for entry in &section.entries {
            let (line, place) = (entry.line, &section.name);
            let Some(name) = entry.name.as_deref() else {
                let text = entry.fields.join(",");
                self.says(
                    &rules::UNKNOWN,
                    line,
                    format!("{text} in [{place}] is no directive: write NAME = VALUE"),
                );
                continue;
            };
            let is_in = |list: &[&str]| list.iter().any(|other| other.eq_ignore_ascii_case(name));
            if !is_in(known) && is_in(LEGACY) {
                self.says(
                    &rules::LEGACY,
                    line,
                    format!("{name} in [{place}] is none of a declarative INF: remove it"),
                );
            } else if !is_in(known) {
                let known = known.join(", ");
                self.says(
                    &rules::UNKNOWN,
                    line,
                    format!("{name} is no directive of [{place}], which may have {known}"),
                );
            }
            if entry.fields.iter().all(String::is_empty) {
                self.says(
                    &rules::VALUE,
                    line,
                    format!("{name} has no value: add it, or remove the line"),
                );
            }
            if is_in(&seen) && !is_in(&once) {
                self.says(
                    &rules::DUPLICATE,
                    line,
                    format!("{name} is in [{place}] before: remove one"),
                );
            }
            seen.push(name);
        }
    }
}
