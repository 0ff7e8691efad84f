//! The engine under the port's scheduler: fences, preemption, hangs and resets (contract: X5, X6, X8, T1, T2).

mod common;

use common::end;
use dxgk_port::{
    Adapter, Context, ContextKind, Device, Fate, Hang, Port, Queued, SchedulerOptions, Settings,
};
use dxgk_sys::DXGK_CREATEDEVICEFLAGS;
use dxgk_sys::status::STATUS_NO_MEMORY;
use vmdisp_abi::command::Builder;
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;

struct Bench {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    device: Device,
}

impl Bench {
    fn new() -> Self {
        let machine = InProcess::new();
        let port = machine.load(Settings::default()).expect("the driver loads");
        let adapter = port.add_device(0).expect("an adapter");
        adapter.start().expect("it starts");
        let device = adapter
            .create_device(DXGK_CREATEDEVICEFLAGS::empty())
            .expect("a device");
        Self {
            machine,
            port,
            adapter,
            device,
        }
    }

    fn context(&self) -> Context {
        self.device
            .create_context(ContextKind::User)
            .expect("a context")
    }

    fn end(self) {
        self.device
            .destroy()
            .expect("a device without contexts goes");
        end(&self.machine, &self.port, &self.adapter);
    }
}

/// Renders commands that touch no memory and end with a marker.
fn render(context: &Context, marker: u64) -> Queued {
    let mut room = [0; 4096];
    let mut builder = Builder::new(&mut room).expect("room");
    for _ in 0..20 {
        builder.nop().expect("room");
    }
    builder.marker(marker).expect("room");
    let bytes = builder.finish();
    context.render(bytes, &[], &[]).expect("it is taken")
}

#[test]
fn buffers_of_many_contexts_complete_in_order_however_often_they_are_preempted() {
    for (seed, preempt_every) in [(1, 0), (2, 3), (3, 1)] {
        let bench = Bench::new();
        bench.adapter.scheduler(SchedulerOptions {
            seed,
            preempt_every,
            always_repatch: seed == 3,
            split: true,
            context_switches: true,
            ..SchedulerOptions::default()
        });
        let contexts = [bench.context(), bench.context(), bench.context()];
        let queued: Vec<_> = (0..150)
            .map(|number| render(&contexts[number % 3], number as u64))
            .collect();
        bench.adapter.idle().expect("all of it is executed");
        for queued in queued {
            assert_eq!(format!("{:?}", queued.fate()), "Some(Executed)");
        }
        for context in contexts {
            context.destroy().expect("it goes");
        }
        bench.end();
    }
}

/// Null rendering completes what it does not execute, also where it is preempted, and is over when it is switched off.
#[test]
fn null_rendering_completes_and_executes_nothing() {
    let bench = Bench::new();
    let context = bench.context();
    let markers = |marker: u64| {
        let queued: Vec<_> = (0..20).map(|at| render(&context, marker + at)).collect();
        bench.adapter.idle().expect("all of it completes");
        queued.into_iter().map(|queued| queued.fate())
    };
    // What the engine says of itself ends with its counts; before those is the last marker that it executed.
    let last_marker = || {
        let report = bench
            .adapter
            .collect_debug_info(0x141, 80)
            .expect("a report");
        u64::from_le_bytes(report[56..64].try_into().expect("8 bytes"))
    };
    for preempt_every in [0, 2] {
        let options = SchedulerOptions {
            seed: 7,
            preempt_every,
            null_rendering: true,
            ..SchedulerOptions::default()
        };
        bench.adapter.scheduler(options);
        let before = last_marker();
        assert!(markers(100).all(|fate| fate == Some(Fate::Null)));
        assert_eq!(last_marker(), before);
        bench.adapter.scheduler(SchedulerOptions {
            null_rendering: false,
            ..options
        });
        assert!(markers(200).all(|fate| fate == Some(Fate::Executed)));
        assert_eq!(last_marker(), 219);
    }
    context.destroy().expect("it goes");
    bench.end();
}

/// A hang that is repeated: the engine is reset each time, by the worker that is not stuck.
#[test]
fn an_engine_that_is_stuck_is_reset_and_the_innocent_go_on() {
    let bench = Bench::new();
    bench.adapter.scheduler(SchedulerOptions {
        tdr_delay_100ns: 200_000,
        ..SchedulerOptions::default()
    });
    let innocent = bench.context();
    for hang in 1..=3 {
        let device = bench.adapter.create_device(DXGK_CREATEDEVICEFLAGS::empty());
        let device = device.expect("a device");
        let stuck = device.create_context(ContextKind::User).expect("a context");
        let before = render(&stuck, 1);
        bench.adapter.wait(&before).expect("it is executed");
        bench.machine.world().stall(true);
        let lost = render(&stuck, 2);
        assert!(matches!(
            bench.adapter.wait(&lost),
            Err(Hang::Lost(Fate::Aborted))
        ));
        bench.machine.world().stall(false);
        assert!(stuck.is_lost() && !innocent.is_lost());
        let after = render(&innocent, 3);
        bench.adapter.wait(&after).expect("it is executed");
        let counts = bench.adapter.timeouts();
        assert_eq!((counts.engine_resets, counts.adapter_resets), (hang, 0));
        stuck.destroy().expect("it goes");
        device.destroy().expect("it goes");
    }
    innocent.destroy().expect("it goes");
    bench.end();
}

/// Live threads end with the adapter, in each way that it can end.
#[test]
fn no_thread_outlives_its_adapter() {
    let bench = Bench::new();
    let world = bench.machine.world();
    assert_eq!(world.live_threads(), 2);
    bench.device.destroy().expect("it goes");
    for _ in 0..3 {
        bench.adapter.stop().expect("it stops");
        assert_eq!(world.live_threads(), 0);
        bench.adapter.start().expect("it starts again");
        assert_eq!(world.live_threads(), 2);
    }
    end(&bench.machine, &bench.port, &bench.adapter);
    assert_eq!(world.live_threads(), 0);
}

#[test]
fn a_start_without_a_thread_fails_and_leaves_nothing() {
    for nth in [1, 2] {
        let machine = InProcess::new();
        let port = machine.load(Settings::default()).expect("the driver loads");
        let adapter = port.add_device(0).expect("an adapter");
        machine.world().fail_thread_creation(Some(nth));
        assert_eq!(adapter.start().expect_err("no thread"), STATUS_NO_MEMORY);
        assert_eq!(machine.world().live_threads(), 0);
        adapter.start().expect("with threads it starts");
        end(&machine, &port, &adapter);
    }
}
