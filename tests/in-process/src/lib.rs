//! The in-process host: vmdisp as a library under the port, with `std` as its kernel.
//!
//! [`InProcess`] is a machine for [`vmdisp_scenarios`]: display adapters that are simulated ([`Vga`]),
//! a kernel of its own ([`World`]), and the driver's table of callbacks, of which a test may replace
//! some to see that a bad driver is found out. Every machine is on its own, so tests run in parallel.

mod change;
mod host;
mod machine;
mod resources;
mod saboteurs;
mod vga;

pub use machine::{InProcess, pictures};
pub use saboteurs::{SABOTEURS, Saboteur};
pub use vga::{Model, Shown, Vga};
pub use vmdisp::kernel::host::World;
