//! Writers of the trace's ring and who reads it, in every order of their steps.

use std::sync::Arc;

use loom::sync::atomic::{AtomicU64, Ordering};
use loom::thread;

use vmdisp_loom::ring::{self, Counters, Place, WORDS};

struct Ring {
    counters: Counters,
    places: Vec<Place>,
}

impl Ring {
    fn new(places: usize) -> Arc<Self> {
        let word = || AtomicU64::new(0);
        let place = || Place {
            sequence: word(),
            words: [(); WORDS].map(|()| word()),
        };
        Arc::new(Self {
            counters: Counters {
                next: word(),
                lost: word(),
            },
            places: (0..places).map(|_| place()).collect(),
        })
    }

    fn write(&self, value: u64) {
        ring::write(&self.counters, &self.places, [value; WORDS]);
    }

    /// The values of the entries that are whole; none is made of two.
    fn read(&self, numbers: u64) -> Vec<u64> {
        let entry = |number| ring::read(&self.places, number);
        let whole = (0..numbers).filter_map(entry);
        let value = |words: [u64; WORDS]| {
            assert_eq!(words, [words[0]; WORDS]);
            words[0]
        };
        whole.map(value).collect()
    }

    fn lost(&self) -> u64 {
        self.counters.lost.load(Ordering::Relaxed)
    }
}

/// In every order with so few changes of the thread, of which there is no end otherwise.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(run);
}

/// Both want the one place there is.
#[test]
fn two_writers_never_share_a_place() {
    model(|| {
        let ring = Ring::new(1);
        let other = ring.clone();
        let writer = thread::spawn(move || other.write(1));
        ring.write(2);
        writer.join().unwrap();
        // The later one is there, or it was given up and the earlier one is.
        let kept = ring.read(2);
        assert_eq!(kept.len(), 1);
        assert!(ring.lost() <= 1);
    });
}

#[test]
fn a_reader_never_sees_half_an_entry() {
    model(|| {
        let ring = Ring::new(1);
        ring.write(1);
        let other = ring.clone();
        let writer = thread::spawn(move || other.write(2));
        let _ = ring.read(2);
        writer.join().unwrap();
        assert_eq!(ring.read(2), [2]);
    });
}
