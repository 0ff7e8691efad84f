//! Locks of the CPU: several at once, with discard, without waiting, and while memory moves.

use alloc::format;

use dxgk_port::{Lock, SchedulerOptions};
use vmdisp_abi::allocation::AllocationFlags;

use super::batch::Batch;
use super::rig::{Rig, no_timeout, pattern, surface};
use crate::blob;
use crate::outcome::{Outcome, check, done};
use crate::row::Context;

/// Rounds of every kind of lock.
const ROUNDS: u32 = 10;

/// What the CPU writes under a lock the engine reads, and the other way round, wherever the allocation is.
pub fn lock_smith(context: &Context<'_>) -> Outcome {
    let mut random = fastrand::Rng::with_seed(context.options.seed);
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let adapter = rig.adapter();
    let device = rig.device()?;
    let lane = rig.lane(&device)?;
    let seen = AllocationFlags::CPU_VISIBLE;
    let read = seen | AllocationFlags::CPU_READS;
    let ours = [
        rig.allocate(&device, &surface(300, 200, seen))?,
        rig.allocate(&device, &surface(128, 512, read))?,
        rig.allocate(
            &device,
            &surface(640, 300, seen | AllocationFlags::SYSTEM_MEMORY),
        )?,
        rig.allocate(&device, &{
            let mut data = blob::buffer(200_001);
            data.flags = seen.bits();
            data
        })?,
    ];
    for round in 0..ROUNDS {
        (context.progress)(round.into(), ROUNDS.into());
        for index in 0..ours.len() {
            let (one, other) = (ours[index], ours[(index + 1) % ours.len()]);
            rig.write_pattern(one, random.u32(..))?;
            // Two locks of one allocation are one piece of memory.
            let first = done("a lock", adapter.lock(one))?;
            let second = done("a second lock", adapter.lock(one))?;
            let bytes = pattern(5000, random.u32(..));
            let at = random.u64(..50_000);
            done("a write under a lock", first.write(at as usize, &bytes))?;
            rig.model.write(one, at, &bytes);
            rig.model.compare(one, &second)?;
            drop(first);
            rig.model.compare(one, &second)?;
            // It may go to system memory under the lock.
            if round % 3 == 1 {
                // A lock may hold it where it is; then that is refused, and nothing changes.
                let _ = adapter.evict(one);
                rig.model.compare(one, &second)?;
            }
            drop(second);

            let mut batch = Batch::new();
            batch.copy((one, 64), (other, 128), 100_000);
            rig.render(&lane, &batch)?;
            // What the engine wrote is there once it has been waited for.
            let locked = done("a lock to read", adapter.lock(other))?;
            rig.model.compare(other, &locked)?;
            drop(locked);

            // Discard while the engine still uses it: the old work is unharmed.
            rig.render(&lane, &batch)?;
            let options = Lock {
                discard: true,
                ..Lock::default()
            };
            let locked = done("a lock with discard", adapter.lock_with(one, options))?;
            let bytes = rig.model.with(one, |content| content.bytes.len());
            let bytes = pattern(bytes.unwrap_or(0), random.u32(..));
            done("a write under a lock", locked.write(0, &bytes))?;
            rig.model.write(one, 0, &bytes);
            drop(locked);
            rig.idle()?;
            rig.compare(one)?;
            rig.compare(other)?;
        }
    }
    // Without waiting: busy is said, and idle is locked.
    let mut batch = Batch::new();
    for _ in 0..64 {
        batch.copy((ours[0], 0), (ours[2], 0), 200_000);
    }
    let queued = rig.render(&lane, &batch)?;
    let options = Lock {
        do_not_wait: true,
        ..Lock::default()
    };
    let early = adapter.lock_with(ours[2], options);
    let busy = early.is_err() && queued.fate().is_none();
    drop(early);
    rig.idle()?;
    let idle = done(
        "a lock of what is idle",
        adapter.lock_with(ours[2], options),
    )?;
    rig.model.compare(ours[2], &idle)?;
    drop(idle);
    check(busy, "no lock without waiting while work is queued", || {
        "one".into()
    })?;
    no_timeout(&rig)?;
    let compared = rig.compared();
    done("DestroyDevice", device.kill())?;
    rig.close()?;
    Ok(format!(
        "{} locks of four kinds of memory, {compared} pixels right",
        ROUNDS * 20
    ))
}
