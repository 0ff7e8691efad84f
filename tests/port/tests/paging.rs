//! VidMm with the good miniport: content that comes and goes, limits, locks, offers, resets, sleep.

mod common;

use std::sync::Arc;
use std::sync::atomic::Ordering;

use common::engine::{self, MILLISECOND, Process, SIDE, Work};
use common::machine::Machine;
use common::{miniport, paging, scenario};
use dxgk_port::{
    Adapter, AllocationId, MemoryOptions, Port, Residency,
    STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION, SchedulerOptions, Settings,
};
use dxgk_sys::POWER_ACTION;

const BYTES: usize = (SIDE * SIDE * 4) as usize;

/// A byte of a picture, by its number and the place.
#[allow(clippy::cast_possible_truncation)] // any byte will do
fn byte(at: usize, seed: usize) -> u8 {
    (at * 7 + at / 251 + seed) as u8
}

struct Bench {
    port: Port,
    adapter: Adapter,
    machine: Arc<Machine>,
}

impl Bench {
    fn new(options: SchedulerOptions) -> Self {
        let settings = Settings::default().with_paging();
        let (port, machine) = scenario::boot(&miniport::paging::table(), settings);
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.scheduler(options);
        machine.hurry.store(MILLISECOND, Ordering::Relaxed);
        Self {
            port,
            adapter,
            machine,
        }
    }

    fn write(&self, id: AllocationId, seed: usize) {
        let bytes: Vec<u8> = (0..BYTES).map(|at| byte(at, seed)).collect();
        self.adapter.lock(id).unwrap().write(0, &bytes).unwrap();
    }

    fn holds(&self, id: AllocationId, seed: usize) -> bool {
        let mut found = vec![0; BYTES];
        self.adapter.lock(id).unwrap().read(0, &mut found).unwrap();
        found
            .iter()
            .enumerate()
            .all(|(at, found)| *found == byte(at, seed))
    }

    fn end(self) {
        self.adapter.stop().unwrap();
        self.adapter.remove().unwrap();
        self.port.unload();
        let report = self.port.report();
        assert!(
            report.is_clean(),
            "{:#?}\n{:?}",
            report.violations,
            report.bugcheck
        );
        assert_eq!(report.pool.blocks, 0);
        drop((self.adapter, self.port));
        assert_eq!(self.machine.system_blocks(), 0);
    }
}

fn in_memory(residency: Residency) -> bool {
    matches!(residency, Residency::Memory { segment: 1, .. })
}

#[test]
fn the_good_miniport_pages_by_the_rules() {
    let report = paging::run(&miniport::paging::table());
    assert!(
        report.is_clean(),
        "{:#?}\n{:?}",
        report.violations,
        report.bugcheck
    );
    for rule in ["P2", "P3", "P4", "P5", "P6"] {
        assert!(report.checked.contains_key(rule), "{rule}");
    }
}

#[test]
fn content_survives_eviction_and_return_on_every_way() {
    for options in [
        MemoryOptions::default(),
        MemoryOptions::default().without_aperture_eviction(),
        MemoryOptions::default().with_seed(9).with_piece_pages(2),
    ] {
        let bench = Bench::new(engine::options(1));
        bench.adapter.memory(options);
        let process = Process::new(&bench.adapter).unwrap();
        let [one, two, ..] = process.surfaces[..] else {
            panic!()
        };
        assert_eq!(bench.adapter.residency(one), Residency::Nowhere);
        bench.write(one, 3);
        assert_eq!(bench.adapter.residency(one), Residency::System);
        for _ in 0..3 {
            bench.adapter.make_resident(&process.surfaces).unwrap();
            assert!(in_memory(bench.adapter.residency(one)));
            assert!(bench.holds(one, 3));
            bench.adapter.move_within(one).unwrap();
            assert!(bench.holds(one, 3));
            bench.adapter.evict(one).unwrap();
            assert_eq!(bench.adapter.residency(one), Residency::System);
            assert!(bench.holds(one, 3));
        }
        // New ones are zero.
        let mut found = vec![1; BYTES];
        bench
            .adapter
            .lock(two)
            .unwrap()
            .read(0, &mut found)
            .unwrap();
        assert!(found.iter().all(|byte| *byte == 0));
        bench.adapter.evict_all().unwrap();
        process.device.destroy().unwrap();
        // Nothing stays mapped of it: all that is left is the dummy page.
        bench.adapter.idle().unwrap();
        assert!(bench.machine.system_blocks() <= 1);
        bench.end();
    }
}

#[test]
fn a_worse_segment_takes_what_the_better_has_no_room_for() {
    let bench = Bench::new(engine::options(1));
    bench.adapter.memory(MemoryOptions::default().with_spill());
    bench.adapter.set_memory_limit(BYTES as u64).unwrap();
    let process = Process::new(&bench.adapter).unwrap();
    bench.adapter.make_resident(&process.surfaces).unwrap();
    assert!(in_memory(bench.adapter.residency(process.surfaces[0])));
    let second = bench.adapter.residency(process.surfaces[1]);
    assert!(matches!(second, Residency::Aperture { segment: 2, .. }));
    process.device.destroy().unwrap();
    bench.end();
}

