//! Control-flow guard is real or absent.
//!
//! A linker that is asked for it sets the flag in the header whether or not the compiler put the checks
//! into the code. What shows the checks is the load configuration: the flags in it, the table of
//! functions that may be called, and the pointer through which the checks go.

use object::LittleEndian as LE;
use object::pe::{
    IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG, IMAGE_DLLCHARACTERISTICS_GUARD_CF,
    IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT, IMAGE_GUARD_CF_INSTRUMENTED, ImageLoadConfigDirectory64,
};
use object::read::pe::PeFile64;

use super::Finding;
use super::image::Image;

/// What the load configuration says of it; nothing where there is none.
#[derive(Debug, Clone, Copy, Default)]
pub struct Guard {
    pub flags: u32,
    /// Functions in the table.
    pub functions: u64,
    /// The address of the pointer to the check.
    pub check: u64,
}

/// Reads it out of an image as it lies in memory.
pub fn read(memory: &[u8], pe: &PeFile64<'_>) -> Guard {
    let directory = pe.data_directory(IMAGE_DIRECTORY_ENTRY_LOAD_CONFIG);
    let Some((start, _)) = directory.map(object::pe::ImageDataDirectory::address_range) else {
        return Guard::default();
    };
    let bytes = memory.get(start as usize..).unwrap_or_default();
    // A structure that is shorter than this one is older than control-flow guard.
    match object::pod::from_bytes::<ImageLoadConfigDirectory64>(bytes) {
        Ok((config, _)) if config.size.get(LE) >= 0x94 => Guard {
            flags: config.guard_flags.get(LE).0,
            functions: config.guard_cf_function_count.get(LE),
            check: config.guard_cf_check_function_pointer.get(LE),
        },
        _ => Guard::default(),
    }
}

/// Runs the check.
pub fn check(image: &Image) -> Finding {
    let guard = &image.guard;
    let claimed = image.header.characteristics & IMAGE_DLLCHARACTERISTICS_GUARD_CF.0 != 0;
    let has = |flag: object::pe::GuardFlags| guard.flags & flag.0 != 0;
    let signs = [
        (has(IMAGE_GUARD_CF_INSTRUMENTED), "no checks in its code"),
        (
            has(IMAGE_GUARD_CF_FUNCTION_TABLE_PRESENT) && guard.functions > 0,
            "no table of functions",
        ),
        (guard.check != 0, "no pointer to the check"),
    ];
    let mut offenders = Vec::new();
    if claimed {
        let missing = signs.iter().filter(|(there, _)| !there);
        offenders.extend(missing.map(|(_, what)| format!("claimed in the header, but {what}")));
    } else if signs.iter().any(|(there, _)| *there) {
        offenders.push("in the load configuration, but not in the header".into());
    }
    let seen = if claimed {
        format!("{} functions", guard.functions)
    } else {
        "absent, and not claimed".into()
    };
    Finding {
        check: "guard",
        seen,
        offenders,
    }
}

#[cfg(test)]
mod tests {
    use super::super::image::{Header, Image};
    use super::{Guard, check};

    const CLAIMED: u16 = 0x4000;
    const REAL: Guard = Guard {
        flags: 0x500,
        functions: 3,
        check: 0x1000,
    };

    fn offenders(characteristics: u16, guard: Guard) -> usize {
        let image = Image {
            header: Header {
                characteristics,
                ..Header::default()
            },
            guard,
            ..Image::default()
        };
        check(&image).offenders.len()
    }

    #[test]
    fn real_and_absent_pass() {
        assert_eq!(offenders(0, Guard::default()), 0);
        assert_eq!(offenders(CLAIMED, REAL), 0);
    }

    #[test]
    fn hollow_is_refused() {
        assert_eq!(offenders(CLAIMED, Guard::default()), 3);
        let no_table = Guard {
            functions: 0,
            ..REAL
        };
        assert_eq!(offenders(CLAIMED, no_table), 1);
        let no_checks = Guard {
            flags: 0x400,
            ..REAL
        };
        assert_eq!(offenders(CLAIMED, no_checks), 1);
        assert_eq!(offenders(0, REAL), 1);
    }
}
