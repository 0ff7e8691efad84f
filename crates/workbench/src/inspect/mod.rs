//! `inspect`: checks a release `vmdisp.sys` for what the compiler promises nobody.
//!
//! | check | rule |
//! |---|---|
//! | [`panics`] | no function can reach a panic or the allocation-error handler, but those themselves |
//! | [`frames`] | no stack frame is over 1 KiB: a kernel stack has 24 KiB for everyone on it |
//! | [`imports`] | nothing is imported that the project's list does not name |
//! | [`header`] | a native driver, NX, ASLR, right checksum, no section writable and executable |
//!
//! The image is taken apart once ([`image`], [`symbols`]) into plain data, which the checks read and
//! their tests make up.

mod checksum;
mod frames;
mod header;
mod image;
mod imports;
mod panics;
mod symbols;
mod unwind;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use image::Image;

/// Check a vmdisp.sys: panics, stack frames, imports, header.
#[derive(clap::Args)]
pub struct Args {
    /// The image; its PDB lies beside it
    file: PathBuf,
    /// The imports that are allowed, with why
    #[arg(long, value_name = "FILE")]
    imports: Option<PathBuf>,
}

/// What a check found.
struct Finding {
    /// What was checked, in the table.
    check: &'static str,
    /// What was looked at, so that a check that saw nothing shows.
    seen: String,
    /// What breaks the rule, by name.
    offenders: Vec<String>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../inf/imports.txt");
    let list = args.imports.as_deref().unwrap_or(&list);
    let list = std::fs::read_to_string(list)
        .with_context(|| format!("reading the list of imports, {}", list.display()))?;
    let image = Image::read(&args.file)?;
    let findings = check(&image, &imports::Allowed::parse(&list)?);
    print!("{}", table(&findings));
    let clean = findings.iter().all(|finding| finding.offenders.is_empty());
    Ok(if clean {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// All checks.
fn check(image: &Image, allowed: &imports::Allowed) -> Vec<Finding> {
    vec![
        panics::check(image),
        frames::check(image),
        imports::check(image, allowed),
        header::check(image),
    ]
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
        let _ = writeln!(text, "{:<8} {verdict:<7} {}", finding.check, finding.seen);
        for offender in &finding.offenders {
            let _ = writeln!(text, "         {offender}");
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
            "frames   ok      3 things\nimports  FAILED  3 things\n         Bad\n         Worse\n"
        );
    }
}
