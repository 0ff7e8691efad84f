//! A pool does what a map of numbers would do, whatever it is asked.

mod pool_common;

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;

use pool_common::{Bench, in_every_mode, passive};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use vmdisp::pool::{Class, Full, Wrong};

/// The classes of a pair here: its objects are like all others.
const BOTH: [Class; 2] = [Class::FIRST, Class::FIRST];

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
    /// Pairs, with the n-th slot or pool call failing.
    InsertPairs {
        count: usize,
        fail_slot: Option<u64>,
        fail_pool: Option<u64>,
    },
    /// Pairs of live objects, neighbours in the order of their handles or not.
    RemovePairs(Vec<(usize, Option<usize>)>),
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
    let pairs = (1..30_usize, failure(), failure());
    let pairs = pairs.prop_map(|(count, fail_slot, fail_pool)| Step::InsertPairs {
        count,
        fail_slot,
        fail_pool,
    });
    let two = (any::<usize>(), prop::option::weighted(0.2, any::<usize>()));
    let step = prop_oneof![
        3 => insert,
        3 => pairs,
        3 => prop::collection::vec(two, 1..60).prop_map(Step::RemovePairs),
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

    fn insert_pair(&mut self, bench: &Bench) {
        let numbers = [self.next, self.next + 1];
        self.next += 2;
        let [first, second] = numbers.map(|number| move || bench.object(number));
        let inserted = bench.pool.insert_pair(BOTH, first, second, passive());
        for (handle, number) in inserted.into_iter().flatten().zip(numbers) {
            let handle = handle.as_ptr();
            let before = self.live.insert(handle.addr(), (handle, number));
            assert!(before.is_none(), "two objects with one handle");
        }
    }

    fn remove_pair(&mut self, bench: &Bench, index: usize, other: Option<usize>) {
        let other = other.unwrap_or(index.wrapping_add(1));
        let (Some((first, _)), Some((second, _))) = (self.pick(index), self.pick(other)) else {
            return;
        };
        if bench.pool.discard_pair(BOTH, [first, second], passive()) {
            for handle in [first, second] {
                assert!(self.live.remove(&handle.addr()).is_some());
                self.stale.push(handle);
            }
        }
    }

    fn step(&mut self, bench: &Bench, step: &Step) {
        match step {
            Step::InsertPairs {
                count,
                fail_slot,
                fail_pool,
            } => {
                bench.world.fail_slot(*fail_slot);
                bench.world.fail_pool_call(*fail_pool);
                for _ in 0..*count {
                    self.insert_pair(bench);
                }
                bench.world.fail_slot(None);
                bench.world.fail_pool_call(None);
            }
            Step::RemovePairs(choices) => {
                for (index, other) in choices {
                    self.remove_pair(bench, *index, *other);
                }
            }
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
