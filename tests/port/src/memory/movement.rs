//! Moving an allocation as a whole: into a segment, within it, and out of it.

use alloc::sync::Arc;

use dxgk_sys::DXGK_ALLOCATIONINFOFLAGS;
use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::Status;
use crate::memory::PAGE;
use crate::memory::backing::Backing;
use crate::memory::heap::{Owner, Window};
use crate::memory::temporary::Temporary;
use crate::memory::transfer::{End, Whose};
use crate::memory::usage::Usage;
use crate::memory::vidmm::{Content, Place, Record, Vidmm};
use crate::objects::{AllocationId, AllocationObject};

impl Vidmm<'_> {
    fn known(&mut self, id: AllocationId) -> Result<&mut Record, Status> {
        self.record(id).ok_or(STATUS_INVALID_HANDLE)
    }

    /// The allocation's system pages, zeroed if they are new.
    pub(super) fn backing(&mut self, id: AllocationId) -> Result<Arc<Backing>, Status> {
        let record = self.known(id)?;
        if let Some(backing) = &record.backing {
            return Ok(backing.clone());
        }
        let bytes = record.words().size;
        let backing = self.pages_for(bytes)?;
        self.known(id)?.backing = Some(backing.clone());
        Ok(backing)
    }

    fn bytes_in(&mut self, id: AllocationId, segment: u32) -> Result<u64, Status> {
        let words = self.known(id)?.words();
        Ok(self.segment(segment).map_or(0, |of| of.bytes_of(&words)))
    }

    fn is_aperture(&mut self, segment: u32) -> bool {
        self.segment(segment).is_some_and(|of| of.is_aperture())
    }

    /// Brings an allocation to a range that the caller has found and not yet taken. Where it was becomes free.
    pub(super) fn move_to(&mut self, id: AllocationId, to: Place) -> Result<(), Status> {
        let record = self.known(id)?;
        let (object, from, content) = (record.object.clone(), record.place, record.content);
        let bytes = self.bytes_in(id, to.segment)?;
        if let Some(segment) = self.segment(to.segment) {
            segment.heap.take(to.offset, bytes, Owner::Allocation(id));
        }
        let into_aperture = self.is_aperture(to.segment);
        let moved = if !self.adapter.pages() {
            Ok(())
        } else if into_aperture {
            self.bring_into_aperture(&object, from, content, to)
        } else {
            self.bring_into_memory(&object, from, content, to, bytes)
        };
        if let Err(status) = moved {
            if let Some(segment) = self.segment(to.segment) {
                segment.heap.free(to.offset);
            }
            return Err(status);
        }
        let record = self.known(id)?;
        record.place = Some(to);
        record.content = if into_aperture {
            Content::System
        } else {
            Content::Segment
        };
        record.dirty = false;
        Ok(())
    }

    fn bring_into_memory(
        &mut self,
        object: &Arc<AllocationObject>,
        from: Option<Place>,
        content: Content,
        to: Place,
        bytes: u64,
    ) -> Result<(), Status> {
        let whose = Whose::allocation(object);
        let target = End::Segment(to.segment, to.offset);
        match (from, content) {
            (None, Content::None | Content::Segment) => {
                self.fill(whose, bytes, 0, to.segment, to.offset)
            }
            (None, Content::System) => {
                let backing = self.backing(object.id)?;
                self.transfer(whose, backing.bytes() as u64, End::Pages(&backing), target)?;
                self.drop_backing(object.id)
            }
            (Some(place), _) => {
                let source = End::Segment(place.segment, place.offset);
                if !self.is_aperture(place.segment) {
                    self.transfer(whose, bytes, source, target)?;
                    self.free(place);
                    return Ok(());
                }
                let backing = self.backing(object.id)?;
                let usage = Arc::new(Usage::default());
                let both = Whose {
                    also: Some(&usage),
                    ..whose
                };
                let bytes = backing.bytes() as u64;
                self.transfer(both, bytes, source, target)?;
                self.leave_mapped(object, usage, place, backing);
                self.drop_backing(object.id)
            }
        }
    }

    fn bring_into_aperture(
        &mut self,
        object: &Arc<AllocationObject>,
        from: Option<Place>,
        content: Content,
        to: Place,
    ) -> Result<(), Status> {
        if let Some(place) = from
            && self.is_aperture(place.segment)
        {
            self.evict(object.id)?;
        }
        let backing = self.backing(object.id)?;
        self.map(
            Some(object),
            Some(&object.usage),
            None,
            to.segment,
            to.offset,
            &backing,
        )?;
        if let Some(place) = from.filter(|_| content == Content::Segment) {
            let bytes = backing.bytes() as u64;
            let source = End::Segment(place.segment, place.offset);
            let target = End::Segment(to.segment, to.offset);
            self.transfer(Whose::allocation(object), bytes, source, target)?;
            self.free(place);
        }
        Ok(())
    }

    fn free(&mut self, place: Place) {
        if let Some(segment) = self.segment(place.segment) {
            segment.heap.free(place.offset);
        }
    }

    fn leave_mapped(
        &mut self,
        object: &Arc<AllocationObject>,
        usage: Arc<Usage>,
        place: Place,
        backing: Arc<Backing>,
    ) {
        if let Some(segment) = self.segment(place.segment) {
            segment.heap.hand_over(place.offset, Owner::Manager);
        }
        self.state.temporary.push(Temporary {
            object: object.clone(),
            usage,
            segment: place.segment,
            offset: place.offset,
            pages: backing.bytes() as u64 / PAGE,
            backing,
        });
    }

    /// Content in a memory segment needs no system pages, unless the driver wants a permanent copy there.
    fn drop_backing(&mut self, id: AllocationId) -> Result<(), Status> {
        let record = self.known(id)?;
        let flags = DXGK_ALLOCATIONINFOFLAGS::from_bits_retain(record.words().flags);
        if !flags.contains(DXGK_ALLOCATIONINFOFLAGS::PermanentSysMem) {
            record.backing = None;
        }
        Ok(())
    }

    /// Takes an allocation out of its segment; its content goes to system memory, unless it may be thrown away.
    pub(super) fn evict(&mut self, id: AllocationId) -> Result<(), Status> {
        let record = self.known(id)?;
        let Some(place) = record.place else {
            return Ok(());
        };
        if record.away {
            return Ok(());
        }
        let pinned = record.pinned;
        let object = record.object.clone();
        if !self.adapter.pages() {
            return Ok(());
        }
        if self.is_aperture(place.segment) {
            self.wait_idle(&object.usage)?;
            let bytes = self.bytes_in(id, place.segment)?;
            self.unmap(&object, place.segment, place.offset, bytes / PAGE)?;
        } else {
            self.save(&object, place)?;
        }
        let record = self.known(id)?;
        record.dirty = false;
        if pinned {
            record.away = true;
        } else {
            record.place = None;
            self.free(place);
        }
        Ok(())
    }

    /// The content of a memory segment's range goes to where it is kept.
    fn save(&mut self, object: &Arc<AllocationObject>, place: Place) -> Result<(), Status> {
        let record = self.known(object.id)?;
        let (offered, dirty) = (record.offered, record.dirty);
        let words = record.words();
        let permanent = words.flags & DXGK_ALLOCATIONINFOFLAGS::PermanentSysMem.bits() != 0;
        let kept = permanent && record.backing.is_some();
        if offered || kept && !dirty {
            self.discard(object, place.segment, place.offset)?;
            let record = self.known(object.id)?;
            record.lost |= !kept;
            record.content = if kept { Content::System } else { Content::None };
            return Ok(());
        }
        let backing = self.backing(object.id)?;
        let bytes = backing.bytes() as u64;
        let source = End::Segment(place.segment, place.offset);
        if let Some(through) = self.eviction_range(words.eviction_set, bytes) {
            let usage = Arc::new(Usage::default());
            if let Some(segment) = self.segment(through.segment) {
                segment.heap.take(through.offset, bytes, Owner::Manager);
            }
            self.map(
                Some(object),
                Some(&object.usage),
                Some(&usage),
                through.segment,
                through.offset,
                &backing,
            )?;
            let both = Whose {
                also: Some(&usage),
                ..Whose::allocation(object)
            };
            let target = End::Segment(through.segment, through.offset);
            self.transfer(both, bytes, source, target)?;
            self.leave_mapped(object, usage, through, backing);
        } else {
            let whose = Whose::allocation(object);
            self.transfer(whose, bytes, source, End::Pages(&backing))?;
        }
        self.known(object.id)?.content = Content::System;
        Ok(())
    }

    /// Room in an aperture segment of an eviction set, if that is how to evict.
    fn eviction_range(&mut self, set: u32, bytes: u64) -> Option<Place> {
        if !self.state.options.evict_through_aperture {
            return None;
        }
        let window = Window {
            offsets: 0..u64::MAX,
            downwards: false,
        };
        (1..=32)
            .filter(|id| set >> (id - 1) & 1 != 0)
            .find_map(|id| {
                let segment = self.segment(id).filter(|of| of.is_aperture())?;
                let offset = segment.heap.find(bytes, PAGE, &window)?;
                segment.may_commit(bytes).then_some(Place {
                    segment: id,
                    offset,
                })
            })
    }

    /// Brings what level three took away back to the range that it has kept.
    pub(super) fn bring_back(&mut self, id: AllocationId) -> Result<(), Status> {
        let record = self.known(id)?;
        let Some(place) = record.place.filter(|_| record.away) else {
            return Ok(());
        };
        record.place = None;
        record.away = false;
        self.free(place);
        self.move_to(id, place)
    }
}
