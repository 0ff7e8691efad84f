//! A bugcheck: the system draws by itself, at any IRQL.

use alloc::format;
use alloc::vec;

use dxgk_sys::POWER_ACTION;

use super::stage::Stage;
use crate::outcome::{Failed, Outcome, check, done};
use crate::picture::Picture;
use crate::row::Context;

/// SystemDisplayEnable takes the screen, SystemDisplayWrite draws on it and clips what reaches past
/// it (contract: L7).
pub fn system_display(context: &Context<'_>) -> Outcome {
    for (display_only, woken) in [(false, false), (true, false), (false, true), (true, true)] {
        let stage = Stage::open_as(context.machine, display_only)?;
        let choice = stage.usual()?;
        let shown = stage.show(&choice, 1)?;
        let target = shown.committed.mode.target;
        if woken {
            done(
                "sleep",
                stage.adapter().sleep(POWER_ACTION::PowerActionSleep),
            )?;
            done("wake", stage.adapter().wake())?;
        }
        let screen = done(
            "SystemDisplayEnable",
            stage.adapter().system_display_enable(target),
        )?;
        let (width, height) = (screen.width, screen.height);
        check(
            width >= 640 && height >= 480,
            "a screen of at least 640 x 480",
            || format!("{width} x {height}"),
        )?;
        let picture = Picture::Pattern {
            width,
            height,
            seed: 9,
        };
        let mut pixels = vec![0; width as usize * height as usize];
        for (index, pixel) in (0..).zip(&mut pixels) {
            *pixel = picture.pixel(index % width, index / width);
        }
        // What lies outside is clipped, so the whole picture drawn last is all that is seen.
        screen.exercise_clipping();
        screen.write(&pixels, width, height, width * 4, 0, 0);
        let seen = stage.shows(&picture);
        seen.map_err(|Failed { expected, seen }| Failed {
            expected: format!("after a bugcheck: {expected}"),
            seen,
        })?;
        done("RemoveDevice", stage.adapter().remove())?;
        stage.close_after_removal()?;
    }
    Ok("both kinds of driver, shown and just woken, clipped on every side".into())
}
