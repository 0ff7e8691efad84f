//! Adapters that are none of ours, or are not whole: StartDevice refuses them with a status and a debug
//! line that says why, and leaves nothing behind (contract: L3).

mod common;

use common::end;
use dxgk_port::Settings;
use dxgk_sys::status::{
    STATUS_DEVICE_CONFIGURATION_ERROR, STATUS_INSUFFICIENT_RESOURCES, STATUS_NO_SUCH_DEVICE,
};
use vmdisp_in_process::{InProcess, Vga};
use vmdisp_scenarios::Machine;

/// Starts an adapter that must be refused.
fn refused(vga: Vga, status: i32, line: Option<&str>) {
    let machine = InProcess::with_adapters(&[vga]);
    let port = machine.load(Settings::default()).expect("the driver loads");
    let adapter = port.add_device(0).expect("no hardware is touched yet (L2)");
    machine.take_complaints();
    let started = adapter.start().map(|_| ());
    assert_eq!(started, Err(status), "{line:?}");
    let lines = machine.take_complaints();
    let Some(line) = line else {
        return end(&machine, &port, &adapter);
    };
    assert!(
        matches!(lines.as_slice(), [only] if only.contains(line)),
        "{line}: {lines:?}"
    );
    end(&machine, &port, &adapter);
}

#[test]
fn another_pci_id() {
    let vga = Vga {
        pci: (0x1af4, 0x1050),
        ..Vga::default()
    };
    refused(
        vga,
        STATUS_NO_SUCH_DEVICE,
        Some("StartDevice: PCI id (device, vendor) = 0x10501af4"),
    );
}

#[test]
fn another_dispi_id() {
    for dispi_id in [0, 0xb0c0, 0xb0c6, 0xffff] {
        let vga = Vga {
            dispi_id,
            ..Vga::default()
        };
        refused(vga, STATUS_NO_SUCH_DEVICE, Some("StartDevice: DISPI id = "));
    }
}

#[test]
fn no_video_memory() {
    let vga = Vga {
        reported_bytes: 0,
        ..Vga::default()
    };
    refused(
        vga,
        STATUS_NO_SUCH_DEVICE,
        Some("StartDevice: video memory bytes = 0x0"),
    );
}

#[test]
fn no_bar_0() {
    let vga = Vga {
        bar0_bytes: 0,
        ..Vga::default()
    };
    refused(vga, STATUS_DEVICE_CONFIGURATION_ERROR, Some("BAR 0"));
}

#[test]
fn no_bar_2() {
    let vga = Vga {
        bar2_bytes: 0,
        ..Vga::default()
    };
    refused(vga, STATUS_DEVICE_CONFIGURATION_ERROR, Some("BAR 2"));
}

/// The driver asked for what it has; that it cannot be had needs no line.
#[test]
fn a_range_that_cannot_be_mapped() {
    for bar in [0, 2] {
        let vga = Vga {
            unmappable: Some(bar),
            ..Vga::default()
        };
        refused(vga, STATUS_INSUFFICIENT_RESOURCES, None);
    }
}

#[test]
fn less_memory_than_the_bar_has_room_for() {
    let machine = InProcess::with_adapters(&[Vga {
        reported_bytes: 3 << 20,
        bar0_bytes: 4 << 20,
        ..Vga::default()
    }]);
    let port = machine.load(Settings::default()).expect("the driver loads");
    let adapter = port.add_device(0).expect("AddDevice");
    adapter.start().expect("StartDevice");
    let segments = adapter.segments().expect("segments");
    assert_eq!(segments.list[0].size, 3 << 20);
    adapter.remove().expect("RemoveDevice");
    machine.unload(&port);
    assert!(port.report().is_clean());
}
