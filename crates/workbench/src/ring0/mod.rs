//! `cargo run -- ring0`: runs the shipped `vmdisp.sys` at ring 0, in QEMU, under the small kernel.
//!
//! The kernel (`tests/ring0`) loads the driver and runs the port and its scenarios beside it; here
//! are the machines that it runs in, the judgement of what came over their serial ports, and the
//! names of the addresses in a fault's report.

mod instructions;
mod kernel;
mod machine;
mod qmp;
mod rows;
mod screen;
mod self_test;
mod session;
mod symbols;
mod tables;
mod verdict;

pub use tables::tables;

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, Result};
use serde_json::{Value, json};
use vmdisp_ring0_protocol::{Job, Options};
use vmdisp_scenarios::{Row, RowOptions, RowResult};

use crate::{
    driver,
    report::{self, Run},
    scenarios,
};
use session::Session;

/// What results call the machine.
pub const HOST: &str = "ring 0";

/// The adapters that the driver is for.
pub const ADAPTERS: [&str; 2] = ["VGA", "bochs-display"];

/// Run vmdisp.sys at ring 0 in QEMU, beside QEMU's own display adapters.
#[derive(clap::Args)]
#[expect(clippy::struct_excessive_bools, reason = "switches of a command line")]
pub struct Args {
    /// A display adapter as QEMU's -device takes it; a run for each [default: VGA, bochs-display]
    #[arg(long = "device", value_name = "DEVICE")]
    devices: Vec<String>,

    /// Seed of everything random
    #[arg(long, default_value_t = 1)]
    seed: u64,

    /// How much of the main job to run
    #[arg(long, default_value_t = 1)]
    scale: u32,

    /// Write what the runs found to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// A line for each DDI call
    #[arg(long)]
    trace: bool,

    /// Put each pool block against an unmapped page, and keep freed blocks unmapped
    #[arg(long)]
    guard: bool,

    /// Tell the driver that Driver Verifier watches it
    #[arg(long)]
    verified: bool,

    /// Give each adapter an interrupt at this IRQL, 3 to 12, which the stand-in for dxgkrnl plays
    #[arg(long, value_name = "IRQL", value_parser = clap::value_parser!(u8).range(3..=12))]
    interrupt: Option<u8>,

    /// Have firmware leave each adapter in this mode, with 32 bits a pixel
    #[arg(long, value_name = "WIDTHxHEIGHT", value_parser = size)]
    post: Option<(u16, u16)>,

    /// Set a DWORD of the service's Parameters key, as NAME=NUMBER
    #[arg(long = "parameter", value_name = "NAME=NUMBER", value_parser = parameter)]
    parameters: Vec<(String, u32)>,

    /// Count the guest's time in instructions, so that each run takes the same
    #[arg(long)]
    icount: bool,

    /// Run this driver instead of the project's own; its PDB lies beside it
    #[arg(long, value_name = "FILE")]
    sys: Option<PathBuf>,

    /// Seconds that a run may take
    #[arg(long, value_name = "SECONDS", default_value_t = 120)]
    timeout: u64,

    /// Run rows of the failure matrix instead of the main job: those named, or all, on a machine
    /// with all adapters
    #[arg(long, value_name = "NAME", num_args = 0.., conflicts_with = "self_test")]
    rows: Option<Vec<String>>,

    /// Wrong handles that the row tries that tries them
    #[arg(long, value_name = "COUNT", default_value_t = 1_000_000)]
    wrong_handles: u32,

    /// Submissions that the storm makes
    #[arg(long, value_name = "COUNT", default_value_t = RowOptions::default().submissions)]
    submissions: u32,

    /// Break each of the kernel's safety nets on purpose, or those whose names begin so, and check that it holds
    #[arg(long, value_name = "NAME", num_args = 0..)]
    self_test: Option<Vec<String>>,

    /// Count what calls of the DDIs take, in instructions, and compare with the table in docs/performance.md: fails
    /// where one grew by more than a tenth
    #[arg(long, conflicts_with_all = ["rows", "self_test"])]
    instructions: bool,

    /// Write that table anew
    #[arg(long, requires = "instructions")]
    update: bool,

    /// Run this kernel instead of building the project's own
    #[arg(long, value_name = "FILE", hide = true)]
    kernel: Option<PathBuf>,
}

/// Reads `NAME=NUMBER`.
fn parameter(text: &str) -> Result<(String, u32)> {
    let (name, number) = text.split_once('=').context("there is no '='")?;
    Ok((name.to_owned(), number.parse()?))
}

