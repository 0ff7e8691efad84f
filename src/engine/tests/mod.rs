//! The queue, its workers, preemption and resets, with an executor that tests can hold up.

mod preempt;
mod reset;
mod rig;
mod run;
