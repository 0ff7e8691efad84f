//! A package is made of the real driver, then damaged in one place after the other.
//!
//! Where the driver cannot be built the tests say so and are skipped; in CI (`CI=true`) that is a
//! failure.

use std::ffi::OsString;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use iced_x86::{Decoder, DecoderOptions, Instruction, Mnemonic};
use object::LittleEndian as LE;
use object::read::pe::PeFile64;
use tempfile::TempDir;

use super::check::{Part, check};
use super::make::{Who, make};
use super::{PDB, SYS, second};
use crate::inf::stamp::Architecture;
use crate::inspect;
use crate::toolchain::find_program;

/// Files, by name.
type Files = Vec<(OsString, Vec<u8>)>;

/// The package that all tests copy, or why there is none.
static PACKAGE: LazyLock<Result<Files, String>> = LazyLock::new(|| {
    for tool in ["qemu-system-x86_64", second::PROGRAM] {
        if find_program(tool).is_none() {
            return Err(format!(
                "{tool} is missing: `cargo run -- setup` installs it"
            ));
        }
    }
    match make(Architecture::X64, &Who::Tests) {
        Ok(folder) => Ok(files(folder.path())),
        Err(error) => {
            let why = format!("{error:#}");
            // What is missing is reported with the command that installs it.
            assert!(why.contains("cargo run -- setup"), "{why}");
            Err(why)
        }
    }
});

fn files(folder: &Path) -> Files {
    let entries = fs::read_dir(folder).expect("it is there");
    let file = |entry: std::io::Result<fs::DirEntry>| {
        let entry = entry.expect("it is there");
        let content = fs::read(entry.path()).expect("it can be read");
        (entry.file_name(), content)
    };
    entries.map(file).collect()
}

/// The driver of the package.
fn driver() -> &'static [u8] {
    let files = PACKAGE.as_ref().expect("it was copied");
    let driver = files.iter().find(|(name, _)| name == SYS);
    &driver.expect("it is there").1
}

/// A copy of the package, for one test; `None` if there is none.
fn copy() -> Option<TempDir> {
    let package = match PACKAGE.as_ref() {
        Ok(package) => package,
        Err(why) => {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "no package can be made, and this is CI: {why}");
            // Not by eprintln!, which the test harness keeps to itself.
            let _ = writeln!(std::io::stderr(), "package: SKIPPED, {why}");
            return None;
        }
    };
    let copy = tempfile::tempdir().expect("a folder");
    for (name, content) in package {
        fs::write(copy.path().join(name), content).expect("it is copied");
    }
    Some(copy)
}

/// What is wrong with a package, as `file: what`.
fn wrong(folder: &Path) -> Vec<String> {
    let parts = check(folder).expect("it is a folder");
    let lines = |part: &Part| {
        let line = |what: &String| format!("{}: {what}", part.file);
        part.wrong.iter().map(line).collect::<Vec<_>>()
    };
    parts.iter().flat_map(lines).collect()
}

/// What is wrong once `change` was made in the file `name` of a copy.
fn wrong_with(name: &str, change: impl FnOnce(&mut Vec<u8>)) -> Option<Vec<String>> {
    let copy = copy()?;
    let file = copy.path().join(name);
    let mut content = fs::read(&file).expect("it is there");
    change(&mut content);
    fs::write(&file, content).expect("it can be written");
    Some(wrong(copy.path()))
}

fn assert_says(lines: &[String], file: &str, what: &str) {
    let found = lines
        .iter()
        .any(|line| line.starts_with(&format!("{file}: ")) && line.contains(what));
    assert!(found, "no \"{what}\" of {file} in {lines:#?}");
}

