//! The section [Version].

use der::DateTime;

use super::Lint;
use crate::inf::parse::{Entry, Section};
use crate::inf::rules;
use crate::inf::stamp::project_version;

/// Display adapters, as the system defines their class.
const CLASS: &str = "Display";
const CLASS_GUID: &str = "{4d36e968-e325-11ce-bfc1-08002be10318}";

/// What the section may have. LayoutFile is for Windows' own INFs.
const DIRECTIVES: &[&str] = &[
    "Signature",
    "Class",
    "ClassGuid",
    "Provider",
    "CatalogFile",
    "DriverVer",
    "PnpLockdown",
    "DriverPackageDisplayName",
];

/// What it must have, beside Signature and PnpLockdown.
const REQUIRED: &[&str] = &["Class", "ClassGuid", "Provider", "CatalogFile", "DriverVer"];

impl Lint<'_> {
    pub(super) fn version(&mut self) {
        let Some(version) = self.inf.section("Version") else {
            return self.says(
                &rules::SIGNATURE,
                0,
                "there is no [Version]: add it, with Signature=\"$Windows NT$\"",
            );
        };
        self.directives(version, DIRECTIVES);
        let signature = version
            .first("Signature")
            .map_or("", |entry| entry.field(0));
        if !signature.eq_ignore_ascii_case("$Windows NT$") {
            self.says(
                &rules::SIGNATURE,
                version.line,
                "[Version] needs Signature=\"$Windows NT$\"",
            );
        }
        for name in REQUIRED {
            let value = version
                .first(name)
                .map(|entry| self.expanded(entry.field(0)));
            if value.is_none_or(|value| value.is_empty()) {
                self.says(
                    &rules::REQUIRED,
                    version.line,
                    format!("[Version] needs {name}: add it"),
                );
            }
        }
        self.class(version);
        if let Some(entry) = version.first("Provider") {
            let provider = self.expanded(entry.field(0));
            if provider.to_lowercase().starts_with("microsoft") {
                self.says(
                    &rules::PROVIDER,
                    entry.line,
                    "Provider is Microsoft, whose INF this is not: name who wrote it",
                );
            }
        }
        if let Some(entry) = version.first("CatalogFile") {
            let name = entry.field(0);
            let stem = name.to_lowercase().strip_suffix(".cat").map(str::len);
            if stem.is_none_or(|length| length == 0) || name.contains(['\\', '/']) {
                self.says(
                    &rules::CATALOG,
                    entry.line,
                    format!("CatalogFile is {name:?}: it has to be a file name that ends in .cat"),
                );
            }
        }
        if version
            .first("PnpLockdown")
            .is_none_or(|entry| entry.field(0) != "1")
        {
            self.says(
                &rules::LOCKDOWN,
                version.line,
                "[Version] needs PnpLockdown=1, so that programs cannot change installed files",
            );
        }
        if let Some(entry) = version.first("DriverVer") {
            self.driver_version(entry);
        }
    }

    fn class(&mut self, version: &Section) {
        for (name, right) in [("Class", CLASS), ("ClassGuid", CLASS_GUID)] {
            if let Some(entry) = version.first(name)
                && !entry.field(0).eq_ignore_ascii_case(right)
            {
                let found = entry.field(0);
                self.says(
                    &rules::CLASS,
                    entry.line,
                    format!("{name} is {found}: a display adapter's is {right}"),
                );
            }
        }
    }

    fn driver_version(&mut self, entry: &Entry) {
        let (date, version) = (entry.field(0), entry.field(1));
        if !is_date(date) {
            self.says(
                &rules::DATE,
                entry.line,
                format!("DriverVer's date is {date:?}: write mm/dd/yyyy"),
            );
        }
        let parts: Vec<_> = version.split('.').map(str::parse::<u16>).collect();
        let numbers = parts.iter().flatten().filter(|part| **part < u16::MAX);
        let all_zero = parts.iter().flatten().all(|part| *part == 0);
        if parts.len() != 4 || numbers.count() != 4 || all_zero {
            self.says(&rules::VERSION, entry.line, format!("DriverVer's version is {version:?}: write w.x.y.z, each below 65535 and not all 0"));
        }
        let own = project_version();
        if version != own {
            self.says(&rules::IN_STEP, entry.line, format!("DriverVer's version is {version:?} and Cargo.toml's is {own}: stamp the INF anew with `cargo run -- package`"));
        }
    }
}

/// Whether this is a date that the calendar has, as `mm/dd/yyyy`.
fn is_date(text: &str) -> bool {
    let numbers: Vec<&str> = text.split(['/', '-']).collect();
    let [month, day, year] = numbers[..] else {
        return false;
    };
    let lengths = (month.len(), day.len(), year.len()) == (2, 2, 4);
    let (Ok(month), Ok(day), Ok(year)) = (month.parse(), day.parse(), year.parse()) else {
        return false;
    };
    lengths && DateTime::new(year, month, day, 0, 0, 0).is_ok()
}
