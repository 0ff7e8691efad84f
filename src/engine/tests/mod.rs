//! The queue, its workers, preemption and resets, with an executor that tests can hold up.

mod permit;
mod preempt;
mod reset;
pub(crate) mod rig;
mod run;
mod turns;
