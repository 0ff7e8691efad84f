//! The engine: what executes DMA buffers and paging buffers, one after the other.
//!
//! The hardware has no engine, so a system thread of the driver's is one: node 0, engine 0. What it
//! executes are [`record`]s, which Render, Present and BuildPagingBuffer write and no user-mode program
//! can. SubmitCommand gives no virtual address of a buffer, so it is kept in the buffer's
//! [`private`] data. What may be touched, and until when, is the [`permit`]'s to say.
#![forbid(unsafe_code)]

pub mod clip;
pub mod context;
mod control;
pub mod copy;
pub mod counts;
pub mod emit;
pub mod execute;
pub mod operand;
pub mod paging;
pub mod patch;
pub mod permit;
pub mod present;
pub mod private;
pub mod queue;
pub mod record;
pub mod render;
pub mod report;
pub mod worker;

pub use control::{Core, Engine, NotReset, Parts};

#[cfg(test)]
pub(crate) mod testing;
#[cfg(test)]
pub(crate) mod tests;
