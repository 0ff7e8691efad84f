//! CreateAllocation: the call, its outputs, and the objects that come of it.

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicPtr, AtomicU32, Ordering};

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{DXGK_ALLOCATIONINFO, DXGK_CREATEALLOCATIONFLAGS, DXGKARG_CREATEALLOCATION, HANDLE};
use spin::Mutex;

use crate::adapter::{Adapter, AdapterInner};
use crate::blobs::Blobs;
use crate::checks::allocation_info::{self, Words};
use crate::ddi::Ddi;
use crate::device::Device;
use crate::objects::{
    self, AllocationId, AllocationObject, DriverHandle, InfoCopy, Object, ResourceId,
    ResourceObject,
};
use crate::pattern::Pattern;
use crate::registry;
use crate::rules::Rule;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "CreateAllocation";

/// Where new allocations go.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Into {
    /// To the device, without a resource.
    #[default]
    Device,
    /// Into a resource that is made with them.
    NewResource,
    /// Into a resource that is there.
    Resource(ResourceId),
}

/// What a user-mode driver asks for with `pfnAllocateCb`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Create<'a> {
    /// Private data of the group.
    pub group: &'a [u8],
    /// Private data of each allocation.
    pub elements: &'a [&'a [u8]],
    /// Where they go.
    pub into: Into,
}

/// What a creation made.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Created {
    /// The resource, new or old.
    pub resource: Option<ResourceId>,
    /// The allocations, in order.
    pub allocations: Vec<AllocationId>,
}

/// An allocation as the port knows it.
#[derive(Clone, Debug)]
pub struct AllocationView {
    /// The driver's `hAllocation`.
    pub driver_handle: HANDLE,
    /// The resource that it is in.
    pub resource: Option<ResourceId>,
    /// What the driver said of it; private data is not there any more.
    pub info: AllocationFacts,
    /// Its private data, as OpenAllocation may have changed it.
    pub private: Vec<u8>,
}

/// The numbers of a `DXGK_ALLOCATIONINFO`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AllocationFacts {
    /// Bytes.
    pub size: u64,
    /// Bytes.
    pub alignment: u32,
    /// 0, or bytes in a pitch-aligned segment.
    pub pitch_aligned_size: u64,
    /// Preferred segments, as `DXGK_SEGMENTPREFERENCE`.
    pub preferred: u32,
    /// Bit n: segment n + 1.
    pub read_set: u32,
    /// Bit n: segment n + 1.
    pub write_set: u32,
    /// Bit n: segment n + 1.
    pub eviction_set: u32,
    /// `Flags` or `FlagsWddm2`.
    pub flags: u32,
    /// Starting priority.
    pub priority: u32,
}

/// A resource as the port knows it.
#[derive(Clone, Debug)]
pub struct ResourceView {
    /// The driver's `hResource`, NULL if it gave none.
    pub driver_handle: HANDLE,
    /// Its allocations.
    pub allocations: Vec<AllocationId>,
}

impl Device {
    /// CreateAllocation, then OpenAllocation with `Create` for this device. If the opening fails, all is
    /// destroyed again.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if the resource is none.
    pub fn create(&self, create: &Create<'_>) -> Result<Created, Status> {
        self.create_as(create, false)
    }

    pub(crate) fn create_as(&self, create: &Create<'_>, primary: bool) -> Result<Created, Status> {
        let adapter = &*self.adapter.0;
        let (existing, new) = match create.into {
            Into::Device => (None, false),
            Into::NewResource => (None, true),
            Into::Resource(id) => (
                Some(objects::resource(id).ok_or(STATUS_INVALID_HANDLE)?),
                false,
            ),
        };
        let made = adapter.create(create, existing.as_ref(), new)?;
        let resource = existing
            .clone()
            .or_else(|| new.then(|| adapter.resource_of(create, &made)));
        let allocations = adapter.objects_of(create, made, resource.as_ref(), primary);
        if let Some(resource) = &resource {
            self.open_resource_object(resource);
        }
        if let Err(status) = self.open_objects(&allocations, create.group, true) {
            let ids: Vec<_> = allocations.iter().map(|allocation| allocation.id).collect();
            // The caller hears of the opening; a refusal here is a violation of D2.
            if new && let Some(resource) = &resource {
                self.forget_resource_object(resource);
                let _ = adapter.destroy_resource_now(resource.id);
            } else {
                let _ = adapter.destroy_now(&ids);
            }
            return Err(status);
        }
        Ok(Created {
            resource: resource.map(|resource| resource.id),
            allocations: allocations.iter().map(|allocation| allocation.id).collect(),
        })
    }
}

