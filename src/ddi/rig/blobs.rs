//! CreateAllocation with private data of anybody's.

use core::ffi::c_void;
use core::ptr;
use std::vec;
use std::vec::Vec;

use dxgk_sys::{DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS};

use super::VIDEO_MEMORY;
use crate::allocation::{Allocation, Store, create, destroy};
use crate::ddi::allocations;
use crate::kernel::caller::CallerData;
use crate::kernel::host::{Entered, World};
use crate::kernel::irql::Passive;
use crate::memory::segments::Segments;
use crate::pool::Mode;

/// An adapter's pools, and nothing else of it.
pub struct Creator {
    store: Store,
    segments: Segments,
    _entered: Entered,
    world: World,
}

/// A block of private data, and the size that is said of it.
pub type Blob<'a> = (&'a [u8], u32);

/// What a call has made.
pub struct Created {
    /// One an allocation, as dxgkrnl sees it.
    pub infos: Vec<DXGK_ALLOCATIONINFO>,
    /// What the driver keeps of each.
    pub allocations: Vec<Allocation>,
    /// `hResource`
    pub resource: *mut c_void,
}

impl Creator {
    /// Empty pools.
    #[must_use]
    pub fn new() -> Self {
        let world = World::new();
        let entered = world.enter();
        let store = Store::try_new(Mode::Slab, super::Rig::irql()).expect("memory");
        let segments = Segments::new();
        segments.set(0xe000_0000, VIDEO_MEMORY, 0);
        Self {
            store,
            segments,
            _entered: entered,
            world,
        }
    }

    /// Its world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Objects that live.
    #[must_use]
    pub fn live(&self) -> usize {
        self.store.statistics(super::Rig::irql()).live
    }

    /// CreateAllocation. Should it fail, no handle is left in what it was given.
    ///
    /// # Errors
    ///
    /// As [`create::create`].
    pub fn create(
        &self,
        flags: u32,
        group: Blob<'_>,
        elements: &[Blob<'_>],
    ) -> Result<Created, create::Error> {
        let irql: Passive = super::Rig::irql();
        let mut infos = vec![DXGK_ALLOCATIONINFO::ZERO; elements.len()];
        for (info, (bytes, size)) in infos.iter_mut().zip(elements) {
            info.pPrivateDriverData = pointer(bytes).cast_mut();
            info.PrivateDriverDataSize = *size;
        }
        let mut resource = ptr::null_mut();
        let call = create::Call {
            flags: DXGK_CREATEALLOCATIONFLAGS::from_bits_retain(flags),
            // SAFETY: pointer and size stand together; what is read beyond the bytes is the caller's.
            group: unsafe { CallerData::new(pointer(group.0), group.1) },
            elements: create::Elements::new(&mut infos, allocations::private_data),
            resource: &mut resource,
        };
        let created = create::create(&self.store, &self.segments, call, irql);
        if let Err(error) = created {
            assert!(infos.iter().all(|info| info.hAllocation.is_null()));
            assert!(resource.is_null());
            return Err(error);
        }
        let kept = |info: &DXGK_ALLOCATIONINFO| {
            let found = self.store.allocation(info.hAllocation, irql);
            found.expect("an allocation")
        };
        Ok(Created {
            allocations: infos.iter().map(kept).collect(),
            infos,
            resource,
        })
    }

    /// DestroyAllocation of all that a call has made.
    pub fn destroy(&self, created: &Created) {
        let handles: Vec<_> = created.infos.iter().map(|info| info.hAllocation).collect();
        let call = destroy::Call {
            allocations: &handles,
            resource: Some(created.resource),
        };
        let destroyed = destroy::destroy(&self.store, &call, super::Rig::irql());
        assert_eq!(destroyed, Ok(()));
    }
}

impl Default for Creator {
    fn default() -> Self {
        Self::new()
    }
}

/// NULL for no bytes.
fn pointer(bytes: &[u8]) -> *const c_void {
    if bytes.is_empty() {
        ptr::null()
    } else {
        bytes.as_ptr().cast()
    }
}
