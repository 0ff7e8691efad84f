//! Sections have the rights that they need, and DriverEntry goes when it has run.
//!
//! What is in a discardable section is given back after DriverEntry, so nothing but what runs or is
//! read before that may be in one: DriverEntry itself (INIT), relocations and resources.

use super::Finding;
use super::image::{Image, Section};

/// What the loader and DriverEntry alone need.
const DISCARDABLE: [&str; 3] = ["INIT", ".reloc", ".rsrc"];

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let mut offenders = Vec::new();
    for section in &image.sections {
        let Section { name, .. } = section;
        if section.writable && section.executable {
            offenders.push(format!("{name} is writable and executable"));
        }
        match (DISCARDABLE.contains(&name.as_str()), section.discardable) {
            (true, false) => offenders.push(format!("{name} is not discardable")),
            (false, true) => offenders.push(format!("{name} is discardable")),
            _ => {}
        }
    }
    let entry = image.header.entry;
    let home = image
        .sections
        .iter()
        .find(|section| (section.start..section.end).contains(&entry));
    match home {
        Some(section) if !section.executable => {
            offenders.push(format!(
                "DriverEntry is in {}, which is no code",
                section.name
            ));
        }
        Some(section) if section.name != "INIT" => {
            offenders.push(format!("DriverEntry is in {}, not in INIT", section.name));
        }
        Some(_) => {}
        None => offenders.push("DriverEntry is in no section".into()),
    }
    let names: Vec<_> = image
        .sections
        .iter()
        .map(|section| &*section.name)
        .collect();
    Finding {
        check: "sections",
        seen: names.join(" "),
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Header, Image, Section};
    use super::check;

    fn image() -> Image {
        let section = |name: &str, start, executable, discardable| Section {
            name: name.into(),
            start,
            end: start + 1,
            writable: false,
            executable,
            discardable,
        };
        Image {
            header: Header {
                entry: 3,
                ..Header::default()
            },
            sections: vec![
                section(".text", 1, true, false),
                section(".data", 2, false, false),
                section("INIT", 3, true, true),
                section(".rsrc", 4, false, true),
            ],
            ..Image::default()
        }
    }

    fn wrong(change: impl FnOnce(&mut Image)) -> Vec<String> {
        let mut image = image();
        change(&mut image);
        check(&image).offenders
    }

    #[test]
    fn right_sections_pass() {
        assert!(wrong(|_| ()).is_empty());
    }

    #[test]
    fn each_wrong_right_is_named() {
        let found = wrong(|image| image.sections[0].writable = true);
        assert_eq!(found, [".text is writable and executable"]);
        let found = wrong(|image| image.sections[2].discardable = false);
        assert_eq!(found, ["INIT is not discardable"]);
        let found = wrong(|image| image.sections[1].discardable = true);
        assert_eq!(found, [".data is discardable"]);
    }

    #[test]
    fn driver_entry_has_its_place() {
        let found = wrong(|image| image.header.entry = 1);
        assert_eq!(found, ["DriverEntry is in .text, not in INIT"]);
        let found = wrong(|image| image.header.entry = 2);
        assert_eq!(found, ["DriverEntry is in .data, which is no code"]);
        let found = wrong(|image| image.header.entry = 9);
        assert_eq!(found, ["DriverEntry is in no section"]);
    }
}
