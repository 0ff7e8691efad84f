//! `ring0 --self-test`: breaks each of the kernel's safety nets once, in a machine of its own, and
//! checks that the report names what was broken, and where.

mod nets;

use std::{path::Path, process::ExitCode, time::Duration};

use anyhow::Result;
use vmdisp_ring0_protocol::{Job, Options};

use self::nets::{DAMAGES, NETS, Net};
use super::{
    ADAPTERS,
    machine::{Machine, Outcome},
    session::loaded_at,
    symbols::Symbols,
    verdict::Verdict,
};
use crate::damage::Damaged;

/// How long a machine may take; two of them are there to reach it.
const LIMIT: Duration = Duration::from_secs(4);

/// Runs every safety net of `kernel`, or those whose names begin so; `driver` is the driver that is tampered with.
///
/// # Errors
///
/// Where a machine cannot be started or the driver cannot be tampered with.
pub fn run(kernel: &Path, driver: &Path, names: &[String]) -> Result<ExitCode> {
    let wanted =
        |net: &Net| names.is_empty() || names.iter().any(|name| net.name.starts_with(&**name));
    let symbols = Symbols::read(kernel, None);
    let mut failed = 0;
    for net in NETS.iter().filter(|net| wanted(net)) {
        let options = Options {
            job: Job::Break(net.name.into()),
            guard: true,
            ..Options::default()
        };
        let limit = if net.name.ends_with("hang") {
            Duration::from_secs(1)
        } else {
            LIMIT
        };
        // Screens are QEMU's, and its two models have little in common.
        let devices = if net.name == "screen-differs" {
            &ADAPTERS[..]
        } else {
            &ADAPTERS[..1]
        };
        for device in devices {
            let outcome = start(kernel, None, &options, limit, device)?;
            failed += judge(net, &outcome, &symbols);
        }
    }
    for (net, damage) in DAMAGES.iter().filter(|(net, _)| wanted(net)) {
        let copy = Damaged::new(driver, *damage)?;
        let damaged = copy.path();
        let options = Options::default();
        let outcome = start(kernel, Some(&damaged), &options, LIMIT, ADAPTERS[0])?;
        let image = loaded_at(&outcome).map(|image| (damaged.as_path(), image));
        failed += judge(net, &outcome, &Symbols::read(kernel, image));
    }
    let state = if failed == 0 {
        "every safety net holds"
    } else {
        "SAFETY NETS DO NOT HOLD"
    };
    println!("{state}");
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn start(
    kernel: &Path,
    driver: Option<&Path>,
    options: &Options,
    limit: Duration,
    device: &str,
) -> Result<Outcome> {
    let devices = [device.to_owned()];
    let machine = Machine {
        kernel,
        driver,
        options,
        devices: &devices,
        icount: false,
        limit,
        memory: None,
    };
    machine.run(&mut |_| {})
}

/// Says whether the net held; 1 if it did not.
fn judge(net: &Net, outcome: &Outcome, symbols: &Symbols) -> u32 {
    let verdict = Verdict::of(outcome);
    let kind = match &verdict {
        Verdict::Fault(fault) => Some(fault.kind),
        _ => None,
    };
    let headline = verdict.headline().unwrap_or_default();
    let place = verdict.place(symbols).unwrap_or_default();
    let lines = verdict.explain(symbols);
    let explained = lines.iter().skip(1).any(|line| line.contains(net.explains));
    let held = kind == net.kind
        && headline.contains(net.says)
        && place.contains(net.at)
        && (explained || net.explains.is_empty());
    let state = if held { "ok    " } else { "FAILED" };
    println!(
        "{state} {:<20} {:>5.2} s  {headline}",
        net.name,
        outcome.took.as_secs_f64()
    );
    if !held {
        println!(
            "       wanted: {:?} '{}' at '{}', '{}'",
            net.kind, net.says, net.at, net.explains
        );
        for line in lines {
            println!("       {line}");
        }
        for line in &outcome.log {
            println!("       | {line}");
        }
    }
    u32::from(!held)
}
