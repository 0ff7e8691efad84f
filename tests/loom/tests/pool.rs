//! Two threads on one pool, in every order of their steps.

use loom::sync::Arc;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::thread;

use vmdisp_loom::kernel::irql::Passive;
use vmdisp_loom::kernel::{Tag, begin, live_blocks, reuse, run_on};
use vmdisp_loom::pool::{Class, Mode, Pool, Wrong};

/// An object that loom watches: a read of it that races with a write ends the model.
struct Object(loom::cell::UnsafeCell<usize>);

// SAFETY: the cell is read through references and written by its only owner.
unsafe impl Sync for Object {}

impl Object {
    fn new(number: usize) -> Self {
        Self(loom::cell::UnsafeCell::new(number))
    }

    fn number(&self) -> usize {
        // SAFETY: nobody writes while there are references; loom checks it.
        self.0.with(|number| unsafe { *number })
    }

    fn into_number(self) -> usize {
        // SAFETY: the only owner; loom checks that no reader is left.
        self.0
            .with_mut(|number| unsafe { core::mem::take(&mut *number) })
    }
}

type TestPool = Pool<Object>;

/// A handle on its way to another thread.
#[derive(Clone, Copy)]
struct Handle(vmdisp_loom::pool::Handle);

fn passive() -> Passive {
    // SAFETY: a model has no levels.
    unsafe { Passive::assume() }
}

fn insert(pool: &TestPool, number: usize) -> Handle {
    Handle(
        pool.insert(Object::new(number), passive())
            .expect("a model has memory"),
    )
}

fn remove(pool: &TestPool, handle: Handle) -> Result<usize, Wrong> {
    pool.remove(handle.0.as_ptr(), passive())
        .map(Object::into_number)
}

fn get(pool: &TestPool, handle: Handle) -> Result<usize, Wrong> {
    pool.get(handle.0.as_ptr(), passive())
        .map(|object| object.number())
}

/// Plays `model` through, with all orders that need two thread switches at most where a thread
/// could have gone on: enough for every fault of two threads that is known to this kind of code.
fn check(mode: Mode, model: impl Fn(&Arc<TestPool>) + Sync + Send + 'static) {
    let mut builder = loom::model::Builder::new();
    builder.preemption_bound = Some(2);
    builder.max_branches = 20_000;
    builder.check(move || {
        begin();
        let pool = Arc::new(TestPool::try_new(Tag(*b"Loom"), mode, passive()).expect("memory"));
        model(&pool);
        assert_eq!(pool.statistics(passive()).live, 0, "objects are left");
        drop(pool);
        assert_eq!(live_blocks(), 0, "blocks are left");
    });
}

fn both(model: impl Fn(&Arc<TestPool>) + Clone + Sync + Send + 'static) {
    check(Mode::Slab, model.clone());
    check(Mode::PerObject, model);
}

#[test]
fn two_threads_insert_and_remove() {
    both(|pool| {
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            let handle = insert(&other, 1);
            assert_eq!(remove(&other, handle), Ok(1));
        });
        let handle = insert(pool, 2);
        assert_eq!(remove(pool, handle), Ok(2));
        thread.join().unwrap();
    });
}

#[test]
fn one_of_two_threads_gets_an_object() {
    both(|pool| {
        let handle = insert(pool, 1);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || remove(&other, handle).is_ok());
        let here = remove(pool, handle).is_ok();
        assert!(
            here ^ thread.join().unwrap(),
            "one of the two, and not both"
        );
    });
}

/// A borrowed object is whole, or it is gone; it is not removed while it is borrowed.
#[test]
fn a_borrow_and_a_removal_exclude_each_other() {
    both(|pool| {
        let handle = insert(pool, 7);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || match get(&other, handle) {
            Ok(number) => assert_eq!(number, 7),
            Err(wrong) => assert_ne!(wrong, Wrong::Busy),
        });
        let removed = remove(pool, handle);
        thread.join().unwrap();
        match removed {
            Ok(number) => assert_eq!(number, 7),
            Err(wrong) => {
                assert_eq!(wrong, Wrong::Busy);
                assert_eq!(remove(pool, handle), Ok(7));
            }
        }
    });
}

/// The slot is used again while an old handle is looked up: it is refused, or was in time.
#[test]
fn a_stale_handle_never_finds_the_next_object() {
    both(|pool| {
        let handle = insert(pool, 1);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || get(&other, handle));
        let (again, left) = match remove(pool, handle) {
            Ok(_) => (Some(insert(pool, 2)), None),
            Err(_) => (None, Some(handle)),
        };
        let found = thread.join().unwrap();
        assert!(found == Ok(1) || matches!(found, Err(Wrong::Stale | Wrong::Foreign)));
        for handle in again.into_iter().chain(left) {
            remove(pool, handle).unwrap();
        }
    });
}

