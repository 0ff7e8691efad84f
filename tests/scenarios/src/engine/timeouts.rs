//! Hangs: the engine's thread stands still, is found out, and is reset.

use alloc::format;
use alloc::string::String;

use dxgk_port::{AllocationId, Device, Fate, Queued, SchedulerOptions, TdrCounts};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::Batch;
use super::rig::{Lane, Rig, surface};
use crate::outcome::{Failed, Outcome, check, done, same};
use crate::row::Context;

/// TdrDelay of these rows, in 100 ns: half a second, so that they do not take minutes.
const DELAY: u64 = 5_000_000;
/// How long a row waits for something, in 100 ns: twenty seconds.
const PATIENCE: u64 = 200_000_000;

/// A process with a surface and a context.
struct App {
    device: Device,
    lane: Lane,
    picture: AllocationId,
}

impl App {
    fn new(rig: &Rig<'_>, seed: u32) -> Result<Self, Failed> {
        let device = rig.device()?;
        let lane = rig.lane(&device)?;
        let picture = rig.allocate(&device, &surface(256, 256, AllocationFlags::CPU_VISIBLE))?;
        rig.write_pattern(picture, seed)?;
        Ok(Self {
            device,
            lane,
            picture,
        })
    }

    /// Something that changes the surface.
    fn batch(&self, step: i32) -> Batch {
        let mut batch = Batch::new();
        let part = Rect::new(step, 0, 200, 200);
        batch.copy_pixels(
            self.picture,
            self.picture,
            part,
            (10, step),
            Rect::EVERYTHING,
        );
        batch.fill_pixels(
            self.picture,
            Rect::new(step * 3, 50, 9, 9),
            0xff,
            Rect::EVERYTHING,
        );
        batch
    }

    fn end(self, rig: &Rig<'_>) -> Result<(), Failed> {
        rig.model.remove(self.picture);
        done("the end of a process", self.device.kill())
    }
}

fn options(context: &Context<'_>) -> SchedulerOptions {
    SchedulerOptions {
        seed: context.options.seed,
        tdr_delay_100ns: DELAY,
        ..SchedulerOptions::default()
    }
}

/// Stalls the engine's thread; false if the machine cannot.
fn stall(rig: &Rig<'_>, on: bool) -> bool {
    rig.machine.host().stall(on)
}

/// Schedules until `done` says so.
fn until(rig: &Rig<'_>, what: &str, mut done: impl FnMut(TdrCounts) -> bool) -> Result<(), Failed> {
    let host = rig.machine.host();
    let end = host.time_100ns() + PATIENCE;
    while !done(rig.adapter().timeouts()) {
        check(host.time_100ns() < end, what, || {
            format!("{:?}", rig.adapter().timeouts())
        })?;
        rig.adapter().pump();
        host.relax();
    }
    Ok(())
}

/// Renders until the engine's thread, told to stall, stands still in the middle of it: what it was at already
/// it may end first.
fn hang_in(rig: &Rig<'_>, app: &App) -> Result<Queued, Failed> {
    const TRIES: i32 = 16;
    for step in 0..TRIES {
        let queued = rig.render(&app.lane, &app.batch(step))?;
        until(
            rig,
            "the engine's thread to stand still, or to work",
            |_| queued.fate().is_some() || rig.machine.host().stalled() > 0,
        )?;
        if queued.fate().is_none() {
            return Ok(queued);
        }
    }
    Err(Failed {
        expected: "a thread of the engine's that stands still".into(),
        seen: format!("{TRIES} submissions that were executed"),
    })
}

/// One hang: the guilty process loses its device, the other one's work is done.
fn hang(rig: &Rig<'_>, seed: u32) -> Result<(), Failed> {
    let before = rig.adapter().timeouts();
    let (guilty, innocent) = (App::new(rig, seed)?, App::new(rig, seed + 1)?);
    // What they use is in video memory then: a hang of paging would take all devices with it.
    for app in [&guilty, &innocent] {
        rig.render(&app.lane, &app.batch(1))?;
    }
    rig.idle()?;
    stall(rig, true);
    let hung = hang_in(rig, &guilty);
    let result = hung.and_then(|hung| {
        let later = rig.render(&innocent.lane, &innocent.batch(5))?;
        until(rig, "a reset of the engine", |now| {
            now.engine_resets > before.engine_resets
        })?;
        Ok((hung, later))
    });
    stall(rig, false);
    let (hung, later) = result?;
    rig.idle()?;
    // The engine may have stood still before it began it.
    let fate = hung.fate();
    let ended = matches!(fate, Some(Fate::Aborted | Fate::Cancelled));
    check(ended, "the work that hung aborted", || format!("{fate:?}"))?;
    same(
        "what became of the other process's",
        &Some(Fate::Executed),
        &later.fate(),
    )?;
    check(guilty.device.is_lost(), "the device that hung lost", || {
        "it is not".into()
    })?;
    check(
        !innocent.device.is_lost(),
        "the other device not lost",
        || "it is".into(),
    )?;
    rig.compare(innocent.picture)?;
    // And it goes on.
    rig.render(&innocent.lane, &innocent.batch(8))?;
    rig.idle()?;
    rig.compare(innocent.picture)?;
    guilty.end(rig)?;
    innocent.end(rig)
}

