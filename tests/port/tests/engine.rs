//! The scheduler with the good miniport: order, content, preemption, splitting, priorities, timeouts.

mod common;

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use common::engine::{self, MILLISECOND, Process, SIDE, Work, rect};
use common::machine::Machine;
use common::miniport;
use common::miniport::queue::Fault;
use common::scenario;
use dxgk_port::{
    Adapter, AllocationId, Fate, FullPresent, Hang, Observer, Port, Queued, SchedulerOptions,
    Settings,
};

type Log = Arc<Mutex<Vec<(u64, Fate)>>>;

struct Witness(Log);

impl Observer for Witness {
    fn executed(&mut self, tag: u64) {
        self.0.lock().unwrap().push((tag, Fate::Executed));
    }

    fn not_executed(&mut self, tag: u64, fate: Fate) {
        self.0.lock().unwrap().push((tag, fate));
    }
}

struct Bench {
    port: Port,
    adapter: Adapter,
    machine: Arc<Machine>,
    log: Log,
}

impl Bench {
    fn new(options: SchedulerOptions) -> Self {
        let (port, machine) = scenario::boot(&miniport::table(0x4002), Settings::default());
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.scheduler(options);
        machine.hurry.store(MILLISECOND, Ordering::Relaxed);
        let log = Log::default();
        adapter.observe(Box::new(Witness(log.clone())));
        Self {
            port,
            adapter,
            machine,
            log,
        }
    }

    fn process(&self) -> Process {
        Process::new(&self.adapter).unwrap()
    }

    /// A word of an allocation.
    fn word(&self, id: AllocationId, offset: u32) -> u32 {
        let placement = self.adapter.place(id).unwrap();
        self.machine
            .pixel(usize::try_from(placement.offset).unwrap() + offset as usize)
    }

    fn told(&self) -> Vec<(u64, Fate)> {
        self.log.lock().unwrap().clone()
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
    }
}

/// Everything that can be mixed, from one seed.
fn mixed(seed: u64) -> SchedulerOptions {
    SchedulerOptions {
        always_repatch: seed.is_multiple_of(2),
        no_pre_patch: seed.is_multiple_of(3),
        split: true,
        context_switches: true,
        preempt_every: 2,
        depth: 1 + usize::try_from(seed % 6).unwrap(),
        ..engine::options(seed)
    }
}

#[test]
fn what_is_rendered_is_there() {
    let bench = Bench::new(engine::options(0));
    let process = bench.process();
    let work = Work::default()
        .fill(0, 0, 256, 0x1111)
        .copy((0, 0), (1, 4096), 256)
        .fill(0, 0, 128, 0x2222);
    let queued = process.render(&work).unwrap();
    assert_eq!(queued.fate(), None);
    bench.adapter.wait(&queued).unwrap();
    assert_eq!(queued.fate(), Some(Fate::Executed));
    assert_eq!(bench.word(process.surfaces[0], 0), 0x2222);
    assert_eq!(bench.word(process.surfaces[0], 128), 0x1111);
    assert_eq!(bench.word(process.surfaces[1], 4096 + 252), 0x1111);
    process.device.destroy().unwrap();
    bench.end();
}

