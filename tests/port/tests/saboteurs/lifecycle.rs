//! Registration, start, stop, remove, power, requests.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_port::{Port, Settings};
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::{self, Machine, set_irql};
use super::common::miniport::{self as good, context};
use super::common::scenario;
use super::with;

saboteurs! {
    driver_entry_hides_a_failure breaks "G1" => {
        let (port, _machine) = scenario::boot(&good::table(0x4002), Settings::default());
        port.driver_entry_returned(STATUS_UNSUCCESSFUL);
        port.report()
    };
    registers_twice breaks "G1" => {
        let (port, _machine) = scenario::boot(&good::table(0x4002), Settings::default());
        let mut path = UNICODE_STRING::ZERO;
        let object = ptr::without_provenance_mut(0x1000);
        unsafe { port.register(object, &raw mut path, &good::table(0x4002)) };
        port.report()
    };
    creates_contexts_and_destroys_none breaks "G2" => with(|table| {
        table.DxgkDdiCreateContext = Some(create_context);
        table.DxgkDdiDestroyContext = None;
    });
    has_sources_but_no_vidpn_callbacks breaks "G2" => with(|table| {
        table.DxgkDdiIsSupportedVidPn = None;
    });
    has_children_but_no_callbacks breaks "G2" => with(|table| {
        table.DxgkDdiQueryChildStatus = None;
    });
    registers_without_a_path breaks "G1" => {
        let port = Port::new(Machine::new(), Settings::default());
        let object = ptr::without_provenance_mut(0x1000);
        unsafe { port.register(object, ptr::null_mut(), &raw const *Box::new(good::table(0x4002))) };
        port.report()
    };
    remove_leaves_a_mapping breaks "L5" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiRemoveDevice = Some(remove_mapped);
        let (port, _machine) = scenario::boot(&table, Settings::default());
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.remove().unwrap();
        port.report()
    };
    remove_keeps_a_block_without_a_tag breaks "L5" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiRemoveDevice = Some(remove_keeping);
        let (port, machine) = scenario::boot(&table, Settings::default());
        machine.hide_tags.store(true, std::sync::atomic::Ordering::Relaxed);
        let adapter = port.add_device(0).unwrap();
        adapter.remove().unwrap();
        port.report()
    };
    stop_returns_pending breaks "G6" => with(|table| table.DxgkDdiStopDevice = Some(stop_pending));
    declares_an_unknown_version breaks "L1" => with(|table| table.Version = 0x4001);
    sets_a_reserved_member breaks "L1" => with(|table| {
        table.Reserved = ptr::without_provenance_mut(8);
    });
    add_leaves_the_context_unset breaks "L2" => with(|table| {
        table.DxgkDdiAddDevice = Some(add_nothing);
    });
    start_never_asks_for_resources breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_without_asking);
    });
    start_leaves_children_unset breaks "L3" "Q1" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_leaves_children);
    });
    start_leaves_sources_unset breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_leaves_sources);
    });
    start_maps_beyond_the_bar breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_maps_too_much);
    });
    start_maps_registers_cached breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_maps_cached);
    });
    start_maps_one_page_in_two_ways breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_maps_twice);
    });
    failed_start_leaves_a_mapping breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_fails_mapped);
    });
    failed_start_leaves_a_block breaks "L3" "L5" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_fails_allocated);
    });
    stop_leaves_a_mapping breaks "L4" => with(|table| table.DxgkDdiStopDevice = Some(stop_mapped));
    stop_unmaps_twice breaks "L4" => with(|table| table.DxgkDdiStopDevice = Some(stop_twice));
    remove_keeps_a_block breaks "L5" => with(|table| {
        table.DxgkDdiRemoveDevice = Some(remove_keeping);
    });
    power_state_fails breaks "L6" "G6" => with(|table| {
        table.DxgkDdiSetPowerState = Some(power_fails);
    });
    reset_queues_a_dpc breaks "L7" => with(|table| table.DxgkDdiResetDevice = Some(reset_queues));
    surprise_removal_fails breaks "L8" "G6" => {
        let report = with(|table| table.DxgkDdiNotifySurpriseRemoval = Some(surprise_fails));
        // Windows calls no DDI any more, and restarts.
        let bugcheck = report.bugcheck.as_ref().expect("the machine stops");
        assert_eq!((bugcheck.ddi, bugcheck.parameters[0]), ("NotifySurpriseRemoval", 0xC000_0001));
        assert!(!report.calls.contains_key("RemoveDevice"));
        report
    };
    unknown_interface_is_a_bad_parameter breaks "L9" => with(|table| {
        table.DxgkDdiQueryInterface = Some(interface_bad_parameter);
    });
    unknown_request_succeeds breaks "L9" => with(|table| {
        table.DxgkDdiDispatchIoRequest = Some(request_succeeds);
    });
    last_child_is_written breaks "Q1" => with(|table| {
        table.DxgkDdiQueryChildRelations = Some(children_one_too_many);
    });
    child_relations_fail breaks "Q1" => with(|table| {
        table.DxgkDdiQueryChildRelations = Some(children_fail);
    });
    returns_at_another_irql breaks "B3" => with(|table| {
        table.DxgkDdiNotifyAcpiEvent = Some(acpi_raises);
    });
}