/// The engine does not answer a preemption: it is reset, and only the process that hung pays for it.
pub fn simulate_preemption_tdr(context: &Context<'_>) -> Outcome {
    const HANGS: u32 = 3;
    let rig = Rig::open(context, options(context))?;
    if !stall(&rig, false) {
        return unable(rig);
    }
    let shown = rig.show(1)?;
    let primary = shown.primary()?.allocation;
    for seed in 0..HANGS {
        hang(&rig, 10 * seed + 10)?;
        rig.shows(primary)?;
    }
    let counts = rig.adapter().timeouts();
    same("resets of the adapter", &0, &counts.adapter_resets)?;
    same(
        "resets of the engine",
        &u64::from(HANGS),
        &counts.engine_resets,
    )?;
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "{HANGS} hangs, each found after a second and ended by a reset of the engine; the other process's pictures right"
    ))
}

/// Long work without a timeout, a hang that an engine reset ends, two that take a reset of the adapter.
pub fn tdr2(context: &Context<'_>) -> Outcome {
    let rig = Rig::open(context, options(context))?;
    if !stall(&rig, false) {
        return unable(rig);
    }
    let shown = rig.show(1)?;
    let primary = shown.primary()?.allocation;
    let app = App::new(&rig, 1)?;
    // Long, but preemptible: no timeout, however long it takes.
    let mut long = Batch::new();
    for step in 0..256 {
        let part = Rect::new(0, 0, 250, 250);
        long.copy_pixels(
            app.picture,
            app.picture,
            part,
            (step % 7, 3),
            Rect::EVERYTHING,
        );
    }
    for _ in 0..40 {
        rig.render(&app.lane, &long)?;
    }
    rig.idle()?;
    rig.compare(app.picture)?;
    same(
        "timeouts of long work",
        &TdrCounts::default().timeouts,
        &rig.adapter().timeouts().timeouts,
    )?;
    hang(&rig, 50)?;
    rig.compare(app.picture)?;
    let mut resets = reset_adapter(&rig)?;
    let again = after_reset(&rig, app, primary, 90)?;
    resets += stays_hung(&rig)?;
    after_reset(&rig, again, primary, 110)?.end(&rig)?;
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "long work without a timeout, a hang ended by a reset of the engine, {resets} resets of the adapter for paging that hung and \
         for an engine that hung on"
    ))
}

/// A hang in the middle of paging, which leaves memory that nobody knows: dxgkrnl resets the adapter then.
fn reset_adapter(rig: &Rig<'_>) -> Result<u64, Failed> {
    let before = rig.adapter().timeouts();
    let guilty = App::new(rig, 70)?;
    rig.idle()?;
    stall(rig, true);
    let result = rig.render(&guilty.lane, &guilty.batch(3)).and_then(|_| {
        until(rig, "a reset of the adapter", |now| {
            now.adapter_resets > before.adapter_resets
        })
    });
    stall(rig, false);
    result?;
    rig.idle()?;
    guilty.end(rig)?;
    Ok(rig.adapter().timeouts().adapter_resets - before.adapter_resets)
}

/// After a reset of the adapter all devices and what was in video memory are lost; what is new works.
fn after_reset(
    rig: &Rig<'_>,
    before: App,
    primary: AllocationId,
    seed: u32,
) -> Result<App, Failed> {
    rig.learn(primary)?;
    rig.shows(primary)?;
    check(before.device.is_lost(), "every device lost", || {
        "one is not".into()
    })?;
    before.end(rig)?;
    let again = App::new(rig, seed)?;
    rig.render(&again.lane, &again.batch(4))?;
    rig.idle()?;
    rig.compare(again.picture)?;
    Ok(again)
}

/// The engine's thread stands still, and so does what takes its place after a reset: the next reset of the engine
/// fails, and dxgkrnl resets the adapter (contract: T1, G60).
fn stays_hung(rig: &Rig<'_>) -> Result<u64, Failed> {
    let before = rig.adapter().timeouts();
    let apps = [App::new(rig, 130)?, App::new(rig, 131)?];
    // No paging, for which the adapter is reset anyway.
    for app in &apps {
        rig.render(&app.lane, &app.batch(1))?;
    }
    rig.idle()?;
    stall(rig, true);
    let result = hang_in(rig, &apps[0]).and_then(|_| {
        rig.render(&apps[1].lane, &apps[1].batch(2))?;
        until(rig, "a reset of the engine, then of the adapter", |now| {
            now.adapter_resets > before.adapter_resets
        })
    });
    stall(rig, false);
    result?;
    rig.idle()?;
    let after = rig.adapter().timeouts();
    same(
        "timeouts, resets of the engine and of the adapter",
        &[2, 1, 1],
        &[
            after.timeouts - before.timeouts,
            after.engine_resets - before.engine_resets,
            after.adapter_resets - before.adapter_resets,
        ],
    )?;
    for app in apps {
        check(app.device.is_lost(), "both devices lost", || {
            "one is not".into()
        })?;
        app.end(rig)?;
    }
    Ok(1)
}

fn unable(rig: Rig<'_>) -> Result<String, Failed> {
    rig.close()?;
    Ok("this machine cannot stall the engine's thread".into())
}
