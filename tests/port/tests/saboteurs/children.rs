//! Child devices: relations, status, descriptors, indications.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::sync::atomic::Ordering::Relaxed;

use dxgk_port::Settings;
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::{self as good, TARGET, context};
use super::common::scenario;
use super::with;

saboteurs! {
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
    two_children_share_an_id breaks "Q1" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiStartDevice = Some(start_with_twins);
        table.DxgkDdiQueryChildRelations = Some(relations_of_twins);
        let (port, _machine) = scenario::boot(&table, Settings::default());
        port.add_device(0).unwrap().start().unwrap();
        port.report()
    };
    a_child_says_neither_yes_nor_no breaks "Q1" => child(|child| {
        child.ChildCapabilities.Type.VideoOutput.SupportsSdtvModes = 2;
    });
    a_monitors_angle_is_unset breaks "Q2" => with(|table| {
        table.DxgkDdiQueryChildStatus = Some(status_without_angle);
    });
    a_descriptor_changes_its_question breaks "B2.13" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_written);
    });
    a_portion_is_of_the_first_block breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_of_blocks);
    });
    indicates_nothing_in_particular breaks "Q3" => with(|table| {
        table.DxgkDdiDpcRoutine = Some(dpc_indicating_nothing);
    });
    indicates_more_than_yes breaks "Q3" => with(|table| {
        table.DxgkDdiDpcRoutine = Some(dpc_indicating_more);
    });
    a_descriptor_wraps_around breaks "Q2" => with(|table| {
        table.DxgkDdiQueryDeviceDescriptor = Some(descriptor_of_low_words);
    });
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

ddi_fn! {
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

    unsafe fn start_with_twins(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::start_device(this, info, interface, sources, children) };
        unsafe { children.write(2) };
        status
    }

    unsafe fn relations_of_twins(
        this: PVOID,
        list: *mut DXGK_CHILD_DESCRIPTOR,
        size: ULONG,
    ) -> NTSTATUS {
        unsafe { good::query_child_relations(this, list.add(1), size) };
        unsafe { good::query_child_relations(this, list, size) }
    }

    unsafe fn status_without_angle(
        this: PVOID,
        status: *mut DXGK_CHILD_STATUS,
        non_destructive: BOOLEAN,
    ) -> NTSTATUS {
        if unsafe { (*status).Type } == DXGK_CHILD_STATUS_TYPE::StatusRotation {
            return STATUS_SUCCESS;
        }
        unsafe { good::query_child_status(this, status, non_destructive) }
    }

    unsafe fn descriptor_written(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let status = unsafe { good::query_device_descriptor(this, uid, descriptor) };
        unsafe { (*descriptor).DescriptorLength += 1 };
        status
    }

    /// Whole blocks are right, and nothing else.
    unsafe fn descriptor_of_blocks(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let mut given = unsafe { descriptor.read() };
        if given.DescriptorLength != 128 {
            given.DescriptorOffset -= given.DescriptorOffset % 128;
        }
        unsafe { good::query_device_descriptor(this, uid, &raw mut given) }
    }

    unsafe fn dpc_indicating_nothing(this: PVOID) {
        unsafe { good::dpc_routine(this) };
        let mut status = DXGK_CHILD_STATUS::ZERO;
        status.ChildUid = TARGET;
        good::indicate(unsafe { context(this) }, &mut status);
    }

    unsafe fn dpc_indicating_more(this: PVOID) {
        unsafe { good::dpc_routine(this) };
        let mut status = DXGK_CHILD_STATUS::ZERO;
        status.Type = DXGK_CHILD_STATUS_TYPE::StatusConnection;
        status.ChildUid = TARGET;
        let unplugged = unsafe { context(this) }.machine().unplugged.load(Relaxed);
        status.u0.HotPlug.Connected = if unplugged { 0 } else { 2 };
        good::indicate(unsafe { context(this) }, &mut status);
    }

    unsafe fn descriptor_of_low_words(
        this: PVOID,
        uid: ULONG,
        descriptor: *mut DXGK_DEVICE_DESCRIPTOR,
    ) -> NTSTATUS {
        let mut given = unsafe { descriptor.read() };
        given.DescriptorOffset &= 0xFFFF;
        unsafe { good::query_device_descriptor(this, uid, &raw mut given) }
    }
}
