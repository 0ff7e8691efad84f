//! Who uses an allocation: counts that the scheduler raises and VidMm asks.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU32, Ordering};

use crate::objects::{self, AllocationId};

/// An allocation that a DMA buffer uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub allocation: AllocationId,
    /// The GPU writes it.
    pub write: bool,
}

/// How far the work has come that uses an allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// It waits in a context, or for its turn after a preemption.
    Queued,
    /// The driver has it.
    Hardware,
}

/// How many pieces of work use an allocation, by stage.
#[derive(Debug, Default)]
pub(crate) struct Usage {
    queued: AtomicU32,
    hardware: AtomicU32,
}

impl Usage {
    fn of(&self, stage: Stage) -> &AtomicU32 {
        match stage {
            Stage::Queued => &self.queued,
            Stage::Hardware => &self.hardware,
        }
    }

    /// Work that the driver has not completed uses it.
    pub(crate) fn in_hardware(&self) -> bool {
        self.hardware.load(Ordering::Acquire) != 0
    }

    /// Work of any stage uses it.
    pub(crate) fn is_used(&self) -> bool {
        self.in_hardware() || self.queued.load(Ordering::Acquire) != 0
    }
}

/// Keeps allocations in use until it is dropped. The drop changes counts and takes no lock.
#[derive(Debug)]
#[must_use]
pub(crate) struct References {
    stage: Stage,
    usages: Vec<Arc<Usage>>,
}

impl References {
    pub(crate) fn new(stage: Stage, usages: Vec<Arc<Usage>>) -> Self {
        for usage in &usages {
            usage.of(stage).fetch_add(1, Ordering::AcqRel);
        }
        Self { stage, usages }
    }

    /// Of those allocations that still exist.
    pub(crate) fn to(stage: Stage, wanted: &[Wanted]) -> Self {
        let objects = wanted
            .iter()
            .filter_map(|wanted| objects::allocation(wanted.allocation));
        Self::new(stage, objects.map(|object| object.usage.clone()).collect())
    }
}

impl Drop for References {
    fn drop(&mut self) {
        for usage in &self.usages {
            usage.of(self.stage).fetch_sub(1, Ordering::AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reference_ends_with_its_drop() {
        let usage = Arc::new(Usage::default());
        let queued = References::new(Stage::Queued, alloc::vec![usage.clone()]);
        assert!(usage.is_used() && !usage.in_hardware());
        let hardware = References::new(Stage::Hardware, alloc::vec![usage.clone(), usage.clone()]);
        assert!(usage.in_hardware());
        drop(queued);
        assert!(usage.is_used());
        drop(hardware);
        assert!(!usage.is_used());
    }
}
