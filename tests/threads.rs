//! Several threads in the driver at once: the allocation DDIs are level 0, so any may run beside any
//! other (contract: G3, C1, D1).

use std::sync::Barrier;
use std::thread;

use dxgk_port::{Create, Into, Settings};
use dxgk_sys::DXGK_CREATEDEVICEFLAGS;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;
use zerocopy::IntoBytes;

const THREADS: usize = 4;
const ROUNDS: usize = 50;

/// Each thread has a device, makes resources, opens the others' shared one, and destroys its own.
#[test]
fn threads_create_share_and_destroy_at_once() {
    let machine = InProcess::new();
    let port = machine.load(Settings::default()).expect("the driver loads");
    let adapter = port.add_device(0).expect("AddDevice");
    adapter.start().expect("StartDevice");
    let device = || {
        adapter
            .create_device(DXGK_CREATEDEVICEFLAGS::ZERO)
            .expect("CreateDevice")
    };
    let owner = device();
    let buffer = AllocationData::buffer(4096, AllocationFlags::empty());
    let elements = [buffer.as_bytes(); 16];
    let create = |into| Create {
        group: &[],
        elements: &elements,
        into,
    };
    let shared = owner
        .create(&create(Into::NewResource))
        .expect("CreateAllocation");
    let shared = shared.resource.expect("a resource");

    let start = Barrier::new(THREADS);
    let world = machine.world();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                let _entered = world.enter();
                start.wait();
                let device = device();
                for round in 0..ROUNDS {
                    device
                        .open(shared)
                        .expect("OpenAllocation of the shared resource");
                    let mine = device
                        .create(&create(Into::NewResource))
                        .expect("CreateAllocation");
                    let resource = mine.resource.expect("a resource");
                    for allocation in &mine.allocations {
                        adapter.describe(*allocation).expect("DescribeAllocation");
                    }
                    if round % 2 == 0 {
                        let some = &mine.allocations[..8];
                        device
                            .destroy_allocations(some)
                            .expect("DestroyAllocation of some");
                    }
                    device
                        .destroy_resource(resource)
                        .expect("DestroyAllocation");
                    device
                        .close(shared)
                        .expect("CloseAllocation of the shared resource");
                }
                device.destroy().expect("DestroyDevice");
            });
        }
    });

    assert_eq!(adapter.live().allocations, elements.len());
    owner.destroy().expect("DestroyDevice");
    adapter.stop().expect("StopDevice");
    adapter.remove().expect("RemoveDevice");
    machine.unload(&port);
    let report = port.report();
    assert!(
        report.is_clean(),
        "{:?} {:?}",
        report.violations,
        report.leaks
    );
    assert_eq!(machine.take_faults(), Vec::<String>::new());
    let created = THREADS * ROUNDS + 1;
    assert_eq!(
        report.calls["CreateAllocation"].count,
        u64::try_from(created).expect("a small number")
    );
}