impl Adapter {
    /// What the port knows of an allocation.
    pub fn allocation(&self, id: AllocationId) -> Option<AllocationView> {
        let object = objects::allocation(id)?;
        let words = Words::of(&object.info.0);
        let info = AllocationFacts {
            size: words.size,
            alignment: words.alignment,
            pitch_aligned_size: words.pitch_aligned_size,
            preferred: words.preferred,
            read_set: words.read_set,
            write_set: words.write_set,
            eviction_set: words.eviction_set,
            flags: words.flags,
            priority: words.priority,
        };
        Some(AllocationView {
            driver_handle: object.driver.0,
            resource: object.resource.as_ref().map(|resource| resource.id),
            info,
            private: object.private.lock().clone(),
        })
    }

    /// What the port knows of a resource.
    pub fn resource(&self, id: ResourceId) -> Option<ResourceView> {
        let object = objects::resource(id)?;
        let allocations = object.allocations.lock().clone();
        Some(ResourceView {
            driver_handle: object.driver.load(Ordering::Relaxed),
            allocations,
        })
    }
}

/// What a successful call left behind.
pub(crate) struct Made {
    infos: Vec<DXGK_ALLOCATIONINFO>,
    patterns: Vec<Pattern>,
    resource: HANDLE,
}

impl AdapterInner {
    fn create(
        &self,
        create: &Create<'_>,
        existing: Option<&Arc<ResourceObject>>,
        new: bool,
    ) -> Result<Made, Status> {
        let call = self.registration.table.DxgkDdiCreateAllocation;
        let call = call.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let mut blobs = Blobs::new(create.elements.iter().copied().chain([create.group]));
        let group = create.elements.len();
        let turn = self.port.turns.next();
        let patterns: Vec<_> = (0..group)
            .map(|index| Pattern::turn(turn + index))
            .collect();
        let mut infos = Vec::with_capacity(group);
        for (index, pattern) in patterns.iter().enumerate() {
            let mut info: DXGK_ALLOCATIONINFO = pattern.filled();
            info.pPrivateDriverData = blobs.pointer(index);
            info.PrivateDriverDataSize = blobs.bytes(index);
            infos.push(info);
        }
        let given: Vec<_> = infos.iter().map(private_data).collect();

        let handle = existing.map_or(ptr::null_mut(), |old| old.driver.load(Ordering::Relaxed));
        let mut flags = DXGK_CREATEALLOCATIONFLAGS::empty();
        flags.set(
            DXGK_CREATEALLOCATIONFLAGS::Resource,
            new || existing.is_some(),
        );
        let mut argument = DXGKARG_CREATEALLOCATION::ZERO;
        argument.pPrivateDriverData = blobs.pointer::<core::ffi::c_void>(group);
        argument.PrivateDriverDataSize = blobs.bytes(group);
        argument.NumAllocations = u32::try_from(group).unwrap_or(u32::MAX);
        // Without elements the pointer means nothing (C9), so it points nowhere.
        argument.pAllocationInfo = if group == 0 {
            Pattern::turn(turn).pointer()
        } else {
            infos.as_mut_ptr()
        };
        argument.hResource = handle;
        argument.Flags = flags;
        let inputs = inputs(&argument);

        let exact = self.exact_pool();
        let arguments = || format!("n={group}, resource {}", flags.bits());
        let status = self.call(Ddi::CreateAllocation, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { call(self.context(), &raw mut argument) }
        });

