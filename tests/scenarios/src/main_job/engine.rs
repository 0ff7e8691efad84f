//! The engine's part of the main job: a small storm.

use dxgk_port::SchedulerOptions;

use super::Options;
use super::summary::Made;
use crate::Machine;
use crate::engine::rig::Rig;
use crate::engine::storm::{Size, blow};
use crate::outcome::Failed;
use crate::row::{Context, RowOptions};
use crate::screen::stage::Stage;
use crate::session::{Session, device};

/// Calls of Render and Present of a job of scale 1.
const SUBMISSIONS: u64 = 400;

/// Four processes render and present among three times the memory that they may use; every byte of it is
/// compared.
pub fn work<'m>(
    machine: &'m dyn Machine,
    session: Session<'m>,
    options: &Options,
    made: &mut Made,
) -> Result<Session<'m>, Failed> {
    let desktop = device(session.adapter())?;
    let stage = Stage::of(machine, session, desktop);
    let scheduler = SchedulerOptions {
        seed: options.seed,
        preempt_every: 16,
        ..SchedulerOptions::default()
    };
    let rig = Rig::on(machine, stage, scheduler);
    let shown = rig.show(1)?;
    let size = Size {
        processes: 4,
        contexts: 2,
        submissions: SUBMISSIONS * u64::from(options.scale.max(1)),
        room: 3 << 20,
        times: 3,
    };
    let row_options = RowOptions {
        seed: options.seed,
        ..RowOptions::default()
    };
    let context = Context {
        machine,
        options: row_options,
        progress: &|_, _| {},
    };
    let blown = blow(&rig, &shown, size, &context, None)?;
    made.renders = blown.renders;
    made.presents = blown.presents;
    made.killed = blown.killed;
    made.compared_pixels = rig.compared();
    rig.stage.destroy_hidden(&shown)?;
    rig.finish()
}
