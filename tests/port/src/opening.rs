//! OpenAllocation and CloseAllocation: allocations as a device has them.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, Ordering};

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{
    D3DKMT_HANDLE, DXGK_OPENALLOCATIONFLAGS, DXGK_OPENALLOCATIONINFO, DXGKARG_CLOSEALLOCATION,
    DXGKARG_OPENALLOCATION, HANDLE,
};

use crate::blobs::Blobs;
use crate::ddi::Ddi;
use crate::device::Device;
use crate::lifecycle::done;
use crate::objects::{
    self, AllocationId, AllocationObject, Object, OpeningObject, ResourceId, ResourceObject,
};
use crate::pattern::Pattern;
use crate::registry;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const OPEN: &str = "OpenAllocation";
const CLOSE: &str = "CloseAllocation";

impl Device {
    /// Opens a resource that another device created: OpenAllocation of all its allocations, without `Create`.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if it is no resource.
    pub fn open(&self, resource: ResourceId) -> Result<(), Status> {
        let object = objects::resource(resource).ok_or(STATUS_INVALID_HANDLE)?;
        let ids = object.allocations.lock().clone();
        let allocations = ids
            .iter()
            .filter_map(|id| objects::allocation(*id))
            .collect::<Vec<_>>();
        self.open_objects(&allocations, &object.private, false)?;
        self.open_resource_object(&object);
        Ok(())
    }

    /// Opens allocations that are in no resource, or some of a resource.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if one is no allocation.
    pub fn open_allocations(&self, ids: &[AllocationId]) -> Result<(), Status> {
        let allocations: Option<Vec<_>> = ids.iter().map(|id| objects::allocation(*id)).collect();
        self.open_objects(&allocations.ok_or(STATUS_INVALID_HANDLE)?, &[], false)
    }

    /// Closes what this device has open of these: one CloseAllocation. Nothing is destroyed.
    ///
    /// # Errors
    /// The driver's.
    pub fn close_allocations(&self, ids: &[AllocationId]) -> Result<(), Status> {
        self.close_objects(ids)
    }

    /// The driver's handle of this device's opening.
    pub fn opening(&self, id: AllocationId) -> Option<HANDLE> {
        let opened = self.object.opened.lock();
        opened
            .get(&id)
            .map(|opening| opening.driver.load(Ordering::Relaxed))
    }

    /// The `D3DKMT_HANDLE` of this device's opening, as OpenAllocation saw it.
    pub fn opening_handle(&self, id: AllocationId) -> Option<D3DKMT_HANDLE> {
        self.object
            .opened
            .lock()
            .get(&id)
            .map(|opening| opening.handle)
    }

    pub(crate) fn open_resource_object(&self, resource: &Arc<ResourceObject>) {
        if self.object.resources.lock().insert(resource.id) {
            resource.openers.lock().push(self.object.clone());
        }
    }

    pub(crate) fn forget_resource_object(&self, resource: &Arc<ResourceObject>) {
        if self.object.resources.lock().remove(&resource.id) {
            resource
                .openers
                .lock()
                .retain(|device| **device != *self.object);
        }
    }

    pub(crate) fn open_objects(
        &self,
        allocations: &[Arc<AllocationObject>],
        group: &[u8],
        create: bool,
    ) -> Result<(), Status> {
        let adapter = &*self.adapter.0;
        let opened = self.object.opened.lock();
        let new: Vec<_> = allocations
            .iter()
            .filter(|object| !opened.contains_key(&object.id))
            .cloned()
            .collect();
        drop(opened);
        if new.is_empty() {
            return Ok(());
        }
        let open = adapter.registration.table.DxgkDdiOpenAllocation;
        let open = open.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;

        let private: Vec<Vec<u8>> = new
            .iter()
            .map(|object| object.private.lock().clone())
            .collect();
        let mut blobs = Blobs::new(private.iter().map(Vec::as_slice).chain([group]));
        let count = new.len();
        let turn = adapter.port.turns.next();
        let openings: Vec<_> = new.iter().map(new_opening).collect();
        let mut infos = Vec::with_capacity(count);
        for (index, opening) in openings.iter().enumerate() {
            let mut info: DXGK_OPENALLOCATIONINFO = Pattern::turn(turn + index).filled();
            info.hAllocation = opening.handle;
            info.pPrivateDriverData = blobs.pointer(index);
            info.PrivateDriverDataSize = blobs.bytes(index);
            infos.push(info);
        }
        let given: Vec<_> = infos.iter().map(inputs).collect();
        let mut flags = DXGK_OPENALLOCATIONFLAGS::empty();
        flags.set(DXGK_OPENALLOCATIONFLAGS::Create, create);
        let mut argument: DXGKARG_OPENALLOCATION = Pattern::turn(turn).filled();
        argument.NumAllocations = u32::try_from(count).unwrap_or(u32::MAX);
        argument.pOpenAllocation = infos.as_mut_ptr();
        argument.pPrivateDriverData = blobs.pointer(count);
        argument.PrivateDriverSize = blobs.bytes(count);
        argument.Flags = flags;
        argument.SubresourceIndex = 0;
        let before = argument_inputs(&argument);

        let exact = adapter.exact_pool();
        let arguments = || format!("device {}, n={count}, create {create}", self.object.number);
        let status = adapter.call(Ddi::OpenAllocation, arguments, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL.
            unsafe { open(self.object.driver.0, &raw mut argument) }
        });

