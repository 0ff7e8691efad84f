//! The command-line tool of vmdisp: `cargo run -- COMMAND`.
//!
//! Each command has a module of its own with its arguments (`Args`) and what it does (`run`).

mod bindings;
mod toolchain;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks the vmdisp display driver.
#[derive(Parser)]
#[command(name = "vmdisp", version, about)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    Bindings(bindings::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.command {
        None => Ok(ExitCode::SUCCESS),
        Some(command) => match command {
            Command::Bindings(args) => bindings::run(&args),
        },
    }
}
