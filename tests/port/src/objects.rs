//! What the port knows of a driver's devices, resources and allocations.

use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::{AtomicBool, AtomicPtr, AtomicU32, Ordering};

use dxgk_sys::{D3DKMT_HANDLE, DXGK_ALLOCATIONINFO, HANDLE};
use hashbrown::{HashMap, HashSet};
use spin::Mutex;

use crate::memory::Usage;

/// An allocation, by the `D3DKMT_HANDLE` that the port gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AllocationId(pub(crate) D3DKMT_HANDLE);

/// A resource, by the `D3DKMT_HANDLE` that the port gave it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ResourceId(pub(crate) D3DKMT_HANDLE);

impl AllocationId {
    /// The handle as drivers see it.
    pub fn raw(self) -> D3DKMT_HANDLE {
        self.0
    }
}

impl ResourceId {
    /// The handle as drivers see it.
    pub fn raw(self) -> D3DKMT_HANDLE {
        self.0
    }
}

/// A value of the driver's that the port only keeps and passes back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct DriverHandle(pub HANDLE);

// SAFETY: the port never dereferences it.
unsafe impl Send for DriverHandle {}
// SAFETY: as above.
unsafe impl Sync for DriverHandle {}

/// What a `D3DKMT_HANDLE` stands for.
#[derive(Clone)]
pub(crate) enum Object {
    Allocation(Arc<AllocationObject>),
    Opening(Arc<OpeningObject>),
    Resource(Arc<ResourceObject>),
    /// A handle that was taken before its object exists.
    Nothing,
}

/// An allocation of the driver's.
pub(crate) struct AllocationObject {
    pub id: AllocationId,
    /// The adapter's `DeviceHandle`.
    pub adapter: DriverHandle,
    pub driver: DriverHandle,
    pub info: InfoCopy,
    pub private: Mutex<Vec<u8>>,
    pub resource: Option<Arc<ResourceObject>>,
    /// Made by GetStandardAllocationDriverData as the shared primary.
    pub primary: bool,
    /// Devices that have it open.
    pub openers: Mutex<Vec<Arc<DeviceObject>>>,
    /// References by DxgkCbAcquireHandleData.
    pub references: AtomicU32,
    /// References by the scheduler's work.
    pub usage: Arc<Usage>,
}

/// What the driver said of an allocation. Its pointers are only kept.
#[derive(Clone, Copy)]
pub(crate) struct InfoCopy(pub DXGK_ALLOCATIONINFO);

// SAFETY: the port dereferences none of its pointers.
unsafe impl Send for InfoCopy {}
// SAFETY: as above.
unsafe impl Sync for InfoCopy {}

/// An allocation as one device has it open.
pub(crate) struct OpeningObject {
    pub allocation: Arc<AllocationObject>,
    /// `hDeviceSpecificAllocation`, NULL until OpenAllocation returned it.
    pub driver: AtomicPtr<core::ffi::c_void>,
    /// Its own `D3DKMT_HANDLE`.
    pub handle: D3DKMT_HANDLE,
}

/// A group of allocations.
pub(crate) struct ResourceObject {
    pub id: ResourceId,
    /// The adapter's `DeviceHandle`.
    pub adapter: DriverHandle,
    /// The driver's handle, which may be NULL (C10) and may change (C11).
    pub driver: AtomicPtr<core::ffi::c_void>,
    pub private: Vec<u8>,
    pub allocations: Mutex<Vec<AllocationId>>,
    /// Devices that have it open, also when it has no allocation.
    pub openers: Mutex<Vec<Arc<DeviceObject>>>,
}

/// A device of the driver's.
pub(crate) struct DeviceObject {
    /// What the port calls it, and the runtime's handle on input of CreateDevice.
    pub number: u32,
    pub driver: DriverHandle,
    pub opened: Mutex<HashMap<AllocationId, Arc<OpeningObject>>>,
    pub resources: Mutex<HashSet<ResourceId>>,
    pub dead: AtomicBool,
    /// A timeout has reset what it did.
    pub lost: AtomicBool,
}

impl PartialEq for DeviceObject {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number
    }
}

/// All objects of one adapter.
#[derive(Default)]
pub(crate) struct Objects {
    pub devices: Mutex<HashMap<u32, Arc<DeviceObject>>>,
    pub resources: Mutex<HashSet<ResourceId>>,
    pub allocations: Mutex<HashSet<AllocationId>>,
    /// The driver's handles of live allocations, to see one given twice.
    pub driver_handles: Mutex<HashSet<DriverHandle>>,
    pub next_device: AtomicU32,
    pub openings: AtomicU32,
}

/// How many objects of an adapter live.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Live {
    /// Devices.
    pub devices: usize,
    /// Resources.
    pub resources: usize,
    /// Allocations.
    pub allocations: usize,
    /// Openings of allocations by devices.
    pub openings: usize,
}

impl Objects {
    pub(crate) fn live(&self) -> Live {
        Live {
            devices: self.devices.lock().len(),
            resources: self.resources.lock().len(),
            allocations: self.allocations.lock().len(),
            openings: self.openings.load(Ordering::Relaxed) as usize,
        }
    }
}

/// The object of an allocation id.
pub(crate) fn allocation(id: AllocationId) -> Option<Arc<AllocationObject>> {
    match crate::registry::object(id.0)? {
        Object::Allocation(allocation) => Some(allocation),
        _ => None,
    }
}

/// The object of a resource id.
pub(crate) fn resource(id: ResourceId) -> Option<Arc<ResourceObject>> {
    match crate::registry::object(id.0)? {
        Object::Resource(resource) => Some(resource),
        _ => None,
    }
}
