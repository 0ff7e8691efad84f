//! A source: visible or not, flipped, turned, and its vertical sync.

use alloc::collections::BTreeSet;
use alloc::format;

use dxgk_port::{Choice, Flip, PathUpdate};
use dxgk_sys::status::STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED;
use dxgk_sys::{D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation, DXGK_INTERRUPT_TYPE};

use super::stage::{SECOND, Shown, Stage, pattern};
use crate::outcome::{Failed, Outcome, check, done};
use crate::picture::Picture;
use crate::row::Context;

/// How long a flip may take on a machine that has other things to do; rates are measured elsewhere.
const BUSY: u64 = 10 * SECOND;
/// The most register writes that a flip may take.
const MOST_WRITES: u64 = 4;

/// Invisible is black, whatever lies in the primary; visible again is the picture, undamaged.
pub fn invisible_and_visible_again(context: &Context<'_>) -> Outcome {
    for display_only in [false, true] {
        let stage = Stage::open_as(context.machine, display_only)?;
        let choice = stage.usual()?;
        let shown = stage.show(&choice, 1)?;
        stage.shows(&pattern(&choice, 1))?;
        for _ in 0..2 {
            stage.set_visible(false)?;
            stage.is_black()?;
            stage.set_visible(true)?;
            if display_only {
                // What was presented before need not have been kept.
                stage.present(&pattern(&choice, 1))?;
            }
            stage.shows(&pattern(&choice, 1))?;
        }
        stage.destroy_hidden(&shown)?;
        stage.close()?;
    }
    Ok("the full driver and the display-only one, twice each".into())
}

/// A flip shows the other primary by a few register writes and copies nothing.
pub fn flip_copies_nothing(context: &Context<'_>) -> Outcome {
    let stage = Stage::open(context.machine)?;
    let choice = stage.usual()?;
    let shown = stage.show(&choice, 1)?;
    let first = shown.primary()?;
    let second = stage.primary_like(&shown)?;
    stage.draw(&second, shown.committed.mode.stride, &pattern(&choice, 2))?;
    stage.shows(&pattern(&choice, 1))?;
    let vsync = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
    done(
        "ControlInterrupt",
        stage.adapter().control_interrupt(vsync, true),
    )?;

    let mut result = Ok(());
    let mut flip = || result = stage.flip(&second, Flip::OnNextVsync);
    let writes = context.machine.writes_during(0, &mut flip);
    if writes.is_none() {
        flip();
    }
    result?;
    let reported = stage.adapter().wait_for_flip(0, BUSY);
    check(reported, "the flip is reported by a vertical sync", || {
        "it is not, for ten seconds".into()
    })?;
    stage.shows(&pattern(&choice, 2))?;
    for round in 0..10 {
        let (primary, seed) = if round % 2 == 0 {
            (&first, 1)
        } else {
            (&second, 2)
        };
        stage.flip(primary, Flip::OnNextVsync)?;
        check(stage.adapter().wait_for_flip(0, BUSY), "a flip", || {
            format!("none in round {round}")
        })?;
        stage.shows(&pattern(&choice, seed))?;
    }
    stage.set_visible(false)?;
    stage.destroy(&first)?;
    stage.destroy(&second)?;
    stage.close()?;
    let Some(writes) = writes else {
        return Ok("11 flips, each reported and seen; this machine counts no writes".into());
    };
    let (registers, memory) = (writes.registers, writes.video_memory);
    check(
        (1..=MOST_WRITES).contains(&registers) && memory == 0,
        format!("1 to {MOST_WRITES} register writes, none to video memory"),
        || format!("{registers} and {memory}"),
    )?;
    Ok(format!(
        "11 flips, each reported and seen; {registers} register writes a flip, none to video memory"
    ))
}

/// Vertical syncs come at the mode's rate while they are enabled, with and without an interrupt line.
pub fn vertical_sync(context: &Context<'_>) -> Outcome {
    let mut lines = 0;
    let mut note = alloc::string::String::new();
    for line in [None, Some(5)] {
        if line.is_some() && !context.machine.set_interrupt_line(0, line) {
            continue;
        }
        lines += 1;
        let measured = measure(context);
        context.machine.set_interrupt_line(0, None);
        note = measured?;
    }
    let with = if lines == 2 {
        "with an interrupt and"
    } else {
        ""
    };
    Ok(format!("{note}; {with} without an interrupt"))
}

