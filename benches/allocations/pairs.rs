//! Both drivers by turns, for a machine that has other work too.
//!
//! Criterion measures one after the other, so that whatever the machine does meanwhile falls upon one
//! of the two. Here they take turns of about a millisecond, and the best turn of each counts: the one
//! that nothing has disturbed.

use std::time::{Duration, Instant};

use crate::rig::Driver;
use crate::workload::{Lists, Workload};

const TURNS: usize = 200;
const TURN: Duration = Duration::from_millis(1);

/// Prints nanoseconds an allocation (created and destroyed) and the ratio.
pub fn print(ours: &dyn Driver, plain: &dyn Driver, lists: &[Lists], live: &[usize]) {
    println!("\nBy turns, the best of {TURNS}, ns an allocation: plain / vmdisp = ratio\n");
    print!("| list |");
    for live in live {
        print!(" {live} live |");
    }
    println!("\n|---|{}", "---|".repeat(live.len()));
    for lists in lists {
        print!("| {lists} |");
        for live in live {
            let mut ours = Turns::new(ours, *lists, *live);
            let mut plain = Turns::new(plain, *lists, *live);
            for _ in 0..TURNS {
                plain.take();
                ours.take();
            }
            let each = |turns: &Turns| turns.best / lists.length as f64;
            let (plain, ours) = (each(&plain), each(&ours));
            print!(" {plain:.1} / {ours:.1} = {:.2} |", plain / ours);
        }
        println!();
    }
}

struct Turns<'a> {
    workload: Workload<'a>,
    /// Steps in a turn.
    steps: u32,
    /// Nanoseconds a step in the best turn.
    best: f64,
}

impl<'a> Turns<'a> {
    fn new(driver: &'a dyn Driver, lists: Lists, live: usize) -> Self {
        let mut workload = Workload::new(driver, lists, live, 1);
        let mut steps = 0;
        let from = Instant::now();
        while from.elapsed() < TURN {
            workload.step();
            steps += 1;
        }
        let best = f64::INFINITY;
        Self {
            workload,
            steps,
            best,
        }
    }

    fn take(&mut self) {
        let from = Instant::now();
        for _ in 0..self.steps {
            self.workload.step();
        }
        let step = from.elapsed().as_secs_f64() * 1e9 / f64::from(self.steps);
        self.best = self.best.min(step);
    }
}
