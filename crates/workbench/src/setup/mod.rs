//! `setup`: installs what the bigger commands need beside Rust, or says how.
//!
//! `cargo run` and `cargo test` need nothing of it. The driver build and the ring-0 host do; each of
//! their needs is described once, in [`needs`], and looked for there both by this command and by the
//! commands that have the need.

mod install;
mod needs;

use std::process::ExitCode;

use anyhow::{Result, bail};

pub use needs::{DRIVER, Need, WINE, clippy, mingw_headers, ntoskrnl_library, wine_programs};

/// Install what building the driver and running it at ring 0 need.
#[derive(clap::Args, Default)]
pub struct Args {
    /// Only say what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    let missing: Vec<Need> = needs::all()
        .into_iter()
        .filter(|need| !need.is_there())
        .collect();
    if missing.is_empty() {
        println!("Everything is there.");
        return Ok(ExitCode::SUCCESS);
    }
    println!("Missing:");
    for need in &missing {
        println!("  {} ({})", need.what, need.purpose);
    }
    install::install(&missing, args.dry_run)
}

/// Checks that all of this is installed.
///
/// # Errors
///
/// Names what is missing, and `cargo run -- setup`.
pub fn require(needs: &[Need]) -> Result<()> {
    let missing: Vec<String> = needs
        .iter()
        .filter(|need| !need.is_there())
        .map(|need| format!("{} ({})", need.what, need.purpose))
        .collect();
    if !missing.is_empty() {
        bail!(
            "missing: {}.\n`cargo run -- setup` installs what is missing.",
            missing.join(", ")
        );
    }
    Ok(())
}
