//! Children, POST, visibility, addresses, VSYNC, the bugcheck screen, the pointer.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use dxgk_port::Settings;
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::set_irql;
use super::common::miniport::{self as good, Context, TARGET, context};
use super::common::scenario;
use super::with;

saboteurs! {
    takes_the_post_display_twice breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_acquiring);
    });
    takes_the_post_display_when_it_is_shown breaks "L3" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_acquiring);
    });
    releases_and_leaves_a_mapping breaks "L4" => with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = Some(release_mapped);
    });
    releases_and_says_no_width breaks "L4" => released(|info| info.Width = 0xCCCC_CCCC);
    releases_with_a_short_pitch breaks "L4" => released(|info| info.Pitch = info.Width * 3);
    releases_in_24_bits breaks "L4" => released(|info| {
        info.ColorFormat = D3DDDIFORMAT::D3DDDIFMT_R8G8B8;
    });
    releases_another_target breaks "L4" => released(|info| info.TargetId = 0);
    releases_without_the_acpi_id breaks "L4" => released(|info| info.AcpiId = 0);
    releases_memory_of_others breaks "L4" => released(|info| info.PhysicAddress.QuadPart = 0x1000);
    releases_half_a_mode breaks "L4" => released(|info| info.Height = 0);
    interrupts_after_the_stop breaks "L4" => with(|table| {
        table.DxgkDdiRemoveDevice = Some(remove_notifying);
    });
    promises_a_release_without_a_callback breaks "G2" => with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = None;
    });
    has_a_pointer_but_no_shape breaks "G2" => with(|table| table.DxgkDdiSetPointerShape = None);
    has_sources_but_no_addresses breaks "G2" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = None;
    });
    a_bugcheck_queues_a_dpc breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_queueing);
    });
    a_bugcheck_has_no_size breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_sizeless);
    });
    a_bugcheck_has_256_colours breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_paletted);
    });
    a_bugcheck_allocates breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_allocating);
    });
    a_bugcheck_writes_its_source breaks "B2.13" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_scribbling);
    });
    a_bugcheck_lowers_the_irql breaks "B3" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_lowering);
    });
    a_child_is_nothing breaks "Q1" => child(|child| child.ChildDeviceType.0 = 0);
    a_child_is_of_a_later_version breaks "Q1" => child(|child| {
        child.ChildDeviceType = DXGK_CHILD_DEVICE_TYPE::TypeIntegratedDisplay;
    });
    a_child_has_reserved_awareness breaks "Q1" => child(|child| {
        child.ChildCapabilities.HpdAwareness = DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessNone;
    });
    a_child_has_the_adapters_id breaks "Q1" => child(|child| child.ChildUid = u32::MAX);
    a_child_has_no_connector breaks "Q1" => child(|child| {
        child.ChildCapabilities.Type.VideoOutput.InterfaceTechnology =
            D3DKMDT_VIDEO_OUTPUT_TECHNOLOGY::D3DKMDT_VOT_UNINITIALIZED;
    });
    a_child_leaves_its_orientation_unset breaks "Q1" => child(|child| {
        child.ChildCapabilities.Type.VideoOutput.MonitorOrientationAwareness.0 = 0;
    });
    a_child_of_no_use_has_capabilities breaks "Q1" => child(|child| {
        child.ChildDeviceType = DXGK_CHILD_DEVICE_TYPE::TypeOther;
        child.ChildCapabilities.HpdAwareness =
            DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessAlwaysConnected;
        child.ChildCapabilities.Type.Other.MustBeZero = 1;
    });
    a_child_has_no_status breaks "Q2" => with(|table| {
        table.DxgkDdiQueryChildStatus = Some(status_refused);
    });
    a_childs_status_is_unset breaks "Q2" => with(|table| {
        table.DxgkDdiQueryChildStatus = Some(status_unset);
    });
    a_childs_status_changes_its_question breaks "B2.13" => with(|table| {
        table.DxgkDdiQueryChildStatus = Some(status_of_another);
    });
    a_descriptor_is_too_long breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_one_more);
    });
    a_descriptor_never_ends breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_endless);
    });
    a_descriptor_has_a_hole breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_hole);
    });
    a_descriptor_ignores_its_offset breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_from_the_start);
    });
    a_descriptor_is_a_bad_parameter breaks "Q2" "G6" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_bad_parameter);
    });
    indicates_a_child_that_is_none breaks "Q3" => with(|table| {
        table.DxgkDdiDpcRoutine = Some(dpc_indicating_nobody);
    });
    indicates_what_is_always_there breaks "Q3" => with(|table| {
        table.DxgkDdiQueryChildRelations = Some(relations_connected);
    });
    indicates_what_it_then_denies breaks "Q3" => with(|table| {
        table.DxgkDdiQueryChildStatus = Some(status_stubborn);
    });
    indicates_a_turn_of_what_cannot_turn breaks "Q3" => with(|table| {
        table.DxgkDdiQueryChildRelations = Some(relations_rigid);
    });
    reports_another_target breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_of_nobody);
    });
    reports_as_a_display_only_driver breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_display_only);
    });
    reports_an_unknown_type breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_unknown);
    });
    reports_dma_after_vsync breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_reversed);
    });
    reports_vsync_without_sources breaks "I2" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiStartDevice = Some(start_render_only);
        table.DxgkDdiInterruptRoutine = Some(interrupt_always);
        let (port, _machine) = scenario::boot(&table, Settings::default());
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.interrupt(0);
        port.report()
    };
    takes_every_interrupt breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_anything);
    });
    refuses_vsync breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_nothing);
    });
    forgets_vsync breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_idle);
    });
    a_scan_line_is_unset breaks "I3" => with(|table| {
        table.DxgkDdiGetScanLine = Some(scan_line_unset);
    });
    a_blank_is_unset breaks "I3" => with(|table| {
        table.DxgkDdiGetScanLine = Some(blank_unset);
    });
    a_source_cannot_be_seen breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_refused);
    });
    visibility_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_written);
    });
    an_address_is_refused breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_refused);
    });
    an_address_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_written);
    });
    a_flip_allocates breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_allocating);
    });
    a_flip_synchronizes breaks "B3" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_synchronizing);
    });
    a_flip_never_happens breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_ignored);
    });
    an_invisible_source_has_no_address breaks "V5" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_null_address);
    });
    a_pointer_cannot_move breaks "V6" => with(|table| {
        table.DxgkDdiSetPointerPosition = Some(position_refused);
    });
    a_pointer_has_a_bad_shape breaks "V6" "G6" => with(|table| {
        table.DxgkDdiSetPointerShape = Some(shape_refused);
    });
}

