//! CreateDevice and DestroyDevice (contract: X1).

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_SUCCESS};
use dxgk_sys::{DXGK_CREATEDEVICEFLAGS, DXGKARG_CREATEDEVICE};

use super::recorded::callbacks;
use super::{handles, status};
use crate::adapter::{Adapter, Device, Users};
use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, complain};
use crate::pool::Handle;

callbacks! {
    /// `DxgkDdiCreateDevice`: as many devices as there is memory for. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes.
    #[traced(c"CreateDevice")]
    pub unsafe fn create_device(context: *mut c_void, argument: *mut DXGKARG_CREATEDEVICE) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            complain(c"CreateDevice", c"hAdapter", 0, c"no adapter of this driver");
            return status::of(Err(NoMemory));
        };
        // SAFETY: `Flags` is what goes in; `pInfo`, which shares its place, only comes out, of
        // drivers without contexts.
        let flags = unsafe { argument.u0.Flags };
        match create(adapter, flags, irql) {
            Ok(handle) => {
                argument.hDevice = handle.as_ptr();
                STATUS_SUCCESS
            }
            Err(error) => status::of(Err(error)),
        }
    }

    /// `DxgkDdiDestroyDevice`: its openings have been closed before, and its contexts destroyed.
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"DestroyDevice")]
    pub unsafe fn destroy_device(handle: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let found = unsafe { handles::device(handle, irql) };
        let Some((adapter, device)) = found else {
            complain(c"DestroyDevice", c"hDevice", 0, c"no device of this driver");
            return STATUS_INVALID_PARAMETER;
        };
        if !device.users.close() {
            complain(c"DestroyDevice", c"hDevice", 0, c"has contexts");
            return STATUS_INVALID_PARAMETER;
        }
        // The device must not be held while it is removed.
        drop(device);
        if let Err(wrong) = adapter.devices.remove(handle, irql) {
            if let Ok(device) = adapter.devices.get(handle, irql) {
                device.users.open();
            }
            complain(c"DestroyDevice", c"hDevice", 0, wrong.why());
            return STATUS_INVALID_PARAMETER;
        }
        STATUS_SUCCESS
    }
}

/// Makes a device. It resolves handles through the callbacks that the adapter has now.
fn create(
    adapter: &Adapter,
    flags: DXGK_CREATEDEVICEFLAGS,
    irql: Passive,
) -> Result<Handle, NoMemory> {
    let Some(running) = adapter.running(irql) else {
        complain(c"CreateDevice", c"adapter", 0, c"not started");
        return Err(NoMemory);
    };
    let device = Device {
        gdi: flags.contains(DXGK_CREATEDEVICEFLAGS::GdiDevice),
        handles: running.dxgkrnl.handles(),
        users: Users::default(),
    };
    adapter.devices.insert(device, irql).map_err(|_| NoMemory)
}
