//! Row 10 of the failure matrix: things are destroyed while the engine has work for them.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::{AllocationId, Create, Device, Into, ResourceId, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::Batch;
use super::rig::{Lane, Rig, no_timeout, shape_of, surface};
use crate::blob;
use crate::outcome::{Failed, Outcome, done, same};
use crate::row::Context;

/// Ways to destroy something that is in use.
const WAYS: [&str; 6] = [
    "an allocation that is read",
    "an allocation that is written",
    "a resource",
    "a context",
    "a context, its queue dropped",
    "a device, its queues dropped",
];

/// Allocations, resources, contexts and devices go while work that uses them is queued, in the hardware
/// queue, and half done.
pub fn row_10_destroy_while_pending(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let options = SchedulerOptions {
        seed: context.options.seed,
        preempt_every: 4,
        ..SchedulerOptions::default()
    };
    let rig = Rig::open(context, options)?;
    let other = rig.device()?;
    let others = rig.lane(&other)?;
    let kept = rig.allocate(&other, &surface(300, 300, AllocationFlags::CPU_VISIBLE))?;
    rig.write_pattern(kept, 9)?;
    let mut pending = 0;
    for depth in [1, 2, 5, 12] {
        for way in 0..WAYS.len() {
            for pumps in 0..4 {
                pending += u64::from(destroy(&rig, &mut random, depth, way, pumps)?);
                // Another process's work goes on, beside it.
                let mut batch = Batch::new();
                let part = Rect::new(0, 0, 200, 150);
                batch.copy_pixels(kept, kept, part, (random.i32(0..90), 40), Rect::EVERYTHING);
                rig.render(&others, &batch)?;
            }
        }
    }
    rig.idle()?;
    rig.compare(kept)?;
    no_timeout(&rig)?;
    done("DestroyDevice", other.kill())?;
    let live = rig.adapter().live();
    same("devices that live beside the desktop's", &1, &live.devices)?;
    same("allocations that live", &0, &live.allocations)?;
    rig.close()?;
    Ok(format!(
        "{} kinds of object, {pending} pieces of work that had not ended",
        WAYS.len()
    ))
}

/// One device with work, and one way to take something away from it. Tells how many pieces had not ended.
fn destroy(
    rig: &Rig<'_>,
    random: &mut fastrand::Rng,
    depth: u32,
    way: usize,
    pumps: u32,
) -> Result<u32, Failed> {
    let device = rig.device()?;
    let lane = rig.lane(&device)?;
    let (resource, surfaces) = shared(rig, &device)?;
    let queued = work(rig, &lane, &surfaces, random, depth)?;
    for _ in 0..pumps {
        rig.adapter().pump();
    }
    let pending = queued
        .iter()
        .filter(|queued| queued.fate().is_none())
        .count();
    let gone = |allocations: &[AllocationId]| {
        for gone in allocations {
            rig.model.remove(*gone);
        }
    };
    match way {
        0 | 1 => {
            let victim = surfaces[way];
            done("DestroyAllocation", device.destroy_allocations(&[victim]))?;
            gone(&[victim]);
        }
        2 => {
            done("DestroyAllocation", device.destroy_resource(resource))?;
            gone(&surfaces);
        }
        3 => done("DestroyContext", lane.context.destroy())?,
        4 => done("DestroyContext", lane.context.kill())?,
        _ => {}
    }
    done("the end of a process", device.kill())?;
    gone(&surfaces);
    let open = queued
        .iter()
        .filter(|queued| queued.fate().is_none())
        .count();
    same("pieces of work without an end", &0, &open)?;
    Ok(pending as u32)
}

/// Two surfaces in a resource.
fn shared(rig: &Rig<'_>, device: &Device) -> Result<(ResourceId, Vec<AllocationId>), Failed> {
    let data = surface(512, 256, AllocationFlags::empty());
    let blob = blob::bytes(&data);
    let created = device.create(&Create {
        group: &[],
        elements: &[&blob, &blob],
        into: Into::NewResource,
    });
    let created = done("CreateAllocation", created)?;
    for allocation in &created.allocations {
        rig.model.add(*allocation, shape_of(&data));
    }
    let resource = created.resource.ok_or_else(|| Failed {
        expected: "a resource".into(),
        seen: "none".into(),
    })?;
    Ok((resource, created.allocations))
}

/// So many pieces of work, each from the first surface to the second and long enough to be met half done.
fn work(
    rig: &Rig<'_>,
    lane: &Lane,
    surfaces: &[AllocationId],
    random: &mut fastrand::Rng,
    depth: u32,
) -> Result<Vec<dxgk_port::Queued>, Failed> {
    (0..depth)
        .map(|_| {
            let mut batch = Batch::new();
            for _ in 0..8 {
                batch.copy((surfaces[0], 0), (surfaces[1], 0), 512 * 1024);
                let part = Rect::new(0, 0, 500, 200);
                batch.fill_pixels(surfaces[1], part, random.u32(..), Rect::EVERYTHING);
            }
            rig.render(lane, &batch)
        })
        .collect()
}
