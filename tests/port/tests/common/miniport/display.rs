//! The good miniport: one source, one video output, VSYNC, power, hand-over.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::slice;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering::Relaxed};

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::{Context, context};
use crate::common::machine;

/// The uid of the one child, and so the id of the one target.
pub const TARGET: u32 = 3;
pub const ACPI: u32 = 0x110;
pub const WIDTH: u32 = 1024;
pub const HEIGHT: u32 = 768;

/// What the hardware would hold.
#[derive(Default)]
pub struct Screen {
    pub display_only: AtomicBool,
    pub visible: AtomicBool,
    /// What is to be scanned out from the next VSYNC on, and what is.
    pub address: AtomicU64,
    pub latched: AtomicU64,
    pub vsync: AtomicBool,
    /// The monitor as it was indicated last.
    pub unplugged: AtomicBool,
    pub angle: AtomicU8,
    pub post: Option<DXGK_DISPLAY_INFORMATION>,
}

/// What StartDevice does with the display.
pub fn begin(context: &mut Context) {
    let machine = context.machine();
    let (unplugged, angle) = (machine.unplugged.load(Relaxed), machine.angle.load(Relaxed));
    let display_only = context.screen.display_only.load(Relaxed);
    context.screen = Screen {
        display_only: display_only.into(),
        unplugged: unplugged.into(),
        angle: angle.into(),
        post: acquire(context),
        ..Screen::default()
    };
}

pub fn acquire(context: &Context) -> Option<DXGK_DISPLAY_INFORMATION> {
    let mut info = DXGK_DISPLAY_INFORMATION::ZERO;
    let acquire = context.interface.DxgkCbAcquirePostDisplayOwnership.unwrap();
    let status = unsafe { acquire(context.interface.DeviceHandle, &raw mut info) };
    (status == STATUS_SUCCESS && info.Width != 0).then_some(info)
}

/// What StopDevice does with it.
pub fn end(context: &mut Context) {
    context.screen.vsync.store(false, Relaxed);
    context.screen.visible.store(false, Relaxed);
}

/// A monitor of 1024 x 768 with a CTA-861 extension.
pub fn edid() -> [u8; 256] {
    let mut edid = [0; 256];
    edid[..8].copy_from_slice(&[0, 255, 255, 255, 255, 255, 255, 0]);
    edid[8..12].copy_from_slice(&[0x36, 0x7F, 0x34, 0x12]);
    edid[16..26].copy_from_slice(&[1, 35, 1, 4, 0xA5, 32, 24, 120, 6, 0xEE]);
    edid[26..35].copy_from_slice(&[0x91, 0xA3, 0x54, 0x4C, 0x99, 0x26, 0x0F, 0x50, 0x54]);
    edid[35..38].copy_from_slice(&[0x21, 0x08, 0]);
    edid[38..54].fill(1);
    edid[54..72].copy_from_slice(&[
        0x64, 0x19, 0x00, 0x40, 0x41, 0x00, 0x26, 0x30, 0x18, 0x88, 0x36, 0x00, 0x0E, 0xEE, 0x10,
        0, 0, 0x18,
    ]);
    for block in 0..3 {
        edid[72 + 18 * block + 3] = 0x10;
    }
    edid[126] = 1;
    edid[128..132].copy_from_slice(&[2, 3, 4, 0]);
    for block in edid.chunks_mut(128) {
        let sum = block.iter().fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        block[127] = 0u8.wrapping_sub(sum);
    }
    edid
}

/// The mode that is on the screen.
pub fn mode() -> DXGK_DISPLAY_INFORMATION {
    let mut info = DXGK_DISPLAY_INFORMATION::ZERO;
    (info.Width, info.Height, info.Pitch) = (WIDTH, HEIGHT, WIDTH * 4);
    info.ColorFormat = D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8;
    info.PhysicAddress.QuadPart = machine::FRAMEBUFFER.cast_signed();
    (info.TargetId, info.AcpiId) = (TARGET, ACPI);
    info
}

/// An interrupt that nobody waits for.
pub const HARMLESS: DXGK_INTERRUPT_TYPE =
    DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_MICACAST_CHUNK_PROCESSING_COMPLETE;

pub fn notify(context: &Context, data: &mut DXGKARGCB_NOTIFY_INTERRUPT_DATA) {
    let notify = context.interface.DxgkCbNotifyInterrupt.unwrap();
    unsafe { notify(context.interface.DeviceHandle, data) };
}

