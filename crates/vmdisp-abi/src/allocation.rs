//! The private data of one allocation.
//!
//! It reaches the driver in `DXGK_ALLOCATIONINFO::pPrivateDriverData`. A user-mode driver writes it;
//! for standard allocations the driver writes it itself in `DxgkDdiGetStandardAllocationDriverData`
//! and gets it back from dxgkrnl (contract: C5).

use bitflags::bitflags;
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `"VmAl"`, read as a little-endian number.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VmAl");

/// The size of [`AllocationData`] in bytes.
pub const BYTES: u16 = 56;

/// Width and height end here, in pixels: what DISPI registers and Direct3D 11 hardware take.
pub const MAX_DIMENSION: u32 = 16_384;

/// Pitches are multiples of this many bytes: 16 pixels of 4 bytes, of which the display hardware
/// wants 8.
pub const PITCH_ALIGNMENT: u32 = 64;

/// [`AllocationData::vidpn_source`] of an allocation that is no primary: `D3DDDI_ID_UNINITIALIZED`.
pub const NO_VIDPN_SOURCE: u32 = u32::MAX;

/// Describes one allocation: 56 bytes, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct AllocationData {
    /// [`MAGIC`], version, [`BYTES`].
    pub header: Header,
    /// A [`Kind`].
    pub kind: u32,
    /// [`AllocationFlags`]; a bit that is not defined there is an error.
    pub flags: u32,
    /// Pixels, 1 to [`MAX_DIMENSION`]; 0 for a buffer.
    pub width: u32,
    /// Rows, 1 to [`MAX_DIMENSION`]; 0 for a buffer.
    pub height: u32,
    /// A `D3DDDIFORMAT` that [`crate::format::bytes_per_pixel`] knows; 0 for a buffer.
    pub format: u32,
    /// Bytes from one row to the next: a multiple of [`PITCH_ALIGNMENT`] that holds a row, or 0 for
    /// the smallest one that does; 0 for a buffer.
    pub pitch: u32,
    /// Bytes of a buffer, at least 1; 0 for everything else, whose size is `pitch * height`.
    pub buffer_bytes: u64,
    /// Refresh rate that a primary was made for, in Hz, as a fraction; 0/0 for everything else.
    pub refresh_numerator: u32,
    /// See `refresh_numerator`; not 0 where that is not 0.
    pub refresh_denominator: u32,
    /// The `VidPN` source that a primary belongs to, else [`NO_VIDPN_SOURCE`].
    pub vidpn_source: u32,
    /// Zero.
    pub reserved: u32,
}

const _: () = assert!(size_of::<AllocationData>() == BYTES as usize);

/// What an allocation is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// Plain bytes: vertices, constants, commands of a user-mode driver.
    Buffer = 1,
    /// A picture that is rendered to, presented or sampled.
    Surface = 2,
    /// A picture that can be scanned out.
    Primary = 3,
    /// GDI's copy of the primary in system memory, read by the CPU
    /// (`D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE`).
    Shadow = 4,
    /// The way from the CPU to a shadow or primary
    /// (`D3DKMDT_STANDARDALLOCATION_STAGINGSURFACE`).
    Staging = 5,
    /// A surface of GDI hardware acceleration (`D3DKMDT_STANDARDALLOCATION_GDISURFACE`).
    Gdi = 6,
}

impl Kind {
    /// The kind with this number, if there is one.
    #[inline]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Buffer,
            2 => Self::Surface,
            3 => Self::Primary,
            4 => Self::Shadow,
            5 => Self::Staging,
            6 => Self::Gdi,
            _ => return None,
        })
    }
}

bitflags! {
    /// How an allocation is used.
    #[derive(Clone, Copy, Debug, PartialEq, Eq)]
    pub struct AllocationFlags: u32 {
        /// The CPU locks it (`DXGK_ALLOCATIONINFOFLAGS::CpuVisible`, contract: C26).
        const CPU_VISIBLE = 1 << 0;
        /// The CPU reads it: cached pages. Needs `CPU_VISIBLE`, never on a primary (C27).
        const CPU_READS = 1 << 1;
        /// It is never put into video memory: system memory behind the aperture only.
        const SYSTEM_MEMORY = 1 << 2;
    }
}

impl AllocationData {
    /// A buffer of `bytes` bytes.
    pub const fn buffer(bytes: u64, flags: AllocationFlags) -> Self {
        Self {
            header: Header::new(MAGIC, BYTES),
            kind: Kind::Buffer as u32,
            flags: flags.bits(),
            width: 0,
            height: 0,
            format: 0,
            pitch: 0,
            buffer_bytes: bytes,
            refresh_numerator: 0,
            refresh_denominator: 0,
            vidpn_source: NO_VIDPN_SOURCE,
            reserved: 0,
        }
    }

    /// A picture of `width` by `height` pixels whose pitch the driver chooses.
    pub const fn picture(
        kind: Kind,
        width: u32,
        height: u32,
        format: u32,
        flags: AllocationFlags,
    ) -> Self {
        let mut data = Self::buffer(0, flags);
        data.kind = kind as u32;
        data.width = width;
        data.height = height;
        data.format = format;
        data
    }

    /// A primary of `VidPN` source `source`, scanned out at `rate` (numerator, denominator in Hz).
    pub const fn primary(
        source: u32,
        width: u32,
        height: u32,
        format: u32,
        rate: (u32, u32),
    ) -> Self {
        let mut data = Self::picture(
            Kind::Primary,
            width,
            height,
            format,
            AllocationFlags::CPU_VISIBLE,
        );
        data.refresh_numerator = rate.0;
        data.refresh_denominator = rate.1;
        data.vidpn_source = source;
        data
    }
}
