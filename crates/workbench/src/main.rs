//! The command-line tool of vmdisp: `cargo run -- COMMAND`.
//!
//! Each command has a module of its own with its arguments (`Args`) and what it does (`run`).

mod authenticode;
mod bindings;
mod damage;
mod debugger;
mod driver;
mod faults;
mod images;
mod inf;
mod inspect;
mod package;
mod ppm;
mod report;
mod ring0;
mod run;
mod scenarios;
mod setup;
mod toolchain;
mod wine;

use std::ffi::OsString;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Builds, runs and checks the vmdisp display driver. Without a command it does what `run` does.
#[derive(Parser)]
#[command(
    name = "vmdisp",
    bin_name = "cargo run --",
    version,
    args_conflicts_with_subcommands = true,
    after_help = run::AFTER
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,

    #[command(flatten)]
    run: run::Args,
}

#[derive(Subcommand)]
enum Command {
    Bindings(bindings::Args),
    Debugger(debugger::Args),
    Driver(driver::Args),
    Inspect(inspect::Args),
    LintInf(inf::Args),
    Package(package::Args),
    Ring0(ring0::Args),
    Run(run::Args),
    Scenarios(scenarios::Args),
    Setup(setup::Args),
    Wine(wine::Args),
    #[command(hide = true)]
    ParseOnly(ParseOnly),
}

/// Say whether a command line is understood, and do nothing. The test of the documentation asks this.
#[derive(clap::Args)]
struct ParseOnly {
    /// What would follow `cargo run --`
    #[arg(last = true)]
    line: Vec<OsString>,
}

impl ParseOnly {
    fn run(self) -> ExitCode {
        let program = OsString::from("vmdisp");
        match Cli::try_parse_from(std::iter::once(program).chain(self.line)) {
            Ok(_) => ExitCode::SUCCESS,
            Err(error) => error.exit(),
        }
    }
}

fn main() -> ExitCode {
    match command(Cli::parse()) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn command(cli: Cli) -> anyhow::Result<ExitCode> {
    match cli.command {
        None => run::run(&cli.run),
        Some(command) => match command {
            Command::Bindings(args) => bindings::run(&args),
            Command::Debugger(args) => debugger::run(&args),
            Command::Driver(args) => driver::run(&args),
            Command::Inspect(args) => inspect::run(&args),
            Command::LintInf(args) => inf::run(&args),
            Command::Package(args) => package::run(&args),
            Command::Ring0(args) => ring0::run(&args),
            Command::Run(args) => run::run(&args),
            Command::Scenarios(args) => scenarios::run(&args),
            Command::Setup(args) => setup::run(&args),
            Command::Wine(args) => wine::run(&args),
            Command::ParseOnly(args) => Ok(args.run()),
        },
    }
}
