//! A pool does what a map of numbers would do, whatever it is asked.

mod pool_common;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;

use pool_common::{Bench, in_every_mode, passive};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vmdisp::pool::{Full, Wrong};

/// One thing asked of a pool. An index counts the handles of its kind, modulo how many there are.
#[derive(Clone, Debug)]
enum Step {
    /// A batch of so many, committed or not, with the n-th slot or pool call failing.
    Insert {
        length: usize,
        hint: usize,
        commit: bool,
        fail_slot: Option<u64>,
        fail_pool: Option<u64>,
    },
    /// A release batch of live objects.
    Remove(Vec<usize>),
    /// A release batch of live, stale and made-up handles, mixed.
    RemoveMixed(Vec<(u8, usize)>),
    Get(usize),
    GetStale(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let failure = || prop_oneof![4 => Just(None), 1 => (1..40_u64).prop_map(Some)];
    let length = prop_oneof![3 => 1..20_usize, 1 => 1..300_usize];
    let insert = (
        length,
        0..70_usize,
        prop::bool::weighted(0.8),
        failure(),
        failure(),
    )
        .prop_map(
            |(length, hint, commit, fail_slot, fail_pool)| Step::Insert {
                length,
                hint,
                commit,
                fail_slot,
                fail_pool,
            },
        );
    let step = prop_oneof![
        3 => insert,
        2 => prop::collection::vec(any::<usize>(), 1..200).prop_map(Step::Remove),
        1 => prop::collection::vec((0..4_u8, any::<usize>()), 1..50).prop_map(Step::RemoveMixed),
        1 => any::<usize>().prop_map(Step::Get),
        1 => any::<usize>().prop_map(Step::GetStale),
    ];
    prop::collection::vec(step, 1..40)
}

/// The handles of a run of steps: what lives, and what was.
#[derive(Default)]
struct Model {
    live: BTreeMap<usize, (*mut c_void, u64)>,
    stale: Vec<*mut c_void>,
    next: u64,
}

impl Model {
    fn pick(&self, index: usize) -> Option<(*mut c_void, u64)> {
        let index = index % self.live.len().max(1);
        self.live.values().nth(index).copied()
    }

    /// A handle of an object that is gone, and whose slot has none of the same generation.
    fn pick_stale(&self, index: usize) -> Option<*mut c_void> {
        let handle = *self.stale.get(index % self.stale.len().max(1))?;
        (!self.live.contains_key(&handle.addr())).then_some(handle)
    }

    fn insert(&mut self, bench: &Bench, length: usize, hint: usize, commit: bool) {
        let mut batch = bench.pool.batch(hint, passive());
        let mut inserted = Vec::new();
        for _ in 0..length {
            let number = self.next;
            self.next += 1;
            match batch.insert(bench.object(number)) {
                Ok(handle) => inserted.push((handle.as_ptr(), number)),
                Err(Full) => break,
            }
        }
        if commit && inserted.len() == length {
            batch.commit();
            for (handle, number) in inserted {
                let before = self.live.insert(handle.addr(), (handle, number));
                assert!(before.is_none(), "two objects with one handle");
            }
        } else {
            drop(batch);
            self.stale
                .extend(inserted.iter().map(|(handle, _)| *handle));
        }
    }

    fn step(&mut self, bench: &Bench, step: &Step) {
        match step {
            Step::Insert {
                length,
                hint,
                commit,
                fail_slot,
                fail_pool,
            } => {
                bench.world.fail_slot(*fail_slot);
                bench.world.fail_pool_call(*fail_pool);
                self.insert(bench, *length, *hint, *commit);
                bench.world.fail_slot(None);
                bench.world.fail_pool_call(None);
            }
            Step::Remove(indexes) => {
                let mut release = bench.pool.release_batch(passive());
                for index in indexes {
                    let Some((handle, number)) = self.pick(*index) else {
                        break;
                    };
                    assert_eq!(release.remove(handle).unwrap().number, number);
                    self.live.remove(&handle.addr());
                    self.stale.push(handle);
                }
            }
            Step::RemoveMixed(choices) => {
                let mut release = bench.pool.release_batch(passive());
                for (kind, index) in choices {
                    let picked = self.pick(*index);
                    let handle = match (kind, picked) {
                        (0, Some((handle, number))) => {
                            assert_eq!(release.remove(handle).unwrap().number, number);
                            self.live.remove(&handle.addr());
                            self.stale.push(handle);
                            handle // a second time
                        }
                        (1, _) => match self.pick_stale(*index) {
                            Some(handle) => handle,
                            None => continue,
                        },
                        // The next generation of a live slot, and an address that is none.
                        (2, Some((handle, _))) => handle.map_addr(|address| address ^ 1),
                        _ => ptr::without_provenance_mut(*index),
                    };
                    let unknown = !self.live.contains_key(&handle.addr());
                    assert!(!unknown || release.remove(handle).is_err(), "{handle:?}");
                }
            }
            Step::Get(index) => {
                if let Some((handle, number)) = self.pick(*index) {
                    let found = bench.pool.get(handle, passive()).unwrap();
                    assert_eq!(found.number, number);
                    let busy = bench.pool.remove(handle, passive()).map(drop);
                    assert_eq!(busy, Err(Wrong::Busy));
                }
            }
            Step::GetStale(index) => {
                if let Some(handle) = self.pick_stale(*index) {
                    assert!(bench.pool.get(handle, passive()).is_err());
                }
            }
        }
        assert_eq!(bench.living(), self.live.len());
        assert_eq!(bench.pool.statistics(passive()).live, self.live.len());
        for (handle, number) in self.live.values() {
            assert_eq!(bench.pool.get(*handle, passive()).unwrap().number, *number);
        }
    }
}

#[test]
fn a_pool_is_a_map() {
    let cases = if cfg!(debug_assertions) { 48 } else { 256 };
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let check = |steps: Vec<Step>| {
        in_every_mode(|bench| {
            let mut model = Model::default();
            for step in &steps {
                model.step(bench, step);
            }
            for (handle, number) in model.live.into_values() {
                assert_eq!(bench.pool.remove(handle, passive()).unwrap().number, number);
            }
        });
        Ok(())
    };
    TestRunner::new(config).run(&steps(), check).unwrap();
}
