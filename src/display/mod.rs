//! What the monitor shows.
#![forbid(unsafe_code)]

mod blit;
pub mod edid;
pub mod modes;
mod present;

pub use blit::{Canvas, Turn};
pub use present::{NotShown, Present};
