//! CreateAllocation and DestroyAllocation through their extern functions, as dxgkrnl calls them.
//!
//! `cargo bench --bench allocations` measures vmdisp beside the strategy of the published sample
//! drivers (a pool call for each object and each resource, no check of any handle), in the same
//! process and on the same pool, the system's malloc. A step destroys one list of allocations with
//! its resource, chosen at random, and creates another in its place, so that the number of live
//! allocations stays what it is. At the end it prints the tables of docs/performance.md.
//!
//! `cargo bench --bench allocations -- steps vmdisp 1 1000` only makes steps: for a profiler.

// Counts and sizes of a benchmark are small.
#![allow(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss
)]

mod pairs;
mod plain;
mod rig;
mod steps;
mod summary;
mod threads;
mod workload;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion, Throughput};
use vmdisp::kernel::host::World;

use rig::Driver;
use workload::{Lists, Workload};

const LISTS: [Lists; 5] = [
    Lists::alike(1),
    Lists::alike(16),
    Lists::alike(256),
    Lists {
        length: 16,
        mixed: true,
    },
    Lists {
        length: 256,
        mixed: true,
    },
];
/// Live allocations.
const LIVE: [usize; 5] = [100, 1_000, 10_000, 100_000, 1_000_000];

/// The name of the one and of the other in criterion's reports.
const OURS: &str = "vmdisp";
const PLAIN: &str = "plain";

fn main() {
    // A kernel never has one thread alone. In a process that has never had a second one the system's
    // malloc leaves its locks out, which no pool of a kernel can do.
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let second = std::thread::spawn(move || ended.recv());

    let world = World::bare();
    let _entered = world.enter();
    let ours = rig::Vmdisp::start();
    let plain = plain::Plain::new();

    if let Some(steps) = steps::Steps::asked_for() {
        steps.run(&ours, &plain);
        return;
    }

    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_millis(900))
        .sample_size(30)
        .without_plots()
        .configure_from_args();
    for lists in LISTS {
        let mut group = criterion.benchmark_group(format!("lists of {lists}"));
        group.throughput(Throughput::Elements(lists.length as u64));
        for live in LIVE {
            measure(&mut group, OURS, &ours, lists, live);
            measure(&mut group, PLAIN, &plain, lists, live);
        }
        group.finish();
    }
    criterion.final_summary();

    // `cargo test` runs each benchmark once, to see that it works: there is nothing to sum up then.
    let measuring = std::env::args().any(|argument| argument == "--bench");
    if measuring {
        summary::print(&LISTS, &LIVE);
        pairs::print(&ours, &plain, &LISTS, &LIVE);
        threads::print(&world, &ours);
    }
    drop(end);
    let _ = second.join();
}

fn measure<M: criterion::measurement::Measurement>(
    group: &mut criterion::BenchmarkGroup<'_, M>,
    name: &str,
    driver: &dyn Driver,
    lists: Lists,
    live: usize,
) {
    group.bench_function(BenchmarkId::new(name, live), |bencher| {
        let mut workload = Workload::new(driver, lists, live, 1);
        bencher.iter(|| workload.step());
    });
}
