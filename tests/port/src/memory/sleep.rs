//! Level three: before the power goes, video memory goes to system memory, and what is scanned out comes back with it.

use dxgk_sys::DXGK_SEGMENTFLAGS;

use crate::Status;
use crate::adapter::AdapterInner;

impl AdapterInner {
    /// Evicts what the way down would destroy, pinned or not, and waits for it.
    pub(crate) fn evict_for_sleep(&self, hibernate: bool) -> Result<(), Status> {
        if !self.pages() {
            return Ok(());
        }
        let kept = if hibernate {
            DXGK_SEGMENTFLAGS::PreservedDuringHibernate
        } else {
            DXGK_SEGMENTFLAGS::PreservedDuringStandby
        };
        self.scheduling(|| {
            let mut vidmm = self.vidmm();
            for id in vidmm.ids() {
                let place = vidmm.record(id).and_then(|record| record.place);
                let stays = place.is_some_and(|place| {
                    let segment = vidmm.segment(place.segment);
                    segment.is_some_and(|of| of.info.flags.contains(kept))
                });
                if !stays {
                    vidmm.evict(id)?;
                }
            }
            vidmm.flush()?;
            for id in 1..=vidmm.state.segments.len() {
                vidmm.unmap_all_of(u32::try_from(id).unwrap_or(0))?;
            }
            vidmm.flush()
        })?;
        self.quiesce();
        Ok(())
    }

    /// Brings what is scanned out back to where it was.
    pub(crate) fn return_from_sleep(&self) -> Result<(), Status> {
        if !self.pages() {
            return Ok(());
        }
        self.scheduling(|| self.vidmm().bring_all_back())?;
        self.quiesce();
        Ok(())
    }
}
