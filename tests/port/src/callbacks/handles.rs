//! Callbacks that resolve `D3DKMT_HANDLE`s. They name no adapter; the handle's object does.

use alloc::sync::Arc;
use core::ffi::c_void;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;

use dxgk_sys::{
    D3DKMT_HANDLE, DXGK_HANDLE_TYPE, DXGKARG_RELEASE_HANDLE, DXGKARGCB_ENUMHANDLECHILDREN,
    DXGKARGCB_GETHANDLEDATA, DXGKARGCB_RELEASEHANDLEDATA, DXGKCB_GETHANDLEDATAFLAGS, HANDLE,
    ddi_fn,
};

use crate::callbacks::{Callback, calling_port, note_null_handle};
use crate::objects::{AllocationObject, DriverHandle, Object};
use crate::port::PortInner;
use crate::registry::{self, AdapterRef};
use crate::rules::Rule;

ddi_fn! {
    pub(crate) unsafe fn get_handle_data(request: *const DXGKARGCB_GETHANDLEDATA) -> *mut c_void {
        // SAFETY: null or the driver's record.
        let request = unsafe { request.as_ref() };
        let handle = request.map_or(0, |request| request.hObject);
        resolve(Callback::GetHandleData, handle, |found| found.data(request?))
            .map_or(ptr::null_mut(), |data| data.0)
    }

    pub(crate) unsafe fn acquire_handle_data(
        request: *const DXGKARGCB_GETHANDLEDATA,
        release: *mut DXGKARG_RELEASE_HANDLE,
    ) -> *mut c_void {
        // SAFETY: null or the driver's record.
        let request = unsafe { request.as_ref() };
        let handle = request.map_or(0, |request| request.hObject);
        let release = NonNull::new(release);
        let acquired = resolve(Callback::AcquireHandleData, handle, |found| {
            let data = found.data(request?)?;
            let allocation = found.allocation()?;
            let token = found.adapter.next_token.fetch_add(1, Ordering::Relaxed);
            // SAFETY: the driver's variable.
            unsafe { release?.write(token_of(found.adapter.handle(), token)) };
            allocation.references.fetch_add(1, Ordering::Relaxed);
            found.adapter.held.lock().push((token, allocation.id.0));
            Some(data)
        });
        acquired.map_or(ptr::null_mut(), |data| data.0)
    }

    pub(crate) unsafe fn release_handle_data(released: DXGKARGCB_RELEASEHANDLEDATA) {
        release(released.ReleaseHandle);
    }

    /// The resource of an allocation; 0 for one without.
    pub(crate) unsafe fn get_handle_parent(handle: D3DKMT_HANDLE) -> D3DKMT_HANDLE {
        resolve(Callback::GetHandleParent, handle, |found| {
            let resource = found.allocation()?.resource.as_ref();
            Some(resource.map_or(0, |resource| resource.id.0))
        })
        .unwrap_or(0)
    }

    /// The n-th allocation of a resource; 0 past the last.
    pub(crate) unsafe fn enum_handle_children(
        request: *const DXGKARGCB_ENUMHANDLECHILDREN,
    ) -> D3DKMT_HANDLE {
        // SAFETY: null or the driver's record.
        let request = unsafe { request.as_ref() };
        let handle = request.map_or(0, |request| request.hObject);
        resolve(Callback::EnumHandleChildren, handle, |found| match &found.object {
            Object::Resource(resource) => {
                let children = resource.allocations.lock();
                Some(children.get(request?.Index as usize).map_or(0, |child| child.0))
            }
            _ => None,
        })
        .unwrap_or(0)
    }
}

/// A handle's object and the adapter that it belongs to.
struct Found {
    object: Object,
    adapter: AdapterRef,
}

impl Found {
    fn new(handle: D3DKMT_HANDLE) -> Option<Self> {
        let object = registry::object(handle)?;
        let owner = match &object {
            Object::Allocation(allocation) => allocation.adapter,
            Object::Opening(opening) => opening.allocation.adapter,
            Object::Resource(resource) => resource.adapter,
            Object::Nothing => return None,
        };
        Some(Self {
            adapter: registry::adapter(owner.0)?,
            object,
        })
    }

    fn allocation(&self) -> Option<&Arc<AllocationObject>> {
        match &self.object {
            Object::Allocation(allocation) => Some(allocation),
            Object::Opening(opening) => Some(&opening.allocation),
            _ => None,
        }
    }

    /// What the driver gave for the object, if the request's type and flags fit it.
    fn data(&self, request: &DXGKARGCB_GETHANDLEDATA) -> Option<DriverHandle> {
        let device_specific = request
            .Flags
            .contains(DXGKCB_GETHANDLEDATAFLAGS::DeviceSpecific);
        match (&self.object, request.Type) {
            (Object::Opening(opening), DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION)
                if device_specific =>
            {
                let data = opening.driver.load(Ordering::Relaxed);
                (!data.is_null()).then_some(DriverHandle(data))
            }
            (_, DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION) if !device_specific => {
                Some(self.allocation()?.driver)
            }
            (Object::Resource(resource), DXGK_HANDLE_TYPE::DXGK_HANDLE_RESOURCE) => {
                Some(DriverHandle(resource.driver.load(Ordering::Relaxed)))
            }
            _ => None,
        }
    }
}

/// Looks an object up for a callback. What cannot be resolved is NULL for the driver, whose DDI must then
/// fail (G8).
fn resolve<R>(
    callback: Callback,
    handle: D3DKMT_HANDLE,
    look: impl FnOnce(&Found) -> Option<R>,
) -> Option<R> {
    let found = Found::new(handle);
    let result = match &found {
        Some(found) => {
            if !callback.allowed(&found.adapter.port) {
                note_null_handle(&found.adapter.port);
                return None;
            }
            look(found)
        }
        None => None,
    };
    if result.is_none()
        && let Some(port) = calling_port()
    {
        if found.is_none() {
            callback.allowed(&port);
        }
        note_null_handle(&port);
    }
    result
}

/// A release handle names its adapter, so that releasing needs nothing else.
fn token_of(adapter: HANDLE, token: u32) -> DXGKARG_RELEASE_HANDLE {
    adapter.map_addr(|address| address | (token as usize) << 32)
}

fn release(token: DXGKARG_RELEASE_HANDLE) {
    const TOKEN: usize = 0x0FFF_FFFF_0000_0000;
    let callback = Callback::ReleaseHandleData;
    let handle = token.map_addr(|address| address & !TOKEN);
    let number = (token.addr() & TOKEN) >> 32;
    let Some(adapter) = registry::adapter(handle) else {
        if let Some(port) = calling_port() {
            unknown(&port, callback);
        }
        return;
    };
    if !callback.allowed(&adapter.port) {
        return;
    }
    let mut held = adapter.held.lock();
    let known = held.iter().position(|(token, _)| *token as usize == number);
    let reference = known.map(|index| held.swap_remove(index));
    drop(held);
    let object = reference.and_then(|(_, handle)| registry::object(handle));
    match object {
        Some(Object::Allocation(allocation)) => {
            adapter.check(Rule::G8, callback.name(), true, || "");
            allocation.references.fetch_sub(1, Ordering::Relaxed);
        }
        _ => unknown(&adapter.port, callback),
    }
}

fn unknown(port: &PortInner, callback: Callback) {
    port.check(
        Rule::G8,
        callback.name(),
        false,
        || "released what was not acquired",
    );
}
