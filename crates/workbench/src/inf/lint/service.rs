//! A device's services.

use super::Lint;
use super::registry::number;
use crate::inf::parse::Section;
use crate::inf::rules;

/// What a service's section may have.
const DIRECTIVES: &[&str] = &[
    "DisplayName",
    "Description",
    "ServiceType",
    "StartType",
    "ErrorControl",
    "LoadOrderGroup",
    "ServiceBinary",
    "AddReg",
    "Dependencies",
    "Security",
];

/// What a display driver's service has: the display pages give the start type and the others.
const NUMBERS: &[(&str, u32, &str)] = &[
    ("ServiceType", 1, "a kernel driver"),
    ("StartType", 3, "started by PnP"),
    ("ErrorControl", 0, "Windows boots without it"),
];

/// SPSVCINST_ASSOCSERVICE: the service is the device's function driver.
const FUNCTION_DRIVER: u32 = 2;

impl<'inf> Lint<'inf> {
    /// Follows the .Services part of an install section.
    pub(super) fn services(
        &mut self,
        install: &Section,
        part: Option<&'inf Section>,
        known: &[&str],
    ) {
        let name = &install.name;
        let Some(part) = part else {
            return self.says(&rules::FUNCTION_DRIVER, install.line, format!("there is no [{name}.Services], so the device gets no driver: add it, with AddService"));
        };
        self.uses(part, "the install section");
        self.directives(part, known);
        let mut function_drivers = 0;
        for entry in part.named("AddService") {
            let flags = self.expanded(entry.field(1));
            function_drivers +=
                u32::from(number(&flags).is_some_and(|flags| flags & FUNCTION_DRIVER != 0));
            let section = self.expanded(entry.field(2));
            if let Some(section) = self.follow(&section, "AddService", entry.line) {
                self.service(section);
            }
        }
        if function_drivers != 1 {
            self.says(&rules::FUNCTION_DRIVER, part.line, format!("[{}] has {function_drivers} services with flag 0x00000002: a device has one function driver", part.name));
        }
    }

    fn service(&mut self, section: &'inf Section) {
        self.directives(section, DIRECTIVES);
        for (name, right, why) in NUMBERS {
            let found = section
                .first(name)
                .map(|entry| self.expanded(entry.field(0)));
            if found.as_deref().and_then(number) != Some(*right) {
                self.says(
                    &rules::SERVICE,
                    section.line,
                    format!("[{}] needs {name} = {right}: {why}", section.name),
                );
            }
        }
        let group = section
            .first("LoadOrderGroup")
            .map_or("", |entry| entry.field(0));
        if !group.eq_ignore_ascii_case("Video") {
            self.says(
                &rules::SERVICE,
                section.line,
                format!("[{}] needs LoadOrderGroup = Video", section.name),
            );
        }
        let (line, binary) = section
            .first("ServiceBinary")
            .map_or((section.line, ""), |entry| (entry.line, entry.field(0)));
        let file = binary.strip_prefix("%13%\\").map(str::to_lowercase);
        if file.is_none_or(|file| !self.copied().contains(&file)) {
            self.says(
                &rules::BINARY,
                line,
                format!(
                    "ServiceBinary is {binary:?}: name a file that this INF copies, as %13%\\FILE"
                ),
            );
        }
        self.registry_sections(section, true);
    }
}
