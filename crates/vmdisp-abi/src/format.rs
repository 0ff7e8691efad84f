//! The pixel formats that an allocation may have, by their `D3DDDIFORMAT` numbers.

/// 8-bit BGRA: what the display hardware scans out, alpha ignored.
pub const A8R8G8B8: u32 = 21;
/// 8-bit BGRX: what the display hardware scans out.
pub const X8R8G8B8: u32 = 22;
/// 16 bits, 5-6-5.
pub const R5G6B5: u32 = 23;
/// 16 bits, 5-5-5, one bit unused.
pub const X1R5G5B5: u32 = 24;
/// 16 bits, 5-5-5, one bit alpha.
pub const A1R5G5B5: u32 = 25;
/// 8 bits of alpha: GDI's text masks.
pub const A8: u32 = 28;
/// 10-bit RGB, 2 bits alpha.
pub const A2B10G10R10: u32 = 31;
/// 8-bit RGBA.
pub const A8B8G8R8: u32 = 32;
/// 8-bit RGBX.
pub const X8B8G8R8: u32 = 33;
/// 10-bit BGR, 2 bits alpha.
pub const A2R10G10B10: u32 = 35;
/// 16-bit RGBA.
pub const A16B16G16R16: u32 = 36;
/// 8-bit palette index.
pub const P8: u32 = 41;
/// 8-bit luminance.
pub const L8: u32 = 50;
/// 16-bit float RGBA.
pub const A16B16G16R16F: u32 = 113;

/// Every format of this module.
pub const ALL: [u32; 14] = [
    A8R8G8B8,
    X8R8G8B8,
    R5G6B5,
    X1R5G5B5,
    A1R5G5B5,
    A8,
    A2B10G10R10,
    A8B8G8R8,
    X8B8G8R8,
    A2R10G10B10,
    A16B16G16R16,
    P8,
    L8,
    A16B16G16R16F,
];

/// Bytes a pixel of a format takes, or `None` for a format that allocations cannot have.
#[inline]
pub const fn bytes_per_pixel(format: u32) -> Option<u32> {
    Some(match format {
        A8 | P8 | L8 => 1,
        R5G6B5 | X1R5G5B5 | A1R5G5B5 => 2,
        A8R8G8B8 | X8R8G8B8 | A2B10G10R10 | A8B8G8R8 | X8B8G8R8 | A2R10G10B10 => 4,
        A16B16G16R16 | A16B16G16R16F => 8,
        _ => return None,
    })
}

/// Whether the display hardware can scan the format out: 32 bits BGRX, alpha ignored.
#[inline]
pub const fn is_scanned_out(format: u32) -> bool {
    matches!(format, A8R8G8B8 | X8R8G8B8)
}
