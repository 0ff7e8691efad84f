//! `cargo run -- scenarios`: what the driver must bear and do, row by row, in process or at ring 0.

mod adapters;
mod choice;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::ValueEnum;
use serde_json::json;
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::{GROUPS, Machine, Row, RowOptions, RowResult, run_row_watched};

use crate::report::{self, Bar};
use crate::ring0;

pub use choice::choose;

/// Run scenarios: those named, those of a group, or all.
///
/// A scenario (a row of docs/testing.md) loads the driver itself, as often as it needs to, and fails if the
/// driver does anything else than it must, if a rule of the contract is broken, or if anything leaks.
#[derive(clap::Args)]
#[command(after_help = AFTER)]
pub struct Args {
    /// Rows or groups of rows (matrix, screen, …); all of them if there is none
    #[arg(value_name = "NAME")]
    names: Vec<String>,

    /// Say which rows there are and what each shows, and run none
    #[arg(long)]
    list: bool,

    /// Where to run them
    #[arg(long, value_enum, default_value_t = Where::Process)]
    host: Where,

    /// A display adapter as QEMU's -device takes it; the machine has all that are named [default: VGA,
    /// bochs-display]
    #[arg(long = "device", value_name = "DEVICE", value_parser = adapters::parse)]
    devices: Vec<adapters::Device>,

    /// Seed of everything random: the same seed repeats the run
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// Submissions that the storm makes
    #[arg(long, value_name = "COUNT", default_value_t = RowOptions::default().submissions)]
    submissions: u32,

    /// Wrong handles that the row tries that tries them
    #[arg(long, value_name = "COUNT", default_value_t = RowOptions::default().wrong_handles)]
    wrong_handles: u32,

    /// Seconds that the rows may take at ring 0, all together
    #[arg(long, value_name = "SECONDS", default_value_t = 1800)]
    timeout: u64,

    /// Write the result to this file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// Where scenarios run.
#[derive(Clone, Copy, ValueEnum)]
enum Where {
    /// In this process, beside simulated adapters
    Process,
    /// vmdisp.sys at ring 0 in QEMU, beside QEMU's own adapters
    Ring0,
}

const AFTER: &str = "\
Exit code: 0 if every row passed, 1 if one failed or could not be run, 2 for a
wrong command line.

Examples:
  cargo run -- scenarios                         all rows, in process
  cargo run -- scenarios --list                  which there are
  cargo run -- scenarios matrix                  a group
  cargo run -- scenarios every_mode --device bochs-display
  cargo run -- scenarios --host ring0 --device VGA screen";

/// Runs the command.
///
/// # Errors
///
/// Where no row has such a name, ring 0 cannot be had, or the file cannot be written.
pub fn run(args: &Args) -> Result<ExitCode> {
    let chosen = choose(&args.names)?;
    if args.list {
        return list(args, &chosen);
    }
    let options = RowOptions {
        seed: args.seed,
        wrong_handles: args.wrong_handles,
        submissions: args.submissions,
    };
    let devices = if args.devices.is_empty() {
        adapters::usual()
    } else {
        args.devices.clone()
    };
    let names: Vec<String> = devices.iter().map(|device| device.name.clone()).collect();
    let (host, results) = match args.host {
        Where::Process => {
            let adapters: Vec<_> = devices.into_iter().map(|device| device.adapter).collect();
            let machine = InProcess::with_adapters(&adapters);
            let results = run_all(&machine, &chosen, &options);
            report::print_rows(&results);
            report::print_pictures(&machine.kept());
            (machine.name().to_owned(), results)
        }
        Where::Ring0 => {
            let limit = Duration::from_secs(args.timeout);
            let results = ring0::run_scenarios(&names, &chosen, &options, limit)?;
            (ring0::HOST.to_owned(), results)
        }
    };
    if let Some(path) = &args.json {
        let result = json!({ "host": host, "devices": names, "seed": args.seed, "rows": results });
        report::write_json(path, &result)?;
    }
    Ok(report::exit_code(report::rows_passed(&results)))
}

/// Says which rows there are.
fn list(args: &Args, chosen: &[&'static Row]) -> Result<ExitCode> {
    report::print_groups(GROUPS, chosen);
    if let Some(path) = &args.json {
        let rows: Vec<_> = chosen
            .iter()
            .map(|row| json!({ "name": row.name, "shows": row.shows, "adapters": row.adapters }))
            .collect();
        report::write_json(path, &json!({ "rows": rows }))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Runs rows one after the other, with a bar on a terminal.
pub fn run_all(machine: &dyn Machine, rows: &[&Row], options: &RowOptions) -> Vec<RowResult> {
    let total = rows.len() as u64;
    let bar = Bar::new(total);
    let results = (0..).zip(rows).map(|(done, row)| {
        bar.set(done, total, || row.name.to_owned());
        run_row_watched(machine, row, options, &|step, steps| {
            let what = || format!("{}, {}", row.name, report::share(step, steps));
            bar.set(done, total, what);
        })
    });
    results.collect()
}
