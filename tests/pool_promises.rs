//! What a pool promises, one promise a test.

mod pool_common;

use std::ptr;

use std::ffi::c_void;

use pool_common::{Object, TAG, in_every_mode, passive};
use vmdisp::kernel::host::World;
use vmdisp::kernel::{NoMemory, SpinLock};
use vmdisp::pool::{Class, Full, Mode, Pool, Refused, Wrong};

#[test]
fn an_object_comes_out_as_it_went_in() {
    in_every_mode(|bench| {
        let handle = bench.pool.insert(bench.object(7), passive()).unwrap();
        assert_eq!(
            bench.pool.get(handle.as_ptr(), passive()).unwrap().number,
            7
        );
        assert_eq!(
            bench.pool.get(handle.as_ptr(), passive()).unwrap().handle(),
            handle
        );
        assert_eq!(
            bench
                .pool
                .remove(handle.as_ptr(), passive())
                .unwrap()
                .number,
            7
        );
        assert_eq!(bench.living(), 0);
    });
}

#[test]
fn handles_are_different_and_never_null() {
    in_every_mode(|bench| {
        let mut seen = std::collections::HashSet::new();
        for number in 0..3000 {
            let handle = bench
                .pool
                .insert(bench.object(number), passive())
                .unwrap()
                .as_ptr();
            assert!(!handle.is_null());
            assert!(seen.insert(handle));
        }
        for (left, handle) in seen.iter().enumerate() {
            assert_eq!(bench.living(), 3000 - left);
            drop(bench.pool.remove(*handle, passive()).unwrap());
        }
    });
}

#[test]
fn a_handle_is_good_once() {
    in_every_mode(|bench| {
        let keep = bench
            .pool
            .insert(bench.object(0), passive())
            .unwrap()
            .as_ptr();
        let handle = bench
            .pool
            .insert(bench.object(1), passive())
            .unwrap()
            .as_ptr();
        drop(bench.pool.remove(handle, passive()).unwrap());
        assert!(bench.pool.remove(handle, passive()).is_err());
        assert!(bench.pool.get(handle, passive()).is_err());
        drop(bench.pool.remove(keep, passive()).unwrap());
    });
}

#[test]
fn a_handle_is_good_for_its_class_only() {
    in_every_mode(|bench| {
        let mut batch = bench.pool.batch(2, passive());
        let mut insert = |class, number| {
            let made = batch.insert_with(class, || bench.object(number));
            made.unwrap().as_ptr()
        };
        let first = insert(Class::FIRST, 1);
        let second = insert(Class::SECOND, 2);
        batch.commit();
        for (class, handle) in [(Class::SECOND, first), (Class::FIRST, second)] {
            let found = bench.pool.get_as(class, handle, passive());
            assert_eq!(found.map(|object| object.number), Err(Wrong::Foreign));
            let mut gone = bench.pool.release_batch(passive());
            assert_eq!(gone.remove_as(class, handle).map(drop), Err(Wrong::Foreign));
            assert_eq!(gone.discard(class, handle), Err(Wrong::Foreign));
            let refused = gone.discard_all(class, &[ptr::null_mut(), handle]);
            let wrong = Wrong::Foreign;
            assert_eq!(refused, Some(Refused { index: 1, wrong }));
        }
        assert_eq!(bench.living(), 2);
        for (class, handle, number) in [(Class::FIRST, first, 1), (Class::SECOND, second, 2)] {
            let found = bench.pool.get_as(class, handle, passive()).unwrap().number;
            assert_eq!(found, number);
            let mut gone = bench.pool.release_batch(passive());
            assert_eq!(gone.discard(class, handle), Ok(()));
            assert!(gone.discard(class, handle).is_err());
        }
        assert_eq!(bench.living(), 0);
    });
}

/// Lists of all lengths are discarded whole, with wrong entries, NULL and entries that come twice
/// among them, and the first wrong one is told.
#[test]
fn a_list_is_discarded_whatever_is_in_it() {
    in_every_mode(|bench| {
        for length in [0, 1, 2, 8, 9, 63, 64, 65, 130, 1500] {
            let mut handles: Vec<_> = (0..length)
                .map(|number| bench.pool.insert(bench.object(number), passive()))
                .map(|made| made.unwrap().as_ptr())
                .collect();
            let discard = |handles: &[_]| {
                let mut gone = bench.pool.release_batch(passive());
                gone.discard_all(Class::FIRST, handles)
            };
            let middle = handles.len() / 2;
            handles.insert(middle, ptr::null_mut());
            assert_eq!(discard(&[]), None);
            if middle > 0 {
                handles.push(handles[0]);
                handles.insert(middle, ptr::without_provenance_mut(0x1234_5678));
                let refused = discard(&handles);
                let (index, wrong) = (middle, Wrong::Foreign);
                assert_eq!(refused, Some(Refused { index, wrong }), "{length}");
            } else {
                assert_eq!(discard(&handles), None);
            }
            assert_eq!(bench.living(), 0, "{length}");
            assert_eq!(bench.pool.statistics(passive()).live, 0, "{length}");
        }
    });
}

