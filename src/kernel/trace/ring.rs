//! The ring: entries that any number of processors write, without a lock and without waiting.
//!
//! A writer takes a number, and with it a place. The place's sequence word is odd while an entry is
//! being written, and twice the number plus two when it is whole. Who finds its place being written
//! by another (one who was interrupted in the middle of it a whole ring ago) gives its entry up and
//! counts it as lost, so two writers are never in one place and a whole entry is one writer's.

use crate::kernel::sync::{AtomicU64, Ordering, fence};

/// Words of an entry beside its sequence word.
pub const WORDS: usize = 7;

/// A place of the ring: 64 bytes, a cache line.
#[repr(C, align(64))]
pub struct Place {
    /// 0 if it was never written, odd while it is, else twice the entry's number plus two.
    pub sequence: AtomicU64,
    /// The entry.
    pub words: [AtomicU64; WORDS],
}

/// What writers count. The lost ones are rare.
#[repr(C)]
pub struct Counters {
    /// The number of the next entry: how many there have been.
    pub next: AtomicU64,
    /// Entries that were given up.
    pub lost: AtomicU64,
}

/// Writes an entry. Any IRQL.
pub fn write(counters: &Counters, places: &[Place], words: [u64; WORDS]) {
    let number = counters.next.fetch_add(1, Ordering::Relaxed);
    let Some(place) = place(places, number) else {
        return;
    };
    let writing = number.wrapping_mul(2).wrapping_add(1);
    let found = place.sequence.load(Ordering::Relaxed);
    let claimed = found & 1 == 0
        && found < writing
        && place
            .sequence
            .compare_exchange(found, writing, Ordering::Acquire, Ordering::Relaxed)
            .is_ok();
    if !claimed {
        counters.lost.fetch_add(1, Ordering::Relaxed);
        return;
    }
    // Who sees a word of this entry sees that the place is being written.
    fence(Ordering::Release);
    for (to, word) in place.words.iter().zip(words) {
        to.store(word, Ordering::Relaxed);
    }
    place
        .sequence
        .store(writing.wrapping_add(1), Ordering::Release);
}

/// The entry with this number, if its place has it and it is whole. Any IRQL.
#[allow(dead_code)] // for tests: in the driver only a debugger reads
pub fn read(places: &[Place], number: u64) -> Option<[u64; WORDS]> {
    let place = place(places, number)?;
    let whole = number.wrapping_mul(2).wrapping_add(2);
    if place.sequence.load(Ordering::Acquire) != whole {
        return None;
    }
    let mut words = [0; WORDS];
    for (to, word) in words.iter_mut().zip(&place.words) {
        *to = word.load(Ordering::Relaxed);
    }
    // Who has read a word of a later entry sees its sequence.
    fence(Ordering::Acquire);
    (place.sequence.load(Ordering::Relaxed) == whole).then_some(words)
}

/// Where the entry with this number goes.
fn place(places: &[Place], number: u64) -> Option<&Place> {
    let count = u64::try_from(places.len()).ok()?;
    let index = number.checked_rem(count)?;
    places.get(usize::try_from(index).ok()?)
}
