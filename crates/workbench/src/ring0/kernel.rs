//! Builds the small kernel.

use std::path::PathBuf;

use anyhow::{Context, Result, ensure};

use super::project;
use crate::toolchain::{BARE, Toolchain};

/// Builds the kernel and says where it is.
///
/// # Errors
///
/// Where no toolchain can build it or the build fails.
pub fn build() -> Result<PathBuf> {
    let toolchain = Toolchain::for_target(BARE)?;
    let folder = project().join("tests/ring0");
    let output = project().join("target/ring0");
    let mut cargo = toolchain.cargo("build");
    // The folder brings the kernel's own flags, in `.cargo/config.toml`.
    cargo.current_dir(&folder);
    cargo.args([
        "--release",
        "--locked",
        "--quiet",
        "--package",
        "vmdisp-ring0",
        "--target-dir",
    ]);
    cargo.arg(&output);
    let status = cargo.status().context("starting cargo for the kernel")?;
    ensure!(
        status.success(),
        "the kernel could not be built ({})",
        toolchain.describe()
    );
    Ok(output.join(BARE).join("release/vmdisp-ring0"))
}