#[test]
fn a_package_is_right_and_everything_in_it_is_looked_at() {
    let Some(copy) = copy() else { return };
    assert_eq!(wrong(copy.path()), Vec::<String>::new());
    let parts = check(copy.path()).expect("it is a folder");
    let checked = parts
        .iter()
        .map(|part| format!("{}: {}", part.file, part.checked.join("; ")));
    let checked: Vec<String> = checked.collect();
    let expected = [
        (SYS, "signature, image and page digests"),
        (SYS, second::PROGRAM),
        (SYS, "full table: whole"),
        (SYS, "display-only table: whole"),
        (SYS, "guard: absent"),
        ("vmdisp.cat", "osslsigncode for vmdisp.sys"),
        ("vmdisp-display.cat", "2 members, _v100_X64"),
        ("vmdisp.inf", "vmdisp.sys in vmdisp.cat"),
    ];
    for (file, what) in expected {
        assert_says(&checked, file, what);
    }
}

#[test]
fn made_again_it_is_the_same_to_the_byte() {
    let Some(first) = copy() else { return };
    // Linked again, too: rustc gives files of each link a random name.
    let target = super::packages().with_file_name("driver/build");
    let linked = target.join("x86_64-pc-windows-msvc/release/deps/vmdisp.dll");
    fs::remove_file(&linked).expect("it was linked before");
    let second = make(Architecture::X64, &Who::Tests).expect("it was made before");
    let second = files(second.path());
    for (name, content) in files(first.path()) {
        let again = second.iter().find(|(other, _)| *other == name);
        let (_, again) = again.expect("it was made again");
        assert!(content == *again, "{}", name.display());
    }
    assert!(linked.is_file(), "it was not linked again");
}

/// Nobody is told where it was built.
#[test]
#[cfg_attr(windows, ignore = "Microsoft's linker writes the paths it is given")]
fn no_path_of_this_machine_is_in_it() {
    let Some(copy) = copy() else { return };
    let project = super::packages();
    let project = project.ancestors().nth(2).expect("it is in the project");
    let home = std::env::home_dir().expect("there is one");
    let tools = [".cargo", ".rustup"].map(|folder| home.join(folder));
    for (name, content) in files(copy.path()) {
        for path in [project, &tools[0], &tools[1]] {
            let path = path.to_str().expect("a path in UTF-8");
            let mut windows = content.windows(path.len());
            let found = windows.any(|window| window == path.as_bytes());
            assert!(!found, "{} has {path}", name.display());
        }
    }
}

#[test]
fn one_byte_of_the_driver_is_found_wherever_it_is() {
    for at in [0x4E, 0x800, 0x2_F000] {
        let Some(lines) = wrong_with(SYS, |file| file[at] ^= 1) else {
            return;
        };
        assert_says(&lines, SYS, "it was changed after it was signed");
        assert_says(&lines, SYS, "osslsigncode refuses it");
        assert_says(&lines, SYS, "header: the checksum is");
        for inf in ["vmdisp.inf", "vmdisp-display.inf"] {
            assert_says(&lines, inf, "vmdisp.sys is not what");
        }
        assert_says(&lines, "vmdisp.cat", "osslsigncode refuses it");
    }
}

#[test]
fn one_byte_of_an_inf_is_found() {
    let change = |file: &mut Vec<u8>| file[2] = b'V';
    let Some(lines) = wrong_with("vmdisp.inf", change) else {
        return;
    };
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert_says(&lines, "vmdisp.inf", "its digest is another");
}

#[test]
fn one_byte_of_a_catalog_is_found() {
    let Some(lines) = wrong_with("vmdisp.cat", |file| {
        let name: Vec<u8> = "vmdisp.sys"
            .encode_utf16()
            .flat_map(u16::to_le_bytes)
            .collect();
        let at = file.windows(name.len()).position(|window| window == name);
        file[at.expect("it lists the driver")] ^= 1;
    }) else {
        return;
    };
    assert_says(&lines, "vmdisp.cat", "its digest is another");
    assert_says(&lines, "vmdisp.inf", "its catalog vmdisp.cat");
}

#[test]
fn a_catalog_of_the_other_inf_is_found() {
    let Some(copy) = copy() else { return };
    let path = |name| copy.path().join(name);
    fs::copy(path("vmdisp-display.cat"), path("vmdisp.cat")).expect("it is copied");
    let lines = wrong(copy.path());
    assert_says(&lines, "vmdisp.cat", "and vmdisp.inf installs");
    assert_says(&lines, "vmdisp.inf", "does not list vmdisp.inf");
}