        let same = before == argument_inputs(&argument)
            && given
                .iter()
                .zip(&infos)
                .all(|(given, info)| *given == inputs(info));
        adapter.check(Rule::B2_13, OPEN, same, || "an [in] member was written");
        adapter.check(
            Rule::O2,
            OPEN,
            blobs.untouched_at(count),
            || "resource data was written",
        );
        let writable = create && blobs.guards_hold();
        let private = writable || (0..count).all(|index| blobs.untouched_at(index));
        adapter.check(Rule::O2, OPEN, private, || {
            if create {
                "written beyond the private data"
            } else {
                "written without Flags.Create"
            }
        });
        if status != STATUS_SUCCESS {
            adapter.check_exact(Rule::O1, OPEN, exact.as_ref(), 0);
            for opening in &openings {
                registry::remove(opening.handle);
            }
            return Err(status);
        }
        for (index, opening) in openings.into_iter().enumerate() {
            let driver = infos[index].hDeviceSpecificAllocation;
            let set = !driver.is_null() && driver != Pattern::turn(turn + index).pointer();
            adapter.check(Rule::O1, OPEN, set, || {
                format!("element {index}: hDeviceSpecificAllocation is not set")
            });
            if !set {
                registry::remove(opening.handle);
                continue;
            }
            if create {
                *opening.allocation.private.lock() = blobs.blob(index);
            }
            opening.driver.store(driver, Ordering::Relaxed);
            opening.allocation.openers.lock().push(self.object.clone());
            self.object
                .opened
                .lock()
                .insert(opening.allocation.id, opening);
            adapter.objects.openings.fetch_add(1, Ordering::Relaxed);
        }
        Ok(())
    }

    pub(crate) fn close_objects(&self, ids: &[AllocationId]) -> Result<(), Status> {
        let adapter = &*self.adapter.0;
        adapter.leave_alone(ids);
        let mut opened = self.object.opened.lock();
        let closing: Vec<_> = ids.iter().filter_map(|id| opened.remove(id)).collect();
        drop(opened);
        if closing.is_empty() {
            return Ok(());
        }
        for opening in &closing {
            registry::remove(opening.handle);
            opening
                .allocation
                .openers
                .lock()
                .retain(|device| **device != *self.object);
        }
        adapter
            .objects
            .openings
            .fetch_sub(u32::try_from(closing.len()).unwrap_or(0), Ordering::Relaxed);
        let close = adapter.registration.table.DxgkDdiCloseAllocation;
        let close = close.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let list: Vec<HANDLE> = closing
            .iter()
            .map(|opening| opening.driver.load(Ordering::Relaxed))
            .collect();
        let given = list.clone();
        let mut argument = DXGKARG_CLOSEALLOCATION::ZERO;
        argument.NumAllocations = u32::try_from(list.len()).unwrap_or(u32::MAX);
        argument.pOpenHandleList = list.as_ptr();
        let count = argument.NumAllocations;
        let arguments = || format!("device {}, n={count}", self.object.number);
        let status = adapter.call(Ddi::CloseAllocation, arguments, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL.
            unsafe { close(self.object.driver.0, &raw const argument) }
        });
        let same = list == given
            && argument.NumAllocations == count
            && argument.pOpenHandleList == list.as_ptr();
        adapter.check(Rule::B2_13, CLOSE, same, || "an [in] member was written");
        adapter.check(Rule::O3, CLOSE, status == STATUS_SUCCESS, || {
            format!("{count} openings of the device, yet {status:#010x}")
        });
        done(status)
    }
}

fn new_opening(allocation: &Arc<AllocationObject>) -> Arc<OpeningObject> {
    let handle = registry::insert(Object::Nothing);
    let opening = Arc::new(OpeningObject {
        allocation: allocation.clone(),
        driver: AtomicPtr::new(ptr::null_mut()),
        handle,
    });
    registry::set(handle, Object::Opening(opening.clone()));
    opening
}

/// The [in] members of an element.
fn inputs(info: &DXGK_OPENALLOCATIONINFO) -> impl PartialEq + use<> {
    (
        info.hAllocation,
        info.pPrivateDriverData,
        info.PrivateDriverDataSize,
    )
}

/// The [in] members of the argument.
fn argument_inputs(argument: &DXGKARG_OPENALLOCATION) -> impl PartialEq + use<> {
    (
        argument.NumAllocations,
        argument.pOpenAllocation,
        argument.pPrivateDriverData,
        argument.PrivateDriverSize,
        argument.Flags.bits(),
        argument.SubresourceIndex,
    )
}
