//! A driver's whole life: what each saboteur is put through.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use dxgk_port::{Adapter, Create, Device, Into, Port, Report, Settings, Standard};
use dxgk_sys::{
    D3DDDIFORMAT, D3DKMDT_GDISURFACETYPE, DRIVER_INITIALIZATION_DATA, DRIVER_OBJECT,
    DXGK_CREATEDEVICEFLAGS, UNICODE_STRING,
};

use super::display;
use super::engine;
use super::machine::Machine;
use super::miniport::Blob;
use super::vidpn;

pub const STANDARDS: [Standard; 5] = [
    Standard::SharedPrimary {
        width: 640,
        height: 480,
        format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        source: 0,
    },
    Standard::Shadow {
        width: 640,
        height: 480,
        format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
    },
    Standard::Staging {
        width: 64,
        height: 64,
    },
    Standard::Gdi {
        width: 64,
        height: 64,
        format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        kind: D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_STAGING_CPUVISIBLE,
    },
    Standard::Gdi {
        width: 64,
        height: 64,
        format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        kind: D3DKMDT_GDISURFACETYPE::D3DKMDT_GDISURFACE_TEXTURE,
    },
];

/// A port on a machine of its own, with the driver registered.
pub fn boot(table: &DRIVER_INITIALIZATION_DATA, settings: Settings) -> (Port, Arc<Machine>) {
    let machine = Machine::new();
    machine.interrupt.store(true, Ordering::Relaxed);
    let port = Port::new(machine.clone(), settings);
    let object: *mut DRIVER_OBJECT = std::ptr::without_provenance_mut(0x1000);
    let mut path = UNICODE_STRING::ZERO;
    // SAFETY: the table is of the newest version's length.
    let status = unsafe { port.register(object, &raw mut path, table) };
    port.driver_entry_returned(status);
    (port, machine)
}

/// All of the above and below, and the report at the end.
pub fn run(table: &DRIVER_INITIALIZATION_DATA) -> Report {
    run_with(table, Settings::default().with_exact_pool())
}

pub fn run_with(table: &DRIVER_INITIALIZATION_DATA, settings: Settings) -> Report {
    let (port, machine) = boot(table, settings);
    if let Ok(adapter) = port.add_device(0) {
        failed_start(&adapter, &machine);
        if adapter.start().is_ok() {
            adapter.exercise_queries();
            adapter.interrupt(0);
            allocations(&adapter);
            faults(&adapter, &machine);
            engine::exercise(&adapter, &machine);
            display::exercise(&adapter, &machine);
            vidpn::exercise(&adapter, &machine);
            adapter.exercise_requests();
            let _ = adapter.stop();
        }
        if adapter.start().is_ok() {
            display::bugcheck(&adapter);
            display::hand_over(&adapter);
        }
        if adapter.start().is_ok() {
            let _ = adapter.surprise_remove();
            let _ = adapter.stop();
        }
        let _ = adapter.remove();
    }
    port.unload();
    port.report()
}

/// A start that fails because the pool does, as far as the driver uses it.
fn failed_start(adapter: &Adapter, machine: &Machine) {
    use dxgk_port::Host;
    machine.fail_pool_call(Some(1));
    if adapter.start().is_ok() {
        let _ = adapter.stop();
    }
    machine.fail_pool_call(None);
}

pub fn device(adapter: &Adapter) -> Option<Device> {
    adapter.create_device(DXGK_CREATEDEVICEFLAGS::empty()).ok()
}

fn allocations(adapter: &Adapter) {
    let (Some(one), Some(two)) = (device(adapter), device(adapter)) else {
        return;
    };
    let blobs = [
        Blob::new(64, 64).bytes(),
        Blob::new(32, 16).bytes(),
        Blob::new(8, 8).bytes(),
    ];
    let elements: Vec<&[u8]> = blobs.iter().map(<[u8; 16]>::as_slice).collect();
    let elements = elements.as_slice();

    // Without a resource.
    if let Ok(made) = one.create(&Create {
        group: &[],
        elements,
        into: Into::Device,
    }) {
        for id in &made.allocations {
            let _ = adapter.describe(*id);
        }
        let _ = one.destroy_allocations(&made.allocations);
    }
    // A resource that is shared, grows, shrinks and is freed as a whole (D6).
    let create = Create {
        group: b"group of three",
        elements,
        into: Into::NewResource,
    };
    if let Ok(made) = one.create(&create) {
        let resource = made.resource.unwrap();
        let more = Create {
            into: Into::Resource(resource),
            ..create
        };
        let _ = one.create(&more);
        let _ = two.open(resource);
        let _ = one.destroy_allocations(made.allocations.get(..1).unwrap_or(&[]));
        let _ = one.destroy_resource(resource);
        let _ = two.close(resource);
    }
    // A resource that is emptied first (D5), and one that never has an allocation.
    if let Ok(made) = one.create(&create) {
        let _ = one.destroy_allocations(&made.allocations);
        let _ = one.destroy_resource(made.resource.unwrap());
    }
    let _ = one.create(&Create {
        group: &[],
        elements: &[],
        into: Into::NewResource,
    });
    // Surfaces of the kernel's own.
    for standard in &STANDARDS {
        if let Ok(made) = one.create_standard(standard) {
            for id in &made.allocations {
                let _ = adapter.describe(*id);
            }
            let _ = two.open(made.resource.unwrap());
        }
    }
    // The creator dies, the other device goes on.
    let _ = one.destroy();
    let _ = two.destroy();
}

/// A bad blob among good ones, and each pool call of a creation failing in turn.
fn faults(adapter: &Adapter, machine: &Machine) {
    use dxgk_port::Host;
    let Some(device) = device(adapter) else {
        return;
    };
    let good = Blob::new(64, 64).bytes();
    let bad = [0; 16];
    for elements in [[&good[..], &good, &bad], [&bad, &good, &good]] {
        let create = Create {
            group: &[],
            elements: &elements,
            into: Into::NewResource,
        };
        if let Ok(made) = device.create(&create) {
            let _ = device.destroy_resource(made.resource.unwrap());
        }
    }
    let elements = [&good[..], &good];
    let create = Create {
        group: &[],
        elements: &elements,
        into: Into::NewResource,
    };
    for nth in 1..8 {
        machine.fail_pool_call(Some(nth));
        let made = device.create(&create);
        machine.fail_pool_call(None);
        if let Ok(made) = made {
            let _ = device.destroy_resource(made.resource.unwrap());
        }
    }
    let _ = device.destroy();
}
