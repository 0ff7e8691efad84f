//! Raw access for hostile tests: the argument goes to the driver as the test built it.
//!
//! Calls are counted, traced, and checked for IRQL and status. Nothing is recorded of the objects; a test that
//! wants its objects known [adopts](Raw::adopt) them.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::sync::atomic::AtomicPtr;

use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGK_ALLOCATIONINFO, DXGKARG_CLOSEALLOCATION,
    DXGKARG_CREATEALLOCATION, DXGKARG_CREATEDEVICE, DXGKARG_DESCRIBEALLOCATION,
    DXGKARG_DESTROYALLOCATION, DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA, DXGKARG_OPENALLOCATION,
    DXGKARG_QUERYADAPTERINFO, HANDLE,
};
use spin::Mutex;

use crate::adapter::Adapter;
use crate::create::Created;
use crate::ddi::Ddi;
use crate::objects::{self, DriverHandle, Object, ResourceId, ResourceObject};
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status, registry};

/// The driver's callbacks, with the adapter's context filled in.
#[derive(Clone)]
pub struct Raw(Adapter);

macro_rules! raw {
    ($($(#[$doc:meta])* $name:ident $ddi:ident $callback:ident
        ($first:ident $(: $first_type:ty)?, $argument:ident: &mut $type:ty);)*) => {
        impl Raw {
            $(
                $(#[$doc])*
                ///
                /// # Safety
                /// The driver may use every pointer in the argument as the DDI's page says.
                pub unsafe fn $name(&self $(, $first: $first_type)?, $argument: &mut $type) -> Status {
                    let adapter = &*self.0.0;
                    let Some(call) = adapter.registration.table.$callback else {
                        return STATUS_PROCEDURE_NOT_FOUND;
                    };
                    let first = raw!(@first adapter $first $(: $first_type)?);
                    let argument = &raw mut *$argument;
                    adapter.call(Ddi::$ddi, || String::from("raw"), |_| {
                        // SAFETY: the driver's own function; the argument is the caller's promise.
                        unsafe { call(first, argument) }
                    })
                }
            )*
        }
    };
    (@first $adapter:ident $first:ident) => { $adapter.context() };
    (@first $adapter:ident $first:ident: $type:ty) => { $first };
}

raw! {
    /// CreateAllocation.
    create_allocation CreateAllocation DxgkDdiCreateAllocation
        (context, argument: &mut DXGKARG_CREATEALLOCATION);
    /// DestroyAllocation; the argument stays writable for the driver (D7).
    destroy_allocation DestroyAllocation DxgkDdiDestroyAllocation
        (context, argument: &mut DXGKARG_DESTROYALLOCATION);
    /// OpenAllocation for a device of the driver's.
    open_allocation OpenAllocation DxgkDdiOpenAllocation
        (device: HANDLE, argument: &mut DXGKARG_OPENALLOCATION);
    /// CloseAllocation for a device of the driver's.
    close_allocation CloseAllocation DxgkDdiCloseAllocation
        (device: HANDLE, argument: &mut DXGKARG_CLOSEALLOCATION);
    /// DescribeAllocation.
    describe_allocation DescribeAllocation DxgkDdiDescribeAllocation
        (context, argument: &mut DXGKARG_DESCRIBEALLOCATION);
    /// GetStandardAllocationDriverData.
    get_standard_allocation_driver_data GetStandardAllocationDriverData
        DxgkDdiGetStandardAllocationDriverData
        (context, argument: &mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA);
    /// QueryAdapterInfo.
    query_adapter_info QueryAdapterInfo DxgkDdiQueryAdapterInfo
        (context, argument: &mut DXGKARG_QUERYADAPTERINFO);
    /// CreateDevice.
    create_device CreateDevice DxgkDdiCreateDevice
        (context, argument: &mut DXGKARG_CREATEDEVICE);
}

impl Raw {
    /// DestroyDevice.
    ///
    /// # Safety
    /// The driver may use the handle as the DDI's page says.
    pub unsafe fn destroy_device(&self, device: HANDLE) -> Status {
        let adapter = &*self.0.0;
        let Some(destroy) = adapter.registration.table.DxgkDdiDestroyDevice else {
            return STATUS_PROCEDURE_NOT_FOUND;
        };
        adapter.call(
            Ddi::DestroyDevice,
            || String::from("raw"),
            |_| {
                // SAFETY: the driver's own function; the handle is the caller's promise.
                unsafe { destroy(device) }
            },
        )
    }

    /// The driver's table as it was copied at registration.
    pub fn table(&self) -> &DRIVER_INITIALIZATION_DATA {
        &self.0.0.registration.table
    }

    /// Gives allocations that a raw call made their `D3DKMT_HANDLE`s, in a resource if there is one, so that
    /// the handle callbacks find them and devices can open and destroy them.
    pub fn adopt(&self, allocations: &[DXGK_ALLOCATIONINFO], resource: Option<HANDLE>) -> Created {
        let adapter = &*self.0.0;
        let resource = resource.map(|driver| {
            let id = ResourceId(registry::insert(Object::Nothing));
            let object = Arc::new(ResourceObject {
                id,
                adapter: DriverHandle(adapter.handle()),
                driver: AtomicPtr::new(driver),
                private: Vec::new(),
                allocations: Mutex::new(Vec::new()),
                openers: Mutex::new(Vec::new()),
            });
            registry::set(id.0, Object::Resource(object.clone()));
            adapter.objects.resources.lock().insert(id);
            object
        });
        let ids = allocations.iter().map(|info| {
            let driver = DriverHandle(info.hAllocation);
            adapter.objects.driver_handles.lock().insert(driver);
            adapter
                .adopt(driver, *info, Vec::new(), resource.as_ref(), false)
                .id
        });
        let allocations = ids.collect();
        Created {
            resource: resource.map(|resource| resource.id),
            allocations,
        }
    }

    /// Takes the handles of [adopted](Self::adopt) or created objects away without telling the driver.
    pub fn forget(&self, created: &Created) {
        let adapter = &*self.0.0;
        for id in &created.allocations {
            let Some(object) = objects::allocation(*id) else {
                continue;
            };
            registry::remove(id.0);
            adapter.objects.driver_handles.lock().remove(&object.driver);
            adapter.objects.allocations.lock().remove(id);
            adapter.free_place(*id);
            if let Some(resource) = &object.resource {
                resource.allocations.lock().retain(|child| child != id);
            }
        }
        if let Some(id) = created.resource {
            registry::remove(id.0);
            adapter.objects.resources.lock().remove(&id);
        }
    }
}

impl Adapter {
    /// The driver's callbacks for hostile tests.
    pub fn raw(&self) -> Raw {
        Raw(self.clone())
    }
}