        let same = inputs == self::inputs(&argument)
            && given
                .iter()
                .zip(&infos)
                .all(|(given, info)| *given == private_data(info));
        self.check(Rule::B2_13, NAME, same, || "an [in] member was written");
        self.check(
            Rule::B2_13,
            NAME,
            blobs.untouched(),
            || "private data was written",
        );
        if status != STATUS_SUCCESS {
            self.check_failed(&infos, &patterns, handle, argument.hResource);
            self.check_exact(Rule::C34, NAME, exact.as_ref(), 0);
            return Err(status);
        }
        let resource = argument.hResource;
        if existing.is_some() {
            let kept = handle.is_null() || !resource.is_null();
            self.check(
                Rule::C11,
                NAME,
                kept,
                || "the existing resource's handle became NULL",
            );
        } else if !new {
            self.check(Rule::C10, NAME, resource.is_null(), || {
                format!("hResource {resource:p} without Flags.Resource")
            });
        }
        if let Some(old) = existing {
            old.driver.store(resource, Ordering::Relaxed);
        }
        Ok(Made {
            infos,
            patterns,
            resource,
        })
    }

    /// A failed call must not leave handles behind: the port would have nothing to destroy them with.
    fn check_failed(
        &self,
        infos: &[DXGK_ALLOCATIONINFO],
        patterns: &[Pattern],
        before: HANDLE,
        after: HANDLE,
    ) {
        let dangling = infos.iter().zip(patterns).position(|(info, pattern)| {
            !info.hAllocation.is_null() && info.hAllocation != pattern.pointer()
        });
        self.check(Rule::C34, NAME, dangling.is_none(), || {
            format!(
                "element {} has a handle after a failed call",
                dangling.unwrap_or(0)
            )
        });
        self.check(Rule::C34, NAME, before == after, || {
            format!("hResource was {before:p}, is {after:p} after a failed call")
        });
    }

    fn resource_of(&self, create: &Create<'_>, made: &Made) -> Arc<ResourceObject> {
        let id = ResourceId(registry::insert(Object::Nothing));
        let object = Arc::new(ResourceObject {
            id,
            adapter: DriverHandle(self.handle()),
            driver: AtomicPtr::new(made.resource),
            private: create.group.to_vec(),
            allocations: Mutex::new(Vec::new()),
            openers: Mutex::new(Vec::new()),
        });
        registry::set(id.0, Object::Resource(object.clone()));
        self.objects.resources.lock().insert(id);
        object
    }

    fn objects_of(
        &self,
        create: &Create<'_>,
        made: Made,
        resource: Option<&Arc<ResourceObject>>,
        primary: bool,
    ) -> Vec<Arc<AllocationObject>> {
        let mut list = Vec::with_capacity(made.infos.len());
        for (index, mut info) in made.infos.into_iter().enumerate() {
            let pattern = made.patterns[index];
            allocation_info::check(self, index, &info, pattern, primary);
            let driver = DriverHandle(info.hAllocation);
            let set = !driver.0.is_null() && driver.0 != pattern.pointer();
            let own = set && self.objects.driver_handles.lock().insert(driver);
            self.check(Rule::C13, NAME, own, || {
                let problem = if set {
                    "is another allocation's"
                } else {
                    "is not set"
                };
                format!("element {index}: hAllocation {:p} {problem}", driver.0)
            });
            if !own {
                continue;
            }
            info.pPrivateDriverData = ptr::null_mut();
            let private = create
                .elements
                .get(index)
                .map_or_else(Vec::new, |data| data.to_vec());
            list.push(self.adopt(driver, info, private, resource, primary));
        }
        list
    }

    /// Makes an object of an allocation of the driver's.
    pub(crate) fn adopt(
        &self,
        driver: DriverHandle,
        info: DXGK_ALLOCATIONINFO,
        private: Vec<u8>,
        resource: Option<&Arc<ResourceObject>>,
        primary: bool,
    ) -> Arc<AllocationObject> {
        let id = AllocationId(registry::insert(Object::Nothing));
        let object = Arc::new(AllocationObject {
            id,
            adapter: DriverHandle(self.handle()),
            driver,
            info: InfoCopy(info),
            private: Mutex::new(private),
            resource: resource.cloned(),
            primary,
            openers: Mutex::new(Vec::new()),
            references: AtomicU32::new(0),
            usage: Arc::default(),
        });
        registry::set(id.0, Object::Allocation(object.clone()));
        if let Some(resource) = resource {
            resource.allocations.lock().push(id);
        }
        self.objects.allocations.lock().insert(id);
        object
    }
}

/// The [in] members of an element.
fn private_data(info: &DXGK_ALLOCATIONINFO) -> (*mut core::ffi::c_void, u32) {
    (info.pPrivateDriverData, info.PrivateDriverDataSize)
}

/// The [in] members of the argument.
fn inputs(argument: &DXGKARG_CREATEALLOCATION) -> impl PartialEq + use<> {
    (
        argument.pPrivateDriverData,
        argument.PrivateDriverDataSize,
        argument.NumAllocations,
        argument.pAllocationInfo,
        argument.Flags.bits(),
    )
}