pub fn queue_dpc(context: &Context) {
    unsafe { context.interface.DxgkCbQueueDpc.unwrap()(context.interface.DeviceHandle) };
}

/// A vertical retrace: the address that was set is latched, and reported if that is wanted.
pub fn retrace(context: &Context) {
    let screen = &context.screen;
    let address = screen.address.load(Relaxed);
    screen.latched.store(address, Relaxed);
    if screen.vsync.load(Relaxed) {
        let display_only = screen.display_only.load(Relaxed);
        report_vsync(context, display_only, TARGET, address);
    }
}

pub fn report_vsync(context: &Context, display_only: bool, target: u32, address: u64) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    if display_only {
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DISPLAYONLY_VSYNC;
        data.u0.DisplayOnlyVsync.VidPnTargetId = target;
    } else {
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC;
        data.u0.CrtcVsync.VidPnTargetId = target;
        data.u0.CrtcVsync.PhysicalAddress.QuadPart = address.cast_signed();
    }
    notify(context, &mut data);
}

pub fn indicate(context: &Context, status: &mut DXGK_CHILD_STATUS) -> NTSTATUS {
    let indicate = context.interface.DxgkCbIndicateChildStatus.unwrap();
    unsafe { indicate(context.interface.DeviceHandle, status) }
}

pub fn indicate_connection(context: &Context, uid: u32, connected: bool) -> NTSTATUS {
    let mut status = DXGK_CHILD_STATUS::ZERO;
    status.Type = DXGK_CHILD_STATUS_TYPE::StatusConnection;
    status.ChildUid = uid;
    status.u0.HotPlug.Connected = connected.into();
    indicate(context, &mut status)
}

/// Into the framebuffer, if a saboteur has left it mapped.
fn copy(context: &Context, from: *const u8, bytes: usize, offset: usize) {
    if context.framebuffer.is_null() {
        return;
    }
    let to = context.framebuffer.cast::<u8>().wrapping_add(offset);
    unsafe { ptr::copy_nonoverlapping(from, to, bytes) };
}

pub fn fill(table: &mut DRIVER_INITIALIZATION_DATA) {
    table.DxgkDdiQueryChildStatus = Some(query_child_status);
    table.DxgkDdiQueryDeviceDescriptor = Some(query_device_descriptor);
    table.DxgkDdiSetVidPnSourceVisibility = Some(set_visibility);
    table.DxgkDdiSetVidPnSourceAddress = Some(set_address);
    table.DxgkDdiControlInterrupt = Some(control_interrupt);
    table.DxgkDdiGetScanLine = Some(get_scan_line);
    table.DxgkDdiSetPointerPosition = Some(set_pointer_position);
    table.DxgkDdiSetPointerShape = Some(set_pointer_shape);
    table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = Some(stop_and_release);
    table.DxgkDdiSystemDisplayEnable = Some(system_display_enable);
    table.DxgkDdiSystemDisplayWrite = Some(system_display_write);
}

/// The table of the display-only driver that this miniport can be as well.
pub fn display_only_table(version: u32) -> KMDDOD_INITIALIZATION_DATA {
    let full = super::table(version);
    let mut table = KMDDOD_INITIALIZATION_DATA::ZERO;
    macro_rules! same {
        ($($member:ident)*) => { $(table.$member = full.$member;)* };
    }
    same! {
        Version DxgkDdiStartDevice DxgkDdiStopDevice DxgkDdiRemoveDevice DxgkDdiDispatchIoRequest
        DxgkDdiInterruptRoutine DxgkDdiDpcRoutine DxgkDdiQueryChildRelations DxgkDdiQueryChildStatus
        DxgkDdiQueryDeviceDescriptor DxgkDdiSetPowerState DxgkDdiNotifyAcpiEvent DxgkDdiResetDevice
        DxgkDdiUnload DxgkDdiQueryInterface DxgkDdiControlEtwLogging DxgkDdiQueryAdapterInfo
        DxgkDdiSetPointerPosition DxgkDdiSetPointerShape DxgkDdiIsSupportedVidPn
        DxgkDdiRecommendFunctionalVidPn DxgkDdiEnumVidPnCofuncModality DxgkDdiSetVidPnSourceVisibility
        DxgkDdiCommitVidPn DxgkDdiUpdateActiveVidPnPresentPath DxgkDdiRecommendMonitorModes DxgkDdiGetScanLine
        DxgkDdiQueryVidPnHWCapability DxgkDdiStopDeviceAndReleasePostDisplayOwnership
        DxgkDdiSystemDisplayEnable DxgkDdiSystemDisplayWrite DxgkDdiControlInterrupt
        DxgkDdiNotifySurpriseRemoval
    }
    table.DxgkDdiAddDevice = Some(add_device_display_only);
    table.DxgkDdiPresentDisplayOnly = Some(present_display_only);
    table
}