/// A hand-over that says something else of what it left.
fn released(bend: fn(&mut DXGK_DISPLAY_INFORMATION)) -> dxgk_port::Report {
    static BEND: std::sync::Mutex<Option<fn(&mut DXGK_DISPLAY_INFORMATION)>> =
        std::sync::Mutex::new(None);
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ddi_fn! {
        unsafe fn release(
            this: PVOID,
            target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
            info: PDXGK_DISPLAY_INFORMATION,
        ) -> NTSTATUS {
            let pattern = unsafe { info.read() };
            let status = unsafe { good::stop_and_release(this, target, info) };
            BEND.lock().unwrap().unwrap()(unsafe { &mut *info });
            // 0xCC everywhere stands for what is not set.
            if unsafe { (*info).Width } == 0xCCCC_CCCC {
                unsafe { (*info).Width = pattern.Width };
            }
            status
        }
    }
    let one = ONE.lock();
    *BEND.lock().unwrap() = Some(bend);
    let report = with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = Some(release);
    });
    drop(one);
    report
}

/// A child that describes itself in another way; the adapter is only started.
fn child(bend: fn(&mut DXGK_CHILD_DESCRIPTOR)) -> dxgk_port::Report {
    static BEND: std::sync::Mutex<Option<fn(&mut DXGK_CHILD_DESCRIPTOR)>> =
        std::sync::Mutex::new(None);
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ddi_fn! {
        unsafe fn relations(
            this: PVOID,
            relations: *mut DXGK_CHILD_DESCRIPTOR,
            size: ULONG,
        ) -> NTSTATUS {
            let status = unsafe { good::query_child_relations(this, relations, size) };
            BEND.lock().unwrap().unwrap()(unsafe { &mut *relations });
            status
        }
    }
    let one = ONE.lock();
    *BEND.lock().unwrap() = Some(bend);
    let mut table = good::table(0x4002);
    table.DxgkDdiQueryChildRelations = Some(relations);
    let (port, _machine) = scenario::boot(&table, Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    drop(one);
    port.report()
}

/// The good relations with a change.
unsafe fn relations(
    this: PVOID,
    relations: *mut DXGK_CHILD_DESCRIPTOR,
    bend: impl FnOnce(&mut DXGK_CHILD_DESCRIPTOR),
) -> NTSTATUS {
    let status = unsafe { good::query_child_relations(this, relations, 0) };
    bend(unsafe { &mut *relations });
    status
}

fn pool(context: &Context) {
    let block = context.make(0u64);
    if !block.is_null() {
        context.free(block);
    }
}

fn dma(context: &Context) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED;
    good::notify(context, &mut data);
}

