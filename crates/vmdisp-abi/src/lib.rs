//! What the kernel-mode driver and a user-mode driver of vmdisp agree on.
//!
//! Windows carries private data between the two without looking at it. This crate defines that
//! data, and nothing else, so that either side (and a test that plays the other) can use it:
//!
//! * [`allocation`]: one block for each allocation, [`resource`]: one for the whole call,
//!   both handed to `pfnAllocateCb` and read by `DxgkDdiCreateAllocation`;
//! * [`adapter`]: what `DXGKQAITYPE_UMDRIVERPRIVATE` answers;
//! * [`command`]: command buffers, which `DxgkDdiRender` checks and translates;
//! * [`escape`]: questions and answers of `DxgkDdiEscape`;
//! * [`format`]: the pixel formats that allocations may have.
//!
//! Every block begins with a [`Header`]. All fields are little-endian, as x64 and ARM64 have them.
//! A reader checks magic and version first: a block of another version is another build's
//! (`STATUS_GRAPHICS_DRIVER_MISMATCH`), a block of this version that is wrong is an error of its
//! writer (`STATUS_INVALID_PARAMETER`). Contract: C2, C4, G5.
#![no_std]
#![forbid(unsafe_code)]

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

pub mod adapter;
pub mod allocation;
pub mod command;
pub mod escape;
pub mod format;
pub mod resource;

/// The version of every block in this crate. It is raised with any change of a block's layout or
/// of the meaning of a field.
pub const VERSION: u16 = 1;

/// The first eight bytes of every block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Header {
    /// What the block is: its type's `MAGIC`.
    pub magic: u32,
    /// [`VERSION`] of the writer.
    pub version: u16,
    /// Size of the whole block in bytes, this header included.
    pub bytes: u16,
}

impl Header {
    /// The header of a block of `bytes` bytes.
    #[inline]
    pub const fn new(magic: u32, bytes: u16) -> Self {
        Self {
            magic,
            version: VERSION,
            bytes,
        }
    }
}
