//! Colours: which formats are one, and what a colour is in a format.

use vmdisp_abi::format::{
    A1R5G5B5, A2B10G10R10, A2R10G10B10, A8, A8B8G8R8, A8R8G8B8, P8, R5G6B5, X1R5G5B5, X8B8G8R8,
    X8R8G8B8,
};

use crate::engine::render::repeated;

/// Whether a copy of bits is a copy of colours: the formats are one, or differ in whether the upper bits
/// are an alpha.
#[must_use]
pub const fn alike(one: u32, other: u32) -> bool {
    colors(one) == colors(other)
}

/// The format with alpha that stands for both.
const fn colors(format: u32) -> u32 {
    match format {
        X8R8G8B8 => A8R8G8B8,
        X8B8G8R8 => A8B8G8R8,
        X1R5G5B5 => A1R5G5B5,
        other => other,
    }
}

/// The 32 bits with which a picture of `format` is filled to have `color`, which is A8R8G8B8 or, in a
/// palettized picture, an index. `None` for formats that have no such colour in 32 bits.
#[must_use]
pub const fn value(color: u32, format: u32) -> Option<u32> {
    let [blue, green, red, alpha] = color.to_le_bytes();
    let (blue, green, red, alpha) = (blue as u32, green as u32, red as u32, alpha as u32);
    Some(match format {
        A8R8G8B8 | X8R8G8B8 => color,
        A8B8G8R8 | X8B8G8R8 => alpha << 24 | blue << 16 | green << 8 | red,
        R5G6B5 => repeated((red >> 3) << 11 | (green >> 2) << 5 | blue >> 3, 2),
        X1R5G5B5 | A1R5G5B5 => repeated(
            (alpha >> 7) << 15 | (red >> 3) << 10 | (green >> 3) << 5 | blue >> 3,
            2,
        ),
        A2R10G10B10 => (alpha >> 6) << 30 | ten(red) << 20 | ten(green) << 10 | ten(blue),
        A2B10G10R10 => (alpha >> 6) << 30 | ten(blue) << 20 | ten(green) << 10 | ten(red),
        A8 => repeated(alpha, 1),
        P8 => repeated(color, 1),
        _ => return None,
    })
}

/// Eight bits as ten: all ones stay all ones.
const fn ten(eight: u32) -> u32 {
    eight << 2 | eight >> 6
}
