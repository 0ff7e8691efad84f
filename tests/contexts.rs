//! Contexts as Windows makes them, and as it never should (contract: X2, Q8).

mod common;

use std::ptr;

use common::end;
use dxgk_port::{Adapter, ContextKind, Device, Port, Settings};
use dxgk_sys::status::{
    STATUS_GRAPHICS_DRIVER_MISMATCH, STATUS_INVALID_HANDLE, STATUS_INVALID_PARAMETER,
    STATUS_NO_MEMORY, STATUS_SUCCESS,
};
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGK_CREATECONTEXTFLAGS, DXGKARG_CREATECONTEXT, HANDLE,
};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;

type Flags = DXGK_CREATECONTEXTFLAGS;

/// A started adapter with a device, and the driver's own table for calls that the port does not make.
struct Bench {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    device: Device,
    table: DRIVER_INITIALIZATION_DATA,
}

impl Bench {
    fn new() -> Self {
        let machine = InProcess::new();
        let port = machine.load(Settings::default()).expect("the driver loads");
        let adapter = port.add_device(0).expect("an adapter");
        adapter.start().expect("it starts");
        let device = adapter
            .create_device(dxgk_sys::DXGK_CREATEDEVICEFLAGS::empty())
            .expect("a device");
        Self {
            machine,
            port,
            adapter,
            device,
            table: vmdisp::ddi::initialization_data(),
        }
    }

    /// CreateContext with these members; the status and the handle.
    fn create(&self, change: impl FnOnce(&mut DXGKARG_CREATECONTEXT)) -> (i32, HANDLE) {
        let mut argument = DXGKARG_CREATECONTEXT::ZERO;
        argument.EngineAffinity = 1;
        change(&mut argument);
        let _entered = self.machine.world().enter();
        let create = self.table.DxgkDdiCreateContext.expect("it is there");
        // SAFETY: as dxgkrnl calls it.
        let status = unsafe { create(self.device.handle(), &raw mut argument) };
        (status, argument.hContext)
    }

    fn destroy(&self, context: HANDLE) -> i32 {
        let _entered = self.machine.world().enter();
        let destroy = self.table.DxgkDdiDestroyContext.expect("it is there");
        // SAFETY: as dxgkrnl calls it, but for handles that are wrong.
        unsafe { destroy(context) }
    }

    fn destroy_device(&self) -> i32 {
        let _entered = self.machine.world().enter();
        let destroy = self.table.DxgkDdiDestroyDevice.expect("it is there");
        // SAFETY: as above.
        unsafe { destroy(self.device.handle()) }
    }

    fn end(self) {
        self.device.destroy().expect("a device without contexts");
        self.machine.take_complaints();
        end(&self.machine, &self.port, &self.adapter);
    }
}

#[test]
fn each_kind_comes_and_goes() {
    let bench = Bench::new();
    for kind in [ContextKind::User, ContextKind::Gdi, ContextKind::System] {
        let context = bench.device.create_context(kind).expect("a context");
        assert_eq!(context.dma_bytes(), 65_536);
        context.destroy().expect("it goes");
    }
    assert_eq!(bench.machine.take_complaints(), Vec::<String>::new());
    bench.end();
}

#[test]
fn what_is_not_there_cannot_be_asked_for() {
    let bench = Bench::new();
    let wrong: [fn(&mut DXGKARG_CREATECONTEXT); 9] = [
        |call| call.NodeOrdinal = 1,
        |call| call.NodeOrdinal = u32::MAX,
        |call| call.EngineAffinity = 2,
        |call| call.EngineAffinity = 3,
        |call| call.Flags = Flags::SystemContext | Flags::GdiContext,
        |call| call.Flags = Flags::VirtualAddressing,
        |call| call.Flags = Flags::HwQueueSupported,
        |call| call.Flags = Flags::empty().with_Reserved(1),
        |call| call.PrivateDriverDataSize = 4,
    ];
    for (index, change) in wrong.into_iter().enumerate() {
        let expected = (STATUS_GRAPHICS_DRIVER_MISMATCH, ptr::null_mut());
        assert_eq!(bench.create(change), expected, "{index}");
        assert_eq!(bench.machine.take_complaints().len(), 1, "{index}");
    }
    // No engine in particular is engine 0.
    let (status, context) = bench.create(|call| call.EngineAffinity = 0);
    assert_eq!(status, STATUS_SUCCESS);
    assert_eq!(bench.destroy(context), STATUS_SUCCESS);
    bench.end();
}

#[test]
fn a_context_goes_once_and_only_by_its_own_handle() {
    let bench = Bench::new();
    let (_, context) = bench.create(|_| {});
    let near = context.wrapping_byte_add(64);
    for wrong in [
        ptr::null_mut(),
        near,
        bench.device.handle(),
        ptr::dangling_mut(),
    ] {
        assert_eq!(bench.destroy(wrong), STATUS_INVALID_PARAMETER);
    }
    assert_eq!(bench.destroy(context), STATUS_SUCCESS);
    assert_eq!(bench.destroy(context), STATUS_INVALID_PARAMETER);
    // A device is no context, and neither is what was one.
    let render = bench.table.DxgkDdiRender.expect("it is there");
    let present = bench.table.DxgkDdiPresent.expect("it is there");
    for wrong in [context, bench.device.handle(), ptr::null_mut()] {
        let _entered = bench.machine.world().enter();
        let mut argument = dxgk_sys::DXGKARG_RENDER::ZERO;
        // SAFETY: as dxgkrnl calls it, but for the handle.
        let status = unsafe { render(wrong, &raw mut argument) };
        assert_eq!(status, STATUS_INVALID_HANDLE);
        let mut argument = dxgk_sys::DXGKARG_PRESENT::ZERO;
        // SAFETY: as above.
        let status = unsafe { present(wrong, &raw mut argument) };
        assert_eq!(status, STATUS_INVALID_HANDLE);
    }
    bench.end();
}

#[test]
fn a_device_outlives_its_contexts() {
    let bench = Bench::new();
    let contexts: Vec<_> = (0..3).map(|_| bench.create(|_| {}).1).collect();
    for context in contexts {
        assert_eq!(bench.destroy_device(), STATUS_INVALID_PARAMETER);
        let lines = bench.machine.take_complaints();
        assert!(
            matches!(&lines[..], [line] if line.contains("contexts")),
            "{lines:?}"
        );
        assert_eq!(bench.destroy(context), STATUS_SUCCESS);
    }
    bench.end();
}

#[test]
fn without_memory_there_is_no_context_and_its_device_can_go() {
    let bench = Bench::new();
    bench.machine.world().fail_pool_call(Some(1));
    assert_eq!(bench.create(|_| {}), (STATUS_NO_MEMORY, ptr::null_mut()));
    bench.machine.world().fail_pool_call(None);
    bench.end();
}

#[test]
fn there_is_one_node_and_it_is_the_3d_engine() {
    let bench = Bench::new();
    bench.adapter.exercise_nodes();
    let metadata = bench.adapter.node_metadata(0).expect("node 0");
    assert_eq!((metadata.engine_type, metadata.name.as_str()), (1, ""));
    assert!(bench.adapter.node_metadata(1).is_err());
    bench.end();
}