#[test]
fn another_signer_is_found() {
    let Some(copy) = copy() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let (other, _) =
        crate::authenticode::identity::Identity::for_tests(&folder.path().join("other"))
            .expect("it is made");
    let certificate = der::Encode::to_der(other.certificate()).expect("it is one");
    fs::write(copy.path().join(super::CERTIFICATE), certificate).expect("it can be written");
    let lines = wrong(copy.path());
    for file in [SYS, "vmdisp.cat", "vmdisp-display.cat"] {
        assert_says(&lines, file, "another certificate");
    }
}

#[test]
fn missing_and_foreign_files_are_found() {
    let Some(copy) = copy() else { return };
    for name in [PDB, "vmdisp.cat"] {
        fs::remove_file(copy.path().join(name)).expect("it was there");
    }
    fs::write(copy.path().join("notes.txt"), "").expect("it can be written");
    let lines = wrong(copy.path());
    assert_says(&lines, PDB, "cannot be read");
    assert_says(&lines, SYS, PDB);
    assert_says(&lines, "vmdisp.cat", "cannot be read");
    assert_says(&lines, "vmdisp.inf", "its catalog vmdisp.cat");
    assert_says(&lines, "notes.txt", "of no package");
}

#[test]
fn a_pdb_of_another_link_is_found() {
    // The GUID stands in the first bytes of the stream with the PDB's information.
    let Some(lines) = wrong_with(PDB, |file| {
        let guid = guid_of_the_image();
        let at = file.windows(16).position(|window| window == guid);
        file[at.expect("it has the image's GUID")] ^= 1;
    }) else {
        return;
    };
    for file in [SYS, PDB] {
        assert_says(&lines, file, "it belongs to another image");
    }
}

/// The GUID by which the driver names its PDB.
fn guid_of_the_image() -> [u8; 16] {
    let file = driver();
    let image = PeFile64::parse(file).expect("it is an image");
    let information = object::Object::pdb_info(&image).expect("it can be read");
    information.expect("it names a PDB").guid()
}

/// What is said of a damage, and the damage, by where the header is.
type Damage<'a> = (&'a str, &'a dyn Fn(&mut [u8], usize));

/// Damages of the driver's headers, as places behind "PE\0\0" or in a section's header, and what is
/// said of each.
#[test]
fn each_wrong_field_of_the_image_is_found() {
    const FLAGS: usize = 24 + 70;
    let clear = |flag: u16| {
        move |file: &mut [u8], pe: usize| {
            let at = pe + FLAGS;
            let flags = u16::from_le_bytes([file[at], file[at + 1]]) & !flag;
            file[at..at + 2].copy_from_slice(&flags.to_le_bytes());
        }
    };
    let section = |name: &'static [u8], bits: u32| {
        move |file: &mut [u8], _: usize| {
            let at = file.windows(name.len()).position(|window| window == name);
            let at = at.expect("it has that section") + 36;
            let flags = u32::from_le_bytes([file[at], file[at + 1], file[at + 2], file[at + 3]]);
            file[at..at + 4].copy_from_slice(&(flags ^ bits).to_le_bytes());
        }
    };
    let damages: [Damage<'_>; 12] = [
        (
            "it is for arm64, and vmdisp-display.inf for x64",
            &|file, pe| {
                file[pe + 4..pe + 6].copy_from_slice(&[0x64, 0xAA]);
            },
        ),
        ("header: subsystem 2, not native", &|file, pe| {
            file[pe + 24 + 68] = 2;
        }),
        ("header: not marked for WDM", &clear(0x2000)),
        ("header: not marked for NX", &clear(0x100)),
        ("header: not marked for ASLR", &clear(0x40)),
        (
            "header: not marked for a check of its signature",
            &clear(0x80),
        ),
        (
            "guard: claimed in the header, but no checks in its code",
            &|file, pe| {
                file[pe + FLAGS + 1] |= 0x40;
            },
        ),
        ("header: the checksum is", &|file, pe| {
            file[pe + 24 + 64] ^= 1;
        }),
        (
            "sections: .text is writable and executable",
            &section(b".text\0\0\0", 0x8000_0000),
        ),
        (
            "sections: INIT is not discardable",
            &section(b"INIT\0\0\0\0", 0x0200_0000),
        ),
        (
            "sections: .data is discardable",
            &section(b".data\0\0\0", 0x0200_0000),
        ),
        ("imports: ExAllocateP00l2 is not in the list", &|file, _| {
            crate::damage::misspelt_import(file, Path::new("")).expect("it imports it");
        }),
    ];
    for (says, damage) in damages {
        let Some(lines) = wrong_with(SYS, |file| {
            let pe = u32::from_le_bytes([file[60], file[61], file[62], file[63]]) as usize;
            damage(file, pe);
        }) else {
            return;
        };
        assert_says(&lines, SYS, says);
    }
}

