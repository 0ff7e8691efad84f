//! Memory and the engine: what contexts render and present, wherever the memory manager puts it.
//!
//! A [`rig::Rig`] is a started adapter with a model of its memory beside it; [`batch::Batch`] makes
//! commands for both. Most rows are named after the test of the Windows Hardware Lab Kit that they stand
//! for (docs/hlk.md).
#![allow(
    clippy::cast_possible_truncation,
    reason = "allocations here are far smaller than 4 GiB"
)]

pub mod batch;
pub mod debugged;
pub mod dummy_page;
pub mod eviction;
pub mod lock_smith;
pub mod lost_pages;
pub mod mode_change;
pub mod model;
pub mod pending;
mod picture;
pub mod pnp;
pub mod primary_surface;
pub mod process_callout;
pub mod rig;
pub mod scheduler_stress;
pub mod storm;
pub mod timeouts;
