//! Two objects that come and go together: what a batch promises holds for them, and they cost no run.

mod pool_common;

use std::ffi::c_void;
use std::ptr;

use pool_common::{Bench, TAG, in_every_mode, passive};
use vmdisp::kernel::host::World;
use vmdisp::pool::{Class, Full, Handle, Mode, Pool, Wrong};

const CLASSES: [Class; 2] = [Class::FIRST, Class::SECOND];

fn insert(bench: &Bench, numbers: [u64; 2]) -> Result<[*mut c_void; 2], Full> {
    let [first, second] = numbers.map(|number| move || bench.object(number));
    let handles = bench.pool.insert_pair(CLASSES, first, second, passive())?;
    Ok(handles.map(Handle::as_ptr))
}

/// As an object that comes and goes alone.
fn number(bench: &Bench, class: Class, handle: *mut c_void) -> Result<u64, Wrong> {
    let found = bench.pool.get_as(class, handle, passive())?;
    Ok(found.number)
}

fn remove(bench: &Bench, class: Class, handle: *mut c_void) -> Result<u64, Wrong> {
    let removed = bench
        .pool
        .release_batch(passive())
        .remove_as(class, handle)?;
    Ok(removed.number)
}

/// Two objects of which a run holds 504 pairs.
fn wide_pair(pool: &Pool<[u64; 7]>, number: u64) -> [*mut c_void; 2] {
    let handles = pool.insert_pair(CLASSES, || [number; 7], || [number; 7], passive());
    handles.unwrap().map(Handle::as_ptr)
}

fn live(bench: &Bench) -> usize {
    bench.pool.statistics(passive()).live
}

#[test]
fn a_pair_comes_and_goes() {
    in_every_mode(|bench| {
        let handles = insert(bench, [1, 2]).unwrap();
        let [first, second] = handles;
        assert_eq!(number(bench, Class::FIRST, first), Ok(1));
        assert_eq!(number(bench, Class::SECOND, second), Ok(2));
        assert_eq!(number(bench, Class::SECOND, first), Err(Wrong::Foreign));
        assert_eq!(live(bench), 2);
        if !bench.pool.discard_pair(CLASSES, handles, passive()) {
            // Each has a block of its own, or lies in a run of its own.
            assert_eq!(bench.living(), 2);
            assert_eq!(remove(bench, Class::FIRST, first), Ok(1));
            assert_eq!(remove(bench, Class::SECOND, second), Ok(2));
        }
        assert_eq!((bench.living(), live(bench)), (0, 0));
        for (class, handle) in CLASSES.into_iter().zip(handles) {
            assert!(number(bench, class, handle).is_err());
            assert!(remove(bench, class, handle).is_err());
        }
        assert!(!bench.pool.discard_pair(CLASSES, handles, passive()));
    });
}

/// Whatever is wrong with one handle, the other one's object stays.
#[test]
fn a_pair_with_a_wrong_handle_stays() {
    in_every_mode(|bench| {
        let stale = insert(bench, [1, 2]).unwrap();
        for (class, handle) in CLASSES.into_iter().zip(stale) {
            remove(bench, class, handle).unwrap();
        }
        let handles = insert(bench, [3, 4]).unwrap();
        let [first, second] = handles;
        let beside = first.wrapping_byte_add(1);
        let far = ptr::without_provenance_mut(0x1234_5678_9ac0);
        for wrong in [
            [stale[0], second],
            [first, stale[1]],
            [ptr::null_mut(), second],
            [first, ptr::null_mut()],
            [first, first],
            [second, second],
            [second, first],
            [beside, second],
            [first, second.wrapping_byte_add(8)],
            [far, second],
            [first, far],
        ] {
            assert!(!bench.pool.discard_pair(CLASSES, wrong, passive()));
            assert_eq!((bench.living(), live(bench)), (2, 2));
        }
        for (class, handle) in CLASSES.into_iter().zip(handles) {
            let borrowed = bench.pool.get_as(class, handle, passive()).unwrap();
            assert!(!bench.pool.discard_pair(CLASSES, handles, passive()));
            assert!(borrowed.is_whole());
        }
        assert_eq!(number(bench, Class::FIRST, first), Ok(3));
        assert_eq!(number(bench, Class::SECOND, second), Ok(4));
        // In the other order the second handle is found first.
        let [one, other] = CLASSES;
        if !bench
            .pool
            .discard_pair([other, one], [second, first], passive())
        {
            assert_eq!(remove(bench, Class::FIRST, first), Ok(3));
            assert_eq!(remove(bench, Class::SECOND, second), Ok(4));
        }
        assert_eq!((bench.living(), live(bench)), (0, 0));
    });
}

