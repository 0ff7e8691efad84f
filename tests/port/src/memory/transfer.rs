//! The single moves: fill, transfer in parts, map, unmap, discard.

use alloc::sync::Arc;

use dxgk_sys::status::STATUS_NO_MEMORY;
use dxgk_sys::{DXGK_ALLOCATIONINFOFLAGS, HANDLE, MDL};

use crate::Status;
use crate::memory::PAGE;
use crate::memory::backing::Backing;
use crate::memory::paging::build::{Concerns, NO_ALLOCATION};
use crate::memory::paging::operation::{Map, Operation, Part, Side};
use crate::memory::usage::Usage;
use crate::memory::vidmm::Vidmm;
use crate::objects::AllocationObject;
use crate::pattern::Pattern;
use crate::rules::Rule;

/// One end of a move.
#[derive(Clone, Copy)]
pub(super) enum End<'a> {
    /// A segment, and the offset where the allocation begins in it.
    Segment(u32, u64),
    /// System pages.
    Pages(&'a Arc<Backing>),
}

impl<'a> End<'a> {
    fn pages(self) -> Option<&'a Arc<Backing>> {
        match self {
            Self::Segment(..) => None,
            Self::Pages(pages) => Some(pages),
        }
    }
}

/// Whose bytes are moved.
#[derive(Clone, Copy)]
pub(super) struct Whose<'a> {
    pub handle: HANDLE,
    pub usage: Option<&'a Arc<Usage>>,
    /// Counts this move alone.
    pub also: Option<&'a Arc<Usage>>,
}

impl<'a> Whose<'a> {
    pub(super) fn allocation(object: &'a AllocationObject) -> Self {
        Self {
            handle: object.driver.0,
            usage: Some(&object.usage),
            also: None,
        }
    }

    /// A raw copy, which names no allocation (P4).
    pub(super) fn nobody(usage: &'a Arc<Usage>) -> Self {
        Self {
            handle: NO_ALLOCATION,
            usage: Some(usage),
            also: None,
        }
    }
}

