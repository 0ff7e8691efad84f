//! Allocations and resources.
//!
//! This module is responsible for what an allocation is: reading the private data that describes
//! it, deciding size, pitch and segments, and keeping one object for each allocation, resource and
//! opening until dxgkrnl takes it back. Objects belong to an adapter, never to a device, since a
//! shared allocation may outlive the device that made it (contract: C12).
//!
//! The functions here are the safe middle of the allocation DDIs: `ddi/` turns an argument into a
//! checked view (`Call` of each module) and the result into a status.
#![forbid(unsafe_code)]
// Measured: what is made is not to pass through memory on its way.
#![allow(clippy::inline_always)]
// Sizes come from user mode.
#![cfg_attr(not(test), deny(clippy::arithmetic_side_effects))]

pub mod close;
pub mod create;
pub mod describe;
pub mod destroy;
mod object;
pub mod open;
mod rollback;
pub mod single;
mod spec;
pub mod standard;
mod store;

pub use object::{Allocation, Opening, Resource};
pub use store::Store;
