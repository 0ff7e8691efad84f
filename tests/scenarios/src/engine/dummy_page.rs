//! An unmapped part of the aperture leads to the dummy page, and to nothing else.

use alloc::format;

use dxgk_port::SchedulerOptions;
use vmdisp_abi::allocation::AllocationFlags;

use super::rig::{Rig, no_timeout, surface};
use crate::outcome::{Outcome, done};
use crate::row::Context;

/// What was mapped into the aperture is unmapped; reads and writes through that part of it then come to the
/// dummy page and do not reach the pages that were there.
pub fn unmap_segment_to_dummy_page(context: &Context<'_>) -> Outcome {
    const ROUNDS: u32 = 8;
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let device = rig.device()?;
    let flags = AllocationFlags::CPU_VISIBLE | AllocationFlags::SYSTEM_MEMORY;
    let allocation = rig.allocate(&device, &surface(256, 256, flags))?;
    let adapter = rig.adapter();
    for round in 0..ROUNDS {
        rig.write_pattern(allocation, round)?;
        done(
            "an allocation made resident",
            adapter.make_resident(&[allocation]),
        )?;
        // It is unmapped, and keeps its pages.
        done("an eviction", adapter.evict(allocation))?;
        // The port maps pages of its own there, unmaps them to the dummy page, copies through the range both ways and
        // looks at each byte of them (contract: P5).
        done("copies through what is unmapped", adapter.exercise_paging())?;
        rig.compare(allocation)?;
    }
    no_timeout(&rig)?;
    done("DestroyDevice", device.kill())?;
    let compared = rig.compared();
    rig.close()?;
    Ok(format!(
        "{ROUNDS} times, {compared} pixels of what was unmapped right"
    ))
}