/// The good start.
unsafe fn start(
    this: PVOID,
    info: *mut DXGK_START_INFO,
    interface: *mut DXGKRNL_INTERFACE,
    sources: *mut ULONG,
    children: *mut ULONG,
) -> NTSTATUS {
    unsafe { good::start_device(this, info, interface, sources, children) }
}

/// Starts of which only the end differs.
macro_rules! after_start {
    ($($name:ident($context:ident, $sources:ident, $children:ident) $end:block)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                this: PVOID,
                info: *mut DXGK_START_INFO,
                interface: *mut DXGKRNL_INTERFACE,
                $sources: *mut ULONG,
                $children: *mut ULONG,
            ) -> NTSTATUS {
                let unset = unsafe { $children.read() };
                let status = unsafe { start(this, info, interface, $sources, $children) };
                if status != STATUS_SUCCESS {
                    return status;
                }
                let $context = unsafe { context(this) };
                let ($sources, $children) = unsafe { (&mut *$sources, &mut *$children) };
                let _ = (&$context, &$sources);
                let outcome: Outcome = $end;
                match outcome {
                    Outcome::Success => STATUS_SUCCESS,
                    Outcome::Unset => {
                        *$children = unset;
                        STATUS_SUCCESS
                    }
                    Outcome::NoSources => {
                        *$sources = unset;
                        STATUS_SUCCESS
                    }
                    Outcome::Failure => STATUS_UNSUCCESSFUL,
                    Outcome::Stale => STATUS_GRAPHICS_STALE_MODESET,
                }
            }
        )*}
    };
}

enum Outcome {
    Success,
    Unset,
    NoSources,
    Failure,
    Stale,
}

after_start! {
    start_leaves_children(_context, _sources, _children) { Outcome::Unset }
    start_leaves_sources(_context, _sources, _children) { Outcome::NoSources }
    start_maps_too_much(context, _sources, _children) {
        let mut mapped = ptr::null_mut();
        let plain = MEMORY_CACHING_TYPE::MmNonCached;
        good::map(context, machine::REGISTERS, machine::REGISTER_BYTES + 1, plain, &raw mut mapped);
        Outcome::Success
    }
    start_maps_cached(context, _sources, _children) {
        good::unmap(context);
        let mut mapped = ptr::null_mut();
        let cached = MEMORY_CACHING_TYPE::MmCached;
        good::map(context, machine::REGISTERS, machine::REGISTER_BYTES, cached, &raw mut mapped);
        context.registers = mapped;
        Outcome::Success
    }
    start_maps_twice(context, _sources, _children) {
        let unmap = context.interface.DxgkCbUnmapMemory.unwrap();
        let mut mapped = ptr::null_mut();
        let plain = MEMORY_CACHING_TYPE::MmNonCached;
        good::map(context, machine::FRAMEBUFFER + 4096, 4096, plain, &raw mut mapped);
        unsafe { unmap(context.interface.DeviceHandle, mapped) };
        Outcome::Success
    }
    start_fails_mapped(context, _sources, _children) {
        context.framebuffer = ptr::null_mut();
        good::unmap(context);
        Outcome::Failure
    }
    start_leaves_the_screen(context, _sources, _children) {
        good::unmap(context);
        Outcome::Stale
    }
    start_fails_allocated(context, _sources, _children) {
        good::unmap(context);
        context.make(0u64);
        Outcome::Failure
    }
}