/// Each call of a context sees what the one before it did, whatever is preempted and divided in between.
#[test]
fn a_context_is_executed_in_order_under_every_seed() {
    for seed in 1..=6 {
        let bench = Bench::new(mixed(seed));
        let processes: Vec<_> = (0..3).map(|_| bench.process()).collect();
        let mut tags = vec![Vec::new(); processes.len()];
        for round in 1..=8 {
            for (process, tags) in processes.iter().zip(&mut tags) {
                // An overlapping move of one place a step, so that doing it twice shows.
                let mut work = Work::default().fill(0, 0, 4, round);
                for step in 0..12 {
                    work = work.copy((0, step * 4), (0, step * 4 + 4), 4).copy(
                        (0, 0),
                        (1, step * 64),
                        64,
                    );
                }
                work = work.fill(0, 0, 4, 0xFFFF);
                tags.push(process.render(&work).unwrap().tag());
            }
            bench.adapter.pump();
        }
        bench.adapter.idle().unwrap();
        for process in &processes {
            assert_eq!(bench.word(process.surfaces[0], 0), 0xFFFF, "seed {seed}");
            assert_eq!(bench.word(process.surfaces[0], 48), 8, "seed {seed}");
            assert_eq!(
                bench.word(process.surfaces[1], 11 * 64 + 44),
                8,
                "seed {seed}"
            );
        }
        let told = bench.told();
        assert_eq!(told.len(), 24);
        for tags in tags {
            let order: Vec<_> = told
                .iter()
                .filter(|(tag, _)| tags.contains(tag))
                .map(|(tag, _)| *tag)
                .collect();
            assert_eq!(order, tags, "seed {seed}");
        }
        for process in processes {
            process.device.destroy().unwrap();
        }
        bench.end();
    }
}

#[test]
fn one_seed_is_one_run() {
    let run = |seed| {
        let bench = Bench::new(mixed(seed));
        let processes: Vec<_> = (0..4).map(|_| bench.process()).collect();
        for _ in 0..5 {
            for process in &processes {
                process.render(&Work::long()).unwrap();
            }
        }
        bench.adapter.idle().unwrap();
        let told = bench.told();
        let report = bench.port.report();
        let count = |ddi| report.calls.get(ddi).map_or(0, |calls| calls.count);
        (
            told,
            count("PreemptCommand"),
            count("Patch"),
            count("SubmitCommand"),
        )
    };
    assert_eq!(run(5), run(5));
    assert_ne!(run(5).0, run(6).0);
}

/// A move within a surface, a word at a time: a preempted buffer that began again would move too far.
#[test]
fn a_driver_that_forgets_its_progress_is_seen_in_the_picture() {
    let run = |fault| {
        let bench = Bench::new(engine::options(3));
        let process = bench.process();
        let halves = Work::default().fill(0, 0, 64, 1).fill(0, 64, 64, 2);
        bench
            .adapter
            .wait(&process.render(&halves).unwrap())
            .unwrap();
        bench.machine.set_fault(fault);
        let mut work = Work::default();
        for _ in 0..8 {
            work = work.copy((0, 0), (0, 4), 124);
        }
        let queued = process.render(&work).unwrap();
        for _ in 0..2 {
            bench.adapter.pump();
            for _ in 0..3 {
                dxgk_port::Host::relax(&*bench.machine);
            }
            assert!(bench.adapter.preempt());
        }
        bench.adapter.wait(&queued).unwrap();
        let words = [92, 96].map(|offset| bench.word(process.surfaces[0], offset));
        bench.machine.set_fault(Fault::None);
        bench.end();
        words
    };
    assert_eq!(run(Fault::None), [1, 2]);
    assert_eq!(run(Fault::ForgetsProgress), [1, 1]);
}

#[test]
fn presents_copy_and_fill_what_they_are_told() {
    let bench = Bench::new(mixed(4));
    let process = bench.process();
    let [_, source, destination, _] = process.surfaces[..] else {
        panic!("four surfaces");
    };
    let fill = |color, parts: &[dxgk_sys::RECT], to| {
        let present = FullPresent::ColorFill {
            destination: to,
            destination_rect: rect(0, 0, 64, 64),
            sub_rects: parts,
            color,
        };
        process.context.present(&present).unwrap()
    };
    fill(7, &[], source);
    fill(9, &[rect(8, 8, 16, 12)], source);
    fill(1, &[], destination);
    let parts = [rect(0, 0, 64, 10), rect(8, 10, 12, 11)];
    let last = process
        .context
        .present(&engine::blt(&process, &parts))
        .unwrap();
    bench.adapter.wait(&last).unwrap();
    let pixel = |x: u32, y: u32| bench.word(destination, (y * SIDE + x) * 4);
    assert_eq!([pixel(0, 0), pixel(9, 9), pixel(63, 9)], [7, 9, 7]);
    assert_eq!(
        [pixel(8, 10), pixel(11, 10), pixel(12, 10), pixel(8, 11)],
        [9, 9, 1, 1]
    );
    let stretched = FullPresent::Blt {
        source,
        source_rect: rect(0, 0, 32, 32),
        destination,
        destination_rect: rect(0, 0, 64, 64),
        sub_rects: &[],
        flags: dxgk_sys::DXGK_PRESENTFLAGS::empty(),
        color: 0,
    };
    assert!(process.context.present(&stretched).is_err());
    process.device.destroy().unwrap();
    bench.end();
}

