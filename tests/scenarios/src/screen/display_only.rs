//! The display-only driver's presents.

use alloc::format;

use dxgk_port::{Adapter, Port};
use dxgk_sys::RECT;

use super::stage::{Stage, pattern};
use crate::Machine;
use crate::outcome::Outcome;
use crate::picture::Picture;
use crate::row::Context;
use crate::session::Session;

/// A present copies what its rectangles say and nothing else.
pub fn dirty_rectangles(context: &Context<'_>) -> Outcome {
    present_parts(
        Stage::open_display_only(context.machine)?,
        context.options.seed,
    )
}

/// The same on a display-only driver that someone else has started, from that seed.
///
/// # Errors
///
/// What was expected, and what was seen instead.
pub fn display_only_on(
    machine: &dyn Machine,
    port: &Port,
    adapter: &Adapter,
    seed: u64,
) -> Outcome {
    let session = Session::adopt(machine, port, adapter);
    present_parts(Stage::of_display_only(machine, session), seed)
}

fn present_parts(stage: Stage<'_>, seed: u64) -> Outcome {
    const ROUNDS: u32 = 20;
    let choice = stage.usual()?;
    stage.show(&choice, 1)?;
    let mut random = fastrand::Rng::with_seed(seed);
    for round in 0..ROUNDS {
        // All of it in the first picture, then a part of the second: the rest must stay.
        stage.present(&pattern(&choice, 1))?;
        let (width, height) = (choice.width, choice.height);
        let (left, top) = (random.u32(..width), random.u32(..height));
        let (right, bottom) = (random.u32(left..width) + 1, random.u32(top..height) + 1);
        let part = RECT {
            left: left.cast_signed(),
            top: top.cast_signed(),
            right: right.cast_signed(),
            bottom: bottom.cast_signed(),
        };
        stage.present_parts(&pattern(&choice, 2 + round), &[part], false)?;
        stage.shows(&Picture::Patched {
            below: pattern(&choice, 1).into(),
            above: pattern(&choice, 2 + round).into(),
            part: [left, top, right, bottom],
        })?;
    }
    stage.close()?;
    Ok(format!("{ROUNDS} rectangles, 0 differing pixels"))
}
