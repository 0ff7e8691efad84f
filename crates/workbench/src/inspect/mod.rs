//! `inspect`: checks a release `vmdisp.sys` for what the compiler promises nobody.
//!
//! | check | rule |
//! |---|---|
//! | [`panics`] | no function can reach a panic or the allocation-error handler, but those themselves |
//! | [`frames`] | no stack frame is over 1 KiB: a kernel stack has 24 KiB for everyone on it |
//! | [`imports`] | nothing is imported that the project's list does not name |
//! | [`exports`] | ntoskrnl exports all that the list names, on the oldest Windows that the driver is for |
//! | [`header`] | a native WDM driver, NX, ASLR, force-integrity, right checksum |
//! | [`sections`] | none writable and executable; DriverEntry in INIT, which is discardable |
//! | [`guard`] | control-flow guard is there or not, and never only claimed |
//! | [`resources`] | its version is that of Cargo.toml |
//!
//! The image is taken apart once ([`image`], [`symbols`]) into plain data, which the checks read and
//! their tests make up. Panics and frames are looked for in x64 code alone.

mod checksum;
mod exports;
mod frames;
mod guard;
mod header;
pub mod image;
mod imports;
mod panics;
mod resources;
mod sections;
mod symbols;
mod unwind;

pub use checksum::checksum;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use object::LittleEndian as LE;
use object::pe::{IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_ARM64};
use object::read::Object as _;
use object::read::pe::PeFile64;

use crate::inf::stamp::Architecture;
use crate::report;
pub use image::Image;

/// Check a vmdisp.sys: panics, stack frames, imports, header, sections, version.
#[derive(clap::Args)]
pub struct Args {
    /// The image; its PDB lies beside it
    file: PathBuf,
    /// The imports that are allowed, with why
    #[arg(long, value_name = "FILE")]
    imports: Option<PathBuf>,
}

/// What a check found.
pub struct Finding {
    /// What was checked, in the table.
    pub check: &'static str,
    /// What was looked at, so that a check that saw nothing shows.
    pub seen: String,
    /// What breaks the rule, by name.
    pub offenders: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let findings = check_file(&args.file, args.imports.as_deref())?;
    print!("{}", table(&findings));
    let clean = findings.iter().all(|finding| finding.offenders.is_empty());
    Ok(report::exit_code(clean))
}

/// All checks of a driver, whose PDB lies beside it, with that list of imports or the project's.
///
/// # Errors
///
/// It is no driver's image, its PDB is another's, or a list cannot be read.
pub fn check_file(file: &Path, imports: Option<&Path>) -> Result<Vec<Finding>> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../inf/imports.txt");
    let list = imports.unwrap_or(&list);
    let list = std::fs::read_to_string(list)
        .with_context(|| format!("reading the list of imports, {}", list.display()))?;
    let allowed = imports::Allowed::parse(&list)?;
    let image = Image::read(file)?;
    let mut findings = Vec::new();
    if image.header.machine == IMAGE_FILE_MACHINE_AMD64.0 {
        findings.extend([panics::check(&image), frames::check(&image)]);
    }
    findings.extend([
        imports::check(&image, &allowed),
        exports::check(&allowed)?,
        header::check(&image),
        sections::check(&image),
        guard::check(&image),
        resources::check(&image),
    ]);
    Ok(findings)
}

/// The architecture that an image is for.
///
/// # Errors
///
/// It is no image, or for none of those that the driver is built for.
pub fn architecture(file: &[u8]) -> Result<Architecture> {
    let image = PeFile64::parse(file)?;
    match image.nt_headers().file_header.machine.get(LE) {
        IMAGE_FILE_MACHINE_AMD64 => Ok(Architecture::X64),
        IMAGE_FILE_MACHINE_ARM64 => Ok(Architecture::Arm64),
        other => bail!("it is for machine {:#x}, neither x64 nor ARM64", other.0),
    }
}

/// Checks that a PDB is that of an image, and says by what.
///
/// # Errors
///
/// It is not, or one of them cannot be read.
pub fn check_pdb(pdb: &Path, image: &[u8]) -> Result<String> {
    let image = PeFile64::parse(image).context("the driver cannot be read")?;
    let identity = image.pdb_info()?.context("the driver names no PDB")?;
    let guid = symbols::open(pdb, identity.guid(), identity.age())?
        .pdb_information()?
        .guid;
    Ok(format!("GUID {guid:X}, age {}", identity.age()))
}

/// One line a check, and one a thing that breaks its rule.
fn table(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let verdict = if finding.offenders.is_empty() {
            "ok"
        } else {
            "FAILED"
        };
        let _ = writeln!(text, "{:<9} {verdict:<7} {}", finding.check, finding.seen);
        for offender in &finding.offenders {
            let _ = writeln!(text, "          {offender}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::{Finding, table};

    #[test]
    fn the_table_names_offenders_under_their_check() {
        let finding = |check, offenders: &[&str]| Finding {
            check,
            seen: "3 things".into(),
            offenders: offenders.iter().map(ToString::to_string).collect(),
        };
        let text = table(&[
            finding("frames", &[]),
            finding("imports", &["Bad", "Worse"]),
        ]);
        assert_eq!(
            text,
            "frames    ok      3 things\nimports   FAILED  3 things\n          Bad\n          Worse\n"
        );
    }
}
