//! The private data of a whole `DxgkDdiCreateAllocation` call, for the resource that it makes.
//!
//! It reaches the driver in `DXGKARG_CREATEALLOCATION::pPrivateDriverData` and, for a device that
//! opens a shared resource, in `DXGKARG_OPENALLOCATION::pPrivateDriverData`. A caller may leave it
//! out (size 0).

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `"VmRe"`, read as a little-endian number.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VmRe");

/// The size of [`ResourceData`] in bytes.
pub const BYTES: u16 = 16;

/// Describes a resource: 16 bytes, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct ResourceData {
    /// [`MAGIC`], version, [`BYTES`].
    pub header: Header,
    /// A number of the user-mode driver's own, kept with the resource and shown by the debugger.
    pub label: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<ResourceData>() == BYTES as usize);

impl ResourceData {
    /// A resource with this label.
    pub const fn new(label: u32) -> Self {
        Self {
            header: Header::new(MAGIC, BYTES),
            label,
            reserved: 0,
        }
    }
}
