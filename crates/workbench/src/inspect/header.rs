//! The headers say what a kernel-mode driver must be.

use object::pe::{
    IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
    IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA, IMAGE_DLLCHARACTERISTICS_NX_COMPAT,
    IMAGE_DLLCHARACTERISTICS_WDM_DRIVER, IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64,
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
    let machine = match header.machine {
        machine if machine == IMAGE_FILE_MACHINE_AMD64.0 => "x64",
        machine if machine == IMAGE_FILE_MACHINE_ARM64.0 => "ARM64",
        other => {
            offenders.push(format!("for machine {other:#x}, neither x64 nor ARM64"));
            "unknown machine"
        }
    };
    let flags = [
        (IMAGE_DLLCHARACTERISTICS_WDM_DRIVER, "WDM"),
        (IMAGE_DLLCHARACTERISTICS_NX_COMPAT, "NX"),
        (IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE, "ASLR"),
        (
            IMAGE_DLLCHARACTERISTICS_HIGH_ENTROPY_VA,
            "ASLR with 64 bits",
        ),
        (
            IMAGE_DLLCHARACTERISTICS_FORCE_INTEGRITY,
            "a check of its signature at load (force integrity)",
        ),
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
    let seen = format!(
        "{machine}, flags {:#x}, checksum {stored:#x}",
        header.characteristics
    );
    Finding {
        check: "header",
        seen,
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Header, Image};
    use super::check;

    /// What the check says of a right header that one thing is then wrong with.
    fn wrong(change: impl FnOnce(&mut Header)) -> Vec<String> {
        let mut header = Header {
            machine: 0x8664,
            subsystem: 1,
            characteristics: 0x21E0,
            checksum: (7, 7),
            entry: 0,
        };
        change(&mut header);
        check(&Image {
            header,
            ..Image::default()
        })
        .offenders
    }

    #[test]
    fn a_right_header_passes() {
        assert!(wrong(|_| ()).is_empty());
        assert!(wrong(|header| header.machine = 0xAA64).is_empty());
    }

    #[test]
    fn each_wrong_field_is_named() {
        assert_eq!(
            wrong(|header| header.subsystem = 3),
            ["subsystem 3, not native"]
        );
        let found = wrong(|header| header.checksum.0 = 0);
        assert_eq!(found, ["the checksum is 0x0, and should be 0x7"]);
        assert_eq!(wrong(|header| header.machine = 0x14C).len(), 1);
    }

    #[test]
    fn each_missing_flag_is_named() {
        let flags = [
            (0x2000, "WDM"),
            (0x100, "NX"),
            (0x40, "ASLR"),
            (0x20, "ASLR with 64 bits"),
            (0x80, "a check of its signature at load (force integrity)"),
        ];
        for (flag, name) in flags {
            let found = wrong(|header| header.characteristics &= !flag);
            assert_eq!(found, [format!("not marked for {name}")]);
        }
    }
}
