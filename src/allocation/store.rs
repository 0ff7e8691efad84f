//! The pools of one adapter.

use dxgk_sys::HANDLE;

use super::object::Object;
use super::{Allocation, Opening};
use crate::kernel::irql::{AtMostDispatch, Passive};
use crate::kernel::{NoMemory, Tag};
use crate::pool::{Handle, Mode, Pool, Ref, Statistics, Wrong};

/// Allocations and resources.
const OBJECTS: Tag = Tag(*b"VmdA");
const OPENINGS: Tag = Tag(*b"VmdO");

/// Every allocation, resource and opening of one adapter, from AddDevice to RemoveDevice.
pub struct Store {
    /// What `DXGK_ALLOCATIONINFO::hAllocation` and `hResource` refer to.
    pub(super) objects: Pool<Object>,
    /// What `hDeviceSpecificAllocation` refers to.
    pub openings: Pool<Opening>,
}

/// A resource that stays as long as this does.
pub(super) struct ResourceRef<'a>(Ref<'a, Object>);

impl ResourceRef<'_> {
    /// Counts `count` more allocations of `bytes` bytes together.
    pub fn add(&self, count: u32, bytes: u64) {
        if let Object::Resource(resource) = &*self.0 {
            resource.add(count, bytes);
        }
    }
}

impl Store {
    /// Empty pools.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if the pools' own blocks cannot be had.
    pub fn try_new(mode: Mode, irql: Passive) -> Result<Self, NoMemory> {
        Ok(Self {
            objects: Pool::try_new(OBJECTS, mode, irql)?,
            openings: Pool::try_new(OPENINGS, mode, irql)?,
        })
    }

    /// How many allocations and resources there are.
    pub fn statistics(&self, irql: impl AtMostDispatch) -> Statistics {
        self.objects.statistics(irql)
    }

    /// The allocation that `hAllocation` names, as it was made.
    ///
    /// # Errors
    ///
    /// Why the handle was refused.
    pub fn allocation(
        &self,
        handle: HANDLE,
        irql: impl AtMostDispatch,
    ) -> Result<Allocation, Wrong> {
        self.checked(handle, irql).map(|(_, allocation)| allocation)
    }

    /// As [`Store::allocation`], with the handle as one that was good.
    pub(crate) fn checked(
        &self,
        handle: HANDLE,
        irql: impl AtMostDispatch,
    ) -> Result<(Handle, Allocation), Wrong> {
        let found = self.objects.get_as(Object::ALLOCATION, handle, irql)?;
        match &*found {
            Object::Allocation(allocation) => Ok((found.handle(), *allocation)),
            Object::Resource(_) => Err(Wrong::Foreign),
        }
    }

    /// The resource that `hResource` names.
    ///
    /// # Errors
    ///
    /// Why the handle was refused.
    pub(super) fn resource(
        &self,
        handle: HANDLE,
        irql: impl AtMostDispatch,
    ) -> Result<ResourceRef<'_>, Wrong> {
        let found = self.objects.get_as(Object::RESOURCE, handle, irql)?;
        Ok(ResourceRef(found))
    }
}
