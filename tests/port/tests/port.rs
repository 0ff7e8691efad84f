//! The port itself: what it does for a driver that does nothing wrong.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

mod common;

use std::ptr;
use std::time::{Duration, Instant};

use common::machine::Machine;
use common::miniport::{self as good, Blob};
use common::scenario;
use dxgk_port::{
    Adapter, Create, Into, Port, STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Settings,
    Standard, dpi_initialize,
};
use dxgk_sys::status::*;
use dxgk_sys::*;

/// The good miniport, started.
fn started(settings: Settings) -> (Port, Adapter, std::sync::Arc<Machine>) {
    let (port, machine) = scenario::boot(&good::table(0x4002), settings);
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    (port, adapter, machine)
}

/// Ends the driver's life; nothing may have gone wrong in it.
fn end(port: &Port, adapter: &Adapter) {
    adapter.stop().unwrap();
    adapter.remove().unwrap();
    port.unload();
    let report = port.report();
    assert!(
        report.is_clean(),
        "{:#?}\n{:#?}",
        report.violations,
        report.leaks
    );
}

#[test]
fn a_registration_finds_its_port_by_the_driver_object() {
    let port = Port::new(Machine::new(), Settings::default());
    let object = ptr::without_provenance_mut(0x5555_0000);
    port.expect(object);
    let mut path = UNICODE_STRING::ZERO;
    let table = good::table(0x4002);
    let other = ptr::without_provenance_mut(0x6666_0000);
    unsafe {
        assert_eq!(
            dpi_initialize(other, &raw mut path, &raw const table),
            STATUS_INVALID_PARAMETER
        );
        assert_eq!(
            dpi_initialize(object, &raw mut path, &raw const table),
            STATUS_SUCCESS
        );
    }
    assert!(port.add_device(0).is_ok());
}

#[test]
fn calls_out_of_order_are_refused_by_the_port() {
    let port = Port::new(Machine::new(), Settings::default());
    assert_eq!(port.add_device(0).err(), Some(STATUS_INVALID_DEVICE_STATE));
    let (port, adapter, _machine) = started(Settings::default());
    assert_eq!(adapter.start().err(), Some(STATUS_INVALID_DEVICE_STATE));
    adapter.stop().unwrap();
    assert_eq!(adapter.stop(), Err(STATUS_INVALID_DEVICE_STATE));
    adapter.start().unwrap();
    end(&port, &adapter);
    assert_eq!(adapter.remove(), Err(STATUS_INVALID_DEVICE_STATE));
}