/// B2.12: the screen is in a mode that no other driver can use.
#[test]
fn windows_would_stop_where_a_failed_start_has_changed_the_screen() {
    let report = with(|table| table.DxgkDdiStartDevice = Some(start_leaves_the_screen));
    let bugcheck = report.bugcheck.expect("the machine stops");
    assert_eq!(
        (bugcheck.ddi, bugcheck.parameters[0]),
        ("StartDevice", 0xC01E_0320)
    );
    assert_eq!(report.calls["StartDevice"].count, 1);
    assert!(!report.calls.contains_key("RemoveDevice"));
}

ddi_fn! {
    unsafe fn create_context(_device: HANDLE, _argument: *mut DXGKARG_CREATECONTEXT) -> NTSTATUS {
        STATUS_NO_MEMORY
    }

    unsafe fn add_nothing(_object: *mut DEVICE_OBJECT, _out: *mut PVOID) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn start_without_asking(
        this: PVOID,
        _info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let bytes = unsafe { (*interface).Size } as usize;
        let copy = (&raw mut context.interface).cast::<u8>();
        unsafe {
            ptr::copy_nonoverlapping(interface.cast::<u8>(), copy, bytes);
            sources.write(1);
            children.write(1);
        }
        STATUS_SUCCESS
    }

    unsafe fn stop_pending(this: PVOID) -> NTSTATUS {
        unsafe { good::stop_device(this) };
        STATUS_PENDING
    }

    unsafe fn stop_mapped(this: PVOID) -> NTSTATUS {
        unsafe { context(this) }.framebuffer = ptr::null_mut();
        unsafe { good::stop_device(this) }
    }

    unsafe fn stop_twice(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        let registers = context.registers;
        let status = unsafe { good::stop_device(this) };
        context.registers = registers;
        unsafe { good::stop_device(this) };
        status
    }

    unsafe fn remove_mapped(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        context.framebuffer = ptr::null_mut();
        unsafe { good::remove_device(this) }
    }

    unsafe fn remove_keeping(this: PVOID) -> NTSTATUS {
        unsafe { context(this) }.make(0u64);
        unsafe { good::remove_device(this) }
    }

    unsafe fn power_fails(
        _this: PVOID,
        _device: ULONG,
        _state: DEVICE_POWER_STATE,
        _action: POWER_ACTION,
    ) -> NTSTATUS {
        STATUS_UNSUCCESSFUL
    }

    unsafe fn reset_queues(this: PVOID) {
        let context = unsafe { context(this) };
        unsafe { context.interface.DxgkCbQueueDpc.unwrap()(context.interface.DeviceHandle) };
    }

    unsafe fn surprise_fails(_this: PVOID, _kind: DXGK_SURPRISE_REMOVAL_TYPE) -> NTSTATUS {
        STATUS_UNSUCCESSFUL
    }

    unsafe fn interface_bad_parameter(_this: PVOID, _request: PQUERY_INTERFACE) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn request_succeeds(
        _this: PVOID,
        _source: ULONG,
        _packet: PVIDEO_REQUEST_PACKET,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    unsafe fn children_one_too_many(
        this: PVOID,
        relations: *mut DXGK_CHILD_DESCRIPTOR,
        size: ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::query_child_relations(this, relations, size) };
        unsafe { (*relations.add(1)).ChildUid = 1 };
        status
    }

    unsafe fn children_fail(
        _this: PVOID,
        _relations: *mut DXGK_CHILD_DESCRIPTOR,
        _size: ULONG,
    ) -> NTSTATUS {
        STATUS_NO_MEMORY
    }

    unsafe fn acpi_raises(
        _this: PVOID,
        _kind: DXGK_EVENT_TYPE,
        _event: ULONG,
        _argument: PVOID,
        flags: *mut ULONG,
    ) -> NTSTATUS {
        unsafe { flags.write(0) };
        set_irql(2);
        STATUS_SUCCESS
    }
}
