//! Devices: CreateDevice, DestroyDevice, and the teardown of what a dying device leaves.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ptr;
use core::sync::atomic::{AtomicBool, Ordering};

use dxgk_sys::status::{STATUS_INVALID_HANDLE, STATUS_SUCCESS};
use dxgk_sys::{DXGK_CREATEDEVICEFLAGS, DXGKARG_CREATEDEVICE, DXGKARG_CREATEDEVICE_u0, HANDLE};
use hashbrown::HashMap;
use spin::Mutex;

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::lifecycle::done;
use crate::objects::{self, AllocationId, DeviceObject, DriverHandle};
use crate::pattern::Pattern;
use crate::rules::Rule;
use crate::version::Version;
use crate::{STATUS_PROCEDURE_NOT_FOUND, Status};

const NAME: &str = "CreateDevice";

/// What the runtime's handle of a device looks like: nothing that a driver could dereference.
const RUNTIME_HANDLE: usize = 0xDE00_0000_0000_0000;

/// Bytes of the argument before WDDM 2.0.
const ARGUMENT_WDDM1: usize = 16;

/// A device of the driver's, as one process has it.
#[derive(Clone)]
pub struct Device {
    pub(crate) adapter: Adapter,
    pub(crate) object: Arc<DeviceObject>,
}

impl Adapter {
    /// CreateDevice.
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if it succeeded without a handle.
    pub fn create_device(&self, flags: DXGK_CREATEDEVICEFLAGS) -> Result<Device, Status> {
        let adapter = &*self.0;
        let create = adapter.registration.table.DxgkDdiCreateDevice;
        let create = create.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        let number = adapter.objects.next_device.fetch_add(1, Ordering::Relaxed) + 1;
        let runtime: HANDLE = ptr::without_provenance_mut(RUNTIME_HANDLE | (number as usize) << 4);
        let pattern = Pattern::turn(adapter.port.turns.next());
        let modern = adapter.registration.version >= Version::WDDM2_0;
        let mut argument = DXGKARG_CREATEDEVICE::ZERO;
        argument.hDevice = runtime;
        argument.u0 = DXGKARG_CREATEDEVICE_u0 { Flags: flags };
        if !modern {
            // Memory that does not belong to the record of this version.
            argument.Pasid = pattern.u32();
            argument.hKmdProcess = pattern.pointer();
        }
        let (pasid, process) = (argument.Pasid, argument.hKmdProcess);
        let arguments = || format!("device {number}, flags {:#x}", flags.bits());
        let status = adapter.call(Ddi::CreateDevice, arguments, |_| {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { create(adapter.context(), &raw mut argument) }
        });
        let same = argument.Pasid == pasid && argument.hKmdProcess == process;
        adapter.check(Rule::B2_13, NAME, same, || {
            format!("written behind the {ARGUMENT_WDDM1} bytes of outputs")
        });
        if status != STATUS_SUCCESS {
            return Err(status);
        }
        let handle = DriverHandle(argument.hDevice);
        let mut devices = adapter.objects.devices.lock();
        let own = !handle.0.is_null()
            && handle.0 != runtime
            && devices.values().all(|device| device.driver != handle);
        let object = Arc::new(DeviceObject {
            number,
            driver: handle,
            opened: Mutex::new(HashMap::new()),
            resources: Mutex::default(),
            dead: AtomicBool::new(false),
            lost: AtomicBool::new(false),
        });
        if own {
            devices.insert(number, object.clone());
        }
        drop(devices);
        adapter.check(Rule::X1, NAME, own, || {
            format!(
                "hDevice {:p} is NULL, the runtime's or another device's",
                handle.0
            )
        });
        if own {
            Ok(Device {
                adapter: self.clone(),
                object,
            })
        } else {
            Err(STATUS_INVALID_HANDLE)
        }
    }

    /// Destroys all devices, then what they left behind. What the driver answers is recorded; the objects are
    /// gone either way.
    pub(crate) fn tear_down(&self) {
        let adapter = &*self.0;
        let devices: Vec<_> = adapter.objects.devices.lock().values().cloned().collect();
        for object in devices {
            let _ = Device {
                adapter: self.clone(),
                object,
            }
            .destroy();
        }
        self.destroy_system();
        // Until here, objects with references waited for them (see `AdapterInner::waits`).
        adapter.check_references(Ddi::DestroyDevice);
        let left: Vec<_> = adapter.objects.resources.lock().iter().copied().collect();
        for resource in left {
            let _ = adapter.destroy_resource_now(resource);
        }
        let left: Vec<_> = adapter.objects.allocations.lock().iter().copied().collect();
        let _ = adapter.destroy_now(&left);
    }
}

impl Device {
    /// The driver's handle.
    pub fn handle(&self) -> HANDLE {
        self.object.driver.0
    }

    /// The adapter.
    pub fn adapter(&self) -> &Adapter {
        &self.adapter
    }

    /// Closes all that the device has open, then DestroyDevice. Allocations and resources that no other device
    /// has open are destroyed; the others live on (C12).
    ///
    /// # Errors
    /// The driver's; `STATUS_INVALID_HANDLE` if it was destroyed before.
    pub fn destroy(&self) -> Result<(), Status> {
        let adapter = &*self.adapter.0;
        if self.object.dead.swap(true, Ordering::AcqRel) {
            return Err(STATUS_INVALID_HANDLE);
        }
        let destroy = adapter.registration.table.DxgkDdiDestroyDevice;
        let destroy = destroy.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        for context in self.contexts() {
            let _ = context.destroy();
        }
        let resources: Vec<_> = self.object.resources.lock().iter().copied().collect();
        for resource in resources {
            let _ = self.close_resource(resource);
        }
        let single: Vec<AllocationId> = self.object.opened.lock().keys().copied().collect();
        let _ = self.close_objects(&single);
        adapter.destroy_unopened(&single);
        adapter.objects.devices.lock().remove(&self.object.number);
        done(adapter.call(Ddi::DestroyDevice, String::new, |_| {
            // SAFETY: the driver's own function and handle, at its IRQL.
            unsafe { destroy(self.object.driver.0) }
        }))
    }
}

impl AdapterInner {
    /// Destroys those that no device has open. A refusal is a violation of D2.
    pub(crate) fn destroy_unopened(&self, ids: &[AllocationId]) {
        let unopened = |id: &&AllocationId| {
            objects::allocation(**id).is_some_and(|object| object.openers.lock().is_empty())
        };
        let dying: Vec<_> = ids.iter().filter(unopened).copied().collect();
        let _ = self.destroy_now(&dying);
    }
}