impl Vidmm<'_> {
    pub(super) fn pattern(&self) -> Pattern {
        Pattern::turn(self.adapter.port.turns.next())
    }

    /// What the driver is told of an offset: the segment's base address and the offset.
    pub(super) fn address(&mut self, segment: u32, offset: u64) -> u64 {
        self.segment(segment).map_or(0, |of| of.info.base + offset)
    }

    fn side(&mut self, end: End<'_>, page: u64) -> Side {
        match end {
            End::Segment(id, offset) => Side::Segment {
                id,
                address: self.address(id, offset),
            },
            End::Pages(pages) => Side::Pages {
                mdl: pages.mdl().pointer(),
                page: u32::try_from(page).unwrap_or(u32::MAX),
            },
        }
    }

    /// TRANSFER of whole pages, in parts if the options say so.
    pub(super) fn transfer(
        &mut self,
        whose: Whose<'_>,
        bytes: u64,
        from: End<'_>,
        to: End<'_>,
    ) -> Result<(), Status> {
        let mut done = 0;
        while done < bytes {
            let left = bytes - done;
            let most = u64::from(self.state.options.piece_pages);
            let bytes_now = if most == 0 {
                left
            } else {
                ((1 + self.random(most)) * PAGE).min(left)
            };
            let part = Part {
                offset: done,
                bytes: bytes_now,
                start: done == 0,
                end: bytes_now == left,
            };
            let (from_side, to_side) = (self.side(from, done / PAGE), self.side(to, done / PAGE));
            let operation =
                Operation::transfer(self.pattern(), whose.handle, part, from_side, to_side);
            let concerns = Concerns {
                usage: whose.usage,
                also: whose.also,
                pages: from.pages().or(to.pages()),
                rule: None,
            };
            self.build(operation, concerns)?;
            done += bytes_now;
        }
        Ok(())
    }

    /// TRANSFER of nothing: an allocation left its place while the adapter was reset (P6).
    pub(super) fn tell_eviction(
        &mut self,
        object: &AllocationObject,
        segment: u32,
        offset: u64,
    ) -> Result<(), Status> {
        let part = Part {
            offset: 0,
            bytes: 0,
            start: true,
            end: true,
        };
        let from = self.side(End::Segment(segment, offset), 0);
        let nowhere = Side::Pages {
            mdl: core::ptr::null_mut::<MDL>(),
            page: 0,
        };
        let operation = Operation::transfer(self.pattern(), object.driver.0, part, from, nowhere);
        let concerns = Concerns {
            rule: Some(Rule::P6),
            ..Concerns::default()
        };
        self.build(operation, concerns)
    }

    /// FILL of an allocation that nothing uses yet, or of a free range.
    pub(super) fn fill(
        &mut self,
        whose: Whose<'_>,
        bytes: u64,
        value: u32,
        segment: u32,
        offset: u64,
    ) -> Result<(), Status> {
        let address = self.address(segment, offset);
        let pattern = self.pattern();
        let operation = Operation::fill(pattern, whose.handle, bytes, value, segment, address);
        let concerns = Concerns {
            usage: whose.usage,
            ..Concerns::default()
        };
        self.build(operation, concerns)
    }

    pub(super) fn discard(
        &mut self,
        object: &AllocationObject,
        segment: u32,
        offset: u64,
    ) -> Result<(), Status> {
        let address = self.address(segment, offset);
        let operation = Operation::discard(self.pattern(), object.driver.0, segment, address);
        let concerns = Concerns {
            usage: Some(&object.usage),
            ..Concerns::default()
        };
        self.build(operation, concerns)
    }

    fn map_of(
        &mut self,
        object: Option<&AllocationObject>,
        segment: u32,
        offset: u64,
        pages: u64,
    ) -> Map {
        // The device of the first opening counts as the owner; the primary has none.
        let device = object.filter(|object| !object.primary).and_then(|object| {
            let openers = object.openers.lock();
            openers.first().map(|device| device.driver.0)
        });
        let cached = object.is_some_and(|object| {
            let flags = crate::checks::allocation_info::Words::of(&object.info.0).flags;
            flags & DXGK_ALLOCATIONINFOFLAGS::Cached.bits() != 0
        });
        let coherent = self
            .segment(segment)
            .is_some_and(|of| of.is_cache_coherent());
        Map {
            device: device.unwrap_or(core::ptr::null_mut()),
            allocation: object.map_or(NO_ALLOCATION, |object| object.driver.0),
            segment,
            first: offset / PAGE,
            pages,
            cache_coherent: cached && coherent,
        }
    }

    /// MAP_APERTURE_SEGMENT of all pages, in parts if the options say so. The range is unused.
    pub(super) fn map(
        &mut self,
        object: Option<&AllocationObject>,
        usage: Option<&Arc<Usage>>,
        also: Option<&Arc<Usage>>,
        segment: u32,
        offset: u64,
        backing: &Arc<Backing>,
    ) -> Result<(), Status> {
        let pages = backing.bytes() as u64 / PAGE;
        let whole = self.map_of(object, segment, offset, pages);
        let mut done = 0;
        while done < pages {
            let most = u64::from(self.state.options.piece_pages);
            let left = pages - done;
            let count = if most == 0 {
                left
            } else {
                (1 + self.random(most)).min(left)
            };
            let part = Map {
                first: whole.first + done,
                pages: count,
                ..whole
            };
            let page = u32::try_from(done).unwrap_or(u32::MAX);
            let operation = Operation::map(self.pattern(), &part, backing.mdl().pointer(), page);
            let concerns = Concerns {
                usage,
                also,
                pages: Some(backing),
                rule: None,
            };
            self.build(operation, concerns)?;
            done += count;
        }
        Ok(())
    }

    /// UNMAP_APERTURE_SEGMENT, to the dummy page. The GPU does not use the range.
    pub(super) fn unmap(
        &mut self,
        object: &AllocationObject,
        segment: u32,
        offset: u64,
        pages: u64,
    ) -> Result<(), Status> {
        self.unmap_range(Some(object), segment, offset, pages)
    }

    pub(super) fn unmap_range(
        &mut self,
        object: Option<&AllocationObject>,
        segment: u32,
        offset: u64,
        pages: u64,
    ) -> Result<(), Status> {
        let dummy = self.dummy()?;
        let map = self.map_of(object, segment, offset, pages);
        let operation = Operation::unmap(self.pattern(), &map, dummy.frame(0) * PAGE);
        let concerns = Concerns {
            usage: object.map(|object| &object.usage),
            ..Concerns::default()
        };
        self.build(operation, concerns)
    }

    /// The page that unmapped parts of an aperture lead to.
    pub(super) fn dummy(&mut self) -> Result<Arc<Backing>, Status> {
        if let Some(dummy) = &self.state.dummy {
            return Ok(dummy.clone());
        }
        let dummy = self.pages_for(PAGE)?;
        self.state.dummy = Some(dummy.clone());
        Ok(dummy)
    }

    /// Zeroed system pages.
    pub(super) fn pages_for(&mut self, bytes: u64) -> Result<Arc<Backing>, Status> {
        let pages = usize::try_from(bytes.div_ceil(PAGE)).map_err(|_| STATUS_NO_MEMORY)?;
        Backing::new(&self.adapter.port.host, pages).ok_or(STATUS_NO_MEMORY)
    }
}
