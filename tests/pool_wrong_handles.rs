//! A million handles that name nothing, and nothing is read through any of them.
//!
//! The pool lies between guard pages, and so does its neighbour: a handle that is dereferenced
//! before it is known ends the program. What can be mapped by chance is filled with what looks
//! like a live slot, so that a read that does not fault is believed and shows.

mod pool_common;

use std::collections::HashSet;
use std::ffi::c_void;
use std::ptr;

use pool_common::{TAG, passive};
use vmdisp::kernel::host::World;
use vmdisp::pool::{Mode, Pool, Wrong};

const TRIES: usize = 1_000_000;

/// Numbers that are the same in every run (xorshift).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0).unwrap()
    }
}

/// Memory in which every 64 bytes begin with the header of a live slot of some generation.
fn decoys() -> Vec<[u64; 8]> {
    (0..64 * 1024_u64)
        .map(|number| [0x40 | (number & 0x3F); 8])
        .collect()
}

fn refuse_a_million(mode: Mode) {
    let world = World::new();
    let _ = world.guard_pages(true);
    let _entered = world.enter();
    let pool = Pool::<[u64; 7]>::try_new(TAG, mode, passive()).unwrap();
    let other = Pool::<[u64; 7]>::try_new(TAG, mode, passive()).unwrap();
    let insert = |pool: &Pool<[u64; 7]>| pool.insert([1; 7], passive()).unwrap().as_ptr();
    let mut live: Vec<*mut c_void> = (0..4000).map(|_| insert(&pool)).collect();
    let foreign: Vec<_> = (0..4000).map(|_| insert(&other)).collect();
    // The last three quarters go, with most of their runs.
    let stale = live.split_off(1000);
    for handle in &stale {
        pool.remove(*handle, passive()).unwrap();
    }
    let good: HashSet<usize> = live.iter().map(|handle| handle.addr()).collect();
    let decoys = decoys();
    let mut numbers = Numbers(0x9E37_79B9_7F4A_7C15);
    let mut refused = [0_usize; 3];
    for turn in 0..TRIES {
        let number = numbers.next();
        let pick = |from: &[*mut c_void]| from[number % from.len()];
        let handle: *mut c_void = match turn % 8 {
            0 => ptr::without_provenance_mut(number),
            1 => ptr::without_provenance_mut(number & 0x7FFF_FFFF_FFC0),
            2 => pick(&foreign),
            3 => pick(&stale),
            // Off by one byte, one slot, a page, up to where the guard pages are and beyond.
            4 => pick(&live).wrapping_byte_add(1 + number % 63),
            5 => pick(&live).wrapping_byte_add(64 * (number >> 32 & 0xFFFF)),
            6 => pick(&live).wrapping_byte_sub(4096 * (number >> 32 & 0x3F)),
            _ => ptr::from_ref(&decoys[number % decoys.len()])
                .cast_mut()
                .cast(),
        };
        if good.contains(&handle.addr()) {
            continue;
        }
        let got = if turn % 3 == 0 {
            pool.get(handle, passive()).map(|found| *found)
        } else {
            pool.remove(handle, passive())
        };
        match got {
            Err(Wrong::Null) => refused[0] += 1,
            Err(Wrong::Foreign) => refused[1] += 1,
            Err(Wrong::Stale) => refused[2] += 1,
            other => panic!("{handle:?} was taken for an object: {other:?}"),
        }
    }
    println!(
        "{mode:?}: refused {} foreign, {} stale",
        refused[1], refused[2]
    );
    assert!(refused[0] + refused[1] + refused[2] > TRIES * 9 / 10);
    for handle in live {
        assert_eq!(pool.remove(handle, passive()), Ok([1; 7]));
    }
    for handle in foreign {
        assert_eq!(other.remove(handle, passive()), Ok([1; 7]));
    }
    drop((pool, other));
    assert_eq!(world.live_blocks(), 0);
    assert_eq!(world.wrong_frees(), []);
}

#[test]
fn a_million_wrong_handles_are_refused_by_a_slab() {
    refuse_a_million(Mode::Slab);
}

#[test]
fn a_million_wrong_handles_are_refused_with_a_block_an_object() {
    refuse_a_million(Mode::PerObject);
}