/// A run is emptied, given back and freed while its handles are looked up.
#[test]
fn a_run_goes_while_a_handle_is_looked_up() {
    check(Mode::Slab, |pool| {
        // A run has two slots: the first becomes the spare one, the second goes.
        let first = [insert(pool, 1), insert(pool, 2)];
        let last = insert(pool, 3);
        for handle in first {
            remove(pool, handle).unwrap();
        }
        assert_eq!(pool.statistics(passive()).runs, 2);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || get(&other, last));
        let removed = remove(pool, last);
        let found = thread.join().unwrap();
        match removed {
            Ok(number) => assert_eq!(number, 3),
            Err(wrong) => {
                assert_eq!((wrong, found), (Wrong::Busy, Ok(3)));
                assert_eq!(remove(pool, last), Ok(3));
            }
        }
        assert_eq!(pool.statistics(passive()).runs, 1);
    });
}

/// Two threads remove from two runs, the second of which is given back.
#[test]
fn a_run_goes_while_a_handle_is_removed() {
    check(Mode::Slab, |pool| {
        let first = [insert(pool, 1), insert(pool, 2)];
        let last = insert(pool, 3);
        remove(pool, first[0]).unwrap();
        remove(pool, first[1]).unwrap();
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || remove(&other, last).is_ok());
        let here = remove(pool, last).is_ok();
        assert!(here ^ thread.join().unwrap());
    });
}

/// The set is put into a larger table while a handle is looked up and while one is removed.
#[test]
fn the_set_grows_while_it_is_read() {
    check(Mode::Slab, |pool| {
        let kept = insert(pool, 1);
        let gone = insert(pool, 2);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            assert_eq!(get(&other, kept), Ok(1));
            assert_eq!(remove(&other, gone), Ok(2));
        });
        // More runs than the first tables have cells for.
        let more: Vec<_> = (3..7).map(|number| insert(pool, number)).collect();
        thread.join().unwrap();
        for (handle, number) in more.into_iter().zip(3..) {
            assert_eq!(remove(pool, handle), Ok(number));
        }
        assert_eq!(remove(pool, kept), Ok(1));
    });
}

/// A batch is committed while its handle gets about by itself, so that nothing but the commit
/// orders what a lookup reads.
#[test]
fn a_batch_is_seen_whole_or_not_at_all() {
    both(|pool| {
        // Takes the run, which would order things too.
        let first = insert(pool, 1);
        let other = Arc::clone(pool);
        let known = Arc::new(AtomicUsize::new(0));
        let guess = Arc::clone(&known);
        let thread = thread::spawn(move || {
            let handle = core::ptr::without_provenance_mut(guess.load(Ordering::Relaxed));
            other.get(handle, passive()).map(|object| object.number())
        });
        let mut batch = pool.batch(1, passive());
        // Made once the slot is the batch's: the lock that it was taken under orders nothing of it.
        let made = batch.insert_with(Class::FIRST, || Object::new(5));
        let handle = Handle(made.expect("memory"));
        known.store(handle.0.as_ptr().addr(), Ordering::Relaxed);
        batch.commit();
        let found = thread.join().unwrap();
        assert!(
            !matches!(found, Err(Wrong::Busy) | Ok(0..=4 | 6..)),
            "{found:?}"
        );
        assert_eq!(remove(pool, handle), Ok(5));
        assert_eq!(remove(pool, first), Ok(1));
    });
}

/// A run goes and its descriptor serves another processor's run, while its handle is removed.
#[test]
fn a_descriptor_serves_another_shard() {
    check(Mode::Slab, |pool| {
        let first = [insert(pool, 1), insert(pool, 2)];
        let last = insert(pool, 3);
        remove(pool, first[0]).unwrap();
        remove(pool, first[1]).unwrap();
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            run_on(1);
            let gone = remove(&other, last);
            (gone, insert(&other, 4))
        });
        let here = remove(pool, last);
        let (there, handle) = thread.join().unwrap();
        assert!(here.is_ok() ^ there.is_ok());
        assert_eq!(remove(pool, handle), Ok(4));
    });
}

/// The classes of a pair here.
const BOTH: [Class; 2] = [Class::FIRST, Class::FIRST];

fn insert_pair(pool: &TestPool, numbers: [usize; 2]) -> [Handle; 2] {
    let [first, second] = numbers.map(|number| move || Object::new(number));
    pool.insert_pair(BOTH, first, second, passive())
        .expect("a model has memory")
        .map(Handle)
}

