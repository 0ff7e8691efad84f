//! What the driver tells a user-mode driver about an adapter, in answer to
//! `DXGKQAITYPE_UMDRIVERPRIVATE`.

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `"VmAd"`, read as a little-endian number.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VmAd");

/// The size of [`AdapterData`] in bytes.
pub const BYTES: u16 = 32;

/// Describes an adapter: 32 bytes, no padding. No kernel address is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AdapterData {
    /// [`MAGIC`], version, [`BYTES`].
    pub header: Header,
    /// The hardware's own number: for the Bochs family its DISPI id, 0xB0C0 to 0xB0C5.
    pub hardware_id: u32,
    /// See [`crate::allocation::PITCH_ALIGNMENT`], in bytes.
    pub pitch_alignment: u32,
    /// Bytes of video memory that allocations can have.
    pub video_memory_bytes: u64,
    /// The largest primary that the driver accepts, in bytes.
    pub largest_primary_bytes: u64,
}

const _: () = assert!(size_of::<AdapterData>() == BYTES as usize);

impl AdapterData {
    /// The description with the header that belongs to it.
    pub const fn new(
        hardware_id: u32,
        video_memory_bytes: u64,
        largest_primary_bytes: u64,
    ) -> Self {
        Self {
            header: Header::new(MAGIC, BYTES),
            hardware_id,
            pitch_alignment: crate::allocation::PITCH_ALIGNMENT,
            video_memory_bytes,
            largest_primary_bytes,
        }
    }
}
