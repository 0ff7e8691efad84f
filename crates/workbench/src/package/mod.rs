//! `package`: what a user installs, from the sources to signed files in one folder, and its checks.
//!
//! | module | what it does |
//! |---|---|
//! | [`make`] | builds, stamps, signs: the files |
//! | [`facts`] | what an INF says that concerns its catalog |
//! | [`check`] | checks a folder as a whole, whoever made it |
//! | [`second`] | the same signatures read by osslsigncode, which shares no code with ours |
//! | [`readme`] | the text that goes with the files |
//!
//! A package is made in a folder of its own and checked there; only one that passes takes the place of
//! the last one.

mod check;
mod facts;
mod make;
mod readme;
mod second;
#[cfg(test)]
mod tests;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::println;
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::authenticode::hex;
use crate::inf::INFS;
use crate::inf::stamp::Architecture;
use crate::{report, setup};
use check::Part;
use make::Who;

/// The driver, in a package.
const SYS: &str = "vmdisp.sys";
/// Its symbols.
const PDB: &str = "vmdisp.pdb";
/// The commands for WinDbg.
const SCRIPT: &str = "vmdisp.js";
/// The signer's certificate.
const CERTIFICATE: &str = "vmdisp.cer";
/// What is said to people.
const README: &str = "README.txt";

/// Make a driver package: vmdisp.sys and its PDB, both INFs with their catalogs, signed, and checked.
///
/// The folder is what `pnputil /add-driver` takes on a test-signed Windows; its README.txt says how.
/// Files are signed with a test certificate that is made once and kept in target/package, or with one
/// of your own. The same sources, tools and certificate give the same bytes.
#[derive(clap::Args)]
pub struct Args {
    /// The architecture
    #[arg(long, value_enum, default_value_t = Architecture::X64)]
    arch: Architecture,

    /// The folder to write [default: target/package/vmdisp, or vmdisp-arm64]
    #[arg(long, value_name = "FOLDER")]
    to: Option<PathBuf>,

    /// Sign with this certificate (PEM or DER) instead of the test certificate
    #[arg(long, value_name = "FILE", requires = "key")]
    certificate: Option<PathBuf>,

    /// Its private key (RSA in PEM, without a password)
    #[arg(long, value_name = "FILE", requires = "certificate")]
    key: Option<PathBuf>,

    /// Make nothing: check the package in this folder, and name what is wrong
    #[arg(long, value_name = "FOLDER", conflicts_with_all = ["arch", "to", "certificate", "setup"])]
    check: Option<PathBuf>,

    /// First install what is missing, as `cargo run -- setup` does
    #[arg(long)]
    setup: bool,

    /// Also write the files, and what was found, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// A tool, a file or a build that fails. A package that is wrong is no error, but exit code 1.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(folder) = &args.check {
        let parts = check::check(folder)?;
        return finish(args, folder, &parts);
    }
    if args.setup {
        setup::run(&setup::Args::default())?;
    }
    let who = match (&args.certificate, &args.key) {
        (Some(certificate), Some(key)) => Who::Given(certificate.clone(), key.clone()),
        _ => Who::Tests,
    };
    let folder = args.to.clone().unwrap_or_else(|| default_folder(args.arch));
    may_write(&folder)?;
    let made = make::make(args.arch, &who)?;
    let parts = check::check(made.path())?;
    if is_right(&parts) {
        replace(made.path(), &folder)?;
    } else {
        eprintln!("error: nothing was written to {}", folder.display());
    }
    finish(args, &folder, &parts)
}

/// A package for x64 of the project's own driver, signed for tests, in a folder that goes when it is dropped. Nothing
/// of it is checked.
///
/// # Errors
///
/// A tool, a file or a build that fails.
pub fn for_tests() -> Result<TempDir> {
    make::make(Architecture::X64, &Who::Tests)
}

/// Shows what a check found, as the exit code does.
fn finish(args: &Args, folder: &Path, parts: &[Part]) -> Result<ExitCode> {
    if let Some(file) = &args.json {
        report::write_json(file, &as_json(folder, parts))?;
    }
    let rows: Vec<_> = parts.iter().map(row).collect();
    report::print_package(&rows);
    let here = std::env::current_dir().unwrap_or_default();
    let near = folder.strip_prefix(&here).unwrap_or(folder);
    println!("package  {}", near.display());
    Ok(report::exit_code(is_right(parts)))
}

fn is_right(parts: &[Part]) -> bool {
    !parts.is_empty() && parts.iter().all(|part| part.wrong.is_empty())
}

fn row(part: &Part) -> report::File {
    report::File {
        name: part.file.clone(),
        bytes: part.bytes,
        digest: hex(&part.sha256)[..16].to_owned(),
        checked: part.checked.clone(),
        wrong: part.wrong.clone(),
    }
}

fn as_json(folder: &Path, parts: &[Part]) -> Value {
    let part = |part: &Part| {
        json!({
            "file": part.file,
            "bytes": part.bytes,
            "sha256": hex(&part.sha256),
            "checked": part.checked,
            "wrong": part.wrong,
        })
    };
    json!({
        "folder": folder,
        "right": is_right(parts),
        "files": parts.iter().map(part).collect::<Vec<_>>(),
    })
}

/// Where packages are made.
fn packages() -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = workbench.ancestors().nth(2).unwrap_or(workbench);
    project.join("target/package")
}

fn default_folder(architecture: Architecture) -> PathBuf {
    packages().join(match architecture {
        Architecture::X64 => "vmdisp",
        Architecture::Arm64 => "vmdisp-arm64",
    })
}

/// Checks that `folder` may be written to: that it holds an older package at most.
fn may_write(folder: &Path) -> Result<()> {
    let infs = INFS.iter();
    let infs = infs.flat_map(|inf| [format!("{inf}.inf"), format!("{inf}.cat")]);
    let own: Vec<String> = [SYS, PDB, SCRIPT, CERTIFICATE, README]
        .map(str::to_owned)
        .into_iter()
        .chain(infs)
        .collect();
    if !folder.exists() {
        return Ok(());
    }
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let name = entry?.file_name();
        ensure!(
            own.iter().any(|own| name == own.as_str()),
            "{} holds something that is of no package: {}. Choose another folder with --to",
            folder.display(),
            name.display()
        );
    }
    Ok(())
}

/// Copies the files of a package into `folder`.
fn replace(made: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder).with_context(|| format!("making {}", folder.display()))?;
    for entry in fs::read_dir(made)? {
        let entry = entry?;
        let to = folder.join(entry.file_name());
        fs::copy(entry.path(), &to).with_context(|| format!("writing {}", to.display()))?;
    }
    Ok(())
}