/// A slot's handle comes again after 64 objects, not before.
#[test]
fn a_stale_handle_is_refused_while_its_slot_is_used_again() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<u64>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let keep = pool.insert(0, passive()).unwrap();
    let first = pool.insert(1, passive()).unwrap().as_ptr();
    assert_eq!(pool.remove(first, passive()), Ok(1));
    for turn in 2..65 {
        let handle = pool.insert(turn, passive()).unwrap().as_ptr();
        // Without the generation: five bits below, one above.
        let slot = |handle: *mut c_void| handle.addr() << 1 >> 6;
        assert_eq!(slot(handle), slot(first), "the slot that was freed last");
        assert_eq!(
            pool.remove(first, passive()),
            Err(Wrong::Stale),
            "turn {turn}"
        );
        assert_eq!(pool.remove(handle, passive()), Ok(turn));
    }
    assert_eq!(pool.insert(65, passive()).unwrap().as_ptr(), first);
    assert_eq!(pool.remove(first, passive()), Ok(65));
    assert_eq!(pool.remove(keep.as_ptr(), passive()), Ok(0));
}

#[test]
fn wrong_handles_are_told_apart() {
    in_every_mode(|bench| {
        let handle = bench
            .pool
            .insert(bench.object(1), passive())
            .unwrap()
            .as_ptr();
        let other = Pool::<u64>::try_new(TAG, Mode::Slab, passive()).unwrap();
        let foreign = other.insert(2, passive()).unwrap().as_ptr();
        let wrong = |handle| bench.pool.remove(handle, passive()).map(drop);
        assert_eq!(wrong(ptr::null_mut()), Err(Wrong::Null));
        assert_eq!(wrong(foreign), Err(Wrong::Foreign));
        assert_eq!(wrong(ptr::without_provenance_mut(64)), Err(Wrong::Foreign));
        assert_eq!(
            wrong(ptr::without_provenance_mut(usize::MAX)),
            Err(Wrong::Foreign)
        );
        assert_eq!(wrong(handle.wrapping_byte_add(1)), Err(Wrong::Stale));
        assert_eq!(
            bench.pool.get(foreign, passive()).map(|_| ()),
            Err(Wrong::Foreign)
        );
        assert_eq!(wrong(handle), Ok(()));
    });
}

#[test]
fn a_borrowed_object_is_not_removed() {
    in_every_mode(|bench| {
        let handle = bench
            .pool
            .insert(bench.object(1), passive())
            .unwrap()
            .as_ptr();
        let borrowed = bench.pool.get(handle, passive()).unwrap();
        let again = bench.pool.get(handle, passive()).unwrap();
        assert_eq!(
            bench.pool.remove(handle, passive()).map(drop),
            Err(Wrong::Busy)
        );
        drop(borrowed);
        assert_eq!(
            bench.pool.remove(handle, passive()).map(drop),
            Err(Wrong::Busy)
        );
        assert!(again.is_whole());
        drop(again);
        assert_eq!(bench.pool.remove(handle, passive()).map(drop), Ok(()));
    });
}

#[test]
fn a_batch_is_seen_when_it_is_committed() {
    in_every_mode(|bench| {
        let mut batch = bench.pool.batch(100, passive());
        let handles: Vec<_> = (0..100)
            .map(|i| batch.insert(bench.object(i)).unwrap().as_ptr())
            .collect();
        for handle in &handles {
            assert!(bench.pool.get(*handle, passive()).is_err());
            assert!(bench.pool.remove(*handle, passive()).is_err());
        }
        batch.commit();
        let mut release = bench.pool.release_batch(passive());
        for (number, handle) in handles.iter().enumerate() {
            assert_eq!(release.remove(*handle).unwrap().number, number as u64);
        }
    });
}

