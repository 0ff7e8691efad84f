//! What the port makes vmdisp do, the same in every host.
//!
//! A [`Machine`] loads the driver; everything else is decided here:
//!
//! * [`main_job`]: thousands of allocations in resources that devices share, from a seed;
//! * [`ROWS`]: the rows of the failure matrix and the other faults that the driver must bear, each a
//!   function named after its row, run by [`run_row`];
//! * [`SCREEN`]: what a monitor shows, in every mode and whatever happens to the adapter;
//! * [`ENGINE`]: what contexts render and present, wherever the memory manager puts it, compared with a model
//!   of every byte;
//! * [`instructions`]: what a call of a DDI takes, on a machine that counts instructions.
//!
//! The crate is `no_std`, since one of its hosts is a kernel. Scenarios talk to the driver through
//! [`dxgk_port`], which checks every rule of the contract while they do; a scenario adds what only it
//! can know, because it knows vmdisp: which status, which size, which debug line.
#![no_std]

extern crate alloc;

mod blob;
mod call;
mod engine;
mod instructions;
mod machine;
mod main_job;
mod matrix;
mod outcome;
mod picture;
mod row;
mod screen;
mod session;

pub use engine::debugged::{LABEL as DEBUGGED_LABEL, MARKER as DEBUGGED_MARKER};
pub use instructions::{Taken, instructions};
pub use machine::Machine;
pub use main_job::{
    Made, Options, PoolSummary, Progress, Summary, TagSummary, main_job, main_job_on,
};
pub use outcome::{Failed, Outcome};
pub use picture::{Look, Picture, Writes};
pub use row::{
    ENGINE, GROUPS, Group, ROWS, Row, RowOptions, RowResult, SCREEN, all_rows, find_group,
    find_row, run_row, run_row_watched,
};
pub use screen::display_only::display_only_on;