/// The driver's code that enters a callback into its table enters nothing instead.
#[test]
fn a_hole_in_a_table_is_found() {
    let Some(copy) = copy() else { return };
    let file = copy.path().join(SYS);
    let image = inspect::Image::read(&file).expect("it is an image");
    let callback = image
        .functions
        .iter()
        .find(|function| function.name().ends_with("::query_child_status"))
        .expect("it has that callback");
    let place = image
        .functions
        .iter()
        .find_map(|function| {
            let code = image.code(function);
            let decoder = Decoder::with_ip(64, code, function.start.into(), DecoderOptions::NONE);
            let takes = |instruction: &Instruction| {
                instruction.mnemonic() == Mnemonic::Lea
                    && instruction.is_ip_rel_memory_operand()
                    && instruction.ip_rel_memory_address() == u64::from(callback.start)
            };
            decoder.into_iter().find(takes)
        })
        .expect("its address is taken");
    let damaged = crate::damage::Damaged::new(&file, |file, _| {
        let at = {
            let image = PeFile64::parse(&*file)?;
            let address = u32::try_from(place.ip())?;
            let mut places = image
                .section_table()
                .iter()
                .filter_map(|section| section.pe_file_range_at(address));
            places.next().expect("it is in a section").0 as usize
        };
        // `lea register, [rip + n]` becomes `mov register, 0` of the same seven bytes.
        let register = file[at + 2] >> 3 & 7;
        let rex = 0x48 | (file[at] & 4) >> 2;
        file[at..at + 7].copy_from_slice(&[rex, 0xC7, 0xC0 | register, 0, 0, 0, 0]);
        Ok(())
    });
    let damaged = damaged.expect("it is damaged");
    let tables = crate::ring0::tables(&damaged.path()).expect("it registers");
    let wrong: Vec<String> = tables.into_iter().flat_map(|table| table.wrong).collect();
    let found = wrong
        .iter()
        .any(|what| what.contains("DxgkDdiQueryChildStatus is missing"));
    assert!(found, "{wrong:#?}");
}

/// What a version resource says is compared with Cargo.toml.
#[test]
fn another_version_is_found() {
    let Some(lines) = wrong_with(SYS, |file| {
        let mark = 0xFEEF_04BD_u32.to_le_bytes();
        let at = file.windows(4).position(|window| window == mark);
        file[at.expect("it has a version") + 8] ^= 1;
    }) else {
        return;
    };
    assert_says(&lines, SYS, "version: the version is not");
}

/// The entry about the checksum is where the tests above think it is.
#[test]
fn places_in_the_header_are_right() {
    if copy().is_none() {
        return;
    }
    let file = driver();
    let image = PeFile64::parse(file).expect("it is an image");
    let optional = &image.nt_headers().optional_header;
    let pe = image.dos_header().nt_headers_offset() as usize;
    let half = |at: usize| u16::from_le_bytes([file[at], file[at + 1]]);
    assert_eq!(half(pe + 24 + 68), optional.subsystem.get(LE).0);
    assert_eq!(half(pe + 24 + 70), optional.dll_characteristics.get(LE).0);
}
