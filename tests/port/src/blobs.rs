//! Private data in memory of the port's, with a guard behind each blob.

use alloc::vec::Vec;

/// Bytes that no driver may touch, behind each blob.
const GUARD: usize = 8;
const GUARD_BYTE: u8 = 0xE7;

/// Blobs one after the other, each 8-aligned, each as it was given until a driver writes it.
pub(crate) struct Blobs {
    words: Vec<u64>,
    before: Vec<u64>,
    places: Vec<(usize, usize)>,
}

impl Blobs {
    pub(crate) fn new<'a>(blobs: impl Iterator<Item = &'a [u8]>) -> Self {
        let mut words = Vec::new();
        let mut places = Vec::new();
        for blob in blobs {
            places.push((words.len() * 8, blob.len()));
            for chunk in blob.chunks(8) {
                let mut word = [GUARD_BYTE; 8];
                word[..chunk.len()].copy_from_slice(chunk);
                words.push(u64::from_ne_bytes(word));
            }
            words.push(u64::from_ne_bytes([GUARD_BYTE; GUARD]));
        }
        Self {
            before: words.clone(),
            words,
            places,
        }
    }

    /// Where blob `index` is; NULL if it is empty.
    pub(crate) fn pointer<T>(&mut self, index: usize) -> *mut T {
        let (start, bytes) = self.places[index];
        if bytes == 0 {
            core::ptr::null_mut()
        } else {
            self.words[start / 8..].as_mut_ptr().cast()
        }
    }

    /// Its length as records have it.
    pub(crate) fn bytes(&self, index: usize) -> u32 {
        u32::try_from(self.places[index].1).unwrap_or(u32::MAX)
    }

    /// Blob `index` as it is now.
    pub(crate) fn blob(&self, index: usize) -> Vec<u8> {
        let (start, bytes) = self.places[index];
        let words = &self.words[start / 8..(start + bytes).div_ceil(8)];
        let mut blob: Vec<u8> = words.iter().flat_map(|word| word.to_ne_bytes()).collect();
        blob.truncate(bytes);
        blob
    }

    /// Nothing was written, guards included.
    pub(crate) fn untouched(&self) -> bool {
        self.words == self.before
    }

    /// Blob `index` and its guard were not written.
    pub(crate) fn untouched_at(&self, index: usize) -> bool {
        let (start, bytes) = self.places[index];
        let range = start / 8..(start + bytes).div_ceil(8) + 1;
        self.words[range.clone()] == self.before[range]
    }

    /// The guards behind all blobs hold.
    pub(crate) fn guards_hold(&self) -> bool {
        let guarded = |(start, bytes): &(usize, usize)| {
            let end = start + bytes;
            let word = end / 8;
            let intact = |word: usize, from: usize| {
                self.words[word].to_ne_bytes()[from..]
                    .iter()
                    .all(|byte| *byte == GUARD_BYTE)
            };
            intact(word, end % 8) && intact(end.div_ceil(8), 0)
        };
        self.places.iter().all(guarded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_are_seen_where_they_are() {
        let mut blobs = Blobs::new([&b"hello world"[..], &[], &[7; 8]].into_iter());
        assert!(blobs.untouched() && blobs.guards_hold());
        assert!(blobs.pointer::<u8>(1).is_null());
        assert_eq!(blobs.blob(0), b"hello world");
        // SAFETY: inside the first blob.
        unsafe { blobs.pointer::<u8>(0).write(b'J') };
        assert!(!blobs.untouched() && blobs.guards_hold());
        assert!(!blobs.untouched_at(0) && blobs.untouched_at(2));
        let guard = blobs.pointer::<u8>(2).wrapping_add(8);
        // SAFETY: the guard behind the third blob.
        unsafe { guard.write(0) };
        assert!(!blobs.guards_hold());
    }
}
