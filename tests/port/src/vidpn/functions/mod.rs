//! The functions of the VidPN and monitor interfaces, and the tables that drivers get.
//!
//! Statuses are those of the pages. Where a page names none for a case, the function says which it takes.

pub(crate) mod descriptors;
mod end;
pub(crate) mod mode_sets;
mod modes;
pub(crate) mod monitor;
pub(crate) mod query;
pub(crate) mod tables;
pub(crate) mod topology;
pub(crate) mod vidpn;
