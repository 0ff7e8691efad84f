//! What BuildPagingBuffer writes: records that move, fill, map and unmap (contract: P1-P6).
//!
//! Nothing here touches video memory or the aperture: the engine does, when dxgkrnl submits the buffer. Frame
//! numbers are copied out of the list during the call, because the list is gone later. A call writes
//! one record; a request that does not fit is split by pages, and goes on where `MultipassOffset`
//! says. Only frame numbers need that much room, so a move within a segment, whose sides may overlap,
//! is never split.
//!
//! No status stands for a request that makes no sense, and any but the listed ones stops the machine
//! (P3). Such a request is refused with a debug line, and nothing is written.

mod work;

use self::work::{End, Run, Work, write};
use super::record::{Copy, Operation, Place};
use crate::kernel::mdl::PageList;
use crate::kernel::{PAGE, complain};
use crate::memory::aperture::PAGES;
use crate::memory::segments::{
    APERTURE, APERTURE_BASE, APERTURE_BYTES, VIDEO_MEMORY, VIDEO_MEMORY_BASE,
};
use crate::memory::space::inside;

/// Where one side of a move is.
#[derive(Clone, Copy)]
pub enum Location<'call> {
    /// In a segment, at a GPU address.
    Segment {
        /// The segment's number.
        id: u32,
        /// The segment's base address plus an offset.
        address: u64,
    },
    /// In system memory; `None` if dxgkrnl named no list.
    Pages {
        /// The pages.
        list: Option<PageList<'call>>,
        /// Where in the list the first page is.
        first: u32,
    },
}

/// What dxgkrnl asks for.
#[derive(Clone, Copy)]
pub enum Request<'call> {
    /// TRANSFER and SPECIAL_LOCK_TRANSFER. Surfaces are linear everywhere, so swizzling means nothing.
    Transfer {
        /// How many bytes.
        bytes: u64,
        /// Bytes from the address of a segment location to the first one.
        offset: u32,
        /// The source.
        from: Location<'call>,
        /// The destination.
        to: Location<'call>,
    },
    /// FILL.
    Fill {
        /// How many bytes.
        bytes: u64,
        /// Repeated from the first byte on.
        value: u32,
        /// The segment's number.
        segment: u32,
        /// A GPU address.
        address: u64,
    },
    /// READ_PHYSICAL: all earlier writes of the engine are to be seen by the CPU.
    Read {
        /// The segment's number.
        segment: u32,
        /// A GPU address.
        address: u64,
    },
    /// WRITE_PHYSICAL: the same by a write, of any data.
    Write {
        /// The segment's number.
        segment: u32,
        /// A GPU address.
        address: u64,
    },
    /// MAP_APERTURE_SEGMENT.
    Map {
        /// The segment's number.
        segment: u32,
        /// The first page, from the beginning of the segment.
        page: u64,
        /// How many.
        pages: u64,
        /// The pages that go there.
        list: Option<PageList<'call>>,
        /// Where in the list the first of them is.
        first: u32,
    },
    /// UNMAP_APERTURE_SEGMENT.
    Unmap {
        /// The segment's number.
        segment: u32,
        /// The first page, from the beginning of the segment.
        page: u64,
        /// How many.
        pages: u64,
        /// The physical address of the dummy page.
        dummy: u64,
    },
}

/// Room in a paging buffer.
pub struct Room<'call> {
    /// What is left of the buffer.
    pub buffer: &'call mut [u8],
    /// Its system address.
    pub address: u64,
    /// What is left of its private data.
    pub private: &'call mut [u8],
}

/// What was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Bytes of the buffer.
    pub bytes: usize,
    /// Bytes of its private data.
    pub private: usize,
    /// Pages of the request that are done now: the new `MultipassOffset`.
    pub pages: u32,
    /// The request is not done: it goes on in another buffer.
    pub more: bool,
}

/// What is wrong with a request.
struct Refused(&'static core::ffi::CStr, u64, &'static core::ffi::CStr);

/// Writes `request` into `room`, from page `done` of it on. `memory` is the size of the video memory
/// segment in bytes. `PASSIVE_LEVEL`.
pub fn build(request: &Request<'_>, memory: u64, room: &mut Room<'_>, done: u32) -> Written {
    match check(request, memory) {
        Ok(Some(work)) => write(&work, room, done),
        Ok(None) => Written::default(),
        Err(Refused(field, value, why)) => {
            complain(c"BuildPagingBuffer", field, value, why);
            Written::default()
        }
    }
}

