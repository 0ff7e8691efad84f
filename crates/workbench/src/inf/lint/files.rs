//! Files: what is copied, from where, to where.

use super::Lint;
use super::strings::DRIVER_STORE;
use crate::inf::rules;

impl<'inf> Lint<'inf> {
    /// A CopyFiles directive's list: a section, or `@file`.
    pub(super) fn copy(&mut self, list: &str, line: usize) {
        if let Some(file) = list.strip_prefix('@') {
            return self.source(file, line);
        }
        let Some(files) = self.follow(list, "CopyFiles", line) else {
            return;
        };
        if self.destination(&files.name).is_none() {
            self.says(&rules::DESTINATION, line, format!("[DestinationDirs] has no place for [{list}]: add DefaultDestDir = {DRIVER_STORE}"));
        }
        for entry in &files.entries {
            let (to, from) = (entry.field(0), entry.field(1));
            if !from.is_empty() && !from.eq_ignore_ascii_case(to) {
                self.says(
                    &rules::RENAME,
                    entry.line,
                    format!(
                        "{from} would be called {to}: a file keeps its name in the driver store"
                    ),
                );
            }
            self.source(if from.is_empty() { to } else { from }, entry.line);
        }
    }

    /// Where a section's files go, as [DestinationDirs] says.
    fn destination(&self, section: &str) -> Option<&'inf str> {
        let places = self.inf.section("DestinationDirs")?;
        let place = places
            .first(section)
            .or_else(|| places.first("DefaultDestDir"))?;
        Some(place.field(0))
    }

    /// A file that is copied has to be in [SourceDisksFiles].
    fn source(&mut self, file: &str, line: usize) {
        let mut lists = self
            .inf
            .sections
            .iter()
            .filter(|section| is_source_list(&section.name));
        if !lists.any(|list| list.first(file).is_some()) {
            self.says(
                &rules::SOURCE,
                line,
                format!("{file} is not in [SourceDisksFiles]: add {file} = 1"),
            );
        }
    }

    /// The files that something copies, in small letters.
    pub(super) fn copied(&self) -> Vec<String> {
        let lists = self.inf.sections.iter().filter(|section| {
            self.used.get(&section.name.to_lowercase()).copied() == Some("CopyFiles")
        });
        let from_lists = lists
            .flat_map(|list| &list.entries)
            .map(|entry| entry.field(0));
        let copies = self
            .inf
            .sections
            .iter()
            .flat_map(|section| section.named("CopyFiles"));
        let alone = copies
            .flat_map(|entry| &entry.fields)
            .filter_map(|list| list.strip_prefix('@'));
        from_lists.chain(alone).map(str::to_lowercase).collect()
    }

    /// [SourceDisksFiles], [SourceDisksNames] and [DestinationDirs].
    pub(super) fn sources(&mut self) {
        let copied = self.copied();
        for list in &self.inf.sections {
            if !is_source_list(&list.name) {
                continue;
            }
            self.uses(list, "Windows");
            for entry in &list.entries {
                let file = entry.name.clone().unwrap_or_default();
                if file.to_lowercase().ends_with(".cat") {
                    self.says(
                        &rules::CATALOG_AS_SOURCE,
                        entry.line,
                        format!("{file} is a catalog, which CatalogFile names: remove it here"),
                    );
                } else if !copied.contains(&file.to_lowercase()) {
                    self.says(
                        &rules::UNUSED,
                        entry.line,
                        format!("{file} is copied nowhere: name it below CopyFiles, or remove it"),
                    );
                }
                self.disk(entry.field(0), &file, entry.line);
            }
        }
        let places = self.inf.section("DestinationDirs");
        for entry in places.into_iter().flat_map(|places| &places.entries) {
            let name = entry.name.clone().unwrap_or_default();
            if entry.field(0) != DRIVER_STORE {
                let dirid = entry.field(0);
                self.says(&rules::STORE, entry.line, format!("{name} goes to DIRID {dirid}: files stay in the driver store, {DRIVER_STORE}"));
            } else if !entry.field(1).is_empty() {
                self.says(&rules::RENAME, entry.line, format!("{name} goes to a folder of its own: a file keeps its place in the driver store"));
            }
            if !name.eq_ignore_ascii_case("DefaultDestDir") && self.inf.section(&name).is_none() {
                self.says(
                    &rules::SECTION,
                    entry.line,
                    format!("there is no section [{name}]: add it, or remove the line"),
                );
            }
        }
    }

    fn disk(&mut self, disk: &str, file: &str, line: usize) {
        let names = |name: &str| name.to_lowercase().split('.').next() == Some("sourcedisksnames");
        let mut lists = self
            .inf
            .sections
            .iter()
            .filter(|section| names(&section.name));
        let is_number = disk.parse::<u32>().is_ok();
        if !is_number || !lists.any(|list| list.first(disk).is_some()) {
            self.says(&rules::DISK, line, format!("{file} is on disk {disk:?}, which [SourceDisksNames] does not have: add 1 = %Disk%,,,\"\""));
        }
    }
}

fn is_source_list(name: &str) -> bool {
    name.to_lowercase().split('.').next() == Some("sourcedisksfiles")
}
