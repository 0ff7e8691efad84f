//! Two threads against one, and both behind one lock.

use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::Instant;

use dxgk_sys::{DXGKARG_CREATEALLOCATION, DXGKARG_DESTROYALLOCATION};
use vmdisp::kernel::host::World;

use crate::rig::{Driver, Vmdisp};
use crate::workload::{Lists, Workload};

const LIST: usize = 16;
const LIVE: usize = 10_000;
const STEPS: usize = 400_000;
const RUNS: usize = 9;

/// A driver of which only one DDI runs at a time.
struct Locked<'a>(&'a dyn Driver, Mutex<()>);

impl Driver for Locked<'_> {
    fn create(&self, argument: &mut DXGKARG_CREATEALLOCATION) -> i32 {
        let _one = self.1.lock().unwrap();
        self.0.create(argument)
    }

    fn destroy(&self, argument: &mut DXGKARG_DESTROYALLOCATION) -> i32 {
        let _one = self.1.lock().unwrap();
        self.0.destroy(argument)
    }
}

/// Prints the rate of two threads over that of one, for lists of 16, median of 9 runs. What two threads
/// reach that share nothing, not even an adapter, is what the machine has for two.
pub fn print(world: &World, driver: &dyn Driver) {
    let locked = Locked(driver, Mutex::new(()));
    let other = Vmdisp::start();
    let mut ratios = [Vec::new(), Vec::new(), Vec::new()];
    for _ in 0..RUNS {
        let locked: &dyn Driver = &locked;
        let pairs = [[driver, driver], [locked, locked], [driver, &other]];
        for (ratios, drivers) in ratios.iter_mut().zip(pairs) {
            ratios.push(rate(world, &drivers) / rate(world, &drivers[..1]));
        }
    }
    let [free, locked, apart] = ratios.map(|mut ratios| {
        ratios.sort_by(f64::total_cmp);
        (ratios[RUNS / 2], ratios[0], ratios[RUNS - 1])
    });
    println!("\nTwo threads over one, lists of {LIST}, {LIVE} live each, {RUNS} runs\n");
    println!("| | median | lowest | highest |\n|---|---|---|---|");
    println!("| vmdisp | {:.2} | {:.2} | {:.2} |", free.0, free.1, free.2);
    println!(
        "| the same behind one lock | {:.2} | {:.2} | {:.2} |",
        locked.0, locked.1, locked.2
    );
    println!(
        "| an adapter for each thread | {:.2} | {:.2} | {:.2} |",
        apart.0, apart.1, apart.2
    );
}

/// Steps a second of a thread for each driver, together.
fn rate(world: &World, drivers: &[&dyn Driver]) -> f64 {
    let start = Barrier::new(drivers.len());
    let seconds: Vec<f64> = thread::scope(|scope| {
        let threads: Vec<_> = (0..)
            .zip(drivers)
            .map(|(number, driver): (u64, _)| {
                let start = &start;
                scope.spawn(move || {
                    let _entered = world.enter();
                    let mut workload =
                        Workload::new(*driver, Lists::alike(LIST), LIVE, number * 2 + 1);
                    start.wait();
                    let from = Instant::now();
                    for _ in 0..STEPS {
                        workload.step();
                    }
                    let seconds = from.elapsed().as_secs_f64();
                    start.wait();
                    seconds
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let longest = seconds.into_iter().fold(0.0, f64::max);
    (drivers.len() * STEPS) as f64 / longest
}