#[test]
fn a_batch_that_is_dropped_leaves_nothing() {
    in_every_mode(|bench| {
        // Longer than a run, with a wrong hint, beside an object that stays.
        let keep = bench
            .pool
            .insert(bench.object(0), passive())
            .unwrap()
            .as_ptr();
        for hint in [0, 1, 3000, usize::MAX] {
            let mut batch = bench.pool.batch(hint, passive());
            let handles: Vec<_> = (0..2500)
                .map(|i| batch.insert(bench.object(i)).unwrap().as_ptr())
                .collect();
            assert_eq!(bench.living(), 2501);
            drop(batch);
            assert_eq!(bench.living(), 1);
            assert_eq!(bench.pool.statistics(passive()).live, 1);
            assert!(
                handles
                    .iter()
                    .all(|handle| bench.pool.get(*handle, passive()).is_err())
            );
        }
        drop(bench.pool.remove(keep, passive()).unwrap());
    });
}

/// The k-th slot or pool call of a batch fails, for every k: the batch says so, and without a
/// commit nothing of it is left.
#[test]
fn every_failure_of_a_batch_leaves_nothing() {
    in_every_mode(|bench| {
        const LENGTH: u64 = 40;
        let insert = || -> Result<(), Full> {
            let mut batch = bench.pool.batch(8, passive());
            for number in 0..LENGTH {
                batch.insert(bench.object(number))?;
            }
            drop(batch); // not committed, so each round begins from nothing
            Ok(())
        };
        for nth in 1..=LENGTH {
            bench.world.fail_slot(Some(nth));
            assert_eq!(insert(), Err(Full), "slot {nth}");
            assert_eq!(bench.living(), 0);
            assert_eq!(bench.pool.statistics(passive()).live, 0);
        }
        let mut failed = 0;
        loop {
            bench.world.fail_pool_call(Some(failed + 1));
            let inserted = insert();
            assert_eq!(bench.living(), 0);
            assert_eq!(bench.pool.statistics(passive()).live, 0);
            if inserted.is_ok() {
                break;
            }
            failed += 1;
        }
        bench.world.fail_pool_call(None);
        assert_eq!(insert(), Ok(()));
        println!("{LENGTH} slots and {failed} pool calls failed");
    });
}

#[test]
fn a_pool_without_memory_says_so() {
    let world = World::new();
    let _entered = world.enter();
    world.fail_pool_call(Some(1));
    let pool = Pool::<u64>::try_new(TAG, Mode::Slab, passive());
    assert_eq!(pool.map(drop), Err(NoMemory));
    let pool = Pool::<u64>::try_new(TAG, Mode::Slab, passive()).unwrap();
    world.fail_pool_call(Some(1));
    assert_eq!(pool.insert(1, passive()), Err(Full));
    let handle = pool.insert(1, passive()).unwrap().as_ptr();
    assert_eq!(pool.remove(handle, passive()), Ok(1));
}

/// At most four pool calls for the first thousand objects, and none for what comes after while the
/// pool holds no more than it did.
#[test]
fn objects_cost_few_pool_calls() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let before = world.pool_calls();
    let mut handles: Vec<_> = (0..1000)
        .map(|i| pool.insert([i; 7], passive()).unwrap().as_ptr())
        .collect();
    assert!(
        world.pool_calls() - before <= 4,
        "{} pool calls",
        world.pool_calls() - before
    );
    let before = world.pool_calls();
    for round in 0..10 {
        for handle in handles.drain(round * 50..) {
            pool.remove(handle, passive()).unwrap();
        }
        while handles.len() < 1000 {
            handles.push(pool.insert([9; 7], passive()).unwrap().as_ptr());
        }
    }
    assert_eq!(world.pool_calls(), before);
    for handle in handles {
        pool.remove(handle, passive()).unwrap();
    }
}

/// A run's bytes divided by its objects are at most 16 more than an object has.
#[test]
fn a_full_run_wastes_little() {
    fn waste<T: Send + Sync + Copy>(value: T) -> usize {
        let world = World::new();
        let _entered = world.enter();
        let pool = Pool::<T>::try_new(TAG, Mode::Slab, passive()).unwrap();
        let mut count = 0;
        let mut handles = Vec::new();
        loop {
            handles.push(pool.insert(value, passive()).unwrap().as_ptr());
            if pool.statistics(passive()).runs == 2 {
                break;
            }
            count += 1;
        }
        for handle in handles {
            pool.remove(handle, passive()).unwrap();
        }
        64 * 1024 / count - size_of::<T>()
    }
    assert!(waste([0_u64; 3]) <= 16);
    assert!(waste([0_u64; 7]) <= 16);
    assert!(waste([0_u64; 15]) <= 16);
}

