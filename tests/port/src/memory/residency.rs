//! Making allocations resident: which segment, which range, and who has to go.

use alloc::vec::Vec;

use dxgk_sys::DXGK_ALLOCATIONINFOFLAGS as Flags;
use dxgk_sys::status::STATUS_INVALID_HANDLE;

use crate::checks::allocation_info::Words;
use crate::memory::heap::{Owner, Window};
use crate::memory::usage::Wanted;
use crate::memory::vidmm::{Place, Vidmm};
use crate::memory::{Location, VIDEO_SEGMENT};
use crate::objects::AllocationId;
use crate::version::Version;
use crate::{
    STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION, STATUS_GRAPHICS_NO_VIDEO_MEMORY, Status,
};

/// Where an allocation may go, best first: the segment, and whether to look from its end.
pub(super) type Candidates = Vec<(u32, bool)>;

impl Vidmm<'_> {
    /// Makes all of a list resident at once, in its order.
    ///
    /// # Errors
    /// `STATUS_GRAPHICS_NO_VIDEO_MEMORY` if they do not fit together; what has moved stays where it is.
    pub(super) fn make_resident(&mut self, wanted: &[Wanted]) -> Result<Vec<Location>, Status> {
        self.unmap_done()?;
        let together: Vec<_> = wanted.iter().map(|wanted| wanted.allocation).collect();
        for wanted in wanted {
            if let Err(status) = self.ensure(*wanted, &together) {
                // What was built until now has to be carried out all the same.
                self.flush()?;
                return Err(status);
            }
        }
        self.flush()?;
        Ok(wanted
            .iter()
            .map(|wanted| self.location(wanted.allocation))
            .collect())
    }

    pub(super) fn location(&mut self, id: AllocationId) -> Location {
        let place = self.record(id).filter(|record| !record.away);
        match place.and_then(|record| record.place) {
            Some(place) => Location {
                segment: place.segment,
                address: self.address(place.segment, place.offset),
            },
            None => Location::default(),
        }
    }

    fn ensure(&mut self, wanted: Wanted, together: &[AllocationId]) -> Result<(), Status> {
        let id = wanted.allocation;
        self.bring_back(id)?;
        let clock = self.state.clock + 1;
        self.state.clock = clock;
        let record = self.record(id).ok_or(STATUS_INVALID_HANDLE)?;
        record.used = clock;
        record.offered = false;
        let (words, pinned, place) = (record.words(), record.pinned, record.place);
        // A CPU that has the address could not follow it in video memory.
        let locked = record.locks != 0 && !pinned;
        let mut allowed = self.allowed(&words, wanted.write);
        if locked {
            allowed &= self.apertures();
            if allowed == 0 {
                return Err(STATUS_GRAPHICS_CANT_RENDER_LOCKED_ALLOCATION);
            }
        }
        let stays = place.is_some_and(|place| allowed >> (place.segment - 1) & 1 != 0);
        if !stays && !pinned {
            let candidates = candidates(&words, allowed);
            let to = self.find_place(&words, &candidates, together, true)?;
            self.move_to(id, to)?;
        }
        if let Some(record) = self.record(id) {
            record.dirty |= wanted.write;
        }
        Ok(())
    }

    /// The segments that the driver allows for reading or writing.
    fn allowed(&self, words: &Words, write: bool) -> u32 {
        let one = self.adapter.registration.version >= Version::WDDM2_0;
        if write || one {
            words.write_set
        } else {
            words.read_set
        }
    }

    fn apertures(&self) -> u32 {
        let segments = (0..).zip(&self.state.segments);
        segments
            .filter(|(_, segment)| segment.is_aperture())
            .fold(0, |set, (index, _)| set | 1 << index)
    }

    /// A range for an allocation in the first candidate that has one, or can be given one by evicting others.
    pub(super) fn find_place(
        &mut self,
        words: &Words,
        candidates: &Candidates,
        together: &[AllocationId],
        counted: bool,
    ) -> Result<Place, Status> {
        // The better segment is worth an eviction; a worse one is for what cannot be there.
        if !self.state.options.spill {
            for (segment, from_end) in candidates {
                let room = self.make_room(words, *segment, *from_end, together, counted)?;
                if let Some(offset) = room {
                    return Ok(Place {
                        segment: *segment,
                        offset,
                    });
                }
            }
            return Err(STATUS_GRAPHICS_NO_VIDEO_MEMORY);
        }
        for (segment, from_end) in candidates {
            if let Some(offset) = self.free_range(words, *segment, *from_end, counted) {
                return Ok(Place {
                    segment: *segment,
                    offset,
                });
            }
        }
        for (segment, from_end) in candidates {
            if let Some(offset) = self.make_room(words, *segment, *from_end, together, counted)? {
                return Ok(Place {
                    segment: *segment,
                    offset,
                });
            }
        }
        Err(STATUS_GRAPHICS_NO_VIDEO_MEMORY)
    }

    fn free_range(&mut self, words: &Words, id: u32, from_end: bool, counted: bool) -> Option<u64> {
        let limit = self.state.limit;
        let used = self.counted_bytes();
        let segment = self.segment(id)?;
        let bytes = segment.bytes_of(words);
        let over = id == VIDEO_SEGMENT && counted && used.saturating_add(bytes) > limit;
        if over || !segment.may_commit(bytes) {
            return None;
        }
        let flags = Flags::from_bits_retain(words.flags);
        let windows = if flags.intersects(Flags::Overlay | Flags::Capture) {
            // Pinned for long: at most the last fifth.
            let start = segment.heap.size() / 5 * 4;
            alloc::vec![Window {
                offsets: start..u64::MAX,
                downwards: true
            }]
        } else {
            segment.windows(id, words, from_end)
        };
        windows
            .iter()
            .find_map(|window| segment.heap.find(bytes, words.alignment.into(), window))
    }

    /// Bytes of segment 1 that the tests' limit counts: all but what is pinned.
    fn counted_bytes(&self) -> u64 {
        let Some(segment) = self.state.segments.first() else {
            return 0;
        };
        let counts = |owner: &Owner| match owner {
            Owner::Allocation(id) => self.state.records.get(id).is_none_or(|of| !of.pinned),
            Owner::Manager => false,
        };
        let taken = segment.heap.taken().iter();
        taken
            .filter(|(_, owner)| counts(owner))
            .map(|(range, _)| range.end - range.start)
            .sum()
    }

    /// Evicts until there is room; None if all that may go is gone.
    fn make_room(
        &mut self,
        words: &Words,
        id: u32,
        from_end: bool,
        together: &[AllocationId],
        counted: bool,
    ) -> Result<Option<u64>, Status> {
        if !self.adapter.pages() {
            return Ok(self.free_range(words, id, from_end, counted));
        }
        let fits = self
            .segment(id)
            .is_some_and(|of| of.bytes_of(words) <= of.heap.size());
        if !fits {
            return Ok(None);
        }
        loop {
            if let Some(offset) = self.free_range(words, id, from_end, counted) {
                return Ok(Some(offset));
            }
            let Some(victim) = self.victim(id, together) else {
                let waiting = self.state.temporary.iter().any(|range| range.segment == id);
                if !waiting {
                    return Ok(None);
                }
                self.unmap_all_of(id)?;
                continue;
            };
            self.evict(victim)?;
        }
    }

    /// Who goes first: what no submitted work uses, then what was used least recently, or whatever comes.
    fn victim(&mut self, segment: u32, together: &[AllocationId]) -> Option<AllocationId> {
        let may_go = self.state.records.iter().filter(|(id, record)| {
            let here = record.place.is_some_and(|place| place.segment == segment);
            here && !record.pinned && !together.contains(id)
        });
        let mut list: Vec<_> = may_go
            .map(|(id, record)| (record.object.usage.in_hardware(), record.used, *id))
            .collect();
        list.sort_unstable();
        if list.is_empty() {
            return None;
        }
        let at = if self.state.options.random_victims {
            usize::try_from(self.random(list.len() as u64)).unwrap_or(0)
        } else {
            0
        };
        list.get(at).map(|(_, _, id)| *id)
    }

    /// Evicts from segment 1 until no more than the limit is in use.
    pub(super) fn keep_limit(&mut self) -> Result<(), Status> {
        while self.counted_bytes() > self.state.limit {
            let Some(victim) = self.victim(VIDEO_SEGMENT, &[]) else {
                break;
            };
            self.evict(victim)?;
        }
        self.flush()
    }
}

/// The preferred segments in their order, then the rest of the set.
pub(super) fn candidates(words: &Words, allowed: u32) -> Candidates {
    let is_allowed = |id: u32| (1..=32).contains(&id) && allowed >> (id - 1) & 1 != 0;
    let preferred = (0..5).map(|place| words.preferred >> (6 * place));
    let preferred = preferred.map(|word| (word & 0x1F, word & 0x20 != 0));
    let from_end = words.flags & Flags::FromEndOfSegment.bits() != 0;
    let rest = (1..=32).map(|id| (id, from_end));
    let mut list = Candidates::new();
    for (id, from_end) in preferred.chain(rest) {
        if is_allowed(id) && !list.iter().any(|(known, _)| *known == id) {
            list.push((id, from_end));
        }
    }
    list
}
