//! Services: those that no INF installs.

use core::mem::zeroed;
use core::ptr;

use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ControlService, CreateServiceW, DeleteService, OpenSCManagerW,
    OpenServiceW, QueryServiceStatus, SC_HANDLE, SC_MANAGER_ALL_ACCESS, SERVICE_ALL_ACCESS,
    SERVICE_CONTROL_STOP, SERVICE_DEMAND_START, SERVICE_ERROR_NORMAL, SERVICE_KERNEL_DRIVER,
    SERVICE_STATUS, StartServiceW,
};

use crate::Outcome;
use crate::ask::trouble;
use crate::runtime::{print, wide};

/// Wine puts the drivers of a load order group into one process.
const GROUP: &str = "Video";

fn with_manager(work: impl FnOnce(SC_HANDLE) -> Outcome) -> Outcome {
    // SAFETY: NULL is this machine, and its active database.
    let manager = unsafe { OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_ALL_ACCESS) };
    if manager.is_null() {
        return Err(trouble("OpenSCManager"));
    }
    let done = work(manager);
    // SAFETY: the handle is open.
    unsafe { CloseServiceHandle(manager) };
    done
}

fn with_service(name: &str, work: impl FnOnce(SC_HANDLE) -> Outcome) -> Outcome {
    with_manager(|manager| {
        let name = wide(name);
        // SAFETY: the handle is open, the name there.
        let service = unsafe { OpenServiceW(manager, name.as_ptr(), SERVICE_ALL_ACCESS) };
        if service.is_null() {
            return Err(trouble("OpenService"));
        }
        let done = work(service);
        // SAFETY: the handle is open.
        unsafe { CloseServiceHandle(service) };
        done
    })
}

/// Makes the service of a driver.
pub fn make(name: &str, image: &str) -> Outcome {
    with_manager(|manager| {
        let (name, image, group) = (wide(name), wide(image), wide(GROUP));
        // SAFETY: the handle is open, and all names are there.
        let service = unsafe {
            CreateServiceW(
                manager,
                name.as_ptr(),
                name.as_ptr(),
                SERVICE_ALL_ACCESS,
                SERVICE_KERNEL_DRIVER,
                SERVICE_DEMAND_START,
                SERVICE_ERROR_NORMAL,
                image.as_ptr(),
                group.as_ptr(),
                ptr::null_mut(),
                ptr::null(),
                ptr::null(),
                ptr::null(),
            )
        };
        if service.is_null() {
            return Err(trouble("CreateService"));
        }
        // SAFETY: the handle is open.
        unsafe { CloseServiceHandle(service) };
        Ok(())
    })
}

/// Starts a service.
pub fn start(name: &str) -> Outcome {
    with_service(name, |service| {
        // SAFETY: the handle is open.
        if unsafe { StartServiceW(service, 0, ptr::null()) } == 0 {
            return Err(trouble("StartService"));
        }
        Ok(())
    })
}

/// Stops a service.
pub fn stop(name: &str) -> Outcome {
    with_service(name, |service| {
        // SAFETY: zeros are a status.
        let mut status: SERVICE_STATUS = unsafe { zeroed() };
        // SAFETY: the handle is open, and the record lives through the call.
        if unsafe { ControlService(service, SERVICE_CONTROL_STOP, &raw mut status) } == 0 {
            return Err(trouble("ControlService"));
        }
        Ok(())
    })
}

/// Prints the number of a service's state: 1 is stopped, 4 is running.
pub fn state(name: &str) -> Outcome {
    with_service(name, |service| {
        // SAFETY: zeros are a status.
        let mut status: SERVICE_STATUS = unsafe { zeroed() };
        // SAFETY: the handle is open, and the record lives through the call.
        if unsafe { QueryServiceStatus(service, &raw mut status) } == 0 {
            return Err(trouble("QueryServiceStatus"));
        }
        print(&alloc::format!("{}", status.dwCurrentState));
        Ok(())
    })
}

/// Deletes a service.
pub fn delete(name: &str) -> Outcome {
    with_service(name, |service| {
        // SAFETY: the handle is open.
        if unsafe { DeleteService(service) } == 0 {
            return Err(trouble("DeleteService"));
        }
        Ok(())
    })
}
