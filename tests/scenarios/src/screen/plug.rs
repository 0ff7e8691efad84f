//! Another monitor.

use dxgk_sys::POWER_ACTION;

use super::stage::{Stage, pattern};
use crate::outcome::{Failed, Outcome, check, done};
use crate::row::Context;

/// The monitor is unplugged while the machine sleeps, and another plugged in the next time (contract:
/// Q3): each time dxgkrnl is told, and a picture can be shown.
pub fn unplug_and_plug(context: &Context<'_>) -> Outcome {
    let machine = context.machine;
    let stage = Stage::open(machine)?;
    let adapter = stage.adapter();
    let child = adapter.children().first().map(|child| child.uid);
    let child = child.ok_or_else(|| Failed {
        expected: "a child".into(),
        seen: "none".into(),
    })?;
    let mut seed = 0;
    let mut show = || {
        seed += 1;
        let choice = stage.usual()?;
        let shown = stage.show(&choice, seed)?;
        stage.shows(&pattern(&choice, seed))?;
        stage.destroy_hidden(&shown)
    };
    show()?;
    let before = adapter.edid(child);
    let mut able = true;
    let steps = [None, before.as_deref()];
    for edid in steps {
        done("sleep", adapter.sleep(POWER_ACTION::PowerActionSleep))?;
        able &= machine.set_monitor(0, edid);
        done("wake", adapter.wake())?;
        let changes = adapter.update_children().len();
        let wanted = usize::from(able);
        check(
            changes == wanted,
            alloc::format!("{wanted} change of the monitor"),
            || alloc::format!("{changes}"),
        )?;
        show()?;
    }
    stage.close()?;
    Ok(if able {
        "unplugged and plugged in sleep, told each time".into()
    } else {
        "this machine's monitor stays; slept twice".into()
    })
}
