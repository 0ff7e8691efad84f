//! vmdisp: a WDDM kernel-mode display miniport driver for QEMU's display adapters.
#![no_std]

#[cfg(not(feature = "wdk"))]
extern crate std;

pub mod kernel;