fn check<'call>(request: &Request<'call>, memory: u64) -> Result<Option<Work<'call>>, Refused> {
    let work = match *request {
        Request::Transfer { bytes: 0, .. }
        | Request::Fill { bytes: 0, .. }
        | Request::Map { pages: 0, .. }
        | Request::Unmap { pages: 0, .. } => return Ok(None),
        Request::Transfer {
            bytes,
            offset,
            from,
            to,
        } => Work::Copy {
            from: end(from, offset, bytes, memory)?,
            to: end(to, offset, bytes, memory)?,
            bytes,
        },
        Request::Fill {
            bytes,
            value,
            segment,
            address,
        } => {
            if segment != VIDEO_MEMORY {
                return Err(Refused(
                    c"Fill.Destination.SegmentId",
                    segment.into(),
                    c"no memory segment",
                ));
            }
            let to = located(segment, address, bytes, memory)?;
            Work::Fill { to, bytes, value }
        }
        Request::Read { segment, address } => {
            located(segment, address, 1, memory)?;
            // The engine writes through the caches or through write-combining, which its completion
            // drains: what counts is the place in the queue.
            Work::Single(Operation::Nop)
        }
        Request::Write { segment, address } => {
            let place = Place::Gpu(located(segment, address, 1, memory)?);
            // A byte onto itself, so that nothing is lost. What is behind the aperture is written
            // through the caches, and a page of it need not be mapped.
            Work::Single(match segment {
                VIDEO_MEMORY => Operation::Copy(Copy {
                    from: place,
                    from_pitch: 1,
                    to: place,
                    to_pitch: 1,
                    row_bytes: 1,
                    rows: 1,
                }),
                _ => Operation::Nop,
            })
        }
        Request::Map {
            segment,
            page,
            pages,
            list,
            first,
        } => Work::Map {
            page: aperture_page(segment, page, pages)?,
            pages,
            from: run(list, first, pages)?,
        },
        Request::Unmap {
            segment,
            page,
            pages,
            dummy,
        } => Work::Unmap {
            page: aperture_page(segment, page, pages)?,
            pages,
            dummy: dummy / PAGE as u64,
        },
    };
    Ok(Some(work))
}

fn end(location: Location<'_>, offset: u32, bytes: u64, memory: u64) -> Result<End<'_>, Refused> {
    match location {
        Location::Segment { id, address } => {
            let address = address.saturating_add(offset.into());
            located(id, address, bytes, memory).map(End::Gpu)
        }
        Location::Pages { list, first } => {
            run(list, first, bytes.div_ceil(PAGE as u64)).map(End::Pages)
        }
    }
}

fn located(segment: u32, address: u64, bytes: u64, memory: u64) -> Result<u64, Refused> {
    let (base, size) = match segment {
        VIDEO_MEMORY => (VIDEO_MEMORY_BASE, memory),
        APERTURE => (APERTURE_BASE, APERTURE_BYTES),
        _ => return Err(Refused(c"SegmentId", segment.into(), c"no such segment")),
    };
    match inside(address, bytes, base, size) {
        Some(_) => Ok(address),
        None => Err(Refused(
            c"SegmentAddress",
            address,
            c"not all of it inside of the segment",
        )),
    }
}

fn run(list: Option<PageList<'_>>, first: u32, pages: u64) -> Result<Run<'_>, Refused> {
    let Some(list) = list else {
        return Err(Refused(c"pMdl", 0, c"NULL or misaligned"));
    };
    let end = u64::from(first).checked_add(pages);
    let (Some(end), Ok(first)) = (end, usize::try_from(first)) else {
        return Err(Refused(c"MdlOffset", first.into(), c"too large"));
    };
    if usize::try_from(end).is_ok_and(|end| end <= list.pages()) {
        Ok(Run { list, first })
    } else {
        Err(Refused(
            c"MdlOffset plus pages",
            end,
            c"beyond the end of the list",
        ))
    }
}

fn aperture_page(segment: u32, page: u64, pages: u64) -> Result<u32, Refused> {
    if segment != APERTURE {
        return Err(Refused(c"SegmentId", segment.into(), c"not the aperture"));
    }
    match (page.checked_add(pages), u32::try_from(page)) {
        (Some(end), Ok(page)) if end <= u64::from(PAGES) => Ok(page),
        _ => Err(Refused(
            c"OffsetInPages",
            page,
            c"not all of them inside of the segment",
        )),
    }
}
