//! Installing what is missing.
//!
//! Rust targets come from rustup where it has them. The rest comes from Debian's packages, as root or
//! through sudo. On other systems this only says what to install.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};

use super::needs::Need;
use crate::toolchain::{BARE, WINDOWS, WINDOWS_ARM64, find_program};

/// The targets that `driver` and `ring0` build for.
const TARGETS: [&str; 3] = [WINDOWS, WINDOWS_ARM64, BARE];

/// Installs what can be installed, or says how to.
pub fn install(missing: &[Need], dry_run: bool) -> Result<ExitCode> {
    let mut missing: Vec<&Need> = missing.iter().collect();
    let wants_targets = missing.iter().any(|need| need.is_toolchain());
    if wants_targets && let Some(rustup) = find_program("rustup") {
        let mut add = Command::new(rustup);
        add.args(["target", "add"]).args(TARGETS);
        // A mirror may lack them, and Debian's packages do as well.
        if perform(&mut add, dry_run)? {
            missing.retain(|need| !need.is_toolchain());
        }
    }
    if missing.is_empty() {
        return Ok(ExitCode::SUCCESS);
    }
    let mut packages: Vec<&str> = missing
        .iter()
        .flat_map(|need| need.debian)
        .copied()
        .collect();
    packages.dedup();
    let Some(apt) = find_program("apt-get") else {
        println!("This is no Debian system. Install with its own package manager:");
        for need in &missing {
            println!("  {}: on Debian, {}", need.what, need.debian.join(" "));
        }
        return Ok(ExitCode::FAILURE);
    };
    for arguments in [
        &["update"][..],
        &["install", "--yes", "--no-install-recommends"],
    ] {
        let mut command = as_root(&apt)?;
        command.args(arguments);
        if arguments[0] == "install" {
            command.args(&packages);
        }
        if !perform(&mut command, dry_run)? {
            bail!("apt-get failed; the packages are {}", packages.join(" "));
        }
    }
    let still: Vec<&str> = missing
        .iter()
        .filter(|need| !need.is_there())
        .map(|need| need.what)
        .collect();
    if !still.is_empty() && !dry_run {
        bail!("installed, but still not found: {}", still.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}

/// A command that runs as root: as it is, or through sudo. It waits for another apt's lock.
fn as_root(apt: &Path) -> Result<Command> {
    let mut command = if is_root() {
        Command::new(apt)
    } else {
        let sudo: PathBuf = find_program("sudo")
            .context("packages are installed by root, and there is no sudo: run setup as root")?;
        let mut command = Command::new(sudo);
        command.arg(apt);
        command
    };
    command.args(["-o", "DPkg::Lock::Timeout=600"]);
    Ok(command)
}

/// Whether this process runs as root, as the owner of its own entry in /proc shows.
fn is_root() -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
    }
    #[cfg(not(unix))]
    {
        false
    }
}

/// Says what it runs, and runs it. False if it failed.
fn perform(command: &mut Command, dry_run: bool) -> Result<bool> {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let line: Vec<_> = words
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    println!("$ {}", line.join(" "));
    if dry_run {
        return Ok(true);
    }
    let status = command
        .status()
        .with_context(|| format!("starting {}", line[0]))?;
    Ok(status.success())
}