#[test]
fn what_does_not_fit_takes_turns() {
    for seed in 0..4 {
        let bench = Bench::new(SchedulerOptions {
            split: seed > 1,
            preempt_every: 3 * u32::from(seed == 3),
            ..engine::options(seed)
        });
        if seed > 0 {
            bench.adapter.memory(
                MemoryOptions::default()
                    .with_seed(seed)
                    .with_random_victims(),
            );
        }
        // Two processes' worth of memory for six.
        bench.adapter.set_memory_limit(8 * BYTES as u64).unwrap();
        let processes: Vec<_> = (0..6)
            .map(|_| Process::new(&bench.adapter).unwrap())
            .collect();
        for (index, process) in processes.iter().enumerate() {
            bench.write(process.surfaces[2], index);
        }
        let mut queued = Vec::new();
        for round in 0..4_u32 {
            for (index, process) in processes.iter().enumerate() {
                let value = round * 100 + u32::try_from(index).unwrap();
                let work = Work::default().fill(0, round * 64, 64, value).copy(
                    (0, round * 64),
                    (1, round * 64),
                    64,
                );
                queued.push(process.render(&work).unwrap());
            }
        }
        for queued in &queued {
            bench.adapter.wait(queued).unwrap();
        }
        let surfaces = processes.iter().flat_map(|process| &process.surfaces);
        let resident = surfaces
            .filter(|id| in_memory(bench.adapter.residency(**id)))
            .count();
        assert!((4..=8).contains(&resident), "{resident}");
        for (index, process) in processes.iter().enumerate() {
            assert!(bench.holds(process.surfaces[2], index), "process {index}");
            let lock = bench.adapter.lock(process.surfaces[1]).unwrap();
            for round in 0..4_u32 {
                let mut word = [0; 4];
                lock.read(round as usize * 64 + 60, &mut word).unwrap();
                let wanted = round * 100 + u32::try_from(index).unwrap();
                assert_eq!(
                    u32::from_le_bytes(word),
                    wanted,
                    "process {index}, round {round}"
                );
            }
        }
        for process in &processes {
            process.device.destroy().unwrap();
        }
        bench.end();
    }
}

#[test]
fn a_locked_surface_is_rendered_in_the_aperture() {
    let bench = Bench::new(engine::options(1));
    let process = Process::new(&bench.adapter).unwrap();
    let one = process.surfaces[0];
    bench.adapter.make_resident(&[one]).unwrap();
    let lock = bench.adapter.lock(one).unwrap();
    lock.write(128, &[7; 4]).unwrap();
    let queued = process.render(&Work::default().fill(0, 0, 64, 9)).unwrap();
    bench.adapter.wait(&queued).unwrap();
    assert!(matches!(
        bench.adapter.residency(one),
        Residency::Aperture { segment: 2, .. }
    ));
    let mut words = [0; 4];
    lock.read(60, &mut words).unwrap();
    assert_eq!(words, 9_u32.to_le_bytes());
    lock.read(128, &mut words).unwrap();
    assert_eq!(words, [7; 4]);
    bench.adapter.evict(one).unwrap();
    lock.read(128, &mut words).unwrap();
    assert_eq!(words, [7; 4]);
    drop(lock);
    process.device.destroy().unwrap();
    bench.end();
}

#[test]
fn offers_pins_and_sleep() {
    let bench = Bench::new(engine::options(1));
    let process = Process::new(&bench.adapter).unwrap();
    let [one, two, ..] = process.surfaces[..] else {
        panic!()
    };
    bench.write(one, 1);
    bench.write(two, 2);
    bench.adapter.make_resident(&[one]).unwrap();
    bench.adapter.offer(one).unwrap();
    assert_eq!(bench.adapter.reclaim(one), Ok(true));
    assert!(bench.holds(one, 1));
    bench.adapter.offer(one).unwrap();
    bench.adapter.evict(one).unwrap();
    assert_eq!(bench.adapter.reclaim(one), Ok(false));
    assert_eq!(bench.adapter.residency(one), Residency::Nowhere);

    let placement = bench.adapter.place(two).unwrap();
    let refused = bench.adapter.evict(two);
    assert_eq!(refused, Err(STATUS_GRAPHICS_CANT_EVICT_PINNED_ALLOCATION));
    assert!(bench.holds(two, 2));
    bench.adapter.sleep(POWER_ACTION::PowerActionSleep).unwrap();
    assert_eq!(bench.adapter.residency(two), Residency::System);
    bench.adapter.wake().unwrap();
    assert_eq!(bench.adapter.place(two), Ok(placement));
    assert!(bench.holds(two, 2));
    process.device.destroy().unwrap();
    bench.end();
}
