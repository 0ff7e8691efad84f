//! A picture for people: a test card on the monitor's own mode.

use dxgk_port::SchedulerOptions;
use vmdisp_abi::allocation::AllocationFlags;

use super::stage::{Stage, image};
use crate::Machine;
use crate::engine::batch::{area, blt};
use crate::engine::rig::{Rig, surface};
use crate::outcome::{Failed, done};
use crate::picture::Picture;
use crate::session::{Session, device};

/// What the picture is called that the main job keeps.
const NAME: &str = "screen";

/// Presents a test card in the mode that the monitor prefers, demands that the monitor shows each of its
/// pixels, and keeps it as a picture.
///
/// # Errors
///
/// [`Failed`] if it cannot be shown, is not what is seen, or the driver leaves something behind.
pub fn test_card(machine: &dyn Machine) -> Result<(), Failed> {
    show(machine, Stage::open(machine)?)
}

/// The same on a driver that is loaded and started.
///
/// # Errors
///
/// As of [`test_card`].
pub fn test_card_on(machine: &dyn Machine, session: Session<'_>) -> Result<(), Failed> {
    let device = device(session.adapter())?;
    show(machine, Stage::of(machine, session, device))
}

fn show<'m>(machine: &'m dyn Machine, stage: Stage<'m>) -> Result<(), Failed> {
    let mode = stage.usual()?;
    let picture = Picture::TestCard {
        width: mode.width,
        height: mode.height,
    };
    let shown = stage.show(&mode, 1)?;
    let primary = shown.primary()?.allocation;
    let rig = Rig::on(machine, stage, SchedulerOptions::default());
    // The CPU draws into a surface, as programs do, and the engine brings it to the screen.
    let flags = AllocationFlags::CPU_VISIBLE;
    let drawn = rig.allocate(rig.desktop()?, &surface(mode.width, mode.height, flags))?;
    let pitch = rig.model.with(drawn, |content| content.at(0, 1));
    let locked = done("a lock", rig.adapter().lock(drawn))?;
    let image = image(&picture);
    for (y, row) in image.chunks(mode.width as usize * 4).enumerate() {
        done(
            "a write under a lock",
            locked.write(y * pitch.unwrap_or(0), row),
        )?;
    }
    drop(locked);
    let whole = area(0, 0, mode.width.cast_signed(), mode.height.cast_signed());
    let lane = rig.desktop_lane()?;
    rig.present(&lane, &blt(drawn, whole, primary, (0, 0), &[]))?;
    rig.idle()?;
    rig.stage.shows(&picture)?;
    machine.keep_picture(0, NAME).map_err(|why| Failed {
        expected: "a picture of the screen".into(),
        seen: why,
    })?;
    rig.stage.set_visible(false)?;
    done("no mode", rig.adapter().commit_none())?;
    rig.stage.destroy_hidden(&shown)?;
    rig.close()
}