/// Either slot fails, and every pool call: there is neither object then.
#[test]
fn every_failure_of_a_pair_leaves_nothing() {
    in_every_mode(|bench| {
        for nth in 1..=2 {
            bench.world.fail_slot(Some(nth));
            assert_eq!(insert(bench, [1, 2]), Err(Full), "slot {nth}");
            assert_eq!((bench.living(), live(bench)), (0, 0));
        }
        bench.world.fail_slot(Some(3));
        let before = bench.world.slots();
        let kept = insert(bench, [1, 2]).unwrap();
        assert_eq!(
            bench.world.slots() - before,
            2,
            "each slot is asked for once"
        );
        bench.world.fail_slot(None);
        let mut handles = Vec::from([kept]);
        // Some of them need a run, or blocks, of their own.
        for round in 0..1_100 {
            for nth in 1.. {
                bench.world.fail_pool_call(Some(nth));
                let calls = bench.world.pool_calls();
                let inserted = insert(bench, [round, round]);
                let hit = bench.world.pool_calls() - calls >= nth;
                bench.world.fail_pool_call(None);
                // The set does without a larger table while it can.
                assert!(hit || inserted.is_ok());
                if let Ok(inserted) = inserted {
                    handles.push(inserted);
                    break;
                }
                assert_eq!(live(bench), 2 * handles.len());
                assert_eq!(bench.living(), 2 * handles.len());
            }
        }
        for handles in handles {
            if !bench.pool.discard_pair(CLASSES, handles, passive()) {
                for (class, handle) in CLASSES.into_iter().zip(handles) {
                    remove(bench, class, handle).unwrap();
                }
            }
        }
        assert_eq!((bench.living(), live(bench)), (0, 0));
    });
}

/// The slots that a shard keeps for the next pair keep no run from being given back.
#[test]
fn pairs_leave_one_empty_run() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let pair = |number| wide_pair(&pool, number);
    for every in [1, 2, 3, 1_000, usize::MAX] {
        let handles: Vec<_> = (0..10_000).map(pair).collect();
        assert_eq!(pool.statistics(passive()).runs, 20);
        // Some go as pairs, and then the others one by one.
        for (index, handles) in handles.iter().enumerate() {
            let together = index % every != 0;
            assert!(!together || pool.discard_pair(CLASSES, *handles, passive()));
        }
        for [first, second] in handles.into_iter().step_by(every) {
            let mut gone = pool.release_batch(passive());
            assert!(gone.discard(Class::FIRST, first).is_ok());
            assert!(gone.discard(Class::SECOND, second).is_ok());
        }
        let left = pool.statistics(passive());
        assert_eq!((left.live, left.runs), (0, 1), "every {every}");
    }
}

/// The last objects of a run go while the slots of another run's pair are kept: those stay at hand.
#[test]
fn a_run_that_empties_leaves_another_runs_pair() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    let pair = |number| wide_pair(&pool, number);
    let in_first_run: Vec<_> = (0..504).map(pair).collect();
    let in_another = pair(504);
    assert_eq!(pool.statistics(passive()).runs, 2);
    assert!(pool.discard_pair(CLASSES, in_first_run[7], passive()));
    assert!(pool.discard_pair(CLASSES, in_another, passive()));
    let left = pool.statistics(passive());
    assert_eq!((left.live, left.runs), (1006, 2));
    let mut again: Vec<_> = (0..2).map(pair).collect();
    let peak = pool.statistics(passive());
    assert_eq!((peak.live, peak.high_water), (1010, 1010));
    // Both runs have room for so many more, if none of their slots was lost.
    again.extend((0..503).map(pair));
    let full = pool.statistics(passive());
    assert_eq!((full.live, full.high_water, full.runs), (2016, 2016, 2));
    for handles in in_first_run.into_iter().chain(again) {
        let _ = pool.discard_pair(CLASSES, handles, passive());
    }
    let left = pool.statistics(passive());
    assert_eq!((left.live, left.runs), (0, 1));
}

/// What a pair leaves is taken by the next one, and by whoever else needs slots.
#[test]
fn slots_of_a_pair_are_used_again() {
    let world = World::new();
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, Mode::Slab, passive()).unwrap();
    // Without the generation, which is also in the highest bit.
    let line = |handle: *mut c_void| handle.addr() & !63 & (usize::MAX >> 1);
    let pair = |number| wide_pair(&pool, number);
    let handles: Vec<_> = (0..504).map(pair).collect();
    let full = pool.statistics(passive());
    assert_eq!((full.live, full.runs), (1008, 1));
    let mut middle = handles[100];
    for number in 0..200 {
        assert!(pool.discard_pair(CLASSES, middle, passive()));
        assert_eq!(pool.statistics(passive()).live, 1006);
        let again = pair(number);
        assert_eq!(again.map(line), middle.map(line));
        assert_ne!(again, middle, "another generation");
        middle = again;
    }
    assert!(pool.discard_pair(CLASSES, middle, passive()));
    let mut alone = [0, 0].map(|_| pool.insert([9; 7], passive()).unwrap().as_ptr());
    alone.sort_by_key(|handle| line(*handle));
    assert_eq!(alone.map(line), middle.map(line));
    let full = pool.statistics(passive());
    assert_eq!((full.live, full.high_water, full.runs), (1008, 1008, 1));
    for handle in alone {
        pool.remove(handle, passive()).unwrap();
    }
    for (index, handles) in handles.into_iter().enumerate() {
        assert_eq!(pool.discard_pair(CLASSES, handles, passive()), index != 100);
    }
}