fn measure(context: &Context<'_>) -> Outcome {
    const FRAMES: u64 = 30;
    let stage = Stage::open(context.machine)?;
    let adapter = stage.adapter();
    let choice = stage.usual()?;
    let shown = stage.show(&choice, 1)?;
    let rate = shown.committed.mode.timing.millihertz().unwrap_or(60_000);
    adapter.exercise_interrupts();
    let vsync = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
    done("ControlInterrupt", adapter.control_interrupt(vsync, true))?;
    let wanted = FRAMES * 10_000_000_000 / rate.max(1);
    let seen = adapter.wait_for_vsync(FRAMES, 4 * wanted + SECOND);
    check(seen >= FRAMES, format!("{FRAMES} vertical syncs"), || {
        format!("{seen}")
    })?;
    let recent = adapter.vsyncs().recent;
    let first = recent.first().map_or(0, |sync| sync.time_100ns);
    let last = recent.last().map_or(0, |sync| sync.time_100ns);
    let frames = recent.len().saturating_sub(1) as u64;
    let took = last - first;
    let expected = frames * 10_000_000_000 / rate.max(1);
    // A busy machine is late by a frame or two; a clock that drifts is off by more.
    let slack = expected / 4 + 2 * 10_000_000_000 / rate.max(1);
    check(
        took.abs_diff(expected) <= slack,
        format!("{frames} frames in {} ms", expected / 10_000),
        || format!("{} ms", took / 10_000),
    )?;
    scan_line_moves(context, &stage, &shown)?;
    done("ControlInterrupt", adapter.control_interrupt(vsync, false))?;
    stage.destroy_hidden(&shown)?;
    stage.close()?;
    Ok(format!(
        "{frames} frames in {} ms at {}.{:03} Hz",
        took / 10_000,
        rate / 1000,
        rate % 1000
    ))
}

/// GetScanLine goes through the frame: lines in and out of blanking, each where it belongs.
fn scan_line_moves(context: &Context<'_>, stage: &Stage<'_>, shown: &Shown) -> Result<(), Failed> {
    let mode = &shown.committed.mode;
    let lines = mode.timing.total.map_or(u32::MAX, |total| total.1);
    let host = context.machine.host();
    let end = host.time_100ns() + SECOND;
    let (mut blank, mut visible) = (BTreeSet::new(), BTreeSet::new());
    while (blank.len() < 2 || visible.len() < 2) && host.time_100ns() < end {
        let line = done("GetScanLine", stage.adapter().scan_line(mode.target))?;
        check(
            line.line < lines && line.blank == (line.line >= mode.height),
            format!("a line below {lines}, blank from {} on", mode.height),
            || format!("line {}, blank: {}", line.line, line.blank),
        )?;
        if line.blank { &mut blank } else { &mut visible }.insert(line.line);
    }
    check(
        blank.len() >= 2 && visible.len() >= 2,
        "several lines within a second, in and out of blanking",
        || format!("{} blank and {} visible ones", blank.len(), visible.len()),
    )
}

/// A rotation that is asked for: refused by the full driver, which scans out linearly, and done at
/// the next present by the display-only one.
pub fn rotation(context: &Context<'_>) -> Outcome {
    let turn = |rotation| PathUpdate {
        rotation: Some(rotation),
        ..PathUpdate::default()
    };
    let stage = Stage::open(context.machine)?;
    let choice = stage.usual()?;
    let turned = Choice {
        rotation: Rotation::D3DKMDT_VPPR_ROTATE90,
        ..choice
    };
    let refused = stage.adapter().commit(&turned).err();
    check(
        refused == Some(STATUS_GRAPHICS_VIDPN_MODALITY_NOT_SUPPORTED),
        "no turned path of the full driver",
        || format!("{refused:?}"),
    )?;
    let shown = stage.show(&choice, 1)?;
    stage.shows(&pattern(&choice, 1))?;
    stage.destroy_hidden(&shown)?;
    stage.close()?;

    let stage = Stage::open_display_only(context.machine)?;
    stage.show(&choice, 1)?;
    let turns = [
        (Rotation::D3DKMDT_VPPR_ROTATE90, 3),
        (Rotation::D3DKMDT_VPPR_ROTATE180, 2),
        (Rotation::D3DKMDT_VPPR_ROTATE270, 1),
        (Rotation::D3DKMDT_VPPR_IDENTITY, 0),
    ];
    for (rotation, quarters) in turns {
        done(
            "a turned path",
            stage.adapter().update_path(&turn(rotation)),
        )?;
        let (width, height) = match quarters % 2 {
            0 => (choice.width, choice.height),
            _ => (choice.height, choice.width),
        };
        let picture = Picture::Pattern {
            width,
            height,
            seed: 7,
        };
        stage.present_turned(&picture)?;
        let picture = alloc::boxed::Box::new(picture);
        stage.shows(&Picture::Turned { picture, quarters })?;
    }
    stage.close()?;
    Ok("refused by the full driver; 90, 180, 270 and 0 degrees by the display-only one".into())
}