#[test]
fn empty_runs_are_given_back_but_one() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    for _ in 0..3 {
        let handles: Vec<_> = (0..20_000)
            .map(|i| pool.insert([i; 7], passive()).unwrap().as_ptr())
            .collect();
        assert_eq!(pool.statistics(passive()).runs, 20);
        for handle in handles {
            pool.remove(handle, passive()).unwrap();
        }
        assert_eq!(pool.statistics(passive()).runs, 1);
        assert!(
            world.live_bytes() < 128 * 1024,
            "{} bytes",
            world.live_bytes()
        );
    }
}

#[test]
fn a_pool_that_goes_with_objects_complains_and_drops_them() {
    let world = World::new();
    let _entered = world.enter();
    for mode in [Mode::Slab, Mode::PerObject] {
        let living = std::sync::Arc::default();
        let pool = Pool::try_new(TAG, mode, passive()).unwrap();
        for number in 0..1500 {
            pool.insert(Object::new(number, &living), passive())
                .unwrap();
        }
        drop(pool);
        assert_eq!(std::sync::Arc::strong_count(&living), 1);
        let complaints = world.take_complaints();
        assert_eq!(complaints.len(), 1);
        assert_eq!(
            (complaints[0].field, complaints[0].value),
            (c"objects left", 1500)
        );
        assert_eq!(world.live_blocks(), 0);
    }
}

/// A release batch lets its lock go now and then, and when it is dropped.
#[test]
fn a_release_batch_ends_at_the_level_it_began() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<u64>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let handles: Vec<_> = (0..200)
        .map(|i| pool.insert(i, passive()).unwrap().as_ptr())
        .collect();
    let mut release = pool.release_batch(passive());
    for handle in handles {
        release.remove(handle).unwrap();
        assert_eq!(vmdisp::kernel::host::irql(), 2);
    }
    assert_eq!(release.remove(ptr::null_mut()), Err(Wrong::Null));
    drop(release);
    assert_eq!(vmdisp::kernel::host::irql(), 0);
    drop(SpinLock::new(()).lock(passive()));
}

#[test]
fn larger_objects_get_larger_slots() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u8; 500]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let handles: Vec<_> = (0..300_u16)
        .map(|i| {
            pool.insert([i.to_le_bytes()[0]; 500], passive())
                .unwrap()
                .as_ptr()
        })
        .collect();
    for (i, handle) in handles.iter().enumerate() {
        for offset in (64..512).step_by(64) {
            let inside = handle.wrapping_byte_add(offset);
            assert_eq!(pool.get(inside, passive()).map(|_| ()), Err(Wrong::Foreign));
        }
        assert_eq!(
            pool.remove(*handle, passive()).unwrap(),
            [i.to_le_bytes()[0]; 500]
        );
    }
}

/// Runs that come and go leave nothing behind: descriptors and tables are used again.
#[test]
fn a_pool_does_not_grow_with_use() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u8; 4000]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let mut bytes = Vec::new();
    for _ in 0..200 {
        let handles: Vec<_> = (0..50)
            .map(|_| pool.insert([1; 4000], passive()).unwrap().as_ptr())
            .collect();
        for handle in handles {
            pool.remove(handle, passive()).unwrap();
        }
        bytes.push(world.live_bytes());
    }
    // Which granules the runs lie in is chance, and can want another table of a few cells.
    let (first, last) = (bytes[0], bytes[bytes.len() - 1]);
    assert!(last < first + 8 * 1024, "{bytes:?}");
}

/// Blocks that come and go in any order cost a pool call each and none for the set.
#[test]
fn the_set_does_not_grow_with_use() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<u64>::try_new(TAG, Mode::PerObject, passive()).unwrap();
    let mut live: Vec<_> = (0..200)
        .map(|i| pool.insert(i, passive()).unwrap().as_ptr())
        .collect();
    let mut calls = 0;
    for turn in 0..100_000 {
        if turn == 2_000 {
            calls = world.pool_calls(); // the tables that are used in turn are there
        }
        let at = turn * 7919 % live.len();
        pool.remove(live.swap_remove(at), passive()).unwrap();
        live.push(pool.insert(turn as u64, passive()).unwrap().as_ptr());
        assert!(
            live.iter()
                .step_by(17)
                .all(|handle| pool.get(*handle, passive()).is_ok())
        );
    }
    // One table more at most: the second of the two that take turns, where addresses are such that
    // the first lasts so long.
    let calls = world.pool_calls() - calls;
    assert!((98_000..=98_001).contains(&calls), "{calls} pool calls");
    for handle in live {
        pool.remove(handle, passive()).unwrap();
    }
}
