//! Mode changes while contexts render and the CPU has primaries locked.

use alloc::format;

use dxgk_port::{Choice, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::{Batch, area, blt};
use super::rig::{Rig, no_timeout, surface};
use crate::outcome::{Outcome, done};
use crate::row::Context;

/// Mode changes in a row.
const CHANGES: usize = 12;

/// Modes come and go while work is queued and the old primary is locked; what was rendered meanwhile is
/// right, and each new mode shows what is presented to it.
pub fn mode_change(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let device = rig.desktop()?;
    let lane = rig.desktop_lane()?;
    let picture = rig.allocate(device, &surface(320, 240, AllocationFlags::CPU_VISIBLE))?;
    let work = rig.allocate(device, &surface(320, 240, AllocationFlags::empty()))?;
    let window = rig.allocate(device, &surface(320, 64, AllocationFlags::CPU_VISIBLE))?;
    rig.write_pattern(picture, 5)?;

    // Old and new primaries stay where they are, so there must be room for both beside what lies between.
    let segments = rig.adapter().known_segments();
    let memory = segments.and_then(|known| known.list.first().map(|first| first.size));
    let most = memory.unwrap_or(0) / 16;
    let mut modes = rig.stage.modes()?;
    modes.retain(|mode| u64::from(mode.stride) * u64::from(mode.height) <= 4 * most);
    let first = Choice::from(&modes[0]);
    let mut shown = rig.stage.show(&first, 1)?;
    let mut primary = rig.know_primary(&shown)?;
    for change in 0..CHANGES {
        (context.progress)(change as u64, CHANGES as u64);
        // Work is on its way, and the CPU draws, while the mode changes.
        for _ in 0..6 {
            let mut batch = Batch::new();
            let part = Rect::new(random.i32(0..200), random.i32(0..100), 90, 80);
            let place = (random.i32(0..200), random.i32(0..100));
            batch.copy_pixels(picture, work, part, place, Rect::EVERYTHING);
            rig.render(&lane, &batch)?;
        }
        let place = (random.i32(0..300), random.i32(0..200));
        rig.present(
            &lane,
            &blt(picture, area(0, 0, 320, 240), primary, place, &[]),
        )?;
        let locked = done("a lock of the primary", rig.adapter().lock(primary))?;
        let choice = Choice::from(&modes[random.usize(..modes.len())]);
        let next = rig.stage.show(&choice, change as u32 + 2)?;
        done("a write under a lock", locked.write(0, &[0x5a; 64]))?;
        rig.model.write(primary, 0, &[0x5a; 64]);
        rig.model.compare(primary, &locked)?;
        drop(locked);
        let old = shown.primary()?;
        rig.model.remove(old.allocation);
        rig.stage.destroy(&old)?;
        shown = next;
        primary = rig.know_primary(&shown)?;
        rig.present(
            &lane,
            &blt(picture, area(0, 0, 320, 240), primary, (7, 9), &[]),
        )?;
        rig.idle()?;
        rig.shows(primary)?;
        rig.compare_by_copy(&lane, work, window)?;
    }
    no_timeout(&rig)?;
    let (executed, compared) = (rig.counts().executed, rig.compared());
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "{CHANGES} changes among {} modes, {executed} submissions, {compared} pixels right beside the screen's",
        modes.len()
    ))
}
