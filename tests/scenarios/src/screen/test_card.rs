//! A picture for people: a test card on the monitor's own mode.

use super::stage::Stage;
use crate::Machine;
use crate::outcome::{Failed, done};
use crate::picture::Picture;

/// What the picture is called that the main job keeps.
const NAME: &str = "screen";

/// Shows a test card in the mode that the monitor prefers, demands that the monitor shows each of its
/// pixels, and keeps it as a picture.
///
/// # Errors
///
/// [`Failed`] if it cannot be shown, is not what is seen, or the driver leaves something behind.
pub fn test_card(machine: &dyn Machine) -> Result<(), Failed> {
    let stage = Stage::open(machine)?;
    let mode = stage.usual()?;
    let picture = Picture::TestCard {
        width: mode.width,
        height: mode.height,
    };
    let shown = stage.show_picture(&mode, &picture)?;
    stage.shows(&picture)?;
    machine.keep_picture(0, NAME).map_err(|why| Failed {
        expected: "a picture of the screen".into(),
        seen: why,
    })?;
    stage.set_visible(false)?;
    done("no mode", stage.adapter().commit_none())?;
    stage.destroy_hidden(&shown)?;
    stage.close()
}
