//! AddDevice, StartDevice, StopDevice, RemoveDevice, Unload (contract: L2 to L5).

use core::ffi::c_void;
use core::ptr::{self, NonNull};

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DEVICE_OBJECT, DXGK_DISPLAY_INFORMATION, DXGK_START_INFO, DXGKRNL_INTERFACE, LARGE_INTEGER,
    UINT, ULONG,
};

use super::handles;
use super::kind::{Kind, kind};
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use crate::adapter::{Adapter, TAG};
use crate::display::TARGET;
use crate::kernel::dxgkrnl::Dxgkrnl;
use crate::kernel::irql::Passive;
use crate::kernel::{NoMemory, Owned, complain};

/// The monitor is no ACPI device.
const ACPI_ID: ULONG = 0;

/// Video present sources and children: one screen.
pub const SOURCES: ULONG = 1;
pub const CHILDREN: ULONG = 1;

callbacks! {
    /// `DxgkDdiAddDevice`: makes an adapter; no hardware is touched. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `context` is good for one write.
    #[traced(c"AddDevice")]
    pub unsafe fn add_device(_pdo: *mut DEVICE_OBJECT, context: *mut *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        if context.is_null() {
            complain(c"AddDevice", c"MiniportDeviceContext", 0, c"NULL");
            return STATUS_INVALID_PARAMETER;
        }
        let added = add(irql);
        let handle = added.map_or(ptr::null_mut(), |adapter| adapter.as_ptr().cast());
        // SAFETY: checked for NULL; dxgkrnl's own variable.
        unsafe { context.write(handle) };
        status::of(added.map(|_| ()))
    }

    /// `DxgkDdiStartDevice`: finds and maps the hardware. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `interface` points to a structure of the size that it says, `sources` and
    /// `children` are good for one write each.
    #[traced(c"StartDevice")]
    pub unsafe fn start_device(
        context: *mut c_void,
        _start_info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        let (Some(adapter), Some(interface)) = (adapter, NonNull::new(interface)) else {
            return bad(c"StartDevice");
        };
        if sources.is_null() || children.is_null() {
            return bad(c"StartDevice");
        }
        // SAFETY: dxgkrnl's interface, with its size in it.
        let dxgkrnl = unsafe { Dxgkrnl::copy(interface) };
        // Two primaries: the one that is shown and the one that is drawn.
        let (primaries, executes) = match kind() {
            Kind::Full => (2, true),
            Kind::DisplayOnly => (1, false),
        };
        let started = adapter.start(dxgkrnl, primaries, executes, irql);
        if started.is_ok() {
            // SAFETY: checked for NULL; dxgkrnl's own variable.
            unsafe { sources.write(SOURCES) };
            // SAFETY: as above.
            unsafe { children.write(CHILDREN) };
        }
        status::of(started)
    }

    /// `DxgkDdiStopDevice`: gives back what StartDevice took. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl, while no other DDI of the adapter runs.
    #[traced(c"StopDevice")]
    pub unsafe fn stop_device(context: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return bad(c"StopDevice");
        };
        adapter.stop(irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiStopDeviceAndReleasePostDisplayOwnership`: as StopDevice, and leaves a black linear
    /// picture that the driver that comes next can draw into. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// As [`stop_device`]; `information` is NULL or good for one write.
    #[traced(c"StopDeviceAndReleasePostDisplayOwnership")]
    pub unsafe fn stop_device_and_release_post_display_ownership(
        context: *mut c_void,
        target: UINT,
        information: *mut DXGK_DISPLAY_INFORMATION,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        let (Some(adapter), Some(information)) = (adapter, NonNull::new(information)) else {
            return bad(c"StopDeviceAndReleasePostDisplayOwnership");
        };
        // The one target that there is has the one monitor, always connected.
        let released = (target == TARGET).then(|| adapter.stop_and_release(irql));
        let Some(left) = released.flatten() else {
            return STATUS_NOT_SUPPORTED;
        };
        let left = DXGK_DISPLAY_INFORMATION {
            Width: left.width,
            Height: left.height,
            Pitch: left.pitch,
            ColorFormat: left.format,
            PhysicAddress: LARGE_INTEGER {
                QuadPart: left.physical.cast_signed(),
            },
            TargetId: TARGET,
            AcpiId: ACPI_ID,
        };
        // SAFETY: checked for NULL; dxgkrnl's own variable.
        unsafe { information.write(left) };
        STATUS_SUCCESS
    }

    /// `DxgkDdiRemoveDevice`: the adapter goes, stopped before or not (contract: L5).
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl, as the last DDI of the adapter.
    #[traced(c"RemoveDevice")]
    pub unsafe fn remove_device(context: *mut c_void) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        let Some(adapter) = handles::unregister(context, irql) else {
            return bad(c"RemoveDevice");
        };
        // SAFETY: it was made by `add`, and is off the list now, so this happens once.
        let adapter = unsafe { Owned::<Adapter>::from_raw(TAG, adapter) };
        adapter.stop(irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiUnload`: nothing of DriverEntry's is left to free; adapters are gone by then.
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl, last of all.
    #[traced(c"Unload")]
    pub unsafe fn unload() {
        let left = handles::count();
        if left != 0 {
            complain(c"Unload", c"adapters", left, c"not removed before");
        }
    }
}

/// Makes an adapter and enters it in the list.
fn add(irql: Passive) -> Result<NonNull<Adapter>, NoMemory> {
    let adapter = Owned::try_new(TAG, Adapter::try_new(irql)?, irql)?;
    let address = NonNull::from(&*adapter);
    handles::register(address, irql)?;
    Ok(adapter.into_raw())
}

/// A context that is no adapter of ours, or a NULL where there must be none.
fn bad(call: &'static core::ffi::CStr) -> i32 {
    complain(
        call,
        c"MiniportDeviceContext",
        0,
        c"no adapter of this driver, or an argument is NULL",
    );
    status::of(Err(InvalidParameter))
}
