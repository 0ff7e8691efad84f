//! The driver under the port's whole profile: its table, its capabilities, its engine, preemption and both resets.

mod common;

use common::end;
use dxgk_port::{
    Adapter, AllocationId, Context, ContextKind, Create, Device, Fate, Hang, Into, Patch, Port,
    Queued, SchedulerOptions, Settings, Use,
};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags};
use vmdisp_abi::command::Builder;
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;
use zerocopy::IntoBytes;

/// A millisecond in 100 ns.
const MILLISECOND: u64 = 10_000;

/// Bytes of each buffer.
const BYTES: u32 = 256 << 10;

struct Bench {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
}

struct Process {
    device: Device,
    context: Context,
    buffers: Vec<AllocationId>,
}

impl Bench {
    fn new(options: SchedulerOptions) -> Self {
        let machine = InProcess::new();
        let settings = Settings::default().for_full();
        let port = machine.load(settings).expect("the driver loads");
        let adapter = port.add_device(0).expect("an adapter");
        adapter.start().expect("it starts");
        adapter.scheduler(options);
        Self {
            machine,
            port,
            adapter,
        }
    }

    fn process(&self) -> Process {
        let device = self
            .adapter
            .create_device(dxgk_sys::DXGK_CREATEDEVICEFLAGS::empty())
            .expect("a device");
        let data = AllocationData::buffer(BYTES.into(), AllocationFlags::empty());
        let data = data.as_bytes();
        let create = Create {
            group: &[],
            elements: &[data; 2],
            into: Into::Device,
        };
        let made = device.create(&create).expect("two buffers");
        let context = device.create_context(ContextKind::User).expect("a context");
        Process {
            device,
            context,
            buffers: made.allocations,
        }
    }

    fn end(self) {
        end(&self.machine, &self.port, &self.adapter);
    }
}

impl Process {
    /// Fills the first buffer and copies it to the second, so many times.
    fn work(&self, times: usize, value: u32) -> Result<Queued, i32> {
        let mut room = vec![0; 16 + times * 128];
        let mut commands = Builder::new(&mut room).expect("room");
        for _ in 0..times {
            commands.fill(0, BYTES, value).expect("room");
            commands.copy(0, 1, BYTES).expect("room");
        }
        let bytes = commands.finish();
        let uses: Vec<_> = self
            .buffers
            .iter()
            .map(|allocation| Use {
                allocation: *allocation,
                write: true,
            })
            .collect();
        let patches = [0, 1].map(|used| Patch {
            used,
            ..Patch::default()
        });
        self.context.render(bytes, &uses, &patches)
    }
}

#[test]
fn the_driver_is_a_full_one() {
    let bench = Bench::new(SchedulerOptions::default());
    bench.adapter.exercise_nodes();
    bench.adapter.exercise_escapes();
    for bytes in [0, 1, 100, 4096] {
        let _ = bench.adapter.collect_debug_info(0x117, bytes);
    }
    bench.adapter.query_current_fence().expect("a fence");
    assert!(bench.adapter.preempt());
    bench.adapter.idle().expect("idle");
    bench.machine.take_complaints();
    bench.end();
}

#[test]
fn processes_render_under_every_seed() {
    for seed in 0..8 {
        let bench = Bench::new(SchedulerOptions {
            seed,
            always_repatch: seed % 2 == 0,
            no_pre_patch: seed % 3 == 0,
            split: true,
            context_switches: true,
            preempt_every: 3,
            ..SchedulerOptions::default()
        });
        let processes: Vec<_> = (0..3).map(|_| bench.process()).collect();
        let mut queued = Vec::new();
        for round in 0..10 {
            for process in &processes {
                queued.push(process.work(1 + round % 4, 7).expect("it renders"));
            }
            bench.adapter.pump();
        }
        bench.adapter.idle().expect("all is executed");
        let report = bench.port.report();
        let fates: Vec<_> = queued.iter().map(Queued::fate).collect();
        let executed = fates.iter().all(|fate| *fate == Some(Fate::Executed));
        let seen = (
            &report.violations,
            &report.bugcheck,
            bench.adapter.timeouts(),
        );
        assert!(executed, "seed {seed}: {fates:?} {seen:?}");
        for process in processes {
            process.device.destroy().expect("it goes");
        }
        bench.end();
    }
}

#[test]
fn a_hang_costs_the_guilty_alone() {
    let bench = Bench::new(SchedulerOptions {
        tdr_delay_100ns: 100 * MILLISECOND,
        depth: 2,
        ..SchedulerOptions::default()
    });
    let (guilty, innocent) = (bench.process(), bench.process());
    // What is in memory needs no paging, which would take the adapter down with it.
    for process in [&guilty, &innocent] {
        let queued = process.work(1, 0).expect("it renders");
        bench.adapter.wait(&queued).expect("it is executed");
    }
    assert!(bench.port.host().stall(true));
    let stuck = guilty.work(4, 1).expect("it renders");
    bench.adapter.pump();
    let other = innocent.work(1, 2).expect("it renders");
    let ended = bench.adapter.wait(&stuck);
    bench.port.host().stall(false);
    assert!(matches!(ended, Err(Hang::Lost(_))), "{ended:?}");
    let counts = bench.adapter.timeouts();
    assert_eq!((counts.engine_resets, counts.adapter_resets), (1, 0));
    bench.adapter.wait(&other).expect("an innocent goes on");
    let again = bench.process();
    let queued = again.work(2, 3).expect("it renders");
    bench.adapter.wait(&queued).expect("it goes on");
    for process in [guilty, innocent, again] {
        process.device.destroy().expect("it goes");
    }
    bench.machine.take_complaints();
    bench.end();
}
