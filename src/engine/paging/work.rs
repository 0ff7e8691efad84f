//! A request as records: how much of it fits, and what is written.

use super::{Room, Written};
use crate::engine::private::{self, Kind};
use crate::engine::record::{self, Copy, Fill, Map, Operation, Place, Unmap};
use crate::kernel::PAGE;
use crate::kernel::mdl::PageList;
use crate::memory::segments::{APERTURE_BASE, APERTURE_BYTES, VIDEO_MEMORY_BASE};

/// The most pages of one record: a row's length has 32 bits. A segment is shorter.
const MOST_PAGES: u64 = u32::MAX as u64 / PAGE as u64;
const _: () = assert!(APERTURE_BASE - VIDEO_MEMORY_BASE == 1 << 32 && APERTURE_BYTES < 1 << 32);

/// A request that makes sense.
pub enum Work<'call> {
    Copy {
        from: End<'call>,
        to: End<'call>,
        bytes: u64,
    },
    Fill {
        to: u64,
        bytes: u64,
        value: u32,
    },
    /// A record without a size.
    Single(Operation),
    Map {
        page: u32,
        pages: u64,
        from: Run<'call>,
    },
    Unmap {
        page: u32,
        pages: u64,
        dummy: u64,
    },
}

/// One end of a move.
#[derive(Clone, Copy)]
pub enum End<'call> {
    Gpu(u64),
    Pages(Run<'call>),
}

/// Pages of a list, from the one numbered `first` on.
#[derive(Clone, Copy)]
pub struct Run<'call> {
    /// The list.
    pub list: PageList<'call>,
    /// Its first page of these.
    pub first: usize,
}

impl Run<'_> {
    fn frame(&self, page: u64) -> Option<u64> {
        let page = usize::try_from(page).ok()?;
        self.list.frame(self.first.checked_add(page)?)
    }
}

/// A piece of a request that becomes one record.
struct Piece {
    operation: Operation,
    /// Frames that follow it.
    frames: u64,
}

impl Work<'_> {
    /// How many pages of work it is: what it is split by.
    fn pages(&self) -> u64 {
        match self {
            Self::Copy { bytes, .. } | Self::Fill { bytes, .. } => bytes.div_ceil(PAGE as u64),
            Self::Single(_) => 1,
            Self::Map { pages, .. } | Self::Unmap { pages, .. } => *pages,
        }
    }

    /// How many frame numbers a page of it needs.
    fn frames_a_page(&self) -> u64 {
        let frames = |end: &End<'_>| u64::from(matches!(end, End::Pages(_)));
        match self {
            Self::Copy { from, to, .. } => frames(from) + frames(to),
            Self::Map { .. } => 1,
            Self::Fill { .. } | Self::Single(_) | Self::Unmap { .. } => 0,
        }
    }

    /// The record for `pages` pages from `first` on.
    fn piece(&self, first: u64, pages: u64) -> Option<Piece> {
        let begin = first.checked_mul(PAGE as u64)?;
        let part = |bytes: u64| {
            let part = bytes
                .saturating_sub(begin)
                .min(pages.saturating_mul(PAGE as u64));
            u32::try_from(part).ok()
        };
        let (operation, frames) = match self {
            Self::Copy { from, to, bytes } => {
                let row_bytes = part(*bytes)?;
                let place = |end: &End<'_>, offset| match end {
                    End::Gpu(address) => Some((Place::Gpu(address.checked_add(begin)?), 0)),
                    End::Pages(_) => Some((Place::Frames { offset }, pages)),
                };
                let (from, from_frames) = place(from, 0)?;
                // The destination's frames come behind the source's.
                let (to, to_frames) = place(to, from_frames.checked_mul(PAGE as u64)?)?;
                let copy = Copy {
                    from,
                    from_pitch: row_bytes,
                    to,
                    to_pitch: row_bytes,
                    row_bytes,
                    rows: 1,
                };
                (Operation::Copy(copy), from_frames.checked_add(to_frames)?)
            }
            Self::Fill { to, bytes, value } => {
                let row_bytes = part(*bytes)?;
                let fill = Fill {
                    to: Place::Gpu(to.checked_add(begin)?),
                    to_pitch: row_bytes,
                    row_bytes,
                    rows: 1,
                    value: *value,
                };
                (Operation::Fill(fill), 0)
            }
            Self::Single(operation) => (*operation, 0),
            Self::Map { page, .. } => {
                let map = Map {
                    first_page: page.checked_add(u32::try_from(first).ok()?)?,
                    pages: u32::try_from(pages).ok()?,
                };
                (Operation::Map(map), pages)
            }
            Self::Unmap { page, dummy, .. } => {
                let unmap = Unmap {
                    first_page: page.checked_add(u32::try_from(first).ok()?)?,
                    pages: u32::try_from(pages).ok()?,
                    dummy: *dummy,
                };
                (Operation::Unmap(unmap), 0)
            }
        };
        Some(Piece { operation, frames })
    }

    /// Frame number `index` of those behind the record for `pages` pages from `first` on.
    fn frame(&self, first: u64, pages: u64, index: u64) -> Option<u64> {
        match self {
            Self::Copy { from, to, .. } => match (from, to) {
                (End::Pages(from), _) if index < pages => from.frame(first.checked_add(index)?),
                (End::Pages(_), End::Pages(to)) => {
                    to.frame(first.checked_add(index.checked_sub(pages)?)?)
                }
                (End::Gpu(_), End::Pages(to)) => to.frame(first.checked_add(index)?),
                _ => None,
            },
            Self::Map { from, .. } => from.frame(first.checked_add(index)?),
            Self::Fill { .. } | Self::Single(_) | Self::Unmap { .. } => None,
        }
    }
}

/// Writes the record for what comes at page `done`.
pub fn write(work: &Work<'_>, room: &mut Room<'_>, done: u32) -> Written {
    let left = work.pages().saturating_sub(done.into());
    let nothing = Written {
        pages: done,
        more: left != 0,
        ..Written::default()
    };
    if left == 0 {
        return nothing;
    }
    let fitting = u64::try_from(record::frames_that_fit(room.buffer.len())).unwrap_or(0);
    let most = fitting
        .checked_div(work.frames_a_page())
        .unwrap_or(MOST_PAGES);
    let pages = left.min(most).min(MOST_PAGES);
    let Ok(begun) = private::begin(room.private, room.address, Kind::Paging) else {
        return nothing;
    };
    let Some(piece) = work.piece(done.into(), pages).filter(|_| pages != 0) else {
        return nothing;
    };
    let (Ok(frames), Ok(pages)) = (usize::try_from(piece.frames), u32::try_from(pages)) else {
        return nothing;
    };
    let written = record::encode_with(room.buffer, &piece.operation, frames, |index| {
        work.frame(done.into(), pages.into(), u64::try_from(index).ok()?)
    });
    let Ok(bytes) = written else {
        return nothing;
    };
    let finished = u32::try_from(bytes).is_ok_and(|bytes| begun.finish(bytes).is_ok());
    if !finished {
        return nothing;
    }
    Written {
        bytes,
        private: private::BYTES,
        pages: done.saturating_add(pages),
        more: left > u64::from(pages),
    }
}
