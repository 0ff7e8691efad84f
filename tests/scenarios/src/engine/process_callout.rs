//! Processes that die while their contexts render.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::SchedulerOptions;
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::Batch;
use super::rig::{Rig, no_timeout, surface};
use crate::outcome::{Outcome, done};
use crate::row::Context;

/// Processes that are killed.
const PROCESSES: u32 = 60;

/// Processes are killed at any moment of their rendering; another one's pictures stay right, and nothing
/// of the dead is left.
pub fn process_callout(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let options = SchedulerOptions {
        seed: context.options.seed,
        preempt_every: 5,
        context_switches: true,
        ..SchedulerOptions::default()
    };
    let rig = Rig::open(context, options)?;
    done("a limit", rig.adapter().set_memory_limit(4 << 20))?;
    let survivor = rig.device()?;
    let ours = rig.lane(&survivor)?;
    let picture = rig.allocate(&survivor, &surface(256, 256, AllocationFlags::CPU_VISIBLE))?;
    let work = rig.allocate(&survivor, &surface(256, 256, AllocationFlags::CPU_VISIBLE))?;
    rig.write_pattern(picture, 1)?;
    for number in 0..PROCESSES {
        (context.progress)(number.into(), PROCESSES.into());
        let device = rig.device()?;
        let lanes: Vec<_> = (0..random.u32(1..=4))
            .map(|_| rig.lane(&device))
            .collect::<Result<_, _>>()?;
        let surfaces: Vec<_> = (0..random.u32(2..=6))
            .map(|_| {
                let (width, height) = (random.u32(16..=512), random.u32(16..=512));
                rig.allocate(&device, &surface(width, height, AllocationFlags::empty()))
            })
            .collect::<Result<_, _>>()?;
        for _ in 0..random.u32(1..=24) {
            let lane = &lanes[random.usize(..lanes.len())];
            let mut batch = Batch::new();
            for _ in 0..random.u32(1..=4) {
                let from = surfaces[random.usize(..surfaces.len())];
                let to = surfaces[random.usize(..surfaces.len())];
                let part = Rect::new(0, 0, random.i32(1..400), random.i32(1..400));
                batch.copy_pixels(from, to, part, (random.i32(-9..99), 0), Rect::EVERYTHING);
            }
            rig.render(lane, &batch)?;
            if random.u8(..3) == 0 {
                rig.adapter().pump();
            }
        }
        let mut batch = Batch::new();
        let place = (random.i32(-50..200), random.i32(-50..200));
        batch.copy_pixels(
            picture,
            work,
            Rect::new(0, 0, 99, 99),
            place,
            Rect::EVERYTHING,
        );
        rig.render(&ours, &batch)?;
        for _ in 0..random.u32(..6) {
            rig.adapter().pump();
        }
        // First a context of its own perhaps, then the rest with the process.
        if random.bool() {
            done("DestroyContext", lanes[0].context.kill())?;
        }
        done("the end of a process", device.kill())?;
        for surface in surfaces {
            rig.model.remove(surface);
        }
        if number % 8 == 7 {
            rig.compare(work)?;
        }
    }
    rig.idle()?;
    rig.compare(work)?;
    rig.compare(picture)?;
    no_timeout(&rig)?;
    let (counts, compared) = (rig.counts(), rig.compared());
    done("DestroyDevice", survivor.kill())?;
    rig.close()?;
    Ok(format!(
        "{PROCESSES} processes killed; {} of their submissions ran, {} were dropped; {compared} pixels of another's right",
        counts.executed, counts.cancelled
    ))
}