/// Reads `WIDTHxHEIGHT`.
fn size(text: &str) -> Result<(u16, u16)> {
    let (width, height) = text.split_once('x').context("there is no 'x'")?;
    Ok((width.parse()?, height.parse()?))
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
    machine::qemu()?;
    let rows = match &args.rows {
        Some(names) => Some(scenarios::choose(names)?),
        None => None,
    };
    let kernel = match &args.kernel {
        Some(kernel) => kernel.clone(),
        None => kernel::build()?,
    };
    let driver = match &args.sys {
        Some(driver) => driver.clone(),
        None => driver::build(&driver::Profile::Release)?.sys,
    };
    if let Some(names) = &args.self_test {
        return self_test::run(&kernel, &driver, names);
    }
    let session = Session {
        kernel,
        driver,
        options: Options {
            seed: args.seed,
            guard: args.guard,
            trace: args.trace,
            verified: args.verified,
            interrupt: args.interrupt,
            post: args.post,
            parameters: args.parameters.iter().cloned().collect(),
            ..Options::default()
        },
        icount: args.icount || args.instructions,
        limit: Duration::from_secs(args.timeout),
        memory: None,
    };
    let devices: Vec<String> = if args.devices.is_empty() {
        ADAPTERS.map(str::to_owned).to_vec()
    } else {
        args.devices.clone()
    };
    let options = RowOptions {
        seed: args.seed,
        wrong_handles: args.wrong_handles,
        submissions: args.submissions,
    };
    let (clean, runs) = match &rows {
        _ if args.instructions => {
            let device = args
                .devices
                .first()
                .map_or(instructions::DEVICE, String::as_str);
            let (clean, run) = instructions::run(&session, device, args.update)?;
            (clean, vec![run])
        }
        Some(rows) => run_rows(&session, &devices, rows, &options)?,
        None => run_main_jobs(&session, &devices, args.scale)?,
    };
    if let Some(file) = &args.json {
        report::write_json(file, &json!({ "runs": runs }))?;
    }
    Ok(report::exit_code(clean))
}

/// Rows on one machine with all adapters.
fn run_rows(
    session: &Session,
    devices: &[String],
    chosen: &[&Row],
    options: &RowOptions,
) -> Result<(bool, Vec<Value>)> {
    let results = report_rows(session, devices, chosen, options)?;
    let run = json!({ "host": HOST, "device": devices.join("+"), "rows": results });
    Ok((report::rows_passed(&results), vec![run]))
}

/// Runs rows and prints what they came to.
fn report_rows(
    session: &Session,
    devices: &[String],
    chosen: &[&Row],
    options: &RowOptions,
) -> Result<Vec<RowResult>> {
    let names: Vec<_> = chosen.iter().map(|row| row.name.to_owned()).collect();
    let rows = rows::run(session, devices, &names, options)?;
    complain(&devices.join("+"), &rows.trouble);
    report::print_rows(&rows.results);
    Ok(rows.results)
}

/// Runs rows on a machine with these adapters, prints what they came to, and returns it.
///
/// # Errors
///
/// Where something that it needs is missing or cannot be built.
pub fn run_scenarios(
    devices: &[String],
    chosen: &[&Row],
    options: &RowOptions,
    limit: Duration,
) -> Result<Vec<RowResult>> {
    machine::qemu()?;
    let session = Session {
        kernel: kernel::build()?,
        driver: driver::build(&driver::Profile::Release)?.sys,
        options: Options {
            seed: options.seed,
            ..Options::default()
        },
        icount: false,
        limit,
        memory: None,
    };
    report_rows(&session, devices, chosen, options)
}

/// Runs a row on a machine with that adapter and writes the machine's memory to `file`, as it is when the row
/// asks for the last time what the screen shows. Where the driver lies in it, and what the row says of itself.
///
/// # Errors
///
/// Where something that it needs is missing, or the row does not pass.
pub fn run_for_memory(
    driver: &Path,
    device: &str,
    row: &str,
    pool_per_object: bool,
    file: &Path,
) -> Result<(u64, String)> {
    machine::qemu()?;
    let parameters = pool_per_object.then(|| ("PoolPerObject".to_owned(), 1));
    let session = Session {
        kernel: kernel::build()?,
        driver: driver.to_owned(),
        options: Options {
            parameters: parameters.into_iter().collect(),
            ..Options::default()
        },
        icount: false,
        limit: Duration::from_mins(2),
        memory: Some(file.to_owned()),
    };
    let job = Job::Rows {
        names: vec![row.to_owned()],
        wrong_handles: 0,
        submissions: 0,
    };
    let ended = session.run(&[device.to_owned()], job)?;
    let results = rows::results(&ended)?;
    let passed = results.iter().find(|result| result.passed);
    let passed = passed.with_context(|| {
        let trouble = ended.trouble().join("\n");
        format!("{row} did not pass: {results:?} {trouble}")
    })?;
    let image = session::loaded_at(&ended.outcome).context("the driver was not loaded")?;
    Ok((image.base, passed.note.clone()))
}

/// The main job, on a machine for each adapter.
fn run_main_jobs(session: &Session, devices: &[String], scale: u32) -> Result<(bool, Vec<Value>)> {
    let (mut clean, mut runs) = (true, Vec::new());
    for device in devices {
        let ended = session.run(std::slice::from_ref(device), Job::Main { scale })?;
        let mut run = json!({ "host": HOST, "device": device });
        if let Some(summary) = ended.summary() {
            merge(&mut run, summary);
            let read = Run::from_json(&run)?;
            report::print_run(&read);
            clean &= read.is_clean();
        }
        report::print_pictures(&ended.outcome.kept);
        if let Some(fault) = ended.fault() {
            run["fault"] = fault;
        }
        let trouble = ended.trouble();
        complain(device, &trouble);
        clean &= trouble.is_empty() && ended.summary().is_some();
        runs.push(run);
    }
    Ok((clean, runs))
}

/// Adds the members of `more` to `run`.
fn merge(run: &mut Value, more: &Value) {
    if let (Some(run), Some(more)) = (run.as_object_mut(), more.as_object()) {
        run.extend(more.clone());
    }
}

/// Writes what went wrong on a machine.
fn complain(device: &str, trouble: &[String]) {
    if let Some((first, rest)) = trouble.split_first() {
        eprintln!("{HOST}, {device}: {first}");
        for line in rest {
            eprintln!("{line}");
        }
    }
}
