//! The command-line tool of vmdisp: `cargo run -- COMMAND`.
//!
//! Each command has a module of its own with its arguments (`Args`) and what it does (`run`).

mod bindings;
mod driver;
mod inspect;
mod ring0;
mod setup;
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
    Driver(driver::Args),
    Inspect(inspect::Args),
    Ring0(ring0::Args),
    Setup(setup::Args),
}

fn main() -> anyhow::Result<ExitCode> {
    let cli = Cli::parse();
    match cli.command {
        None => Ok(ExitCode::SUCCESS),
        Some(command) => match command {
            Command::Bindings(args) => bindings::run(&args),
            Command::Driver(args) => driver::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::Ring0(args) => ring0::run(&args),
            Command::Setup(args) => setup::run(&args),
        },
    }
}
