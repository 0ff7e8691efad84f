//! What people see of a run: tables, a verdict, progress.
//!
//! Every run, in whichever host, comes here as the JSON object that the scenarios give
//! ([`Run`]), so that it looks the same wherever it was made. Colours go through `anstream`, which
//! leaves them out in a pipe and under `NO_COLOR`.

mod chart;
mod data;
mod file;
mod number;
mod package;
mod picture;
mod progress;
mod table;
mod verdict;

pub use data::Run;
pub use file::write_json;
pub use number::share;
pub use package::{File, print_package};
pub use picture::print_pictures;
pub use progress::Bar;
pub use table::{StepLine, print_groups, print_instructions, print_rows, print_run, print_steps};
pub use verdict::{exit_code, rows_passed};
