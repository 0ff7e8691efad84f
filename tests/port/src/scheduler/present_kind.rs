//! What Present is asked to do.

use dxgk_sys::{DXGK_PRESENTFLAGS, RECT};

use crate::objects::AllocationId;

/// A present of a full driver.
#[derive(Clone, Copy)]
pub enum FullPresent<'a> {
    /// A copy between two allocations; a stretch if the rectangles differ in size.
    Blt {
        /// From where.
        source: AllocationId,
        /// In pixels of the source.
        source_rect: RECT,
        /// To where; may be the source.
        destination: AllocationId,
        /// In pixels of the destination.
        destination_rect: RECT,
        /// The parts of the destination that are written, clipped to its rectangle.
        sub_rects: &'a [RECT],
        /// Flags beside `Blt`: colour keys, `LinearToSrgb`, `Rotate`.
        flags: DXGK_PRESENTFLAGS,
        /// The colour of a key.
        color: u32,
    },
    /// One colour.
    ColorFill {
        /// To where.
        destination: AllocationId,
        /// In pixels.
        destination_rect: RECT,
        /// The parts of it that are written.
        sub_rects: &'a [RECT],
        /// A8R8G8B8.
        color: u32,
    },
    /// A source shows another primary, by registers: Present checks it, and SetVidPnSourceAddress does it when all that
    /// the context has queued before has been executed.
    Flip {
        /// The primary, placed in video memory.
        source: AllocationId,
        /// `VidPnSourceId` of where it is shown.
        vidpn_source: u32,
        /// At once instead of at the next VSYNC.
        immediate: bool,
    },
}
