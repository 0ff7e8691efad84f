//! What a user-mode driver puts into a command buffer: `DXGKARG_RENDER::pCommand`.
//!
//! A command buffer is a [`BufferHeader`] of 16 bytes and then commands of 64 bytes each, nothing
//! behind them. The first word of a command is its [`Opcode`], and every opcode has one structure of
//! this module; what is called `reserved` there is zero. A command names memory by the **index of an
//! element of the patch-location list** that is passed beside the commands
//! (`D3DDDI_PATCHLOCATIONLIST`), never by an address: that element names an element of the allocation
//! list (`AllocationIndex`) and a byte offset into that allocation (`AllocationOffset`). Its other
//! members are not looked at, but that `Reserved` is zero.
//!
//! | command | does | needs of its operands |
//! |---|---|---|
//! | [`Nop`] | nothing | |
//! | [`Copy`] | copies bytes, as if all were read first | the range inside each allocation |
//! | [`Fill`] | repeats 32 bits over bytes | the range inside the allocation |
//! | [`SurfaceCopy`] | copies a rectangle of pixels, as they are and as if all were read first | pictures with as many bytes a pixel, offset 0 |
//! | [`SurfaceFill`] | gives every pixel of a rectangle one value | a picture, offset 0 |
//! | [`Marker`] | the engine keeps a number as the last one that it came to | |
//!
//! An allocation that is written has `WriteOperation` set in the allocation list, and was not opened
//! read-only. Commands run in order, each when the one before it is done. There is no jump, no wait
//! and no loop, so each of them ends.
//!
//! Rectangles of pictures are **clipped**: a rectangle may lie partly or wholly outside of a picture,
//! and what is outside of the source, of the destination or of the command's own
//! clip rectangle is left out. A range of bytes is not clipped: one that leaves its allocation is an error.
//!
//! # What `DxgkDdiRender` answers
//!
//! | status | when |
//! |---|---|
//! | `STATUS_GRAPHICS_DRIVER_MISMATCH` | the header has another magic or version |
//! | `STATUS_INVALID_USER_BUFFER` | lengths that do not belong together, no command at all, or memory that cannot be read |
//! | `STATUS_ILLEGAL_INSTRUCTION` | an unknown opcode, or something in a reserved place ([`Wrong`]) |
//! | `STATUS_INVALID_PARAMETER` | an index outside of its list, a range outside of its allocation, a rectangle whose edges are exchanged, operands that do not suit the command |
//! | `STATUS_INVALID_HANDLE` | the element of the allocation list names no allocation of this device |
//! | `STATUS_PRIVILEGED_INSTRUCTION` | a write to an allocation that this use may only read |

mod builder;
mod decoded;

pub use builder::{Builder, Full};
pub use decoded::{Command, Wrong};

use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::Header;

/// `"VmCb"`, read as a little-endian number.
pub const MAGIC: u32 = u32::from_le_bytes(*b"VmCb");

/// The size of [`BufferHeader`] in bytes.
pub const HEADER_BYTES: u16 = 16;

/// The size of every command in bytes.
pub const COMMAND_BYTES: usize = 64;

/// The first bytes of a command buffer: 16, no padding.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct BufferHeader {
    /// [`MAGIC`], version, [`HEADER_BYTES`].
    pub header: Header,
    /// Bytes of the whole buffer: this header and the commands. It is what `CommandLength` says.
    pub length: u32,
    /// Zero.
    pub reserved: u32,
}

impl BufferHeader {
    /// The header of a buffer of `length` bytes.
    #[inline]
    pub const fn new(length: u32) -> Self {
        Self {
            header: Header::new(MAGIC, HEADER_BYTES),
            length,
            reserved: 0,
        }
    }
}

/// Which command it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Opcode {
    /// [`Nop`]
    Nop = 1,
    /// [`Copy`]
    Copy = 2,
    /// [`Fill`]
    Fill = 3,
    /// [`SurfaceCopy`]
    SurfaceCopy = 4,
    /// [`SurfaceFill`]
    SurfaceFill = 5,
    /// [`Marker`]
    Marker = 6,
}

impl Opcode {
    /// The opcode with this number, if there is one.
    #[inline]
    pub const fn from_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::Nop,
            2 => Self::Copy,
            3 => Self::Fill,
            4 => Self::SurfaceCopy,
            5 => Self::SurfaceFill,
            6 => Self::Marker,
            _ => return None,
        })
    }
}

