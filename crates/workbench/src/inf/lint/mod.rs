//! Checks an INF by the [rules](super::rules).
//!
//! [`Lint`] walks the INF as Windows does: from [Manufacturer] to the models, to each device's
//! install section, to the sections that this one names. What it has not come by is unused.

mod files;
mod install;
mod models;
mod registry;
mod service;
mod strings;
mod version;

use std::collections::BTreeMap;

use super::parse::{Inf, Section};
use super::rules::{self, Rule};

/// What breaks a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// InfVerif's number for it.
    pub infverif: Option<u16>,
    /// 0 is the file as a whole.
    pub line: usize,
    /// What is wrong and what to do.
    pub message: String,
}

/// Checks an INF's bytes. Findings are in the order of lines.
pub fn lint(bytes: &[u8]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let text = decode(bytes).unwrap_or_else(|(line, message)| {
        findings.push(finding(&rules::ENCODING, line, message.into()));
        String::from_utf8_lossy(bytes).into_owned()
    });
    let (inf, errors) = Inf::parse(text.trim_start_matches('\u{feff}'));
    let errors = errors.into_iter();
    findings.extend(errors.map(|error| finding(&rules::SYNTAX, error.line, error.what)));
    let mut lint = Lint {
        inf: &inf,
        findings,
        used: BTreeMap::new(),
    };
    lint.sections();
    lint.version();
    lint.models();
    lint.sources();
    lint.strings();
    lint.unused();
    let mut findings = lint.findings;
    findings.sort_by_key(|finding| finding.line);
    findings.dedup();
    findings
}

/// Sections that Windows itself looks for, and those that no device's installation leads to.
const KNOWN: &[&str] = &[
    "Version",
    "Manufacturer",
    "Strings",
    "DestinationDirs",
    "SourceDisksNames",
    "SourceDisksFiles",
];

/// Sections from before declarative INFs, by the end of their name.
const LEGACY: &[&str] = &[
    "ClassInstall32",
    "DefaultInstall",
    "DefaultUninstall",
    "InterfaceInstall32",
    "ControlFlags",
    "CoInstallers",
    "LogConfigOverride",
    "FactDef",
];

/// The work on one INF.
struct Lint<'inf> {
    inf: &'inf Inf,
    findings: Vec<Finding>,
    /// The sections that something leads to, in small letters, and by which kind of directive.
    used: BTreeMap<String, &'static str>,
}

impl<'inf> Lint<'inf> {
    fn says(&mut self, rule: &Rule, line: usize, message: impl Into<String>) {
        self.findings.push(finding(rule, line, message.into()));
    }

    /// A section that a directive on `line` names, if it is there. `kind` is what its entries are.
    fn follow(&mut self, name: &str, kind: &'static str, line: usize) -> Option<&'inf Section> {
        let Some(section) = self.inf.section(name) else {
            self.says(
                &rules::SECTION,
                line,
                format!("there is no section [{name}]: add it, or name the right one"),
            );
            return None;
        };
        self.uses(section, kind);
        Some(section)
    }

    /// Notes what a section is for.
    fn uses(&mut self, section: &'inf Section, kind: &'static str) {
        let before = self.used.insert(section.name.to_lowercase(), kind);
        if let Some(other) = before.filter(|other| *other != kind) {
            let name = &section.name;
            let message =
                format!("[{name}] serves {other} and {kind}: give each a section of its own");
            self.says(&rules::MISUSE, section.line, message);
        }
    }

    /// Names and number of sections.
    fn sections(&mut self) {
        let mut seen: Vec<&str> = Vec::new();
        for section in &self.inf.sections {
            let name = section.name.as_str();
            if seen.iter().any(|other| other.eq_ignore_ascii_case(name)) {
                self.says(
                    &rules::TWICE,
                    section.line,
                    format!("[{name}] is there before: put both together"),
                );
            }
            seen.push(name);
            let legacy = LEGACY.iter().find(|legacy| is_named(name, legacy));
            if let Some(legacy) = legacy {
                let message =
                    format!("[{name}]: {legacy} sections are none of a declarative INF: remove it");
                self.says(&rules::LEGACY, section.line, message);
            }
            if name.contains("$ARCH$") {
                let message =
                    format!("[{name}] is for no architecture: `cargo run -- package` fills it in");
                self.says(&rules::ARCHITECTURE, section.line, message);
            }
            if KNOWN.iter().any(|known| name.eq_ignore_ascii_case(known)) {
                self.used.insert(name.to_lowercase(), "Windows");
            }
        }
    }

    /// Sections that nothing leads to.
    fn unused(&mut self) {
        for section in &self.inf.sections {
            if !self.used.contains_key(&section.name.to_lowercase()) {
                let message = format!(
                    "nothing leads to [{}]: name it where it belongs, or remove it",
                    section.name
                );
                self.says(&rules::UNUSED, section.line, message);
            }
        }
    }
}

/// Whether a section is `which`, or a decorated one, or such a part of another section.
fn is_named(name: &str, which: &str) -> bool {
    name.split('.').any(|part| part.eq_ignore_ascii_case(which))
}

fn finding(rule: &Rule, line: usize, message: String) -> Finding {
    Finding {
        rule: rule.name,
        infverif: rule.infverif,
        line,
        message,
    }
}

/// The text of an INF: ASCII, or UTF-16 LE with its mark. Otherwise the line and what is wrong.
fn decode(bytes: &[u8]) -> Result<String, (usize, &'static str)> {
    if let Some(utf16) = bytes.strip_prefix(&[0xFF, 0xFE]) {
        let units = utf16.chunks(2).map(|unit| {
            let high = unit.get(1).copied().unwrap_or_default();
            u16::from_le_bytes([unit[0], high])
        });
        let text: Result<String, _> = char::decode_utf16(units).collect();
        return text.map_err(|_| (0, "it is no valid UTF-16: save it as UTF-16 LE or ASCII"));
    }
    let odd = bytes.iter().position(|byte| !byte.is_ascii());
    if let Some(odd) = odd {
        let line = bytes[..odd].split(|byte| *byte == b'\n').count();
        let message = "Windows reads this byte by the machine's code page: use ASCII, or save the file as UTF-16 LE with its mark";
        return Err((line, message));
    }
    String::from_utf8(bytes.to_vec()).map_err(|_| (0, "it is no text"))
}
