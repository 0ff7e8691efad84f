//! The adapter stops and starts while it renders and shows, with the same mode and with another.

use alloc::format;

use dxgk_port::{Choice, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::{Batch, area, blt};
use super::rig::{Rig, no_timeout, surface};
use crate::outcome::{Outcome, done, same};
use crate::row::Context;

/// Stops and starts.
const ROUNDS: u32 = 6;

/// StopDevice with work queued, StartDevice, and a mode again: the same or another.
pub fn pnp_stop_mode_switch(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let mut rig = Rig::open(context, SchedulerOptions::default())?;
    let modes = rig.stage.modes()?;
    let mut choice = rig.stage.usual()?;
    let mut seen = 0;
    for round in 0..ROUNDS {
        (context.progress)(round.into(), ROUNDS.into());
        let shown = rig.stage.show(&choice, round + 1)?;
        let primary = rig.know_primary(&shown)?;
        let device = rig.device()?;
        let lane = rig.lane(&device)?;
        let desktop = rig.lane(rig.desktop()?)?;
        let picture = rig.allocate(
            rig.desktop()?,
            &surface(200, 200, AllocationFlags::CPU_VISIBLE),
        )?;
        rig.write_pattern(picture, round)?;
        rig.present(
            &desktop,
            &blt(picture, area(0, 0, 200, 200), primary, (33, 44), &[]),
        )?;
        rig.idle()?;
        rig.shows(primary)?;
        let [from, to] =
            [(); 2].map(|()| rig.allocate(&device, &surface(400, 400, AllocationFlags::empty())));
        let (from, to) = (from?, to?);
        let mut queued = alloc::vec::Vec::new();
        for _ in 0..random.u32(1..=20) {
            let mut batch = Batch::new();
            batch.copy_pixels(
                from,
                to,
                Rect::new(0, 0, 400, 400),
                (1, 1),
                Rect::EVERYTHING,
            );
            queued.push(rig.render(&lane, &batch)?);
        }
        (0..random.u32(..5)).for_each(|_| rig.adapter().pump());
        // Nothing of the processes is left when the stop arrives, whatever they had queued.
        done("the end of a process", device.kill())?;
        rig.stage.end_device()?;
        done("StopDevice", rig.adapter().stop())?;
        let open = queued
            .iter()
            .filter(|queued| queued.fate().is_none())
            .count();
        same("pieces of work without an end", &0, &open)?;
        for gone in [from, to, picture, primary] {
            rig.model.remove(gone);
        }
        done("StartDevice", rig.adapter().start())?;
        rig.stage.renew_device()?;
        seen += queued.len();
        if round % 2 == 1 {
            choice = Choice::from(&modes[random.usize(..modes.len())]);
        }
    }
    no_timeout(&rig)?;
    rig.close()?;
    Ok(format!(
        "{ROUNDS} stops and starts, in the same mode and in another, {seen} submissions under way"
    ))
}
