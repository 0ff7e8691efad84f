//! A second reader of the signatures: osslsigncode, where it is installed.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use der::EncodePem as _;
use der::pem::LineEnding;
use x509_cert::Certificate;

use crate::toolchain::find_program;

/// Its name.
pub const PROGRAM: &str = "osslsigncode";

/// Whether it takes a file's signature for right, by that certificate and no other; with `catalog` not
/// the file's own, but the catalog's. Why not, if it does not. `None` if it is not installed.
///
/// # Errors
///
/// It cannot be started.
pub fn verify(
    file: &Path,
    catalog: Option<&Path>,
    certificate: &Certificate,
) -> Result<Option<Result<(), String>>> {
    let Some(program) = find_program(PROGRAM) else {
        return Ok(None);
    };
    let folder = tempfile::tempdir()?;
    let trusted = folder.path().join("trusted.pem");
    fs::write(&trusted, certificate.to_pem(LineEnding::LF)?)?;
    let mut command = Command::new(program);
    command.arg("verify").arg("-CAfile").arg(&trusted);
    if let Some(catalog) = catalog {
        command.arg("-catalog").arg(catalog);
    }
    let output = command
        .arg("-in")
        .arg(file)
        .output()
        .with_context(|| format!("starting {PROGRAM}"))?;
    if output.status.success() {
        return Ok(Some(Ok(())));
    }
    let text = [output.stdout, output.stderr].concat();
    let text = String::from_utf8_lossy(&text).into_owned();
    let mut lines = text.lines().map(str::trim).filter(|line| {
        let line = line.to_lowercase();
        ["mismatch", "fail", "error", "invalid"]
            .iter()
            .any(|word| line.contains(word))
    });
    let why = lines.next().unwrap_or("it does not say why").to_owned();
    Ok(Some(Err(format!("{PROGRAM} refuses it: {why}"))))
}
