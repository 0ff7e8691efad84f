//! `cargo run -- wine`: installs the driver under Wine, has Wine's Plug and Play start it, and runs the main job on it.
//!
//! | module | what it does |
//! |---|---|
//! | [`programs`] | builds the drivers of the host (`tests/wine`) |
//! | [`package`] | takes the driver and its INFs, with the edits that Wine needs |
//! | [`prefix`] | a Wine of its own, its programs with time limits |
//! | [`journal`] | what the drivers wrote, and Wine |
//! | [`course`] | the steps of a run |
//! | [`outcome`] | what came of it, with the names of code |
//! | [`self_test`] | that each safety net catches what it is for |

mod course;
mod journal;
mod outcome;
mod package;
mod prefix;
mod programs;
mod self_test;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anstream::println;
use anyhow::Result;
use serde_json::json;

use crate::{damage::Damaged, report, setup};
use course::Course;
use outcome::Outcome;
use package::Package;
use programs::Programs;

/// What results call the machine.
pub const HOST: &str = "Wine";

/// Install the driver under Wine, let Wine's Plug and Play start it, run the main job, unplug it, unload it.
///
/// Each run has a Wine prefix of its own in target/wine. The package is made as by `cargo run -- package`, or taken from
/// a folder.
#[derive(clap::Args)]
pub struct Args {
    /// How many times, each in a new prefix
    #[arg(long, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    runs: u32,

    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Write what the runs found to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Install the package in this folder: vmdisp.sys, its PDB, vmdisp.inf and vmdisp-display.inf
    #[arg(long, value_name = "FOLDER")]
    package: Option<PathBuf>,

    /// Leave the prefixes where they are, and say where
    #[arg(long)]
    keep: bool,

    /// How long a step may take, in seconds
    #[arg(long, default_value_t = 120, value_name = "SECONDS")]
    timeout: u64,

    /// Run a copy of the driver with this fault: leak, double-free, overrun, wait-at-dispatch, crash, missing-import
    #[arg(long, value_name = "NAME")]
    saboteur: Option<String>,

    /// Put each fault into a copy of the driver, and check that the run is red and says why; or only those named
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with_all = ["runs", "saboteur", "json"])]
    self_test: Option<Vec<String>>,
}

/// The project's folder.
fn project() -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    workbench.ancestors().nth(2).unwrap_or(workbench).to_owned()
}

/// Runs the command.
///
/// # Errors
///
/// Where something that it needs is missing or cannot be built.
pub fn run(args: &Args) -> Result<ExitCode> {
    setup::require(&[setup::WINE])?;
    let saboteur = args.saboteur.as_deref().map(self_test::find).transpose()?;
    let package = Package::get(args.package.as_deref())?;
    let programs = Programs::build()?;
    let course = Course {
        programs: &programs,
        package: &package,
        seed: args.seed,
        limit: Duration::from_secs(args.timeout),
        keep: args.keep,
    };
    if let Some(names) = &args.self_test {
        return self_test::run(&course, names);
    }
    package.print_edits();
    let damaged = saboteur.map(|saboteur| Damaged::new(&package.sys, saboteur.damage));
    let damaged = damaged.transpose()?;
    let package = damaged
        .as_ref()
        .map(|copy| package.with_driver(&copy.path()));
    let course = Course {
        package: package.as_ref().unwrap_or(course.package),
        ..course
    };
    let (mut passed, mut runs) = (0, Vec::new());
    for number in 1..=args.runs {
        let outcome = course.run(number)?;
        show(&outcome, number, args.runs);
        passed += u32::from(outcome.passed());
        runs.push(outcome.to_json());
    }
    if args.runs > 1 {
        println!("{passed} of {} runs passed", args.runs);
    }
    if let Some(file) = &args.json {
        report::write_json(file, &json!({ "runs": runs }))?;
    }
    Ok(report::exit_code(passed == args.runs))
}

/// Prints what a run came to: all of the first and of one that failed, a line of the others.
fn show(outcome: &Outcome, number: u32, of: u32) {
    if number == 1 || !outcome.passed() {
        outcome.print();
    }
    if of > 1 {
        println!("run {number} of {of}: {}", outcome.line());
    }
}
