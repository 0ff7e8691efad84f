//! What a reset of the adapter does to memory (P6): video memory is lost, and the driver is told of each eviction.

use alloc::vec::Vec;

use crate::Status;
use crate::adapter::AdapterInner;
use crate::memory::PAGE;
use crate::memory::vidmm::{Content, Vidmm};
use crate::objects::AllocationId;

impl AdapterInner {
    /// Between ResetFromTimeout and RestartFromTimeout. What the driver puts into paging buffers waits for the restart.
    pub(crate) fn memory_after_reset(&self) {
        if !self.pages() {
            return;
        }
        let mut vidmm = self.vidmm();
        // Built before the reset, and of no use after it.
        vidmm.state.filling = None;
        vidmm.state.held_back = Some(Vec::new());
        // A status that breaks P3 has stopped the machine.
        let _ = vidmm.lose_all();
    }

    /// After RestartFromTimeout: what waited is submitted, and what is scanned out gets its place again.
    pub(crate) fn memory_restarted(&self) {
        if !self.pages() {
            return;
        }
        let mut vidmm = self.vidmm();
        let held_back = vidmm.state.held_back.take();
        for paging in held_back.into_iter().flatten() {
            self.submit_paging(paging);
        }
        let _ = vidmm.bring_all_back();
    }
}

impl Vidmm<'_> {
    fn lose_all(&mut self) -> Result<(), Status> {
        let temporary = core::mem::take(&mut self.state.temporary);
        for range in temporary {
            self.unmap(&range.object, range.segment, range.offset, range.pages)?;
            if let Some(segment) = self.segment(range.segment) {
                segment.heap.free(range.offset);
            }
        }
        for id in self.ids() {
            self.lose(id)?;
        }
        self.flush()
    }

    /// What is not where the manager thinks it is: all of video memory, and what was on its way.
    fn lose(&mut self, id: AllocationId) -> Result<(), Status> {
        let Some(record) = self.record(id) else {
            return Ok(());
        };
        let Some(place) = record.place.filter(|_| !record.away) else {
            return Ok(());
        };
        let (object, pinned) = (record.object.clone(), record.pinned);
        let aperture = self
            .segment(place.segment)
            .is_some_and(|of| of.is_aperture());
        if aperture {
            let pages = self.segment(place.segment).map_or(0, |of| {
                of.bytes_of(&crate::checks::allocation_info::Words::of(&object.info.0)) / PAGE
            });
            self.unmap(&object, place.segment, place.offset, pages)?;
        } else {
            self.tell_eviction(&object, place.segment, place.offset)?;
        }
        let free = !pinned;
        if let Some(record) = self.record(id) {
            if !aperture {
                record.content = Content::None;
                record.lost = true;
            }
            record.dirty = false;
            record.away = pinned;
            record.place = record.place.filter(|_| pinned);
        }
        if free && let Some(segment) = self.segment(place.segment) {
            segment.heap.free(place.offset);
        }
        Ok(())
    }

    /// All allocations that the manager knows, in their order.
    pub(super) fn ids(&self) -> Vec<AllocationId> {
        let mut ids: Vec<_> = self.state.records.keys().copied().collect();
        ids.sort_unstable();
        ids
    }

    /// What kept its range while it was away.
    pub(super) fn bring_all_back(&mut self) -> Result<(), Status> {
        for id in self.ids() {
            self.bring_back(id)?;
        }
        self.flush()
    }
}
