//! What the pool's tests share.
#![allow(dead_code)] // each test uses its part

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use vmdisp::kernel::Tag;
use vmdisp::kernel::host::World;
use vmdisp::kernel::irql::Passive;
use vmdisp::pool::{Mode, Pool};

/// The tag of the pools under test.
pub const TAG: Tag = Tag(*b"Test");

/// The level that tests run at.
pub fn passive() -> Passive {
    // SAFETY: a test's thread is at PASSIVE_LEVEL.
    unsafe { Passive::assume() }
}

/// An object of 56 bytes that counts how many of its kind live.
pub struct Object {
    pub number: u64,
    pub rest: [u64; 5],
    living: Arc<AtomicUsize>,
}

impl Object {
    pub fn new(number: u64, living: &Arc<AtomicUsize>) -> Self {
        living.fetch_add(1, Ordering::Relaxed);
        Self {
            number,
            rest: [number; 5],
            living: Arc::clone(living),
        }
    }

    /// Whether every byte is as it was made.
    pub fn is_whole(&self) -> bool {
        self.rest == [self.number; 5]
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        assert!(self.is_whole(), "object {} was overwritten", self.number);
        self.living.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A pool in a world of its own, which is checked when the test is done with it.
pub struct Bench {
    pub pool: Pool<Object>,
    pub world: World,
    pub living: Arc<AtomicUsize>,
}

impl Bench {
    pub fn object(&self, number: u64) -> Object {
        Object::new(number, &self.living)
    }

    pub fn living(&self) -> usize {
        self.living.load(Ordering::Relaxed)
    }
}

/// Runs a test with each kind of pool, on plain memory and between guard pages.
pub fn in_every_mode(test: impl Fn(&Bench)) {
    for (mode, guarded) in [
        (Mode::Slab, false),
        (Mode::PerObject, false),
        (Mode::Slab, true),
        (Mode::PerObject, true),
    ] {
        let world = World::new();
        if !world.guard_pages(guarded) {
            continue; // none on this operating system
        }
        let entered = world.enter();
        let living = Arc::new(AtomicUsize::new(0));
        let pool = Pool::try_new(TAG, mode, passive()).expect("a new world has memory");
        let bench = Bench {
            pool,
            world,
            living,
        };
        test(&bench);
        let Bench {
            pool,
            world,
            living,
        } = bench;
        drop(pool);
        assert_eq!(
            living.load(Ordering::Relaxed),
            0,
            "{mode:?}: objects that were not dropped"
        );
        assert_eq!(
            world.live_blocks(),
            0,
            "{mode:?}: blocks that were not freed"
        );
        assert_eq!(world.wrong_frees(), [], "{mode:?}");
        assert_eq!(world.misuses(), [], "{mode:?}");
        drop(entered);
    }
}