#[test]
fn a_missing_callback_is_not_called() {
    let mut table = good::table(0x4002);
    table.DxgkDdiDescribeAllocation = None;
    let (port, _machine) = scenario::boot(&table, Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    let device = scenario::device(&adapter).unwrap();
    let blob = Blob::new(8, 8).bytes();
    let create = Create {
        group: &[],
        elements: &[&blob],
        into: Into::Device,
    };
    let made = device.create(&create).unwrap();
    assert_eq!(
        adapter.describe(made.allocations[0]).err(),
        Some(STATUS_PROCEDURE_NOT_FOUND)
    );
    end(&port, &adapter);
}

#[test]
fn members_beyond_the_declared_version_are_not_read() {
    let mut table = good::table(0x4002);
    // Beyond the 712 bytes of WDDM 1.3: must not count as registered.
    table.Reserved1 = ptr::without_provenance_mut(8);
    let report = scenario::run(&table);
    assert!(report.is_clean(), "{:#?}", report.violations);
}

#[test]
fn removal_comes_without_a_stop() {
    let (port, adapter, _machine) = started(Settings::default());
    let device = scenario::device(&adapter).unwrap();
    device
        .create_standard(&Standard::Staging {
            width: 8,
            height: 8,
        })
        .unwrap();
    adapter.remove().unwrap();
    port.unload();
    assert!(port.report().is_clean(), "{:#?}", port.report().violations);
}

#[test]
fn a_resource_outlives_its_creator() {
    let (port, adapter, _machine) = started(Settings::default());
    let [one, two] = [(), ()].map(|()| scenario::device(&adapter).unwrap());
    let blob = Blob::new(8, 8).bytes();
    let create = Create {
        group: b"shared",
        elements: &[&blob, &blob],
        into: Into::NewResource,
    };
    let made = one.create(&create).unwrap();
    let resource = made.resource.unwrap();
    two.open(resource).unwrap();
    assert_eq!(adapter.live().openings, 4);
    assert_ne!(
        one.opening(made.allocations[0]),
        two.opening(made.allocations[0])
    );
    one.destroy().unwrap();
    assert_eq!(
        (adapter.live().allocations, adapter.live().openings),
        (2, 2)
    );
    two.close(resource).unwrap();
    assert_eq!(adapter.live().allocations, 0);
    assert_eq!(adapter.live().resources, 0);
    assert_eq!(two.close(resource), Err(STATUS_INVALID_HANDLE));
    end(&port, &adapter);
}

#[test]
fn raw_calls_see_exactly_what_the_test_built() {
    let (port, adapter, _machine) = started(Settings::default());
    let raw = adapter.raw();
    let mut blob = Blob::new(8, 8).bytes();
    let mut info = DXGK_ALLOCATIONINFO::ZERO;
    info.pPrivateDriverData = blob.as_mut_ptr().cast();
    info.PrivateDriverDataSize = 15;
    let mut argument = DXGKARG_CREATEALLOCATION::ZERO;
    argument.NumAllocations = 1;
    argument.pAllocationInfo = &raw mut info;
    unsafe {
        assert_eq!(
            raw.create_allocation(&mut argument),
            STATUS_INVALID_PARAMETER
        );
        info.PrivateDriverDataSize = 16;
        argument.pAllocationInfo = &raw mut info;
        assert_eq!(raw.create_allocation(&mut argument), STATUS_SUCCESS);
    }
    // Adopted, it can be opened and destroyed like any other.
    let made = raw.adopt(&[info], None);
    assert_eq!(
        adapter
            .allocation(made.allocations[0])
            .unwrap()
            .driver_handle,
        info.hAllocation
    );
    let device = scenario::device(&adapter).unwrap();
    device.open_allocations(&made.allocations).unwrap();
    device.destroy_allocations(&made.allocations).unwrap();
    end(&port, &adapter);
}

#[test]
fn every_call_leaves_a_line_of_trace() {
    let (port, adapter, machine) = started(Settings::default().with_trace());
    let device = scenario::device(&adapter).unwrap();
    let blob = Blob::new(8, 8).bytes();
    let create = Create {
        group: &[],
        elements: &[&blob, &[]],
        into: Into::Device,
    };
    assert_eq!(device.create(&create), Err(STATUS_INVALID_PARAMETER));
    end(&port, &adapter);
    let lines = machine.lines.lock().unwrap();
    let wanted = "CreateAllocation(n=2, resource 0) -> 0xc000000d";
    assert!(lines.iter().any(|line| line == wanted), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "Unload()");
}

#[test]
fn the_report_is_json() {
    let mut table = good::table(0x4002);
    table.DxgkDdiControlEtwLogging = None;
    table.Reserved = ptr::without_provenance_mut(8);
    let report = scenario::run(&table);
    let json = serde_json::to_value(&report).unwrap();
    assert_eq!(json["calls"]["StartDevice"]["statuses"]["0x00000000"], 4);
    assert_eq!(json["violations"][0]["rule"], "L1");
    assert_eq!(json["leaks"], serde_json::json!([]));
    assert_eq!(json["pool"]["blocks"], 0);
    assert!(json["checked"]["C13"].as_u64() > Some(10));
    assert!(json["callbacks"]["DxgkCbGetHandleData"].as_u64() > Some(10));
}

#[test]
fn unsupported_callbacks_are_named() {
    ddi_fn! {
        unsafe fn asks_for_presence(this: PVOID) -> NTSTATUS {
            let context = unsafe { good::context(this) };
            let ask = context.interface.DxgkCbIsDevicePresent.unwrap();
            let handle = context.interface.DeviceHandle;
            let status = unsafe { ask(handle, ptr::null_mut(), ptr::null_mut()) };
            assert_eq!(status, STATUS_NOT_SUPPORTED);
            unsafe { good::stop_device(this) }
        }
    }
    let mut table = good::table(0x4002);
    table.DxgkDdiStopDevice = Some(asks_for_presence);
    let report = scenario::run(&table);
    assert!(report.is_clean());
    assert!(report.unsupported["DxgkCbIsDevicePresent"] > 0);
}

#[test]
fn handles_resolve_to_what_the_driver_gave() {
    ddi_fn! {
        /// Asks for everything that the interface knows of the allocations that it opens.
        unsafe fn open_asks(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
            let status = unsafe { good::open_allocation(device, argument) };
            let context = unsafe { &*(*device.cast::<good::Device>()).context };
            let interface = &context.interface;
            let info = unsafe { *(*argument).pOpenAllocation };
            let parent = unsafe { interface.DxgkCbGetHandleParent.unwrap()(info.hAllocation) };
            if status != STATUS_SUCCESS || parent == 0 {
                return status;
            }
            let data = |object, kind| {
                let request = DXGKARGCB_GETHANDLEDATA {
                    hObject: object,
                    Type: kind,
                    Flags: DXGKCB_GETHANDLEDATAFLAGS::empty(),
                };
                unsafe { interface.DxgkCbGetHandleData.unwrap()(&raw const request) }
            };
            let child = DXGKARGCB_ENUMHANDLECHILDREN { hObject: parent, Index: 0 };
            let child = unsafe { interface.DxgkCbEnumHandleChildren.unwrap()(&raw const child) };
            let kind = DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION;
            assert_eq!(data(child, kind), data(info.hAllocation, kind));
            assert!(!data(parent, DXGK_HANDLE_TYPE::DXGK_HANDLE_RESOURCE).is_null());
            status
        }
    }
    let mut table = good::table(0x4002);
    table.DxgkDdiOpenAllocation = Some(open_asks);
    let (port, _machine) = scenario::boot(&table, Settings::default());
    let adapter = port.add_device(0).unwrap();
    adapter.start().unwrap();
    let device = scenario::device(&adapter).unwrap();
    let blob = Blob::new(8, 8).bytes();
    let create = Create {
        group: &[],
        elements: &[&blob, &blob],
        into: Into::NewResource,
    };
    device.create(&create).unwrap();
    end(&port, &adapter);
    let callbacks = port.report().callbacks;
    assert_eq!(callbacks["DxgkCbEnumHandleChildren"], 1);
    assert_eq!(callbacks["DxgkCbGetHandleParent"], 1);
}

#[test]
fn two_adapters_live_side_by_side() {
    let (port, one, _machine) = started(Settings::default());
    let two = port.add_device(1).unwrap();
    two.start().unwrap();
    assert_ne!(one.context(), two.context());
    let device = scenario::device(&two).unwrap();
    device
        .create_standard(&Standard::Staging {
            width: 8,
            height: 8,
        })
        .unwrap();
    two.stop().unwrap();
    two.remove().unwrap();
    end(&port, &one);
}

#[test]
fn threads_share_a_port() {
    let (port, adapter, _machine) = started(Settings::default());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let device = scenario::device(&adapter).unwrap();
                let blob = Blob::new(8, 8).bytes();
                let create = Create {
                    group: &[],
                    elements: &[&blob[..]; 4],
                    into: Into::NewResource,
                };
                for _ in 0..100 {
                    let made = device.create(&create).unwrap();
                    adapter
                        .set_power(
                            DEVICE_POWER_STATE::PowerDeviceD0,
                            POWER_ACTION::PowerActionNone,
                        )
                        .unwrap();
                    device.destroy_allocations(&made.allocations[..2]).unwrap();
                    device.destroy_resource(made.resource.unwrap()).unwrap();
                }
                device.destroy().unwrap();
            });
        }
    });
    assert_eq!(adapter.live(), dxgk_port::Live::default());
    end(&port, &adapter);
}

