//! Steps alone, for who counts their instructions.

use crate::rig::Driver;
use crate::workload::{Lists, Workload};
use crate::{OURS, PLAIN};

/// How many steps are made.
const STEPS: u32 = 1_000;

/// `steps DRIVER LIST LIVE`: which driver, allocations in a list, and live ones.
pub struct Steps {
    ours: bool,
    list: usize,
    live: usize,
}

impl Steps {
    /// What the command line asks for, if it asks for steps.
    ///
    /// # Panics
    ///
    /// When it asks for something else behind that word.
    pub fn asked_for() -> Option<Self> {
        let words: Vec<String> = std::env::args()
            .skip_while(|word| word != "steps")
            .collect();
        let [_, driver, list, live, ..] = words.as_slice() else {
            assert!(
                words.is_empty(),
                "steps DRIVER LIST LIVE: not all are given"
            );
            return None;
        };
        assert!(
            driver == OURS || driver == PLAIN,
            "{driver}: neither {OURS} nor {PLAIN}"
        );
        let number = |word: &String| word.parse().expect("a number of allocations");
        Some(Self {
            ours: driver == OURS,
            list: number(list),
            live: number(live),
        })
    }

    /// Makes them.
    pub fn run(&self, ours: &dyn Driver, plain: &dyn Driver) {
        let driver = if self.ours { ours } else { plain };
        let mut workload = Workload::new(driver, Lists::alike(self.list), self.live, 1);
        for _ in 0..STEPS {
            workload.step();
        }
    }
}
