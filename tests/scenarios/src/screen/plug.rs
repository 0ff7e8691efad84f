//! Unplugging the monitor and plugging another in.

use super::stage::{Stage, pattern};
use crate::outcome::{Failed, Outcome, check};
use crate::row::Context;

/// The monitor goes, another comes.
pub fn unplug_and_plug(context: &Context<'_>) -> Outcome {
    let machine = context.machine;
    let stage = Stage::open(machine)?;
    let adapter = stage.adapter();
    let child = adapter.children().first().map(|child| child.uid);
    let child = child.ok_or_else(|| Failed {
        expected: "a child".into(),
        seen: "none".into(),
    })?;
    let choice = stage.usual()?;
    let shown = stage.show(&choice, 1)?;
    let edid = adapter.edid(child);
    if !machine.set_monitor(0, None) {
        stage.destroy_hidden(&shown)?;
        stage.close()?;
        return Ok("this machine's monitor cannot be unplugged".into());
    }
    let changes = adapter.update_children();
    let restored = (|| {
        check(changes.is_empty(), "no news without a look", || {
            alloc::format!("{changes:?}")
        })?;
        machine.set_monitor(0, edid.as_deref());
        stage.shows(&pattern(&choice, 1))
    })();
    machine.set_monitor(0, edid.as_deref());
    restored?;
    stage.destroy_hidden(&shown)?;
    stage.close()?;
    Ok("the picture stays".into())
}