#[test]
fn a_higher_priority_goes_first() {
    let bench = Bench::new(SchedulerOptions {
        depth: 1,
        ..engine::options(1)
    });
    let (low, high) = (bench.process(), bench.process());
    high.context.set_priority(3);
    let work = Work::default().fill(0, 0, 64, 1);
    let low: Vec<Queued> = (0..3).map(|_| low.render(&work).unwrap()).collect();
    let high: Vec<Queued> = (0..3).map(|_| high.render(&work).unwrap()).collect();
    bench.adapter.idle().unwrap();
    let tags: Vec<_> = bench.told().into_iter().map(|(tag, _)| tag).collect();
    let expected: Vec<_> = high.iter().chain(&low).map(Queued::tag).collect();
    assert_eq!(tags, expected);
    bench.end();
}

#[test]
fn null_rendering_does_nothing_and_says_so() {
    let bench = Bench::new(SchedulerOptions {
        null_rendering: true,
        ..engine::options(1)
    });
    let process = bench.process();
    let queued = process.render(&Work::default().fill(0, 0, 64, 77)).unwrap();
    bench.adapter.wait(&queued).unwrap();
    assert_eq!(queued.fate(), Some(Fate::Null));
    assert_ne!(bench.word(process.surfaces[0], 0), 77);
    bench.end();
}

#[test]
fn a_killed_process_drops_what_it_has_queued() {
    let bench = Bench::new(SchedulerOptions {
        depth: 1,
        ..engine::options(1)
    });
    let (killed, other) = (bench.process(), bench.process());
    let work = Work::default().fill(0, 0, 64, 1);
    let queued: Vec<_> = (0..4).map(|_| killed.render(&work).unwrap()).collect();
    let more = other.render(&work).unwrap();
    killed.context.set_priority(1);
    bench.adapter.pump();
    killed.device.kill().unwrap();
    let fates: Vec<_> = queued.iter().map(Queued::fate).collect();
    assert_eq!(fates[0], Some(Fate::Executed));
    assert_eq!(fates[1..], [Some(Fate::Cancelled); 3]);
    bench.adapter.wait(&more).unwrap();
    bench.end();
}

#[test]
fn an_innocent_process_goes_on_after_an_engine_reset() {
    let bench = Bench::new(engine::options(1));
    let (guilty, innocent) = (bench.process(), bench.process());
    guilty.context.set_priority(1);
    bench.machine.stalled.store(true, Ordering::Relaxed);
    let stuck = guilty.render(&Work::long()).unwrap();
    let waiting = guilty.render(&Work::long()).unwrap();
    bench.adapter.pump();
    let other = innocent.render(&Work::default().fill(0, 0, 64, 5)).unwrap();
    bench
        .machine
        .hurry
        .store(100 * MILLISECOND, Ordering::Relaxed);
    assert_eq!(bench.adapter.wait(&stuck), Err(Hang::Lost(Fate::Aborted)));
    bench.machine.stalled.store(false, Ordering::Relaxed);
    bench.machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    assert!(matches!(bench.adapter.wait(&waiting), Err(Hang::Lost(_))));
    bench.adapter.wait(&other).unwrap();
    assert_eq!(bench.word(innocent.surfaces[0], 0), 5);
    assert!(guilty.device.is_lost() && !innocent.device.is_lost());
    assert!(guilty.render(&Work::default()).is_err());
    let counts = bench.adapter.timeouts();
    assert_eq!(
        (counts.timeouts, counts.engine_resets, counts.adapter_resets),
        (1, 1, 0)
    );
    let report = bench.port.report();
    assert_eq!(report.calls["CollectDbgInfo"].count, 1);
    assert!(report.calls["CancelCommand"].count > 0);
    for process in [guilty, innocent] {
        process.device.destroy().unwrap();
    }
    bench.end();
}

