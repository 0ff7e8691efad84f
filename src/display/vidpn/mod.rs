//! What the driver decides about video present networks.
//!
//! This module is responsible for the VidPN callbacks' answers. There is one source and one target,
//! so a VidPN is nothing or one path. The adapter scans a surface out as it lies in memory: a source
//! mode and a target mode fit together if they have one size, which is scaling by identity. The full
//! driver offers no rotation: nothing turns the picture of a primary on its way out, and there is no
//! engine that would turn it on the way in. The display-only driver turns the picture while it copies
//! it.
//!
//! | file | callback |
//! |---|---|
//! | `supported.rs` | IsSupportedVidPn |
//! | `functional.rs` | RecommendFunctionalVidPn |
//! | `cofunctional.rs` | EnumVidPnCofuncModality |
//! | `monitor.rs` | RecommendMonitorModes |
//! | `commit.rs` | CommitVidPn |
//! | `active.rs` | UpdateActiveVidPnPresentPath, QueryVidPnHWCapability |
//! | `child.rs` | QueryDeviceDescriptor |
//!
//! `offer.rs` holds what the driver can do, `path.rs` what a VidPN says that it must.
#![forbid(unsafe_code)]

pub mod active;
pub mod child;
pub mod cofunctional;
pub mod commit;
pub mod functional;
pub mod monitor;
mod offer;
mod path;
pub mod supported;
#[cfg(test)]
mod tests;

pub use offer::{Abilities, Offer};

use super::{SOURCE, TARGET};
