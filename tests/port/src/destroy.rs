//! DestroyAllocation in its variants: single allocations (D4), the resource alone (D5), both (D6).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{DXGK_DESTROYALLOCATIONFLAGS, DXGKARG_DESTROYALLOCATION, HANDLE};
use hashbrown::HashSet;

use crate::adapter::AdapterInner;
use crate::ddi::Ddi;
use crate::device::Device;
use crate::host::PoolUse;
use crate::objects::{self, AllocationId, AllocationObject, ResourceId, ResourceObject};
use crate::pattern::Pattern;
use crate::registry;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "DestroyAllocation";

impl Device {
    /// Frees allocations one by one, as `pfnDeallocateCb` with a handle list does: they are closed on every
    /// device that has them open (D9), then destroyed in one call, which leaves their resource alone.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if one is no allocation, and nothing is done then.
    pub fn destroy_allocations(&self, ids: &[AllocationId]) -> Result<(), Status> {
        let adapter = &*self.adapter.0;
        let objects: Option<Vec<_>> = ids.iter().map(|id| objects::allocation(*id)).collect();
        let objects = objects.ok_or(STATUS_INVALID_HANDLE)?;
        let mut devices: Vec<_> = objects
            .iter()
            .flat_map(|o| o.openers.lock().clone())
            .collect();
        devices.sort_by_key(|device| device.number);
        devices.dedup();
        for object in devices {
            // A refusal is a violation of O3; the openings are gone either way.
            let _ = Self {
                adapter: self.adapter.clone(),
                object,
            }
            .close_objects(ids);
        }
        adapter.destroy_now(ids)
    }

    /// Frees a resource as far as this device has it: its openings are closed in one call. If no other device
    /// has it open, it is destroyed with all its allocations (D6), or alone if it has none left (D5).
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if this device does not have it open.
    pub fn close(&self, resource: ResourceId) -> Result<(), Status> {
        self.close_resource(resource)
    }

    /// The same under the name that its creator would use.
    ///
    /// # Errors
    /// As [`Self::close`].
    pub fn destroy_resource(&self, resource: ResourceId) -> Result<(), Status> {
        self.close_resource(resource)
    }

    pub(crate) fn close_resource(&self, id: ResourceId) -> Result<(), Status> {
        let adapter = &*self.adapter.0;
        let resource = objects::resource(id).ok_or(STATUS_INVALID_HANDLE)?;
        if !self.object.resources.lock().contains(&id) {
            return Err(STATUS_INVALID_HANDLE);
        }
        let ids = resource.allocations.lock().clone();
        let closed = self.close_objects(&ids);
        self.forget_resource_object(&resource);
        if resource.openers.lock().is_empty() {
            adapter.destroy_resource_now(id)?;
        }
        closed
    }
}

impl AdapterInner {
    /// Destroys allocations that nobody has open.
    ///
    /// # Errors
    /// The driver's, of the last call.
    pub(crate) fn destroy_now(&self, ids: &[AllocationId]) -> Result<(), Status> {
        self.leave_alone(ids);
        let mut loose = Vec::new();
        let mut grouped: Vec<(Arc<ResourceObject>, Vec<_>)> = Vec::new();
        for object in ids.iter().filter_map(|id| objects::allocation(*id)) {
            if self.waits(&object) {
                continue;
            }
            match &object.resource {
                None => loose.push(object),
                Some(resource) => {
                    // Allocations of one resource come one after the other.
                    let last = grouped.last_mut().filter(|(of, _)| of.id == resource.id);
                    if let Some((_, list)) = last {
                        list.push(object);
                    } else {
                        grouped.push((resource.clone(), alloc::vec![object]));
                    }
                }
            }
        }
        let mut result = Ok(());
        if !loose.is_empty() {
            result = self.destroy(&loose, None, false);
        }
        for (resource, list) in grouped {
            if let Err(status) = self.destroy(&list, Some(&resource), false) {
                result = Err(status);
            }
        }
        result
    }

    /// Destroys a resource and what allocations it has.
    ///
    /// # Errors
    /// The driver's.
    pub(crate) fn destroy_resource_now(&self, id: ResourceId) -> Result<(), Status> {
        let resource = objects::resource(id).ok_or(STATUS_INVALID_HANDLE)?;
        let ids = resource.allocations.lock().clone();
        let list: Vec<_> = ids
            .iter()
            .filter_map(|id| objects::allocation(*id))
            .collect();
        if list.iter().any(|object| self.waits(object)) {
            return Ok(());
        }
        self.destroy(&list, Some(&resource), true)
    }

