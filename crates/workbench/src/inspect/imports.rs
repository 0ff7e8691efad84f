//! Nothing is imported that the project's list does not name.
//!
//! An import that the oldest Windows lacks keeps the driver from loading at all, so each one is a
//! decision. The list has a line an import: its name, and why it is there.

use std::collections::BTreeMap;

use anyhow::{Result, ensure};

use super::Finding;
use super::image::Image;

/// The image that a display miniport may import from.
const LIBRARY: &str = "ntoskrnl.exe";

/// The list.
#[derive(Debug, Default)]
pub struct Allowed(BTreeMap<String, String>);

impl Allowed {
    /// Reads a list. A `#` begins a comment.
    ///
    /// # Errors
    ///
    /// A line without a reason, or a name that is there twice.
    pub fn parse(text: &str) -> Result<Self> {
        let mut allowed = BTreeMap::new();
        let lines = text
            .lines()
            .map(|line| line.split('#').next().unwrap_or_default().trim());
        for line in lines.filter(|line| !line.is_empty()) {
            let (name, why) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            ensure!(
                !why.is_empty(),
                "the list of imports does not say why {name} is there"
            );
            let twice = allowed.insert(name.to_owned(), why.trim().to_owned());
            ensure!(twice.is_none(), "the list of imports has {name} twice");
        }
        Ok(Self(allowed))
    }

    /// The names in it.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// Runs the check.
pub fn check(image: &Image, allowed: &Allowed) -> Finding {
    let mut offenders = Vec::new();
    for import in &image.imports {
        if !import.library.eq_ignore_ascii_case(LIBRARY) {
            offenders.push(format!(
                "{} of {}, not of {LIBRARY}",
                import.name, import.library
            ));
        } else if !allowed.0.contains_key(&import.name) {
            offenders.push(format!("{} is not in the list", import.name));
        }
    }
    if image.imports.is_empty() {
        offenders.push("the image imports nothing at all".into());
    }
    let seen = format!(
        "{} imports, {} allowed",
        image.imports.len(),
        allowed.0.len()
    );
    Finding {
        check: "imports",
        seen,
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Image, Import};
    use super::{Allowed, check};

    fn offenders(imports: &[(&str, &str)]) -> Vec<String> {
        let import = |(library, name): &(&str, &str)| Import {
            library: (*library).into(),
            name: (*name).into(),
            slot: 0,
        };
        let image = Image {
            imports: imports.iter().map(import).collect(),
            ..Image::default()
        };
        let allowed =
            Allowed::parse("# why\nZwClose  ends handles # so\n\n").expect("it is a list");
        check(&image, &allowed).offenders
    }

    #[test]
    fn what_is_not_in_the_list_is_named() {
        assert!(offenders(&[("ntoskrnl.exe", "ZwClose")]).is_empty());
        let found = offenders(&[("ntoskrnl.exe", "ZwClose"), ("ntoskrnl.exe", "ZwOpenFile")]);
        assert_eq!(found, ["ZwOpenFile is not in the list"]);
        let found = offenders(&[("hal.dll", "ZwClose")]);
        assert_eq!(found, ["ZwClose of hal.dll, not of ntoskrnl.exe"]);
        assert_eq!(offenders(&[]), ["the image imports nothing at all"]);
    }

    #[test]
    fn a_list_says_why_and_says_it_once() {
        assert!(Allowed::parse("ZwClose").is_err());
        assert!(Allowed::parse("ZwClose a\nZwClose b").is_err());
    }

    #[test]
    fn the_project_s_list_can_be_read() {
        let allowed = Allowed::parse(include_str!("../../../../inf/imports.txt"));
        assert!(allowed.expect("it is a list").0.len() > 10);
    }
}
