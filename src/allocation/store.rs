//! The pools of one adapter.

use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, Tag};
use crate::pool::{Mode, Pool};

use super::{Allocation, Opening, Resource};

const ALLOCATIONS: Tag = Tag(*b"VmdA");
const RESOURCES: Tag = Tag(*b"VmdR");
const OPENINGS: Tag = Tag(*b"VmdO");

/// Every allocation, resource and opening of one adapter, from AddDevice to RemoveDevice.
pub struct Store {
    /// What `DXGK_ALLOCATIONINFO::hAllocation` refers to.
    pub allocations: Pool<Allocation>,
    /// What `hResource` refers to.
    pub resources: Pool<Resource>,
    /// What `hDeviceSpecificAllocation` refers to.
    pub openings: Pool<Opening>,
}

impl Store {
    /// Empty pools.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if the pools' own blocks cannot be had.
    pub fn try_new(mode: Mode, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            allocations: Pool::try_new(ALLOCATIONS, mode, irql)?,
            resources: Pool::try_new(RESOURCES, mode, irql)?,
            openings: Pool::try_new(OPENINGS, mode, irql)?,
        })
    }
}
