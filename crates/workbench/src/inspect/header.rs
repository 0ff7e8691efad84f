//! The headers say what a kernel-mode driver must be.

use object::pe::{
    IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
    IMAGE_SUBSYSTEM_NATIVE,
};

use super::Finding;
use super::image::Image;

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let mut offenders = Vec::new();
    let header = &image.header;
    if header.subsystem != IMAGE_SUBSYSTEM_NATIVE.0 {
        offenders.push(format!("subsystem {}, not native", header.subsystem));
    }
    let flags = [
        (IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX"),
        (IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, "ASLR"),
    ];
    let missing = flags
        .iter()
        .filter(|(flag, _)| header.characteristics & flag.0 == 0);
    offenders.extend(missing.map(|(_, name)| format!("not marked for {name}")));
    let (stored, right) = header.checksum;
    if stored != right {
        offenders.push(format!(
            "the checksum is {stored:#x}, and should be {right:#x}"
        ));
    }
    let both = image
        .sections
        .iter()
        .filter(|section| section.writable && section.executable);
    offenders.extend(both.map(|section| format!("{} is writable and executable", section.name)));
    if !image.sections.iter().any(|section| section.executable) {
        offenders.push("there is no code".into());
    }
    let seen = format!("{} sections, checksum {stored:#x}", image.sections.len());
    Finding {
        check: "header",
        seen,
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Header, Image, Section};
    use super::check;

    fn image() -> Image {
        let section = |name: &str, writable, executable| Section {
            name: name.into(),
            start: 0,
            end: 1,
            writable,
            executable,
        };
        Image {
            header: Header {
                subsystem: 1,
                characteristics: 0x140,
                checksum: (7, 7),
            },
            sections: vec![section(".text", false, true), section(".data", true, false)],
            ..Image::default()
        }
    }

    /// What the check says of an image that one thing is wrong with.
    fn wrong(change: impl FnOnce(&mut Image)) -> Vec<String> {
        let mut image = image();
        change(&mut image);
        check(&image).offenders
    }

    #[test]
    fn a_right_header_passes() {
        assert!(wrong(|_| ()).is_empty());
    }

    #[test]
    fn each_wrong_field_is_named() {
        assert_eq!(
            wrong(|image| image.header.subsystem = 3),
            ["subsystem 3, not native"]
        );
        assert_eq!(
            wrong(|image| image.header.characteristics = 0x40),
            ["not marked for NX"]
        );
        assert_eq!(
            wrong(|image| image.header.characteristics = 0x100),
            ["not marked for ASLR"]
        );
        let found = wrong(|image| image.header.checksum.0 = 0);
        assert_eq!(found, ["the checksum is 0x0, and should be 0x7"]);
        let found = wrong(|image| image.sections[0].writable = true);
        assert_eq!(found, [".text is writable and executable"]);
        assert_eq!(
            wrong(|image| image.sections.truncate(0)),
            ["there is no code"]
        );
    }
}
