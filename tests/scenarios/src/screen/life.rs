//! What happens to an adapter that shows something: sleep, restart, removal, hand-over.

use alloc::format;

use dxgk_port::Choice;
use dxgk_sys::POWER_ACTION;

use super::stage::{Stage, pattern};
use crate::outcome::{Outcome, check, done};
use crate::row::Context;

/// Sleep (S3): the adapter keeps its state or not; what is shown afterwards is right either way.
pub fn sleep_and_wake(context: &Context<'_>) -> Outcome {
    power(context, POWER_ACTION::PowerActionSleep, false)
}

/// Hibernation (S4): video memory and registers are lost.
pub fn hibernate_and_wake(context: &Context<'_>) -> Outcome {
    power(context, POWER_ACTION::PowerActionHibernate, true)
}

fn power(context: &Context<'_>, action: POWER_ACTION, cold: bool) -> Outcome {
    let mut lost = false;
    for display_only in [false, true] {
        let stage = Stage::open_as(context.machine, display_only)?;
        let choice = stage.usual()?;
        let shown = stage.show(&choice, 1)?;
        stage.shows(&pattern(&choice, 1))?;
        done("power down", stage.adapter().sleep(action))?;
        lost = cold && context.machine.lose_display_state(0);
        done("power up", stage.adapter().wake())?;
        stage.is_black()?;
        stage.destroy_hidden(&shown)?;
        let shown = stage.show(&choice, 2)?;
        stage.shows(&pattern(&choice, 2))?;
        stage.destroy_hidden(&shown)?;
        stage.close()?;
    }
    check(cold == lost, "a machine that takes the power", || {
        "it cannot".into()
    })?;
    Ok(format!(
        "both kinds of driver{}",
        if lost {
            ", video memory and registers lost"
        } else {
            ""
        }
    ))
}

/// Stop, start and show again.
pub fn stop_and_start_again(context: &Context<'_>) -> Outcome {
    for display_only in [false, true] {
        let mut stage = Stage::open_as(context.machine, display_only)?;
        for round in 1..=3 {
            let choice = Choice::from(&stage.modes()?[round as usize % 2]);
            stage.show(&choice, round)?;
            stage.shows(&pattern(&choice, round))?;
            done("StopDevice", stage.adapter().stop())?;
            done("StartDevice", stage.adapter().start())?;
            stage.renew_device()?;
        }
        stage.close()?;
    }
    Ok("both kinds of driver, three times each".into())
}

/// RemoveDevice while a picture is shown, without a stop.
pub fn remove_while_shown(context: &Context<'_>) -> Outcome {
    for display_only in [false, true] {
        let stage = Stage::open_as(context.machine, display_only)?;
        let choice = stage.usual()?;
        stage.show(&choice, 1)?;
        done("RemoveDevice", stage.adapter().remove())?;
        stage.close_after_removal()?;
    }
    Ok("both kinds of driver".into())
}

/// The adapter is pulled out while it shows a picture; what was on its way still arrives.
pub fn surprise_removal_while_shown(context: &Context<'_>) -> Outcome {
    let mut pulled = false;
    for display_only in [false, true] {
        let stage = Stage::open_as(context.machine, display_only)?;
        let adapter = stage.adapter();
        let choice = stage.usual()?;
        let shown = stage.show(&choice, 1)?;
        pulled = context.machine.set_present(0, false);
        let told = adapter.surprise_remove();
        let told = done("NotifySurpriseRemoval", told)?;
        check(told, "the caps ask for NotifySurpriseRemoval", || {
            "they do not".into()
        })?;
        // Level 0: calls that were on their way are made, and must neither hang nor fail loudly.
        if let Some(primary) = &shown.primary {
            let _ = stage.flip(primary, dxgk_port::Flip::OnNextVsync);
        }
        let _ = stage.set_visible(false);
        adapter.reset_device();
        let removed = adapter.remove();
        context.machine.set_present(0, true);
        done("RemoveDevice", removed)?;
        stage.close_after_removal()?;
    }
    Ok(format!(
        "both kinds of driver{}",
        if pulled {
            ", every register all ones"
        } else {
            ""
        }
    ))
}

/// StopDeviceAndReleasePostDisplayOwnership leaves a black, linear screen and says what it is; the
/// next start takes it over.
pub fn hand_over_and_back(context: &Context<'_>) -> Outcome {
    for display_only in [false, true] {
        let mut stage = Stage::open_as(context.machine, display_only)?;
        let choice = stage.usual()?;
        let shown = stage.show(&choice, 1)?;
        let target = shown.committed.mode.target;
        let left = done("hand-over", stage.adapter().stop_and_release(target))?;
        check(
            (left.Width, left.Height) == (choice.width, choice.height) && left.TargetId == target,
            format!("{} x {} on target {target}", choice.width, choice.height),
            || format!("{} x {} on {}", left.Width, left.Height, left.TargetId),
        )?;
        stage.is_black()?;
        done("StartDevice", stage.adapter().start())?;
        stage.renew_device()?;
        stage.show(&choice, 2)?;
        stage.shows(&pattern(&choice, 2))?;
        stage.close()?;
    }
    Ok("both kinds of driver: black and linear, and back".into())
}