ddi_fn! {
    pub unsafe fn add_device_display_only(object: *mut DEVICE_OBJECT, out: *mut PVOID) -> NTSTATUS {
        let status = unsafe { super::add_device(object, out) };
        if status == STATUS_SUCCESS {
            unsafe { context(*out) }.screen.display_only.store(true, Relaxed);
        }
        status
    }

    /// Reports a completed command of node 0, then the retrace, and takes the interrupt.
    pub unsafe fn interrupt_routine(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        if !context.screen.display_only.load(Relaxed) {
            let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
            data.InterruptType = HARMLESS;
            notify(context, &mut data);
        }
        retrace(context);
        queue_dpc(context);
        1
    }

    /// Notifies, and indicates what has changed at the monitor.
    pub unsafe fn dpc_routine(this: PVOID) {
        let context = unsafe { context(this) };
        unsafe { context.interface.DxgkCbNotifyDpc.unwrap()(context.interface.DeviceHandle) };
        let unplugged = context.machine().unplugged.load(Relaxed);
        if context.screen.unplugged.swap(unplugged, Relaxed) != unplugged {
            indicate_connection(context, TARGET, !unplugged);
        }
        let angle = context.machine().angle.load(Relaxed);
        if context.screen.angle.swap(angle, Relaxed) != angle {
            let mut status = DXGK_CHILD_STATUS::ZERO;
            status.Type = DXGK_CHILD_STATUS_TYPE::StatusRotation;
            status.ChildUid = TARGET;
            status.u0.Rotation.Angle = angle;
            indicate(context, &mut status);
        }
    }

    pub unsafe fn query_child_relations(
        _this: PVOID,
        relations: *mut DXGK_CHILD_DESCRIPTOR,
        _size: ULONG,
    ) -> NTSTATUS {
        let child = unsafe { &mut *relations };
        child.ChildDeviceType = DXGK_CHILD_DEVICE_TYPE::TypeVideoOutput;
        child.ChildUid = TARGET;
        child.AcpiUid = ACPI;
        child.ChildCapabilities.HpdAwareness =
            DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessInterruptible;
        child.ChildCapabilities.Type.VideoOutput = DXGK_VIDEO_OUTPUT_CAPABILITIES {
            InterfaceTechnology: D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY::D3DKMDT_VOT_HD15,
            MonitorOrientationAwareness:
                D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_INTERRUPTIBLE,
            SupportsSdtvModes: 0,
        };
        STATUS_SUCCESS
    }

    pub unsafe fn query_child_status(
        this: PVOID,
        status: *mut DXGK_CHILD_STATUS,
        _non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        let machine = unsafe { context(this) }.machine();
        let status = unsafe { &mut *status };
        match status.Type {
            DXGK_CHILD_STATUS_TYPE::StatusConnection => {
                status.u0.HotPlug.Connected = (!machine.unplugged.load(Relaxed)).into();
            }
            _ => status.u0.Rotation.Angle = machine.angle.load(Relaxed),
        }
        STATUS_SUCCESS
    }

    pub unsafe fn query_device_descriptor(
        this: PVOID,
        _uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let descriptor = unsafe { &*descriptor };
        if unsafe { context(this) }.machine().unplugged.load(Relaxed) {
            return STATUS_MONITOR_NO_DESCRIPTOR;
        }
        let (start, length) = (descriptor.DescriptorOffset as usize, descriptor.DescriptorLength as usize);
        let edid = edid();
        let Some(portion) = edid.get(start..).and_then(|rest| rest.get(..length)) else {
            return STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA;
        };
        if portion.is_empty() && start == edid.len() {
            return STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA;
        }
        let to = descriptor.DescriptorBuffer.cast::<u8>();
        unsafe { ptr::copy_nonoverlapping(portion.as_ptr(), to, length) };
        STATUS_SUCCESS
    }

    /// D0 blanks all sources; what is on the way to another state has nothing to keep.
    pub unsafe fn set_power_state(
        this: PVOID,
        device: ULONG,
        state: DEVICE_POWER_STATE,
        _action: POWER_ACTION,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        if device == u32::MAX && state == DEVICE_POWER_STATE::PowerDeviceD0 {
            context.screen.post = acquire(context);
            context.screen.visible.store(false, Relaxed);
        }
        STATUS_SUCCESS
    }

    pub unsafe fn set_visibility(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        let visible = unsafe { (*argument).Visible } != 0;
        unsafe { context(this) }.screen.visible.store(visible, Relaxed);
        STATUS_SUCCESS
    }

    pub unsafe fn set_address(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let address = unsafe { (*argument).PrimaryAddress.QuadPart }.cast_unsigned();
        unsafe { context(this) }.screen.address.store(address, Relaxed);
        STATUS_SUCCESS
    }

    pub unsafe fn control_interrupt(
        this: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        enable: BOOLEAN,
    ) -> NTSTATUS {
        if kind != DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC {
            return STATUS_NOT_IMPLEMENTED;
        }
        unsafe { context(this) }.screen.vsync.store(enable != 0, Relaxed);
        STATUS_SUCCESS
    }

    pub unsafe fn get_scan_line(
        _this: HANDLE,
        argument: INOUT_PDXGKARG_GETSCANLINE,
    ) -> NTSTATUS {
        let argument = unsafe { &mut *argument };
        (argument.InVerticalBlank, argument.ScanLine) = (0, HEIGHT / 2);
        STATUS_SUCCESS
    }

    pub unsafe fn set_pointer_position(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERPOSITION,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn set_pointer_shape(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERSHAPE,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn stop_and_release(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        info: PDXGK_DISPLAY_INFORMATION,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        if target != TARGET || context.machine().unplugged.load(Relaxed) {
            return STATUS_NOT_SUPPORTED;
        }
        unsafe { info.write(mode()) };
        let row = [0u8; WIDTH as usize * 4];
        for start in 0..HEIGHT as usize {
            copy(context, row.as_ptr(), row.len(), start * row.len());
        }
        unsafe { super::stop_device(this) }
    }

    pub unsafe fn system_display_enable(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        _flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        if target != TARGET || context.machine().unplugged.load(Relaxed) {
            return STATUS_NOT_SUPPORTED;
        }
        let info = mode();
        unsafe {
            width.write(info.Width);
            height.write(info.Height);
            format.write(info.ColorFormat);
        }
        STATUS_SUCCESS
    }

    pub unsafe fn system_display_write(
        this: PVOID,
        source: PVOID,
        width: UINT,
        height: UINT,
        stride: UINT,
        x: UINT,
        y: UINT,
    ) {
        let context = unsafe { context(this) };
        let (Some(room), Some(rows)) = (WIDTH.checked_sub(x), HEIGHT.checked_sub(y)) else {
            return;
        };
        let bytes = width.min(room) as usize * 4;
        for row in 0..height.min(rows) {
            let from = source.cast::<u8>().wrapping_add((row * stride) as usize);
            copy(context, from, bytes, (((y + row) * WIDTH + x) * 4) as usize);
        }
    }

    pub unsafe fn present_display_only(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let argument = unsafe { &*argument };
        if argument.NumDirtyRects == 0 {
            return STATUS_SUCCESS;
        }
        let count = argument.NumDirtyRects as usize;
        for rect in unsafe { slice::from_raw_parts(argument.pDirtyRect, count) } {
            let cut = |edge: i32, end: u32| edge.clamp(0, end.cast_signed()).cast_unsigned() as usize;
            let (left, right) = (cut(rect.left, WIDTH), cut(rect.right, WIDTH));
            for row in cut(rect.top, HEIGHT)..cut(rect.bottom, HEIGHT) {
                let from = row * argument.Pitch.cast_unsigned() as usize + left * 4;
                let from = argument.pSource.cast::<u8>().wrapping_add(from);
                let bytes = right.saturating_sub(left) * 4;
                copy(context, from, bytes, (row * WIDTH as usize + left) * 4);
            }
        }
        STATUS_SUCCESS
    }
}
