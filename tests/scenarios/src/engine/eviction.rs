//! Eviction: what lies in video memory goes to system memory and comes back unchanged.

use alloc::format;
use alloc::vec::Vec;

use dxgk_port::{AllocationId, Residency, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;
use vmdisp_abi::command::Rect;

use super::batch::{Batch, area as rect, blt};
use super::rig::{Lane, Rig, at_least, no_timeout, surface};
use crate::outcome::{Failed, Outcome, check, done, same};
use crate::row::Context;

/// How much of video memory allocations may use, in bytes.
const ROOM: u64 = 4 << 20;
/// How many times as much there is.
const TIMES: u64 = 3;
/// Rounds of work and eviction.
const ROUNDS: u32 = 24;

/// Pictures stay as they are while the memory manager moves them: one by one, all at once, under pressure
/// and within video memory, on the screen and off it.
pub fn eviction(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let shown = rig.show(1)?;
    let primary = shown.primary()?.allocation;
    let device = rig.desktop()?;
    let lane = rig.desktop_lane()?;
    done("a limit", rig.adapter().set_memory_limit(ROOM))?;

    let all = paint(&rig, &lane, &mut random)?;
    // The CPU reads everything through this one.
    let window = rig.allocate(device, &surface(256, 256, AllocationFlags::CPU_VISIBLE))?;
    let (mut evicted, mut moves) = (0_u64, 0_u64);
    // Memory is made free where there is none: nothing from here to the end asks for any.
    let pool_calls = || rig.machine.host().pool_calls();
    let before = pool_calls();
    for round in 0..ROUNDS {
        (context.progress)(round.into(), ROUNDS.into());
        for _ in 0..8 {
            let (from, to) = (pick(&mut random, &all), pick(&mut random, &all));
            let mut batch = Batch::new();
            let part = Rect::new(random.i32(0..64), random.i32(0..64), 100, 90);
            batch.copy_pixels(from, to, part, (random.i32(-20..100), 3), Rect::EVERYTHING);
            rig.render(&lane, &batch)?;
        }
        rig.idle()?;
        let victims: Vec<AllocationId> = match round % 4 {
            0 => all.clone(),
            1 => (0..5).map(|_| pick(&mut random, &all)).collect(),
            _ => Vec::new(),
        };
        for victim in victims {
            done("an eviction", rig.adapter().evict(victim))?;
            let now = rig.adapter().residency(victim);
            let out = matches!(now, Residency::System | Residency::Nowhere);
            check(out, "an evicted allocation in system memory", || {
                format!("{now:?}")
            })?;
            evicted += 1;
        }
        if round % 4 == 2 {
            let other = pick(&mut random, &all);
            done(
                "an allocation made resident",
                rig.adapter().make_resident(&[other]),
            )?;
            // There may be no free range as large.
            moves += u64::from(rig.adapter().move_within(other).is_ok());
        }
        if round % 4 == 3 {
            // What is shown comes from an allocation that may be anywhere.
            let from = pick(&mut random, &all);
            let rect = rect(0, 0, 128, 128);
            let place = (random.i32(0..200), random.i32(0..200));
            rig.present(&lane, &blt(from, rect, primary, place, &[]))?;
            rig.idle()?;
        }
        rig.shows(primary)?;
        let some = pick(&mut random, &all);
        rig.compare_by_copy(&lane, some, window)?;
    }
    done("an eviction of all", rig.adapter().evict_all())?;
    rig.idle()?;
    for allocation in &all {
        rig.compare_by_copy(&lane, *allocation, window)?;
    }
    rig.shows(primary)?;
    let asked = pool_calls() - before;
    same("pool calls while memory moves", &0, &asked)?;
    no_timeout(&rig)?;
    let (compared, counts) = (rig.compared(), rig.counts());
    at_least("pixels compared", TIMES * ROOM / 4, compared)?;
    rig.stage.destroy_hidden(&shown)?;
    rig.close()?;
    Ok(format!(
        "{} allocations in a third of their room, {evicted} evicted by name, {moves} moved, {} submissions, {compared} pixels right",
        all.len(),
        counts.executed,
    ))
}

/// Surfaces and buffers of several times the room that there is, each with another picture.
fn paint(
    rig: &Rig<'_>,
    lane: &Lane,
    random: &mut fastrand::Rng,
) -> Result<Vec<AllocationId>, Failed> {
    let device = rig.desktop()?;
    let (mut all, mut bytes) = (Vec::new(), 0);
    while bytes < ROOM * TIMES {
        let (width, height) = (random.u32(128..=400), random.u32(128..=300));
        let data = surface(width, height, AllocationFlags::empty());
        let allocation = rig.allocate(device, &data)?;
        let size = rig.model.shape(allocation).map_or(0, |shape| shape.bytes());
        let mut batch = Batch::new();
        batch.fill((allocation, 0), size as u32, random.u32(..));
        for _ in 0..8 {
            let (x, y) = (random.i32(0..300), random.i32(0..200));
            let part = Rect::new(x, y, random.i32(1..200), random.i32(1..200));
            batch.fill_pixels(allocation, part, random.u32(..), Rect::EVERYTHING);
        }
        rig.render(lane, &batch)?;
        all.push(allocation);
        bytes += size;
    }
    rig.idle()?;
    Ok(all)
}

fn pick(random: &mut fastrand::Rng, all: &[AllocationId]) -> AllocationId {
    all[random.usize(..all.len())]
}
