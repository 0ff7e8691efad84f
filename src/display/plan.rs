//! What a VidPN that was committed asks for.

use super::modes::Mode;

/// How the picture is turned on its way to the screen, counter-clockwise. Only presents of a
/// display-only driver turn it: the hardware cannot.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Rotation {
    /// Not at all.
    #[default]
    Identity,
    /// By a quarter.
    Rotate90,
    /// By two.
    Rotate180,
    /// By three.
    Rotate270,
}

/// The one path from the source to the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The target's mode, which is the source's as well.
    pub mode: Mode,
    /// How presents are turned.
    pub rotation: Rotation,
    /// The monitor is not switched off by the path (`PathPoweredOff`).
    pub powered_on: bool,
}