/// A rectangle in pixels: `left` and `top` belong to it, `right` and `bottom` are one beyond. The
/// edges may be anywhere, also below zero, but not exchanged.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub struct Rect {
    /// The first column.
    pub left: i32,
    /// The first row.
    pub top: i32,
    /// One beyond the last column.
    pub right: i32,
    /// One beyond the last row.
    pub bottom: i32,
}

impl Rect {
    /// All that there is: as a clip rectangle it leaves nothing out.
    pub const EVERYTHING: Self = Self {
        left: i32::MIN,
        top: i32::MIN,
        right: i32::MAX,
        bottom: i32::MAX,
    };

    /// A rectangle of `width` by `height` pixels, as far as its edges can be told.
    #[must_use]
    pub const fn new(left: i32, top: i32, width: i32, height: i32) -> Self {
        Self {
            left,
            top,
            right: left.saturating_add(width),
            bottom: top.saturating_add(height),
        }
    }

    /// Whether the edges are in order. An empty rectangle's are.
    #[must_use]
    pub const fn in_order(&self) -> bool {
        self.left <= self.right && self.top <= self.bottom
    }
}

/// Does nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Nop {
    /// [`Opcode::Nop`]
    pub opcode: u32,
    /// Zero.
    pub reserved: [u32; 15],
}

/// Copies bytes. The ranges may overlap; the destination is then what it would be if the source had
/// been read as a whole first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Copy {
    /// [`Opcode::Copy`]
    pub opcode: u32,
    /// Patch location of the first byte to read.
    pub from: u32,
    /// Patch location of the first byte to write.
    pub to: u32,
    /// How many bytes; 0 copies nothing.
    pub bytes: u32,
    /// Zero.
    pub reserved: [u32; 12],
}

/// Fills bytes with one value of 32 bits, over and over, lowest byte first; the last one may be cut
/// short.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Fill {
    /// [`Opcode::Fill`]
    pub opcode: u32,
    /// Patch location of the first byte to write.
    pub to: u32,
    /// How many bytes; 0 fills nothing.
    pub bytes: u32,
    /// What they become.
    pub value: u32,
    /// Zero.
    pub reserved: [u32; 12],
}

/// Copies pixels from one picture to another or within one. Both have as many bytes a pixel; the
/// bits are not converted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SurfaceCopy {
    /// [`Opcode::SurfaceCopy`]
    pub opcode: u32,
    /// Patch location of the picture to read; its offset is 0.
    pub from: u32,
    /// Patch location of the picture to write; its offset is 0.
    pub to: u32,
    /// Zero.
    pub reserved: u32,
    /// What is read, in pixels of the source.
    pub source: Rect,
    /// The column of the destination to which `source.left` goes.
    pub x: i32,
    /// The row of the destination to which `source.top` goes.
    pub y: i32,
    /// In pixels of the destination: nothing outside of it is written.
    pub clip: Rect,
    /// Zero.
    pub reserved_too: [u32; 2],
}

/// Gives pixels of a picture one value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct SurfaceFill {
    /// [`Opcode::SurfaceFill`]
    pub opcode: u32,
    /// Patch location of the picture to write; its offset is 0.
    pub to: u32,
    /// The pixel's bits, lowest first: as many as a pixel has. One of 64 bits gets them twice.
    pub value: u32,
    /// Zero.
    pub reserved: u32,
    /// What is written, in pixels.
    pub rectangle: Rect,
    /// In pixels: nothing outside of it is written.
    pub clip: Rect,
    /// Zero.
    pub reserved_too: [u32; 4],
}

/// Leaves a number behind, once all commands before it are done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromBytes, IntoBytes, Immutable, KnownLayout)]
#[repr(C)]
pub struct Marker {
    /// [`Opcode::Marker`]
    pub opcode: u32,
    /// Zero.
    pub reserved: u32,
    /// The number.
    pub value: u64,
    /// Zero.
    pub reserved_too: [u32; 12],
}

const _: () = {
    assert!(size_of::<BufferHeader>() == HEADER_BYTES as usize);
    assert!(size_of::<Nop>() == COMMAND_BYTES);
    assert!(size_of::<Copy>() == COMMAND_BYTES);
    assert!(size_of::<Fill>() == COMMAND_BYTES);
    assert!(size_of::<SurfaceCopy>() == COMMAND_BYTES);
    assert!(size_of::<SurfaceFill>() == COMMAND_BYTES);
    assert!(size_of::<Marker>() == COMMAND_BYTES);
};

#[cfg(test)]
mod tests;
