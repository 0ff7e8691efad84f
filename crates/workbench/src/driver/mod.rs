//! `driver`: builds `vmdisp.sys` and `vmdisp.pdb`.
//!
//! The package `vmdisp` with the feature `wdk` is built for `x86_64-pc-windows-msvc` on Microsoft's
//! windows-drivers-rs. On Windows these find the installed WDK. On other systems they are given a
//! kit made of mingw-w64's headers ([`kit`]) and a copy of wdk-build that does not insist on Windows
//! ([`edits`]); the sources, the options and the linker's input are otherwise the same.

mod edits;
pub mod files;
mod kit;
mod link;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

pub use link::SOURCES;

use crate::inf::stamp::Architecture;
use crate::setup;
use crate::toolchain::{Toolchain, WINDOWS, WINDOWS_ARM64, find_llvm_program};

/// Build vmdisp.sys and vmdisp.pdb into target/driver.
#[derive(clap::Args)]
pub struct Args {
    /// The architecture; arm64 goes into target/driver/arm64
    #[arg(long, value_enum, default_value_t = Architecture::X64)]
    arch: Architecture,
    /// Build without optimisation and with debug assertions, into target/driver/debug
    #[arg(long)]
    debug: bool,
    /// Build with this profile of Cargo.toml, into a folder of target/driver of its name
    #[arg(long, value_name = "NAME", conflicts_with = "debug")]
    profile: Option<String>,
    /// Run clippy on the driver as it is built for Windows, with warnings denied, and build nothing
    #[arg(long, conflicts_with_all = ["debug", "profile"])]
    clippy: bool,
}

/// How the driver is built.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Profile {
    /// What is shipped.
    Release,
    /// Without optimisation, with assertions.
    Debug,
    /// Another profile of Cargo.toml.
    Named(String),
}

/// What a build leaves.
#[derive(Debug, Clone)]
pub struct Built {
    /// The driver's image.
    pub sys: PathBuf,
    /// Its symbols.
    pub pdb: PathBuf,
}

impl Profile {
    /// The folder under `target/driver`, and cargo's in its target folder.
    fn folder(&self) -> &str {
        match self {
            Self::Release => "release",
            Self::Debug => "debug",
            Self::Named(name) => name,
        }
    }

    /// Cargo's name for it.
    fn name(&self) -> &str {
        match self {
            Self::Debug => "dev",
            Self::Release | Self::Named(_) => self.folder(),
        }
    }
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.clippy {
        clippy(args.arch)?;
        return Ok(ExitCode::SUCCESS);
    }
    let profile = match &args.profile {
        Some(name) => Profile::Named(name.clone()),
        None if args.debug => Profile::Debug,
        None => Profile::Release,
    };
    let built = build_for(args.arch, &profile)?;
    println!("{}", built.sys.display());
    println!("{}", built.pdb.display());
    Ok(ExitCode::SUCCESS)
}

/// Builds the driver for x64 and copies it to `target/driver/PROFILE/`.
///
/// # Errors
///
/// As for [`build_for`].
pub fn build(profile: &Profile) -> Result<Built> {
    build_for(Architecture::X64, profile)
}

/// Builds the driver and copies it to `target/driver/PROFILE/`, or `target/driver/arm64/PROFILE/`.
///
/// # Errors
///
/// A missing tool (the message names `cargo run -- setup`), a windows-drivers-rs release that the
/// edits do not fit, or a build that fails.
pub fn build_for(architecture: Architecture, profile: &Profile) -> Result<Built> {
    let project = project();
    let toolchain = Toolchain::for_target(target(architecture))?;
    eprintln!("{}", toolchain.describe());
    let mut cargo = prepared(&project, &toolchain, architecture, "build")?;
    cargo.args(["--profile", profile.name()]);
    checked(&mut cargo)?;

    let made = build_folder(&project)
        .join(target(architecture))
        .join(profile.folder());
    let mut folder = project.join("target/driver");
    if architecture != Architecture::X64 {
        folder.push(architecture.to_string());
    }
    folder.push(profile.folder());
    fs::create_dir_all(&folder)?;
    let built = Built {
        sys: folder.join("vmdisp.sys"),
        pdb: folder.join("vmdisp.pdb"),
    };
    for (from, to) in [("vmdisp.dll", &built.sys), ("vmdisp.pdb", &built.pdb)] {
        let from = made.join(from);
        copy_whole(&from, to)
            .with_context(|| format!("copying {} to {}", from.display(), to.display()))?;
    }
    Ok(built)
}

