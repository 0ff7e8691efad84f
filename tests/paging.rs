//! Paging under the port's memory manager: raw paging, evictions in parts, pressure (contract: P2 to P5).

mod common;

use common::end;
use dxgk_port::{
    Adapter, AllocationId, Create, Device, Into, MemoryOptions, Port, Residency, SchedulerOptions,
    Settings,
};
use dxgk_sys::DXGK_CREATEDEVICEFLAGS;
use vmdisp_abi::allocation::{AllocationData, AllocationFlags};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::Machine;
use zerocopy::IntoBytes;

struct Bench {
    machine: InProcess,
    port: Port,
    adapter: Adapter,
    device: Device,
}

impl Bench {
    fn new() -> Self {
        let machine = InProcess::new();
        let settings = Settings::default().for_full();
        let port = machine.load(settings).expect("the driver loads");
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

    fn buffers(&self, count: usize, bytes: u64) -> Vec<AllocationId> {
        let data = AllocationData::buffer(bytes, AllocationFlags::CPU_VISIBLE);
        let data = data.as_bytes().to_vec();
        let made = self.device.create(&Create {
            group: &[],
            elements: &vec![&data[..]; count],
            into: Into::Device,
        });
        made.expect("buffers").allocations
    }

    fn draw(&self, id: AllocationId, seed: usize) {
        let lock = self.adapter.lock(id).expect("a lock");
        let bytes: Vec<u8> = (0..lock.bytes()).map(|at| byte(at, seed)).collect();
        lock.write(0, &bytes).expect("written");
    }

    fn check(&self, id: AllocationId, seed: usize) {
        let lock = self.adapter.lock(id).expect("a lock");
        let mut found = vec![0; lock.bytes()];
        lock.read(0, &mut found).expect("read");
        let wrong = (0..found.len()).find(|at| found[*at] != byte(*at, seed));
        assert_eq!(wrong, None, "allocation {seed}");
    }

    fn end(self) {
        self.device.destroy().expect("it goes");
        end(&self.machine, &self.port, &self.adapter);
    }
}

#[allow(clippy::cast_possible_truncation)] // any byte will do
fn byte(at: usize, seed: usize) -> u8 {
    (at * 13 + at / 509 + seed * 31) as u8
}

/// Whole, in parts, and preempted at every turn.
fn ways() -> [(MemoryOptions, SchedulerOptions); 4] {
    let scheduler = |seed, preempt_every| SchedulerOptions {
        seed,
        preempt_every,
        ..SchedulerOptions::default()
    };
    let memory = MemoryOptions::default;
    [
        (memory(), scheduler(1, 0)),
        (memory().with_seed(2).with_piece_pages(7), scheduler(2, 0)),
        (memory().without_aperture_eviction(), scheduler(3, 1)),
        (
            memory()
                .with_seed(4)
                .with_piece_pages(3)
                .with_random_victims(),
            scheduler(4, 2),
        ),
    ]
}

#[test]
fn paging_without_an_allocation_is_right_to_the_byte() {
    let bench = Bench::new();
    for (memory, scheduler) in ways() {
        bench.adapter.memory(memory);
        bench.adapter.scheduler(scheduler);
        let done = bench.adapter.exercise_paging();
        let report = bench.port.report();
        assert_eq!(
            done,
            Ok(()),
            "{:#?}\n{:?}\n{:?}",
            report.violations,
            report.bugcheck,
            report.calls
        );
    }
    bench.end();
}

#[test]
fn content_survives_eviction_and_return() {
    for (memory, scheduler) in ways() {
        let bench = Bench::new();
        bench.adapter.memory(memory);
        bench.adapter.scheduler(scheduler);
        // The last needs more than one paging buffer.
        let mut all = bench.buffers(2, 5000);
        all.extend(bench.buffers(1, 3 << 20));
        for (index, id) in all.iter().enumerate() {
            bench.draw(*id, index);
        }
        for _ in 0..2 {
            bench.adapter.make_resident(&all).expect("there is room");
            for (index, id) in all.iter().enumerate() {
                assert!(matches!(
                    bench.adapter.residency(*id),
                    Residency::Memory { .. } | Residency::Aperture { .. }
                ));
                bench.check(*id, index);
                if matches!(bench.adapter.residency(*id), Residency::Memory { .. }) {
                    bench.adapter.move_within(*id).expect("there is room");
                    bench.check(*id, index);
                }
            }
            bench.adapter.evict_all().expect("they go");
            for (index, id) in all.iter().enumerate() {
                assert_eq!(bench.adapter.residency(*id), Residency::System);
                bench.check(*id, index);
            }
        }
        bench.end();
    }
}

#[test]
fn more_than_there_is_takes_turns() {
    for (memory, scheduler) in ways() {
        let bench = Bench::new();
        bench.adapter.memory(memory);
        bench.adapter.scheduler(scheduler);
        let all = bench.buffers(12, 256 << 10);
        bench.adapter.set_memory_limit(1 << 20).expect("less");
        for (index, id) in all.iter().enumerate() {
            bench.draw(*id, index);
        }
        for round in 0..3 {
            for pair in all.chunks(2) {
                bench.adapter.make_resident(pair).expect("two fit");
            }
            bench.check(all[round], round);
        }
        for (index, id) in all.iter().enumerate() {
            bench.check(*id, index);
        }
        bench.end();
    }
}

/// Paging is stuck: the adapter is reset, and what was in video memory comes again, empty (contract: P6).
#[test]
fn a_reset_of_the_adapter_empties_video_memory() {
    let bench = Bench::new();
    bench.adapter.scheduler(SchedulerOptions {
        tdr_delay_100ns: 200_000,
        ..SchedulerOptions::default()
    });
    let all = bench.buffers(3, 5000);
    for (index, id) in all.iter().enumerate() {
        bench.draw(*id, index);
    }
    bench
        .adapter
        .make_resident(&all[..2])
        .expect("there is room");
    let placement = bench.adapter.place(all[1]).expect("it is placed");
    bench.adapter.idle().expect("paging ends");
    bench.machine.world().stall(true);
    bench.adapter.evict(all[0]).expect("it is submitted");
    bench
        .adapter
        .make_resident(&all[..1])
        .expect("it is submitted");
    while bench.adapter.timeouts().adapter_resets == 0 {
        bench.adapter.pump();
    }
    bench.machine.world().stall(false);
    assert_eq!(bench.adapter.timeouts().adapter_resets, 1);
    let report = bench.port.report();
    assert!(report.checked.contains_key("P6"));
    bench.adapter.make_resident(&all).expect("there is room");
    assert_eq!(bench.adapter.place(all[1]), Ok(placement));
    for id in &all[..2] {
        let lock = bench.adapter.lock(*id).expect("a lock");
        let mut found = vec![1; lock.bytes()];
        lock.read(0, &mut found).expect("read");
        assert!(found.iter().all(|byte| *byte == 0));
    }
    bench.check(all[2], 2);
    bench.end();
}

/// Paging asks for no memory of the kernel's, and for no object of the driver's own pools: there may be none when
/// memory has to be made free.
#[test]
fn paging_allocates_nothing() {
    for (memory, scheduler) in ways() {
        let bench = Bench::new();
        bench.adapter.memory(memory);
        bench.adapter.scheduler(scheduler);
        let mut all = bench.buffers(4, 300_000);
        all.extend(bench.buffers(1, 3 << 20));
        let world = bench.machine.world();
        let before = (world.pool_calls(), world.slots());
        bench.adapter.set_memory_limit(1 << 20).expect("less");
        for round in 0..3 {
            for (index, id) in all.iter().enumerate() {
                bench.draw(*id, index + round);
            }
            for id in &all[..4] {
                bench.adapter.make_resident(&[*id]).expect("it fits");
            }
            bench.adapter.exercise_paging().expect("it is carried out");
            bench.adapter.evict_all().expect("they go");
            for (index, id) in all.iter().enumerate() {
                bench.check(*id, index + round);
            }
        }
        bench.adapter.idle().expect("paging ends");
        let built = bench.port.report().calls["BuildPagingBuffer"].count;
        assert!(built > 50, "{built} calls");
        let after = (world.pool_calls(), world.slots());
        assert_eq!(after, before, "pool calls and slots");
        bench.end();
    }
}