#[test]
fn everybody_is_lost_with_the_adapter_and_new_work_goes_on() {
    let bench = Bench::new(engine::options(1));
    let (one, two) = (bench.process(), bench.process());
    bench.machine.no_engine_reset.store(true, Ordering::Relaxed);
    bench.machine.stalled.store(true, Ordering::Relaxed);
    let stuck = one.render(&Work::long()).unwrap();
    let other = two.render(&Work::long()).unwrap();
    bench
        .machine
        .hurry
        .store(100 * MILLISECOND, Ordering::Relaxed);
    assert_eq!(bench.adapter.wait(&stuck), Err(Hang::Lost(Fate::Purged)));
    bench.machine.stalled.store(false, Ordering::Relaxed);
    bench.machine.hurry.store(MILLISECOND, Ordering::Relaxed);
    assert!(matches!(bench.adapter.wait(&other), Err(Hang::Lost(_))));
    assert!(one.device.is_lost() && two.device.is_lost());
    let three = bench.process();
    let queued = three.render(&Work::default().fill(0, 0, 64, 6)).unwrap();
    bench.adapter.wait(&queued).unwrap();
    let counts = bench.adapter.timeouts();
    assert_eq!((counts.engine_resets, counts.adapter_resets), (0, 1));
    for process in [one, two, three] {
        process.device.destroy().unwrap();
    }
    bench.end();
}

/// Levels two and three promise an idle node.
#[test]
fn the_node_is_idle_before_a_call_of_level_two() {
    let bench = Bench::new(engine::options(1));
    let process = bench.process();
    let queued = process.render(&Work::default().fill(0, 0, 64, 1)).unwrap();
    bench.adapter.pump();
    assert_eq!(queued.fate(), None);
    bench.adapter.set_visible(0, false).unwrap();
    assert_eq!(queued.fate(), Some(Fate::Executed));
    bench.end();
}

#[test]
fn an_adapter_that_goes_away_ends_its_work() {
    let bench = Bench::new(engine::options(1));
    let process = bench.process();
    let queued = process.render(&Work::long()).unwrap();
    bench.adapter.pump();
    assert_eq!(bench.adapter.surprise_remove(), Ok(true));
    assert!(matches!(bench.adapter.wait(&queued), Err(Hang::Lost(_))));
    bench.end();
}

/// Each callback that may fail, failed once: the start fails or succeeds, and nothing is left behind.
#[test]
fn callbacks_fail_by_number() {
    let (port, _machine) = scenario::boot(&miniport::table(0x4002), Settings::default());
    let adapter = port.add_device(0).unwrap();
    let mut failed = 0;
    for nth in 1.. {
        let before = port.callbacks();
        port.fail_callback(Some(nth));
        let started = adapter.start();
        port.fail_callback(None);
        failed += u32::from(started.is_err());
        if started.is_ok() {
            adapter.stop().unwrap();
        }
        if port.callbacks() - before < nth {
            break;
        }
    }
    assert!(failed >= 3, "{failed}");
    adapter.remove().unwrap();
    let report = port.report();
    assert!(report.is_clean(), "{:#?}", report.violations);
}
