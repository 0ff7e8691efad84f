//! The monitors.

mod damaged;
mod monitors;
mod televisions;

use crate::Named;
use crate::builder::{Base, Detailed};

/// A monitor, and what a user gets from it beside the common modes.
#[derive(Clone, Debug)]
pub struct Shape {
    pub name: &'static str,
    pub bytes: Vec<u8>,
    /// Blocks that are kept.
    pub blocks: usize,
    /// A part of the one debug line, if there is one.
    pub complaint: Option<&'static str>,
    /// Modes that are none of the common ones.
    pub offers: &'static [Named],
    /// The mode to begin with.
    pub preferred: Named,
}

/// Without a word from the monitor.
const FALLBACK: Named = (1024, 768, 60);

/// 1920×1080 at 60 Hz as most monitors have it.
fn full_hd() -> Detailed {
    Detailed::new(14_850, (1920, 1080), (280, 45))
}

/// A good base block of a monitor for 1920×1080.
fn desktop() -> Base {
    Base::new(3).prefers_the_first().detailed(full_hd())
}

fn shape(
    name: &'static str,
    bytes: Vec<u8>,
    blocks: usize,
    offers: &'static [Named],
    preferred: Named,
) -> Shape {
    Shape {
        name,
        bytes,
        blocks,
        complaint: None,
        offers,
        preferred,
    }
}

/// One that is damaged, with the line that says so.
fn damaged(
    name: &'static str,
    bytes: Vec<u8>,
    blocks: usize,
    complaint: &'static str,
    preferred: Named,
) -> Shape {
    Shape {
        complaint: Some(complaint),
        ..shape(name, bytes, blocks, &[], preferred)
    }
}

/// All of them.
pub fn shapes() -> Vec<Shape> {
    [
        monitors::virtual_ones(),
        monitors::new(),
        monitors::others(),
        monitors::old(),
        monitors::by_name(),
        monitors::every_bit(),
        televisions::televisions(),
        damaged::without_a_block(),
        damaged::with_a_bad_extension(),
        damaged::with_several_extensions(),
        damaged::of_cta(),
        damaged::of_display_id(),
        damaged::absurd(),
    ]
    .concat()
}
