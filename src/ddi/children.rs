//! The child devices of the adapter: one video output (contract: Q1, Q2).

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    BOOLEAN, D3DKMDT_MONITOR_ORIENTATION_AWARENESS, D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY,
    DXGK_CHILD_CAPABILITIES, DXGK_CHILD_CAPABILITIES_Type, DXGK_CHILD_DESCRIPTOR,
    DXGK_CHILD_DEVICE_HPD_AWARENESS, DXGK_CHILD_DEVICE_TYPE, DXGK_CHILD_STATUS,
    DXGK_CHILD_STATUS_HotPlug, DXGK_CHILD_STATUS_Rotation, DXGK_CHILD_STATUS_TYPE,
    DXGK_DEVICE_DESCRIPTOR, DXGK_VIDEO_OUTPUT_CAPABILITIES, ULONG,
};

use super::life_cycle::CHILDREN;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{handles, view};
use crate::display::TARGET;
use crate::display::vidpn::child::{NoDescriptor, descriptor};
use crate::kernel::complain;
use crate::kernel::irql::Passive;

callbacks! {
    /// `DxgkDdiQueryChildRelations`. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `relations` is an array of `bytes` bytes, zeroed.
    #[traced(c"QueryChildRelations")]
    pub unsafe fn query_child_relations(
        context: *mut c_void,
        relations: *mut DXGK_CHILD_DESCRIPTOR,
        bytes: ULONG,
    ) -> i32 {
        // SAFETY: used in this call only.
        let known = unsafe { handles::adapter(context) }.is_some();
        // One entry more than children stays zero.
        let room = usize::try_from(bytes).unwrap_or(0) / size_of::<DXGK_CHILD_DESCRIPTOR>();
        if !known || room < CHILDREN as usize + 1 {
            let bytes = bytes.into();
            complain(c"QueryChildRelations", c"ChildRelationsSize", bytes, c"or no adapter of ours");
            return status::of(Err(InvalidParameter));
        }
        // SAFETY: dxgkrnl's array, which nobody else touches during the call.
        let entries = unsafe { view::list_mut(relations, CHILDREN) };
        let Some([output]) = entries else {
            complain(c"QueryChildRelations", c"ChildRelations", 0, c"NULL or misaligned");
            return status::of(Err(InvalidParameter));
        };
        *output = video_output();
        STATUS_SUCCESS
    }

    /// `DxgkDdiQueryChildStatus`. `PASSIVE_LEVEL`, one call a child.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `child` is good for reads and writes.
    #[traced(c"QueryChildStatus")]
    pub unsafe fn query_child_status(
        context: *mut c_void,
        child: *mut DXGK_CHILD_STATUS,
        _non_destructive: BOOLEAN,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else touches during the call.
        let child = unsafe { child.as_mut() }.filter(|child| child.ChildUid == TARGET);
        let (Some(adapter), Some(child)) = (adapter, child) else {
            complain(c"QueryChildStatus", c"ChildUid", 0, c"no child of this driver");
            return status::of(Err(InvalidParameter));
        };
        match child.Type {
            DXGK_CHILD_STATUS_TYPE::StatusConnection => {
                // A virtual monitor is there as long as its adapter is.
                let connected = adapter.running(irql).is_some() && !adapter.is_gone();
                child.u0.HotPlug = DXGK_CHILD_STATUS_HotPlug {
                    Connected: connected.into(),
                };
                STATUS_SUCCESS
            }
            DXGK_CHILD_STATUS_TYPE::StatusRotation => {
                child.u0.Rotation = DXGK_CHILD_STATUS_Rotation {
                    Angle: 0,
                };
                STATUS_SUCCESS
            }
            _ => STATUS_NOT_SUPPORTED,
        }
    }

    /// `DxgkDdiQueryDeviceDescriptor`: the monitor's EDID. `PASSIVE_LEVEL`, one call a child.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads, and the buffer that it names for writes of as
    /// many bytes as it says.
    #[traced(c"QueryDeviceDescriptor")]
    pub unsafe fn query_device_descriptor(
        context: *mut c_void,
        child: ULONG,
        argument: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument), TARGET) = (adapter, argument, child) else {
            complain(c"QueryDeviceDescriptor", c"ChildUid", child.into(), c"no child of this driver");
            return status::of(Err(NoDescriptor::NotSupported));
        };
        let (buffer, bytes) = (argument.DescriptorBuffer, argument.DescriptorLength);
        // SAFETY: dxgkrnl's buffer, which nobody else touches during the call.
        let buffer = unsafe { view::list_mut(buffer.cast::<u8>(), bytes) };
        let monitor = adapter.screen.monitor(irql);
        let (Some(buffer), Some(monitor)) = (buffer, monitor) else {
            complain(c"QueryDeviceDescriptor", c"DescriptorBuffer", 0, c"NULL, or not started");
            return status::of(Err(NoDescriptor::None));
        };
        status::of(descriptor(&monitor.edid, argument.DescriptorOffset, buffer))
    }
}

/// An output that cannot tell whether a monitor is connected, and so acts as one that would interrupt
/// if that changed (windows-driver-docs, monitor-hot-plug-detection). Its plug is a VGA adapter's (LAB:
/// what most drivers of virtual machines say; one saw Windows 7 stop it for "other"), and it does not
/// know how the monitor stands.
fn video_output() -> DXGK_CHILD_DESCRIPTOR {
    DXGK_CHILD_DESCRIPTOR {
        ChildDeviceType: DXGK_CHILD_DEVICE_TYPE::TypeVideoOutput,
        ChildCapabilities: DXGK_CHILD_CAPABILITIES {
            Type: DXGK_CHILD_CAPABILITIES_Type {
                VideoOutput: DXGK_VIDEO_OUTPUT_CAPABILITIES {
                    InterfaceTechnology: D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY::D3DKMDT_VOT_HD15,
                    MonitorOrientationAwareness:
                        D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_NONE,
                    SupportsSdtvModes: false.into(),
                },
            },
            HpdAwareness: DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessInterruptible,
        },
        AcpiUid: 0,
        ChildUid: TARGET,
    }
}