/// Together if that is possible, else one by one.
fn remove_pair(pool: &TestPool, pair: [Handle; 2]) -> usize {
    if pool.discard_pair(BOTH, pair.map(|handle| handle.0.as_ptr()), passive()) {
        return 2;
    }
    remove_apart(pool, pair)
}

fn remove_apart(pool: &TestPool, pair: [Handle; 2]) -> usize {
    let removed = pair.map(|handle| usize::from(remove(pool, handle).is_ok()));
    removed.iter().sum()
}

#[test]
fn two_threads_insert_and_remove_pairs() {
    both(|pool| {
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            let pair = insert_pair(&other, [1, 2]);
            assert_eq!(get(&other, pair[1]), Ok(2));
            assert_eq!(remove_pair(&other, pair), 2);
        });
        let pair = insert_pair(pool, [3, 4]);
        assert_eq!(remove_pair(pool, pair), 2);
        thread.join().unwrap();
    });
}

/// A pair and one of its objects are removed: each object goes once, and the run with it.
#[test]
fn a_pair_and_a_removal_exclude_each_other() {
    check(Mode::Slab, |pool| {
        let pair = insert_pair(pool, [1, 2]);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || usize::from(remove(&other, pair[1]).is_ok()));
        let here = remove_pair(pool, pair);
        assert_eq!(here + thread.join().unwrap(), 2);
    });
}

/// A borrowed object keeps its pair from going as one; then the two go one by one.
#[test]
fn a_pair_and_a_borrow_exclude_each_other() {
    check(Mode::Slab, |pool| {
        let pair = insert_pair(pool, [1, 2]);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || match get(&other, pair[0]) {
            Ok(number) => assert_eq!(number, 1),
            Err(wrong) => assert_ne!(wrong, Wrong::Busy),
        });
        let removed = remove_pair(pool, pair);
        thread.join().unwrap();
        if removed < 2 {
            assert_eq!(remove(pool, pair[0]), Ok(1), "it was borrowed");
        }
    });
}

/// The run of a pair is given back while the pair is removed again, and another thread's pair takes a
/// run in its place.
#[test]
fn a_run_goes_with_its_pair() {
    check(Mode::Slab, |pool| {
        let first = insert_pair(pool, [1, 2]);
        let last = insert_pair(pool, [3, 4]);
        assert_eq!(remove_pair(pool, first), 2);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            let pair = insert_pair(&other, [5, 6]);
            assert_eq!(get(&other, pair[0]), Ok(5));
            assert_eq!(remove_pair(&other, pair), 2);
        });
        assert_eq!(remove_pair(pool, last), 2);
        assert_eq!(remove_pair(pool, last), 0);
        thread.join().unwrap();
    });
}

/// Two threads remove one pair, whose run is given back: each object goes once.
#[test]
fn one_of_two_threads_removes_a_pair() {
    check(Mode::Slab, |pool| {
        let first = insert_pair(pool, [1, 2]);
        let last = insert_pair(pool, [3, 4]);
        assert_eq!(remove_pair(pool, first), 2);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || remove_pair(&other, last));
        let here = remove_pair(pool, last);
        assert_eq!(here + thread.join().unwrap(), 2);
        assert_eq!(pool.statistics(passive()).runs, 1);
    });
}

/// A run goes, and another processor's run comes to the same address, while handles of the first are
/// removed a second time: whatever they name then, the runs stay each with its own processor.
fn an_address_serves_another_shard(remove: fn(&TestPool, [Handle; 2]) -> usize) {
    check(Mode::Slab, move |pool| {
        reuse();
        let first = insert_pair(pool, [1, 2]);
        let last = insert_pair(pool, [3, 4]);
        assert_eq!(remove(pool, first), 2);
        let other = Arc::clone(pool);
        let thread = thread::spawn(move || {
            run_on(1);
            let gone = remove(&other, last);
            (gone, insert_pair(&other, [5, 6]))
        });
        let here = remove(pool, last);
        let (there, again) = thread.join().unwrap();
        run_on(1);
        let left = remove(pool, again);
        assert_eq!(here + there + left, 4);
        let pairs = [(); 2].map(|()| insert_pair(pool, [7, 8]));
        assert_eq!(pool.statistics(passive()).live, 4);
        assert_eq!(pairs.map(|pair| remove(pool, pair)), [2, 2]);
    });
}

#[test]
fn an_address_serves_another_shard_while_a_pair_is_removed() {
    an_address_serves_another_shard(remove_pair);
}

#[test]
fn an_address_serves_another_shard_while_objects_are_removed() {
    an_address_serves_another_shard(remove_apart);
}
