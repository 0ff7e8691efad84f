//! The ring under many threads, and what the driver writes into it.

use std::sync::atomic::AtomicBool;
use std::vec::Vec;
use std::{thread, vec};

use super::ring::{self, Counters, Place, WORDS};
use super::{AtomicU64, entries};
use crate::kernel::sync::Ordering;
use crate::kernel::{complain, note, trace};

fn ring(places: usize) -> (Counters, Vec<Place>) {
    let counters = Counters {
        next: AtomicU64::new(0),
        lost: AtomicU64::new(0),
    };
    let place = || Place {
        sequence: AtomicU64::new(0),
        words: [(); WORDS].map(|()| AtomicU64::new(0)),
    };
    (counters, (0..places).map(|_| place()).collect())
}

/// Words by which an entry that is made of two is seen.
fn words(value: u64) -> [u64; WORDS] {
    let mut words = [value; WORDS];
    for (number, word) in (1..).zip(&mut words) {
        *word = value.wrapping_mul(number).rotate_left(7) ^ number;
    }
    words[0] = value;
    words
}

fn is_one(found: [u64; WORDS]) -> bool {
    found == words(found[0])
}

#[test]
fn the_last_entries_are_kept_in_order() {
    let (counters, places) = ring(8);
    for value in 0..21 {
        ring::write(&counters, &places, words(value));
    }
    let kept: Vec<_> = (0..30)
        .filter_map(|number| ring::read(&places, number))
        .collect();
    assert_eq!(kept, (13..21).map(words).collect::<Vec<_>>());
    assert_eq!(counters.lost.load(Ordering::Relaxed), 0);
}

#[test]
fn no_entry_is_made_of_two() {
    const THREADS: u64 = 4;
    const EACH: u64 = 100_000;
    // So short that writers catch each other up.
    let (counters, places) = ring(3);
    let done = AtomicBool::new(false);
    let seen = thread::scope(|scope| {
        let writers: Vec<_> = (0..THREADS)
            .map(|writer| {
                let (counters, places) = (&counters, &places);
                scope.spawn(move || {
                    for value in 0..EACH {
                        ring::write(counters, places, words(writer << 32 | value));
                    }
                })
            })
            .collect();
        let reader = scope.spawn(|| {
            let mut seen = 0_u64;
            while !done.load(Ordering::Acquire) {
                let next = counters.next.load(Ordering::Relaxed);
                for number in next.saturating_sub(3)..next {
                    if let Some(found) = ring::read(&places, number) {
                        assert!(is_one(found), "{found:x?}");
                        seen += 1;
                    }
                }
            }
            seen
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::Release);
        reader.join().unwrap()
    });
    assert!(seen > 0);
    assert_eq!(counters.next.load(Ordering::Relaxed), THREADS * EACH);
    for place in &places {
        assert_eq!(place.sequence.load(Ordering::Relaxed) & 1, 0);
        let found = [(); WORDS].map(|()| 0);
        let found: Vec<_> = found
            .iter()
            .zip(&place.words)
            .map(|(_, word)| word.load(Ordering::Relaxed))
            .collect();
        assert!(is_one(found.try_into().unwrap()));
    }
}

/// As where a thread was interrupted in the middle of an entry, a whole ring ago.
#[test]
fn a_place_that_is_being_written_is_left_alone() {
    let (counters, places) = ring(2);
    ring::write(&counters, &places, words(1));
    ring::write(&counters, &places, words(2));
    places[0].sequence.store(5, Ordering::Relaxed);
    ring::write(&counters, &places, words(3));
    ring::write(&counters, &places, words(4));
    assert_eq!(counters.lost.load(Ordering::Relaxed), 1);
    let kept = (0..4)
        .map(|number| ring::read(&places, number))
        .collect::<Vec<_>>();
    assert_eq!(kept, vec![None, None, None, Some(words(4))]);
    // A later one is not written over by who comes back late.
    places[0].sequence.store(100, Ordering::Relaxed);
    ring::write(&counters, &places, words(5));
    assert_eq!(counters.lost.load(Ordering::Relaxed), 2);
}

/// The entries of this test: others write at the same time.
fn of(name: &'static core::ffi::CStr) -> Vec<[u64; WORDS]> {
    let wanted = name.as_ptr().addr() as u64;
    let mut found = entries();
    found.retain(|words| words[2] == wanted);
    found
}

#[test]
fn an_entry_says_what_a_call_came_to() {
    let name = c"of this test: calls";
    trace::call(name, -5, 0x1234);
    trace::call(name, (), 7);
    trace::failed_call(name, 0, 8);
    trace::failed_call(name, i32::MIN, 9);
    let found = of(name);
    let said: Vec<_> = found
        .iter()
        .map(|words| (words[1] & 0xff, words[1] >> 32, words[3]))
        .collect();
    assert_eq!(
        said,
        [(1, 0xffff_fffb, 0x1234), (1, 0, 7), (1, 0x8000_0000, 9)]
    );
    assert!(found.is_sorted_by_key(|words| words[0]));
}

#[test]
fn debug_lines_are_entries_too() {
    let name = c"of this test: lines";
    let (field, why, what) = (c"field", c"why", c"what");
    complain(name, field, 3, why);
    note(name, what, 4);
    let address = |text: &core::ffi::CStr| text.as_ptr().addr() as u64;
    let found = of(name);
    assert_eq!(found[0][3..], [3, address(field), address(why), 0]);
    assert_eq!(found[1][3..], [4, address(what), 0, 0]);
    let kinds: Vec<_> = found.iter().map(|words| words[1] & 0xff).collect();
    assert_eq!(kinds, [2, 3]);
}

#[test]
fn fences_and_modes_are_entries_too() {
    let (what, owner) = (c"of this test: fence", 5_u8);
    trace::fence(what, 77, &owner);
    let at = core::ptr::from_ref(&owner).addr() as u64;
    assert_eq!(of(what)[0][3..], [77, at, 0, 0]);
    trace::mode(640, 480, 2560, &owner);
    let modes = entries();
    assert!(
        modes
            .iter()
            .any(|words| words[1] & 0xff == 5 && words[3..] == [640, 480, 2560, at])
    );
}
