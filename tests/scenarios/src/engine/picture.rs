//! What a screen shows of content that the model has.

use super::model::content::Content;
use crate::picture::{Picture, digest};

/// The picture in a surface of 32 bits a pixel.
pub fn of_content(content: &Content) -> Picture {
    let (width, height) = content.shape.size();
    let row = |y| digest((0..width).map(|x| content.pixel(x, y)));
    Picture::Rows {
        width,
        digests: (0..height).map(row).collect(),
    }
}
