//! What the monitor shows.
#![forbid(unsafe_code)]

pub mod edid;
pub mod modes;