ddi_fn! {
    unsafe fn start_acquiring(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::start_device(this, info, interface, sources, children) };
        if status == STATUS_SUCCESS {
            good::acquire(unsafe { context(this) });
        }
        status
    }

    unsafe fn start_render_only(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::start_device(this, info, interface, sources, children) };
        unsafe { sources.write(0) };
        status
    }

    unsafe fn remove_notifying(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        set_irql(5);
        dma(context);
        good::queue_dpc(context);
        set_irql(0);
        unsafe { good::remove_device(this) }
    }

    unsafe fn release_mapped(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        info: PDXGK_DISPLAY_INFORMATION,
    ) -> NTSTATUS {
        unsafe { context(this) }.framebuffer = ptr::null_mut();
        unsafe { good::stop_and_release(this, target, info) }
    }

    unsafe fn enable_queueing(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        good::queue_dpc(unsafe { context(this) });
        unsafe { good::system_display_enable(this, target, flags, width, height, format) }
    }

    unsafe fn enable_sizeless(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        let unset = unsafe { height.read() };
        let status =
            unsafe { good::system_display_enable(this, target, flags, width, height, format) };
        unsafe { height.write(unset) };
        status
    }

    unsafe fn enable_paletted(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        let status =
            unsafe { good::system_display_enable(this, target, flags, width, height, format) };
        unsafe { format.write(D3DDDIFORMAT::D3DDDIFMT_P8) };
        status
    }

    unsafe fn write_allocating(
        this: PVOID,
        _source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        pool(unsafe { context(this) });
    }

    unsafe fn write_scribbling(
        _this: PVOID,
        source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        unsafe { source.cast::<u32>().write(1) };
    }

    unsafe fn write_lowering(
        _this: PVOID,
        _source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        set_irql(2);
    }

    unsafe fn status_refused(
        _this: PVOID,
        _status: *mut DXGK_CHILD_STATUS,
        _non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn status_unset(
        _this: PVOID,
        _status: *mut DXGK_CHILD_STATUS,
        _non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn status_of_another(
        this: PVOID,
        status: *mut DXGK_CHILD_STATUS,
        non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        let answer = unsafe { good::query_child_status(this, status, non_destructive) };
        unsafe { (*status).ChildUid = 9 };
        answer
    }

    unsafe fn status_stubborn(
        this: PVOID,
        status: *mut DXGK_CHILD_STATUS,
        non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        let answer = unsafe { good::query_child_status(this, status, non_destructive) };
        if unsafe { (*status).Type } == DXGK_CHILD_STATUS_TYPE::StatusConnection {
            unsafe { (*status).u0.HotPlug.Connected = 1 };
        }
        answer
    }

    unsafe fn descriptor_one_more(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let status = unsafe { good::query_device_descriptor(this, uid, descriptor) };
        if status == STATUS_SUCCESS {
            let descriptor = unsafe { &*descriptor };
            let end = descriptor.DescriptorLength as usize;
            unsafe { descriptor.DescriptorBuffer.cast::<u8>().add(end).write(0) };
        }
        status
    }

    unsafe fn descriptor_endless(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let status = unsafe { good::query_device_descriptor(this, uid, descriptor) };
        if status == STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA {
            let descriptor = unsafe { &*descriptor };
            let bytes = descriptor.DescriptorLength as usize;
            unsafe { descriptor.DescriptorBuffer.cast::<u8>().write_bytes(0, bytes) };
            return STATUS_SUCCESS;
        }
        status
    }

    unsafe fn descriptor_hole(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let given = unsafe { &*descriptor };
        let unset = unsafe { given.DescriptorBuffer.cast::<u8>().read() };
        let status = unsafe { good::query_device_descriptor(this, uid, descriptor) };
        if status == STATUS_SUCCESS && given.DescriptorLength != 0 {
            unsafe { given.DescriptorBuffer.cast::<u8>().write(unset) };
        }
        status
    }

    unsafe fn descriptor_from_the_start(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let mut given = unsafe { descriptor.read() };
        given.DescriptorOffset = 0;
        unsafe { good::query_device_descriptor(this, uid, &raw mut given) }
    }

    unsafe fn descriptor_bad_parameter(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        match unsafe { good::query_device_descriptor(this, uid, descriptor) } {
            STATUS_MONITOR_NO_MORE_DESCRIPTOR_DATA => STATUS_INVALID_PARAMETER,
            status => status,
        }
    }

    unsafe fn dpc_indicating_nobody(this: PVOID) {
        unsafe { good::dpc_routine(this) };
        good::indicate_connection(unsafe { context(this) }, TARGET + 1, true);
    }

    unsafe fn relations_connected(
        this: PVOID,
        list: *mut DXGK_CHILD_DESCRIPTOR,
        _size: ULONG,
    ) -> NTSTATUS {
        unsafe {
            relations(this, list, |child| {
                child.ChildCapabilities.HpdAwareness =
                    DXGK_CHILD_DEVICE_HPD_AWARENESS::HpdAwarenessAlwaysConnected;
            })
        }
    }

    unsafe fn relations_rigid(
        this: PVOID,
        list: *mut DXGK_CHILD_DESCRIPTOR,
        _size: ULONG,
    ) -> NTSTATUS {
        unsafe {
            relations(this, list, |child| {
                child.ChildCapabilities.Type.VideoOutput.MonitorOrientationAwareness =
                    D3DKMDT_MONITOR_ORIENTATION_AWARENESS::D3DKMDT_MOA_POLLED;
            })
        }
    }

    unsafe fn interrupt_of_nobody(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        if context.screen.vsync.load(Relaxed) {
            let address = context.screen.address.load(Relaxed);
            good::report_vsync(context, false, TARGET, address);
            good::report_vsync(context, false, TARGET + 1, address);
        }
        good::queue_dpc(context);
        1
    }

    unsafe fn interrupt_display_only(this: PVOID, message: ULONG) -> BOOLEAN {
        good::report_vsync(unsafe { context(this) }, true, TARGET, 0);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn interrupt_unknown(this: PVOID, message: ULONG) -> BOOLEAN {
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        good::notify(unsafe { context(this) }, &mut data);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn interrupt_reversed(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        good::retrace(context);
        dma(context);
        good::queue_dpc(context);
        1
    }

    unsafe fn interrupt_always(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        good::report_vsync(context, false, TARGET, 0);
        good::queue_dpc(context);
        1
    }

    /// Nothing is scanned out of an invisible source, says this one.
    unsafe fn interrupt_null_address(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        let screen = &context.screen;
        let visible = screen.visible.load(Relaxed);
        let address = if visible { screen.address.load(Relaxed) } else { u64::MAX };
        if screen.vsync.load(Relaxed) {
            good::report_vsync(context, false, TARGET, address);
        }
        good::queue_dpc(context);
        1
    }

    unsafe fn control_anything(
        this: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        enable: BOOLEAN,
    ) -> NTSTATUS {
        unsafe { good::control_interrupt(this, kind, enable) };
        STATUS_SUCCESS
    }

    unsafe fn control_nothing(
        _this: HANDLE,
        _kind: DXGK_INTERRUPT_TYPE,
        _enable: BOOLEAN,
    ) -> NTSTATUS {
        STATUS_NOT_IMPLEMENTED
    }

    unsafe fn control_idle(
        _this: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        _enable: BOOLEAN,
    ) -> NTSTATUS {
        if kind == DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC {
            STATUS_SUCCESS
        } else {
            STATUS_NOT_IMPLEMENTED
        }
    }

    unsafe fn scan_line_unset(_this: HANDLE, argument: INOUT_PDXGKARG_GETSCANLINE) -> NTSTATUS {
        unsafe { (*argument).InVerticalBlank = 1 };
        STATUS_SUCCESS
    }

    unsafe fn blank_unset(_this: HANDLE, argument: INOUT_PDXGKARG_GETSCANLINE) -> NTSTATUS {
        unsafe { (*argument).ScanLine = 1 };
        STATUS_SUCCESS
    }

    unsafe fn visible_acquiring(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        good::acquire(unsafe { context(this) });
        unsafe { good::set_visibility(this, argument) }
    }

    unsafe fn visible_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn visible_written(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        let status = unsafe { good::set_visibility(this, argument) };
        unsafe { (*argument.cast_mut()).VidPnSourceId = 9 };
        status
    }

    unsafe fn address_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn address_written(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let status = unsafe { good::set_address(this, argument) };
        unsafe { (*argument.cast_mut()).hAllocation = ptr::null_mut() };
        status
    }

    unsafe fn address_allocating(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        pool(unsafe { context(this) });
        unsafe { good::set_address(this, argument) }
    }

    unsafe fn address_synchronizing(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let (mut answer, routine) = (0, nothing as KSYNCHRONIZE_ROUTINE);
        let call = context.interface.DxgkCbSynchronizeExecution.unwrap();
        let handle = context.interface.DeviceHandle;
        unsafe { call(handle, Some(routine), ptr::null_mut(), 0, &raw mut answer) };
        unsafe { good::set_address(this, argument) }
    }

    unsafe fn nothing(_context: PVOID) -> BOOLEAN {
        1
    }

    unsafe fn address_ignored(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let mode = DXGK_SETVIDPNSOURCEADDRESS_FLAGS::ModeChange;
        if unsafe { (*argument).Flags }.contains(mode) {
            return unsafe { good::set_address(this, argument) };
        }
        STATUS_SUCCESS
    }

    unsafe fn position_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERPOSITION,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn shape_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERSHAPE,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }
}
