//! `cargo run`: the main job in this process, with `std` as the driver's kernel.

use std::io::{self, Write};
use std::path::PathBuf;
use std::process::{self, ExitCode};

use anyhow::{Context, Result, anyhow, bail};
use serde_json::{Value, json};
use vmdisp_in_process::{InProcess, SABOTEURS, Saboteur, Vga};
use vmdisp_scenarios::{Machine, Options, Progress, RowOptions, main_job};

use crate::report::{self, Bar, Run};
use crate::scenarios;

/// Run the driver in this process, under a stand-in for dxgkrnl that checks every call.
///
/// The main job makes at least 10,000 allocations in 1,000 resources over 3 devices that share them,
/// then takes everything down, and reports the DDI calls, the driver's pool, the rules of the contract
/// (docs/ddi-contract.md) that were checked and broken, and what was not given back.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Seed of everything random: the same seed repeats the run
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How many times 10,000 allocations
    #[arg(long, default_value_t = 1, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=1000))]
    scale: u32,

    /// Write the result to this file as JSON: calls, violations, leaks, pool
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// A line for each DDI call
    #[arg(long)]
    trace: bool,

    /// Put each pool block against an unmapped page, so that an overrun stops the run
    #[arg(long)]
    guard: bool,

    /// Run rows of the failure matrix instead of the main job: those named, or all
    #[arg(long, value_name = "NAME", num_args = 0..)]
    rows: Option<Vec<String>>,

    /// Wrong handles that the row tries that tries them
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    wrong_handles: u32,

    /// Break the driver on purpose, to see that it is found out
    #[arg(long, value_name = "NAME", value_parser = saboteur)]
    sabotage: Option<&'static Saboteur>,
}

/// What the help ends with.
pub const AFTER: &str = "\
Exit code: 0 if everything is in order, 1 if a rule is broken, something leaked
or the run could not be made, 2 for a wrong command line.

Examples:
  cargo run                                      the main job
  cargo run -- --seed 7 --scale 10               ten times as much, another way
  cargo run -- --trace | less                    every call
  cargo run -- --json result.json                for a program
  cargo run -- run --rows                        the failure matrix
  cargo run -- run --rows row_07_private_data_sizes
  cargo run -- --sabotage leak-a-buffer          what a bad driver looks like";

/// Finds a saboteur by name, or says which there are.
fn saboteur(name: &str) -> Result<&'static Saboteur> {
    SABOTEURS
        .iter()
        .find(|saboteur| saboteur.name == name)
        .ok_or_else(|| {
            let names: Vec<_> = SABOTEURS.iter().map(|known| known.name).collect();
            anyhow!("there are {}", names.join(", "))
        })
}

/// Runs the command.
///
/// # Errors
///
/// Where the driver refuses what it must accept, a row has no such name, or a file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let mut machine = InProcess::with(&[Vga::default(), Vga::default()], Box::new(trace_line));
    if let Some(saboteur) = args.sabotage {
        machine = machine.sabotaged(saboteur.enter);
    }
    if args.guard && !machine.guard_pages() {
        bail!("--guard: this system has no guard pages");
    }
    let (clean, result) = match &args.rows {
        None => run_main_job(&machine, args)?,
        Some(names) => run_rows(&machine, args, names)?,
    };
    report::print_pictures(&machine.kept());
    if let Some(path) = &args.json {
        report::write_json(path, &result)?;
    }
    Ok(report::exit_code(clean))
}

/// Prints a line of trace. Whoever reads them may have had enough, as `less` and `head` do: then there
/// is no more to do.
fn trace_line(line: &str) {
    if writeln!(io::stdout(), "{line}").is_err() {
        process::exit(1);
    }
}

fn run_main_job(machine: &dyn Machine, args: &Args) -> Result<(bool, Value)> {
    let options = Options {
        seed: args.seed,
        scale: args.scale,
        trace: args.trace,
    };
    let bar = if args.trace {
        Bar::hidden()
    } else {
        Bar::new(1)
    };
    let summary = main_job(machine, &options, &mut |at: &Progress| {
        bar.set(at.done, at.total, || {
            format!("allocations, {} live", at.live)
        });
    });
    drop(bar);
    let summary = summary.map_err(|failed| anyhow!("the main job stopped: {failed}"))?;
    let value = serde_json::to_value(summary).context("writing the result")?;
    let run = Run::from_json(&value)?;
    report::print_run(&run);
    Ok((run.is_clean(), value))
}

fn run_rows(machine: &dyn Machine, args: &Args, names: &[String]) -> Result<(bool, Value)> {
    let options = RowOptions {
        seed: args.seed,
        wrong_handles: args.wrong_handles,
        ..RowOptions::default()
    };
    let results = scenarios::run_all(machine, &scenarios::choose(names)?, &options);
    report::print_rows(&results);
    let value = json!({ "host": machine.name(), "rows": results });
    Ok((report::rows_passed(&results), value))
}