/// So many resources of twelve allocations, opened by three devices: how long their lives take.
fn lives_of(resources: usize) -> Duration {
    let (port, adapter, _machine) = started(Settings::default());
    let begin = Instant::now();
    let devices = [(), (), ()].map(|()| scenario::device(&adapter).unwrap());
    let blob = Blob::new(8, 8).bytes();
    let create = Create {
        group: b"group",
        elements: &[&blob[..]; 12],
        into: Into::NewResource,
    };
    for _ in 0..resources {
        let resource = devices[0].create(&create).unwrap().resource.unwrap();
        devices[1].open(resource).unwrap();
        devices[2].open(resource).unwrap();
    }
    assert_eq!(adapter.live().allocations, resources * 12);
    assert_eq!(adapter.live().openings, resources * 36);
    for device in &devices {
        device.destroy().unwrap();
    }
    assert_eq!(adapter.live(), dxgk_port::Live::default());
    let took = begin.elapsed();
    end(&port, &adapter);
    took
}

/// Eight times as many objects take eight times as long, not sixty-four. The best of three runs counts, since
/// other tests run beside this one.
#[test]
fn work_does_not_grow_with_the_square() {
    let best = |resources| (0..3).map(|_| lives_of(resources)).min().unwrap();
    let (few, many) = (best(125), best(1000));
    println!("{few:?}, {many:?}");
    assert!(many < few * 32, "{few:?}, then {many:?}");
}
