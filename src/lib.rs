//! vmdisp: a WDDM kernel-mode display miniport driver for QEMU's display adapters.
//!
//! The driver registers its callbacks with dxgkrnl, drives the adapters of the Bochs family, keeps
//! Windows' allocations of video memory, and executes command buffers and paging buffers. Arrows between the modules go one way:
//!
//! ```text
//! entry → ddi → adapter → { allocation, display, engine } → memory → { pool, device } → kernel
//! ```
//!
//! | module | responsible for |
//! |---|---|
//! | [`ddi`] | the border: raw arguments to checked views, results to statuses |
//! | [`adapter`] | an adapter's life from AddDevice to RemoveDevice |
//! | [`allocation`] | allocations and resources |
//! | [`display`] | the monitor, its modes, and what it shows |
//! | [`engine`] | executing DMA and paging buffers |
//! | [`memory`] | segments, and the way from GPU addresses to bytes |
//! | [`pool`] | the memory that objects live in, and the check of their handles |
//! | [`device`] | the hardware |
//! | [`kernel`] | what the driver asks of Windows |
//!
//! Under the feature `wdk` the crate is `vmdisp.sys`, a `no_std` kernel driver on Microsoft's
//! windows-drivers-rs. Without it `std` plays the kernel, for tests.
#![no_std]
// A driver path must not panic: a panic is a bugcheck.
#![cfg_attr(
    not(test),
    deny(
        clippy::unwrap_used,
        clippy::expect_used,
        clippy::panic,
        clippy::unreachable,
        clippy::todo,
        clippy::unimplemented,
        clippy::indexing_slicing,
        clippy::string_slice,
        clippy::cast_possible_truncation,
        clippy::cast_possible_wrap,
        clippy::cast_sign_loss,
    )
)]

#[cfg(not(feature = "wdk"))]
extern crate std;

#[cfg(all(feature = "wdk", not(windows)))]
compile_error!("the kernel build is for Windows: `cargo run -- driver` builds it, on any system");

pub mod adapter;
pub mod allocation;
pub mod ddi;
pub mod device;
pub mod display;
#[cfg(feature = "wdk")]
mod displib;
pub mod engine;
#[cfg(feature = "wdk")]
mod entry;
pub mod kernel;
pub mod memory;
pub mod pool;
