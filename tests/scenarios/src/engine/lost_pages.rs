//! Command buffers whose pages another thread of their process takes away.

use alloc::format;

use dxgk_port::{Gone, SchedulerOptions};
use dxgk_sys::status::{STATUS_INVALID_USER_BUFFER, STATUS_NOT_SUPPORTED};
use vmdisp_abi::allocation::AllocationFlags;

use super::batch::Batch;
use super::rig::{Rig, no_timeout, surface};
use crate::outcome::{Outcome, check, done, same, status_is};
use crate::row::Context;

/// Commands: more than go into one DMA buffer, and several pages of them.
const COMMANDS: u32 = 1500;

/// Render reads what a program hands over by careful copies alone: with a page of it away the call ends with its
/// status and one debug line, nothing is queued, and the context goes on.
pub fn commands_lose_their_pages(context: &Context<'_>) -> Outcome {
    let rig = Rig::open(context, SchedulerOptions::default())?;
    let device = rig.device()?;
    let lane = rig.lane(&device)?;
    let target = rig.allocate(&device, &surface(256, 64, AllocationFlags::CPU_VISIBLE))?;
    rig.write_pattern(target, 3)?;
    let mut batch = Batch::new();
    for command in 0..COMMANDS {
        batch.fill((target, command * 8), 8, !command);
    }
    let commands = batch.bytes();
    let (last, last_patch) = (commands.len() - 1, batch.patches().len() * 24 - 1);
    // The header, what the first buffer takes, what comes with the next, the end; and the same of the other list.
    let places = [
        Gone::Commands(0),
        Gone::Commands(5000),
        Gone::Commands(16 + 64 * 700),
        Gone::Commands(last),
        Gone::Patches(0),
        Gone::Patches(5000),
        Gone::Patches(24 * 700),
        Gone::Patches(last_patch),
    ];
    for gone in places {
        let rendered =
            lane.context
                .render_without(&commands, batch.uses(), batch.patches(), Some(gone));
        let Err(status) = rendered else {
            return Err(crate::outcome::Failed {
                expected: format!("no Render with {gone:?} away"),
                seen: "one".into(),
            });
        };
        if status == STATUS_NOT_SUPPORTED {
            rig.close()?;
            return Ok("this machine cannot take pages away".into());
        }
        status_is(
            &format!("Render with {gone:?} away"),
            STATUS_INVALID_USER_BUFFER,
            status,
        )?;
        let lines = rig.machine.take_complaints();
        let one = lines.len() == 1 && lines[0].contains("Render");
        check(one, "one line about Render", || format!("{lines:?}"))?;
        rig.idle()?;
        same("pieces of work executed", &0, &rig.counts().executed)?;
        rig.compare(target)?;
    }
    rig.render(&lane, &batch)?;
    rig.idle()?;
    rig.compare(target)?;
    no_timeout(&rig)?;
    done("DestroyDevice", device.kill())?;
    rig.close()?;
    Ok(format!(
        "{} pages taken away among {COMMANDS} commands, each found by a careful copy",
        places.len()
    ))
}