    /// Whether a reference (DxgkCbAcquireHandleData) keeps the allocation alive. It is then left as it is, and goes
    /// when the adapter is torn down.
    fn waits(&self, object: &AllocationObject) -> bool {
        object.references.load(Ordering::Acquire) != 0 && !self.held.lock().is_empty()
    }

    fn destroy(
        &self,
        list: &[Arc<AllocationObject>],
        resource: Option<&Arc<ResourceObject>>,
        destroy_resource: bool,
    ) -> Result<(), Status> {
        self.forget(list, resource, destroy_resource);
        let call = self.registration.table.DxgkDdiDestroyAllocation;
        let call = call.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let handles: Vec<HANDLE> = list.iter().map(|object| object.driver.0).collect();
        let given = handles.clone();
        let count = u32::try_from(handles.len()).unwrap_or(u32::MAX);
        // Without elements the pointer means nothing (D5), so it points nowhere.
        let pointer = if count == 0 {
            Pattern::turn(self.port.turns.next()).pointer()
        } else {
            handles.as_ptr().cast_mut()
        };
        let before = resource.map_or(ptr::null_mut(), |of| of.driver.load(Ordering::Relaxed));
        let mut flags = DXGK_DESTROYALLOCATIONFLAGS::empty();
        flags.set(
            DXGK_DESTROYALLOCATIONFLAGS::DestroyResource,
            destroy_resource,
        );
        let mut argument = DXGKARG_DESTROYALLOCATION::ZERO;
        argument.NumAllocations = count;
        argument.pAllocationList = pointer;
        argument.hResource = before;
        argument.Flags = flags;

        let exact = self.exact_pool();
        let arguments = || format!("n={count}, resource {}", flags.bits());
        let status = self.call(Ddi::DestroyAllocation, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL. The argument is writable (D7).
            unsafe { call(self.context(), &raw mut argument) }
        });

        let same = handles == given
            && argument.NumAllocations == count
            && argument.pAllocationList == pointer.cast_const()
            && argument.Flags == flags;
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        self.check(Rule::D2, NAME, status == STATUS_SUCCESS, || {
            format!("{count} live allocations, yet {status:#010x}")
        });
        let after = argument.hResource;
        if destroy_resource {
            self.check(Rule::D7, NAME, after.is_null(), || {
                format!("hResource is {after:p} after DestroyResource")
            });
        } else {
            self.check(Rule::D7, NAME, after == before, || {
                format!("hResource was {before:p}, is {after:p} without DestroyResource")
            });
        }
        self.check_exact(Rule::D3, NAME, exact.as_ref(), u64::from(count));
        crate::lifecycle::done(status)
    }

    /// The objects are gone from here on, whatever the driver answers. This comes before the call, since the
    /// driver may give the same handles to another thread's CreateAllocation as soon as it has freed them.
    fn forget(
        &self,
        list: &[Arc<AllocationObject>],
        resource: Option<&Arc<ResourceObject>>,
        destroy_resource: bool,
    ) {
        for object in list {
            registry::remove(object.id.0);
            self.objects.driver_handles.lock().remove(&object.driver);
            self.objects.allocations.lock().remove(&object.id);
            self.free_place(object.id);
        }
        let Some(resource) = resource else { return };
        if destroy_resource {
            registry::remove(resource.id.0);
            self.objects.resources.lock().remove(&resource.id);
            return;
        }
        let mut children = resource.allocations.lock();
        if let [one] = list {
            if let Some(index) = children.iter().position(|child| *child == one.id) {
                children.remove(index);
            }
        } else {
            let dying: HashSet<AllocationId> = list.iter().map(|object| object.id).collect();
            children.retain(|child| !dying.contains(child));
        }
    }

    /// The driver's pool before a call, if blocks are to be counted and the call is alone.
    pub(crate) fn exact_pool(&self) -> Option<PoolUse> {
        let counted = self.port.settings.exact_pool && self.port.is_quiet();
        counted.then(|| self.port.host.pool())
    }

    /// After the call there are at least `freed` blocks less than before it.
    pub(crate) fn check_exact(
        &self,
        rule: Rule,
        name: &'static str,
        before: Option<&PoolUse>,
        freed: u64,
    ) {
        let Some(before) = before else { return };
        let now = self.port.host.pool();
        let holds = now.blocks + freed <= before.blocks && now.bytes <= before.bytes;
        self.check(rule, name, holds, || {
            format!(
                "{} blocks, {} bytes before, {} and {} after, {freed} blocks were to go",
                before.blocks, before.bytes, now.blocks, now.bytes
            )
        });
    }
}
