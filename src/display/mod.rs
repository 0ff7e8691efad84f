//! What the monitor shows.
//!
//! This module is responsible for the monitor (its EDID, the modes that are offered), for what was
//! committed of them, and for what the screen therefore shows. It knows no register: that is
//! [`device`](crate::device)'s.
//!
//! There is one video present source and one target, and one child that stands for the monitor.
#![forbid(unsafe_code)]

mod blit;
mod clock;
pub mod edid;
pub mod modes;
mod plan;
mod power;
mod present;
mod release;
mod screen;
#[cfg(test)]
mod tests;
pub mod vidpn;
mod vsync;

use zerocopy::FromZeros;

pub use blit::Canvas;
pub use clock::ScanLine;
pub use plan::{Plan, Rotation};
pub use present::{NotShown, Present};
pub use release::Released;
pub use screen::{Parts, Screen, Shown};

use edid::Edid;
use modes::ModeList;

/// The id of the one video present source.
pub const SOURCE: u32 = 0;
/// The id of the one video present target, and the uid of the child that it is.
pub const TARGET: u32 = 0;

/// The monitor, as it was found at the start. It is some KiB large and never on a stack.
#[derive(FromZeros)]
pub struct Monitor {
    /// Its data; [`Edid::NONE`]'s if it has none.
    pub edid: Edid,
    /// The modes that are offered.
    pub modes: ModeList,
}
