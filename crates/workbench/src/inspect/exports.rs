//! All that the list of imports names is exported by the oldest Windows that the driver is for.
//!
//! What ntoskrnl exports is in the import library of a driver kit: mingw-w64's here. That one is from
//! before Windows 10, so the project lists what is newer, with the build of Windows that has it first
//! by its documentation page.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context, Result, ensure};
use object::read::archive::ArchiveFile;

use super::Finding;
use super::imports::Allowed;
use crate::setup;

/// The oldest build of Windows that the INFs let the driver be installed on: Windows 10 2004.
const OLDEST: u32 = 19041;

/// What mingw-w64's library lacks.
const NEWER: &str = include_str!("../../../../inf/newer-exports.txt");

/// What an import library calls the pointer to a function.
const POINTER: &[u8] = b"__imp_";

/// Names, and the build of Windows that has each first.
type Newer = BTreeMap<String, u32>;

/// Runs the check.
///
/// # Errors
///
/// A list is not one, or mingw-w64's library cannot be read.
pub fn check(allowed: &Allowed) -> Result<Finding> {
    let newer = newer(NEWER)?;
    let Some(library) = setup::ntoskrnl_library() else {
        // On Windows the WDK's own library was linked, which has what it has.
        return Ok(Finding {
            check: "exports",
            seen: "no list of exports: mingw-w64's libntoskrnl.a is not installed".into(),
            offenders: Vec::new(),
        });
    };
    let old =
        exports(&fs::read(&library)?).with_context(|| format!("reading {}", library.display()))?;
    Ok(judge(allowed, &old, &newer))
}

fn judge(allowed: &Allowed, old: &BTreeSet<String>, newer: &Newer) -> Finding {
    let mut offenders = Vec::new();
    for name in allowed.names() {
        match newer.get(name) {
            Some(build) if *build > OLDEST => offenders.push(format!(
                "{name} is there from build {build}, and the driver is for {OLDEST}"
            )),
            Some(_) if old.contains(name) => {
                offenders.push(format!("{name} is no newer export: mingw-w64 has it"));
            }
            None if !old.contains(name) => {
                offenders.push(format!("{name} is no export that is known"));
            }
            _ => {}
        }
    }
    let names: BTreeSet<_> = allowed.names().collect();
    let unused = newer.keys().filter(|name| !names.contains(name.as_str()));
    offenders.extend(unused.map(|name| format!("{name} is listed as newer, and not imported")));
    Finding {
        check: "exports",
        seen: format!(
            "{} of ntoskrnl known, {} of them newer",
            old.len() + newer.len(),
            newer.len()
        ),
        offenders,
    }
}

/// Reads the list of newer exports: a name and a build a line, `#` begins a comment.
fn newer(text: &str) -> Result<Newer> {
    let mut newer = Newer::new();
    for line in text.lines() {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let Some(name) = words.next() else { continue };
        let build = words.next().and_then(|word| word.parse().ok());
        let build = build.with_context(|| format!("{name} has no build of Windows"))?;
        let twice = newer.insert(name.to_owned(), build).is_some();
        ensure!(!twice, "{name} is there twice");
    }
    Ok(newer)
}

/// The functions in an import library.
fn exports(library: &[u8]) -> Result<BTreeSet<String>> {
    let archive = ArchiveFile::parse(library)?;
    let symbols = archive.symbols()?.context("it has no table of symbols")?;
    let mut names = BTreeSet::new();
    for symbol in symbols {
        if let Some(name) = symbol?.name().strip_prefix(POINTER) {
            names.insert(String::from_utf8_lossy(name).into_owned());
        }
    }
    ensure!(names.len() > 1_000, "it has {} functions", names.len());
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::{Allowed, Newer, judge, newer};

    fn offenders(name: &str, newer: &[(&str, u32)]) -> Vec<String> {
        let allowed = Allowed::parse(&format!("{name} because")).expect("it is a list");
        let old = ["ZwClose".to_owned()].into();
        let newer: Newer = newer
            .iter()
            .map(|(name, build)| ((*name).into(), *build))
            .collect();
        judge(&allowed, &old, &newer).offenders
    }

    #[test]
    fn what_is_exported_passes() {
        assert!(offenders("ZwClose", &[]).is_empty());
        assert!(offenders("ExAllocatePool2", &[("ExAllocatePool2", 19041)]).is_empty());
    }

    #[test]
    fn what_is_not_or_is_too_new_is_named() {
        assert_eq!(
            offenders("ZwClos", &[]),
            ["ZwClos is no export that is known"]
        );
        let found = offenders("IoNew", &[("IoNew", 22000)]);
        assert_eq!(
            found,
            ["IoNew is there from build 22000, and the driver is for 19041"]
        );
        assert_eq!(offenders("ZwClose", &[("ZwClose", 10240)]).len(), 1);
        assert_eq!(offenders("ZwClose", &[("IoOld", 10240)]).len(), 1);
    }

    #[test]
    fn the_project_s_list_can_be_read() {
        assert!(newer(super::NEWER).expect("it is a list").len() > 3);
        assert!(newer("Name").is_err());
        assert!(newer("Name 1\nName 2").is_err());
    }
}
