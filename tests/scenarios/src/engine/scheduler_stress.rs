//! Paging and preemption under pressure, with Patch before every submission or with all of it left to Patch.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::{Device, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::Batch;
use super::rig::{Rig, at_least, no_timeout, surface};
use crate::outcome::{Failed, Outcome, done};
use crate::row::Context;

/// Times that a picture is scrolled.
const ROUNDS: u32 = 10;
/// Preemptions of one such time.
const MOST_PREEMPTIONS: u32 = 40;

/// Submissions of one run.
const SUBMISSIONS: u32 = 300;

/// Patch is called before every submission, also where nothing has moved.
pub fn always_repatch(context: &Context<'_>) -> Outcome {
    let options = SchedulerOptions {
        always_repatch: true,
        ..stress(context)
    };
    run(context, options)
}

/// Render and Present are told no address, so Patch must write every one.
pub fn no_pre_patching(context: &Context<'_>) -> Outcome {
    let options = SchedulerOptions {
        no_pre_patch: true,
        ..stress(context)
    };
    run(context, options)
}

fn stress(context: &Context<'_>) -> SchedulerOptions {
    SchedulerOptions {
        seed: context.options.seed,
        preempt_every: 3,
        split: true,
        context_switches: true,
        ..SchedulerOptions::default()
    }
}

fn run(context: &Context<'_>, options: SchedulerOptions) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let rig = Rig::open(context, options)?;
    done("a limit", rig.adapter().set_memory_limit(2 << 20))?;
    let device = rig.device()?;
    let window = rig.allocate(&device, &surface(512, 128, AllocationFlags::CPU_VISIBLE))?;
    // Each context has surfaces of its own, so that their buffers may run in any order.
    let mut lanes = Vec::new();
    for _ in 0..4 {
        let surfaces: Vec<_> = (0..5)
            .map(|_| {
                let (width, height) = (random.u32(200..=500), random.u32(200..=400));
                rig.allocate(&device, &surface(width, height, AllocationFlags::empty()))
            })
            .collect::<Result<_, Failed>>()?;
        lanes.push((rig.lane(&device)?, surfaces));
    }
    for submission in 0..SUBMISSIONS {
        (context.progress)(submission.into(), SUBMISSIONS.into());
        let (lane, surfaces) = &lanes[random.usize(..lanes.len())];
        let mut batch = Batch::new();
        for _ in 0..random.u32(1..=12) {
            let pick = |random: &mut fastrand::Rng| surfaces[random.usize(..surfaces.len())];
            let (from, to) = (pick(&mut random), pick(&mut random));
            let (x, y) = (random.i32(-50..400), random.i32(-50..300));
            let (width, height) = (random.i32(1..400), random.i32(1..300));
            if random.u8(..3) == 0 {
                let part = Rect::new(x, y, width, height);
                batch.fill_pixels(to, part, random.u32(..), Rect::EVERYTHING);
            } else {
                let part = Rect::new(random.i32(-20..200), random.i32(-20..200), width, height);
                batch.copy_pixels(from, to, part, (x, y), Rect::EVERYTHING);
            }
        }
        lane.context.set_priority(random.i32(-7..=7));
        rig.render(lane, &batch)?;
        if random.u8(..4) == 0 {
            rig.adapter().pump();
        }
    }
    rig.idle()?;
    for (lane, surfaces) in &lanes {
        for surface in surfaces {
            rig.compare_by_copy(lane, *surface, window)?;
        }
    }
    let interrupted = in_the_middle(&rig, &device, &mut random)?;
    at_least("preemptions in the middle", ROUNDS.into(), interrupted)?;
    no_timeout(&rig)?;
    // Without these nothing was stressed.
    let (patches, preempted) = (rig.stage.calls("Patch"), rig.stage.calls("PreemptCommand"));
    let paging = rig.stage.calls("BuildPagingBuffer");
    let submissions = u64::from(SUBMISSIONS);
    at_least("patches", submissions, patches)?;
    at_least("preemptions", submissions / 10, preempted)?;
    at_least("paging operations", submissions / 10, paging)?;
    let compared = rig.compared();
    done("DestroyDevice", device.kill())?;
    rig.close()?;
    Ok(format!(
        "{SUBMISSIONS} submissions of 4 contexts, 12 MB of surfaces in 2 MiB, {patches} patches, {preempted} preemptions, \
         {interrupted} of them in the middle of scrolling, {paging} paging operations, {compared} pixels right"
    ))
}

/// A picture is scrolled again and again, and preempted all the while: whatever of a scroll is done
/// twice, or left out, shows. Tells how many preemptions found the work unfinished.
fn in_the_middle(
    rig: &Rig<'_>,
    device: &Device,
    random: &mut fastrand::Rng,
) -> Result<u64, Failed> {
    let lane = rig.lane(device)?;
    let picture = rig.allocate(device, &surface(512, 512, AllocationFlags::CPU_VISIBLE))?;
    rig.write_pattern(picture, 17)?;
    let mut interrupted = 0;
    for _ in 0..ROUNDS {
        let mut batch = Batch::new();
        for _ in 0..24 {
            let place = (random.i32(-9..=9), random.i32(1..=9));
            let part = Rect::new(0, 0, 500, 500);
            batch.copy_pixels(picture, picture, part, place, Rect::EVERYTHING);
        }
        let queued = rig.render(&lane, &batch)?;
        // Not for ever: a driver that begins each time again would never end.
        for _ in 0..MOST_PREEMPTIONS {
            if queued.fate().is_some() {
                break;
            }
            // The engine begins, or goes on.
            for _ in 0..random.u32(1..=4) {
                rig.adapter().pump();
                rig.machine.host().relax();
            }
            let asked = queued.fate().is_none() && rig.adapter().preempt();
            rig.adapter().pump();
            interrupted += u64::from(asked && queued.fate().is_none());
        }
        rig.wait(&queued)?;
        rig.compare(picture)?;
    }
    Ok(interrupted)
}