/// Copies a file so that who reads `to` meanwhile, as another run of the tool may, sees the old one or
/// the new one and no part of it.
fn copy_whole(from: &Path, to: &Path) -> Result<()> {
    let folder = to.parent().context("it has no folder")?;
    let new = tempfile::NamedTempFile::new_in(folder)?;
    fs::copy(from, new.path())?;
    new.persist(to)?;
    Ok(())
}

/// Rust's name for what the driver is built for.
fn target(architecture: Architecture) -> &'static str {
    match architecture {
        Architecture::X64 => WINDOWS,
        Architecture::Arm64 => WINDOWS_ARM64,
    }
}

/// Checks the driver's code with clippy for the target and the feature that it is shipped with.
fn clippy(architecture: Architecture) -> Result<()> {
    let project = project();
    let toolchain = Toolchain::for_target(target(architecture))?;
    eprintln!("{}", toolchain.describe());
    setup::require(&[setup::clippy(&toolchain)])?;
    let mut cargo = prepared(&project, &toolchain, architecture, "clippy")?;
    cargo.args(["--profile", "release", "--", "--deny", "warnings"]);
    checked(&mut cargo)
}

/// A cargo command for the driver's package, with all that it needs beside it.
fn prepared(
    project: &Path,
    toolchain: &Toolchain,
    architecture: Architecture,
    subcommand: &str,
) -> Result<Command> {
    let mut cargo = toolchain.cargo(subcommand);
    cargo
        .current_dir(project)
        .args([
            "--locked",
            "--package",
            "vmdisp",
            "--lib",
            "--features",
            "wdk",
            "--target-dir",
        ])
        .arg(build_folder(project))
        // A kernel driver has no unwinding; the release profile says so itself.
        .env("CARGO_PROFILE_DEV_PANIC", "abort");
    if !cfg!(windows) {
        setup::require(setup::DRIVER)?;
        let made = project.join("target/linux-wdk");
        let linker = || {
            toolchain
                .linker()
                .context("the driver's linker is not known")
        };
        let kit = kit::prepare(&made, linker()?, architecture)?;
        let wdk_build = edits::prepare(project, &made)?;
        // An override of the sources' place alone: a [patch] would change Cargo.lock.
        let wdk_build = wdk_build
            .to_str()
            .context("the project's path is not Unicode")?;
        cargo
            .arg("--config")
            .arg(format!("paths = [{wdk_build:?}]"));
        cargo.env("WDKContentRoot", kit);
        link::prepare(&mut cargo, project, toolchain, &linker()?)?;
        if let Some(compiler) = find_llvm_program("llvm-rc") {
            cargo.env("RC", compiler);
        }
    }
    Ok(cargo)
}

/// Cargo's own folder for the driver. It lies in the project, because wdk-build looks for the
/// project's Cargo.lock in the folders above it.
fn build_folder(project: &Path) -> PathBuf {
    project.join("target/driver/build")
}

/// The project's folder.
fn project() -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    workbench.ancestors().nth(2).unwrap_or(workbench).to_owned()
}

/// Runs a command to its end.
fn checked(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("starting {}", command.get_program().display()))?;
    ensure!(
        status.success(),
        "{} failed: {status}",
        command.get_program().display()
    );
    Ok(())
}
