//! Modes: each one that is offered, and many in a row.

use alloc::collections::BTreeSet;
use alloc::format;

use dxgk_port::Choice;

use super::stage::{Stage, name, pattern};
use crate::outcome::{Failed, Outcome, check};
use crate::row::Context;

/// Commits every mode that is offered, draws through the allocation, and compares the screen.
pub fn every_mode(context: &Context<'_>) -> Outcome {
    walk(context, false)
}

/// The same with the display-only driver, whose pictures are presented.
pub fn every_mode_display_only(context: &Context<'_>) -> Outcome {
    walk(context, true)
}

fn walk(context: &Context<'_>, display_only: bool) -> Outcome {
    let machine = context.machine;
    let host = machine.host();
    let stage = Stage::open_as(machine, display_only)?;
    let modes = stage.modes()?;
    let sizes: BTreeSet<_> = modes.iter().map(|mode| (mode.width, mode.height)).collect();
    let begin = host.time_100ns();
    for (seed, mode) in (1..).zip(&modes) {
        let choice = Choice::from(mode);
        (context.progress)(seed.into(), modes.len() as u64);
        let walked = (|| {
            let shown = stage.show(&choice, seed)?;
            stage.shows(&pattern(&choice, seed))?;
            stage.set_visible(false)?;
            match &shown.primary {
                Some(primary) => stage.destroy(primary),
                None => Ok(()),
            }
        })();
        walked.map_err(|failed: Failed| Failed {
            expected: format!("{}: {}", name(mode), failed.expected),
            seen: failed.seen,
        })?;
    }
    let each = (host.time_100ns() - begin) / 10_000 / modes.len().max(1) as u64;
    stage.close()?;
    let (modes, sizes) = (modes.len(), sizes.len());
    Ok(format!(
        "{modes} modes of {sizes} sizes, 0 differing pixels, {each} ms a mode"
    ))
}

/// Two hundred mode changes in a row leave the driver's pool where it was.
pub fn mode_changes(context: &Context<'_>) -> Outcome {
    const CHANGES: u32 = 200;
    let stage = Stage::open(context.machine)?;
    let host = context.machine.host();
    let modes = stage.modes()?;
    // The small ones, so that it is changing that takes the time; the first round fills the pool's
    // spare runs.
    let mut small: alloc::vec::Vec<_> = modes.iter().collect();
    small.sort_by_key(|mode| u64::from(mode.width) * u64::from(mode.height));
    small.truncate(8);
    let mut before = None;
    for change in 0..CHANGES + 8 {
        if change == 8 {
            before = Some(host.pool());
        }
        let choice = Choice::from(small[change as usize % small.len()]);
        let shown = stage.show(&choice, change)?;
        if change % 25 == 0 {
            stage.shows(&pattern(&choice, change))?;
        }
        stage.destroy_hidden(&shown)?;
    }
    let (before, after) = (before.unwrap_or_default(), host.pool());
    check(
        (before.blocks, before.bytes) == (after.blocks, after.bytes),
        format!("{} blocks of {} bytes", before.blocks, before.bytes),
        || format!("{} blocks of {} bytes", after.blocks, after.bytes),
    )?;
    stage.close()?;
    let (blocks, bytes) = (after.blocks, after.bytes);
    Ok(format!(
        "{CHANGES} changes, the pool stays at {bytes} bytes in {blocks} blocks"
    ))
}

/// No path at all, and then one again.
pub fn no_path_and_back(context: &Context<'_>) -> Outcome {
    let stage = Stage::open(context.machine)?;
    let choice = stage.usual()?;
    let shown = stage.show(&choice, 1)?;
    stage.set_visible(false)?;
    crate::outcome::done("CommitVidPn without a path", stage.adapter().commit_none())?;
    stage.is_black()?;
    stage.destroy_hidden(&shown)?;
    let shown = stage.show(&choice, 2)?;
    stage.shows(&pattern(&choice, 2))?;
    stage.destroy_hidden(&shown)?;
    stage.adapter().exercise_vidpn();
    stage.close()?;
    Ok("black without a path, a picture with it again; every pivot enumerated".into())
}

/// Modes of the user's own: good lines are offered and shown, a bad one is named in one debug line.
pub fn modes_of_the_users_own(context: &Context<'_>) -> Outcome {
    const MODES: &str = "Modes";
    let machine = context.machine;
    let lines = ["1000x600@70", "1000x", "720x400"];
    let able = machine.set_parameter_strings(MODES, Some(&lines));
    let result = own_modes(context, able);
    machine.set_parameter_strings(MODES, None);
    result
}

fn own_modes(context: &Context<'_>, able: bool) -> Outcome {
    let stage = Stage::open(context.machine)?;
    let offered = stage.modes()?;
    let lines = context.machine.take_complaints();
    let (mut seed, mut own) = (0, 0);
    for (width, height, rate) in [(1000, 600, 70), (720, 400, 60)] {
        let mode = offered.iter().find(|mode| {
            let rates = mode.timing.millihertz().unwrap_or(0).div_ceil(1000);
            (mode.width, mode.height, rates) == (width, height, rate)
        });
        check(
            mode.is_some() == able,
            format!("{width} x {height} at {rate} Hz offered if it was asked for"),
            || format!("offered: {}", mode.is_some()),
        )?;
        if let Some(mode) = mode {
            (seed, own) = (seed + 1, own + 1);
            let choice = Choice::from(mode);
            let shown = stage.show(&choice, seed)?;
            stage.shows(&pattern(&choice, seed))?;
            stage.destroy_hidden(&shown)?;
        }
    }
    let about = |line: &&alloc::string::String| line.contains("Parameters\\Modes, line = 0x2: ");
    let named = lines.iter().filter(about).count();
    check(
        named == usize::from(able),
        "one debug line, about the second mode",
        || format!("{lines:?}"),
    )?;
    stage.close()?;
    Ok(format!("{own} of the user's own shown, 1 bad line named"))
}
