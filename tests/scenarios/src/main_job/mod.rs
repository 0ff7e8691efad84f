//! The main job: what a busy desktop does to the allocation DDIs, from a seed.
//!
//! Three devices make resources, add to them, share them, close and destroy them in every way that
//! dxgkrnl knows, and die while others still have their resources open. Then processes render and present
//! in a third of the memory that they have. At the end everything is gone, and the driver must have given
//! back all that it took.

mod actors;
mod engine;
mod summary;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use dxgk_port::{Adapter, Port, Settings};

pub use summary::{Made, PoolSummary, Summary, TagSummary};

use crate::Machine;
use crate::outcome::Failed;
use crate::session::Session;
use actors::Actors;
use summary::{HighWater, peaks};

/// Resources that a job of scale 1 makes, at least.
const RESOURCES: u32 = 1_000;
/// Allocations that a job of scale 1 makes, at least.
const ALLOCATIONS: u32 = 10_000;

/// Parts that the course of a run is reported in.
const PARTS: usize = 64;

/// How the main job runs.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// The same seed makes the same calls in the same order.
    pub seed: u64,
    /// How many times 1,000 resources and 10,000 allocations, at least 1.
    pub scale: u32,
    /// A line to the host for each DDI call.
    pub trace: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            seed: 1,
            scale: 1,
            trace: false,
        }
    }
}

/// Where the job is.
#[derive(Clone, Copy, Debug)]
pub struct Progress {
    /// Allocations made so far.
    pub done: u64,
    /// Allocations to be made, about.
    pub total: u64,
    /// Allocations that live now.
    pub live: u64,
    /// Bytes of the driver's pool now.
    pub pool_bytes: u64,
}

/// Runs the main job on the first adapter of `machine` and reports what the port saw.
///
/// `progress` is called after each step.
///
/// # Errors
///
/// [`Failed`] if the driver refuses what it must accept; a broken rule or a leak is no error, it is in
/// the summary.
pub fn main_job(
    machine: &dyn Machine,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Summary, Failed> {
    let settings = Settings::default().for_full();
    let settings = if options.trace {
        settings.with_trace()
    } else {
        settings
    };
    let high = HighWater::new(&*machine.host());
    let session = Session::load(machine, &settings, false)?.add(1, true)?;
    let show = || crate::screen::test_card(machine);
    run(machine, session, high, options, progress, &show)
}

/// Runs the main job on an adapter that someone else has started, and leaves it started: what the driver does at
/// its end, and what it leaves behind, is for the caller to look at.
///
/// # Errors
///
/// As of [`main_job`].
pub fn main_job_on(
    machine: &dyn Machine,
    port: &Port,
    adapter: &Adapter,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Summary, Failed> {
    let high = HighWater::new(&*machine.host());
    machine.take_complaints();
    let session = || Session::adopt(machine, port, adapter);
    let show = || crate::screen::test_card_on(machine, session());
    run(machine, session(), high, options, progress, &show)
}

/// The job; `show` shows the test card after it.
fn run(
    machine: &dyn Machine,
    session: Session<'_>,
    mut high: HighWater,
    options: &Options,
    progress: &mut dyn FnMut(&Progress),
    show: &dyn Fn() -> Result<(), Failed>,
) -> Result<Summary, Failed> {
    high.sample(&session.port);
    let mut live = Vec::new();
    let mut made = work(&session, options, &mut high, &mut |at| {
        live.push(at.live);
        progress(at);
    })?;
    let mut session = engine::work(machine, session, options, &mut made)?;
    high.sample(&session.port);
    let report = session.take_down()?;

    let mut faults = machine.take_faults();
    // Refused queries have their lines too, and Unload's counts the adapters of every world of a process.
    let others = |line: &String| {
        ["QueryAdapterInfo", "Unload"]
            .iter()
            .any(|call| about(line, call))
    };
    let mut lines = machine.take_complaints();
    lines.retain(|line| !others(line));
    if lines.len() as u64 != made.refused {
        let odd = lines
            .iter()
            .find(|line| !about(line, "CreateAllocation"))
            .or(lines.first());
        let (calls, lines) = (made.refused, lines.len());
        faults.push(format!(
            "{calls} calls were refused, with {lines} debug lines, as {odd:?}"
        ));
    }
    let pool = high.summary(&session.port);
    // A driver that is broken already has nothing to show.
    if report.violations.is_empty() && report.leaks.is_empty() && faults.is_empty() {
        let shown = show();
        faults.extend(shown.err().map(|failed| format!("test card: {failed}")));
    }
    Ok(Summary {
        host: machine.name().to_string(),
        seed: options.seed,
        scale: options.scale,
        made,
        live: peaks(&live, PARTS),
        calls: report.calls,
        callbacks: report.callbacks,
        checked: report.checked,
        violations: report.violations,
        leaks: report.leaks,
        faults,
        pool,
    })
}

/// Whether a debug line is about that DDI.
fn about(line: &str, call: &str) -> bool {
    line.strip_prefix("vmdisp: ")
        .is_some_and(|rest| rest.starts_with(call))
}

fn work(
    session: &Session<'_>,
    options: &Options,
    high: &mut HighWater,
    progress: &mut dyn FnMut(&Progress),
) -> Result<Made, Failed> {
    let adapter = session.adapter();
    let scale = u64::from(options.scale.max(1));
    let (resources, total) = (u64::from(RESOURCES) * scale, u64::from(ALLOCATIONS) * scale);
    adapter.exercise_queries();
    let mut actors = Actors::new(adapter, options.seed)?;
    while actors.made.resources < resources || actors.made.allocations < total {
        actors.step()?;
        let pool_bytes = high.sample(&session.port);
        let live = actors.live_allocations();
        progress(&Progress {
            done: actors.made.allocations,
            total,
            live,
            pool_bytes,
        });
    }
    let made = actors.finish(&mut |live| {
        let pool_bytes = high.sample(&session.port);
        progress(&Progress {
            done: total,
            total,
            live,
            pool_bytes,
        });
    })?;
    adapter.exercise_queries();
    Ok(made)
}

/// A hundred steps, for scenarios that only want to know that the driver works.
pub(crate) fn small_job(session: &Session<'_>, seed: u64) -> Result<Made, Failed> {
    let mut actors = Actors::new(session.adapter(), seed)?;
    for _ in 0..100 {
        actors.step()?;
    }
    actors.finish(&mut |_| {})
}
