//! Types of the Windows display driver interface (WDDM, kernel mode): names, layouts, values.
//!
//! Everything that `d3dkmddi.h`, `d3dkmdt.h`, `d3dukmdt.h` and `dispmprt.h` declare, under the
//! headers' names and with the layouts of the newest interface version (WDDM 3.2). No logic.

#![no_std]
#![allow(non_camel_case_types, non_snake_case, non_upper_case_globals)] // the headers' names

#[cfg(not(target_pointer_width = "64"))]
compile_error!("the layouts were measured for 64-bit Windows");

#[macro_use]
mod macros;

#[rustfmt::skip]
mod d3dkmddi;
#[rustfmt::skip]
mod d3dkmdt;
#[rustfmt::skip]
mod d3dukmdt;
#[rustfmt::skip]
mod dispmprt;
#[rustfmt::skip]
mod external;
#[rustfmt::skip]
pub mod functions;
mod nt;
pub mod sizes;
pub mod status;

pub use d3dkmddi::*;
pub use d3dkmdt::*;
pub use d3dukmdt::*;
pub use dispmprt::*;
pub use external::*;
pub use nt::*;
