//! The manager of one adapter: its state, and a hold on it.

use alloc::sync::Arc;
use alloc::vec::Vec;

use hashbrown::HashMap;
use spin::{Mutex, MutexGuard};

use crate::adapter::AdapterInner;
use crate::checks::allocation_info::Words;
use crate::memory::backing::Backing;
use crate::memory::options::MemoryOptions;
use crate::memory::paging::buffer::{Filling, PagingBuffer, Pool};
use crate::memory::segment::SegmentState;
use crate::memory::temporary::Temporary;
use crate::memory::usage::Usage;
use crate::objects::{AllocationId, AllocationObject};
use crate::port::Profile;
use crate::version::Version;
use crate::{STATUS_INVALID_DEVICE_STATE, Status};

/// Where an allocation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Counted from 1.
    pub segment: u32,
    pub offset: u64,
}

/// Where the bytes of an allocation are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Nowhere yet.
    None,
    /// In its system pages, which may be mapped into an aperture.
    System,
    /// In a memory segment.
    Segment,
}

/// What VidMm knows of an allocation.
#[allow(clippy::struct_excessive_bools)] // each changes for itself
pub(super) struct Record {
    pub object: Arc<AllocationObject>,
    pub place: Option<Place>,
    pub backing: Option<Arc<Backing>>,
    pub content: Content,
    /// The GPU may have written it since it came into its segment.
    pub dirty: bool,
    /// When it was used last, by the manager's clock.
    pub used: u64,
    /// It must stay where it is.
    pub pinned: bool,
    /// Evicted although it is pinned, and still with its range: level three.
    pub away: bool,
    /// Locks of the CPU.
    pub locks: u32,
    /// Its content may be thrown away.
    pub offered: bool,
    /// Its content was thrown away or lost.
    pub lost: bool,
}

impl Record {
    pub(super) fn new(object: Arc<AllocationObject>) -> Self {
        Self {
            object,
            place: None,
            backing: None,
            content: Content::None,
            dirty: false,
            used: 0,
            pinned: false,
            away: false,
            locks: 0,
            offered: false,
            lost: false,
        }
    }

    pub(super) fn words(&self) -> Words {
        Words::of(&self.object.info.0)
    }
}

/// All that the manager of an adapter keeps.
pub(super) struct State {
    pub segments: Vec<SegmentState>,
    pub records: HashMap<AllocationId, Record>,
    pub options: MemoryOptions,
    pub random: u64,
    pub clock: u64,
    /// Bytes of segment 1 that allocations may use, those that are pinned aside.
    pub limit: u64,
    pub paging_segment: u32,
    pub paging_bytes: u32,
    pub paging_private: u32,
    pub filling: Option<Filling>,
    pub pool: Pool,
    /// Buffers that wait for the end of a reset.
    pub held_back: Option<Vec<PagingBuffer>>,
    pub dummy: Option<Arc<Backing>>,
    pub temporary: Vec<Temporary>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            segments: Vec::new(),
            records: HashMap::new(),
            options: MemoryOptions::default(),
            random: 1,
            clock: 0,
            limit: u64::MAX,
            paging_segment: 0,
            paging_bytes: 0,
            paging_private: 0,
            filling: None,
            pool: Pool::default(),
            held_back: None,
            dummy: None,
            temporary: Vec::new(),
        }
    }
}

/// The manager of an adapter.
#[derive(Default)]
pub(crate) struct Memory(Mutex<State>);

/// A hold on the manager. Whoever has it may call the driver and wait for its hardware, but not for more.
pub(super) struct Vidmm<'a> {
    pub adapter: &'a AdapterInner,
    pub state: MutexGuard<'a, State>,
}

impl AdapterInner {
    pub(super) fn vidmm(&self) -> Vidmm<'_> {
        let state = loop {
            if let Some(state) = self.memory.0.try_lock() {
                break state;
            }
            self.port.host.relax();
        };
        let mut vidmm = Vidmm {
            adapter: self,
            state,
        };
        if vidmm.state.segments.is_empty() {
            vidmm.learn();
        }
        vidmm
    }

    /// Nothing is known of segments and allocations any more; what the tests have set stays.
    pub(crate) fn forget_memory(&self) {
        let mut vidmm = self.vidmm();
        let state = &mut *vidmm.state;
        let old = core::mem::take(state);
        (state.options, state.random, state.limit) = (old.options.clone(), old.random, old.limit);
    }

    /// The driver moves memory: it builds paging buffers and is expected to.
    pub(super) fn pages(&self) -> bool {
        let settings = &self.port.settings;
        let expected = settings.profile == Profile::Full || settings.paging;
        // From WDDM 2.0 on paging works with virtual addresses, which the port does not play.
        expected
            && self.registration.version < Version::WDDM2_0
            && self.registration.table.DxgkDdiBuildPagingBuffer.is_some()
    }
}

impl Vidmm<'_> {
    fn learn(&mut self) {
        let Some(known) = self.adapter.segments.read().clone() else {
            return;
        };
        let banks = |index: usize| known.bank_ends.get(index).map_or(&[][..], Vec::as_slice);
        let segments = known.list.iter().enumerate();
        let state = &mut *self.state;
        state.segments = segments
            .map(|(index, segment)| SegmentState::new(*segment, banks(index)))
            .collect();
        state.paging_segment = known.paging_segment;
        state.paging_bytes = known.paging_size;
        state.paging_private = known.paging_private;
    }

    /// The segment of an identifier.
    pub(super) fn segment(&mut self, id: u32) -> Option<&mut SegmentState> {
        self.state.segments.get_mut(id.checked_sub(1)? as usize)
    }

    /// What is known of an allocation; None if it is gone.
    pub(super) fn record(&mut self, id: AllocationId) -> Option<&mut Record> {
        let object = crate::objects::allocation(id)?;
        if object.adapter.0 != self.adapter.handle() {
            return None;
        }
        let record = self.state.records.entry(id);
        Some(record.or_insert_with(|| Record::new(object)))
    }

    /// A number below `end`, from the seed.
    pub(super) fn random(&mut self, end: u64) -> u64 {
        // xorshift64: any good enough spread will do.
        let mut x = self.state.random | 1;
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        self.state.random = x;
        (x >> 11) % end.max(1)
    }

    /// Waits until no work that the driver has uses it.
    pub(super) fn wait_idle(&mut self, usage: &Usage) -> Result<(), Status> {
        self.flush()?;
        while usage.in_hardware() {
            self.adapter.wait_hardware()?;
        }
        if self.adapter.port.journal.is_dead() {
            return Err(STATUS_INVALID_DEVICE_STATE);
        }
        Ok(())
    }
}
