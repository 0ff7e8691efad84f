//! Records that the driver holds: paths, modes, ranges and descriptors, each in memory of its own.
//!
//! What was acquired is read-only, so it is compared when it comes back. What came back is kept, overwritten,
//! until the DDI returns: whoever still reads it reads nonsense, and whoever writes it is seen.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::ptr::{self, NonNull};

use crate::pattern::Plain;

/// Which structure a record holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RecordKind {
    Path,
    SourceMode,
    TargetMode,
    MonitorMode,
    FrequencyRange,
    Descriptor,
    AdditionalModes,
}

impl RecordKind {
    /// As a complaint calls it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Path => "path info",
            Self::SourceMode => "source mode info",
            Self::TargetMode => "target mode info",
            Self::MonitorMode => "monitor source mode info",
            Self::FrequencyRange => "frequency range info",
            Self::Descriptor => "monitor descriptor info",
            Self::AdditionalModes => "set of additional modes",
        }
    }
}

/// Words behind each record that nobody may write.
const GUARD: usize = 8;
const GUARD_WORD: u64 = 0xA5A5_A5A5_A5A5_A5A5;
const RETURNED_WORD: u64 = 0xDDDD_DDDD_DDDD_DDDD;

/// Memory that the driver has a pointer to.
struct Block(NonNull<[u64]>);

// SAFETY: the memory belongs to the block alone; the driver's pointer into it is the driver's affair.
unsafe impl Send for Block {}

impl Block {
    fn new<T: Plain>(value: &T) -> Self {
        let words = size_of::<T>().div_ceil(8);
        let mut memory = alloc::vec![0u64; words];
        let from = ptr::from_ref(value).cast::<u8>();
        // SAFETY: the vector is at least as long as the record.
        unsafe { ptr::copy_nonoverlapping(from, memory.as_mut_ptr().cast(), size_of::<T>()) };
        memory.extend([GUARD_WORD; GUARD]);
        let raw = Box::into_raw(memory.into_boxed_slice());
        // SAFETY: a box is not null.
        Self(unsafe { NonNull::new_unchecked(raw) })
    }

    fn pointer<T>(&self) -> *mut T {
        self.0.as_ptr().cast()
    }

    fn words(&self) -> Vec<u64> {
        let start = self.pointer::<u64>();
        let word = |index| {
            // SAFETY: within the block's own memory.
            let word = unsafe { start.add(index) };
            // SAFETY: as above; volatile, since the driver may write it.
            unsafe { word.read_volatile() }
        };
        (0..self.0.len()).map(word).collect()
    }

    fn overwrite(&self) {
        let start = self.pointer::<u64>();
        for index in 0..self.0.len() {
            // SAFETY: within the block's own memory.
            let word = unsafe { start.add(index) };
            // SAFETY: as above.
            unsafe { word.write_volatile(RETURNED_WORD) };
        }
    }
}

impl Drop for Block {
    fn drop(&mut self) {
        // SAFETY: it came from a box, and nobody else frees it.
        drop(unsafe { Box::from_raw(self.0.as_ptr()) });
    }
}

/// One record in the driver's hands.
pub(crate) struct Record {
    pub kind: RecordKind,
    /// Serial number of the set or topology that it is of, or the target.
    pub owner: u32,
    /// Place in the set or topology; of no meaning for a made one.
    pub element: usize,
    /// Made for the driver to fill, by pfnCreateNew…
    pub made: bool,
    /// The function that gave it.
    pub from: &'static str,
    block: Block,
    given: Vec<u64>,
}

/// A record that came back.
#[derive(Debug)]
pub(crate) struct Returned {
    /// It was read-only and has changed.
    pub edited: bool,
    /// The memory behind it has changed.
    pub overrun: bool,
}

/// All records of an adapter that the driver holds or held in this call.
#[derive(Default)]
pub(crate) struct Records {
    lent: Vec<Record>,
    returned: Vec<Record>,
}

impl Records {
    /// Gives the driver a copy of `value`.
    pub(crate) fn lend<T: Plain>(
        &mut self,
        (kind, owner, element): (RecordKind, u32, usize),
        made: bool,
        from: &'static str,
        value: &T,
    ) -> *mut T {
        let block = Block::new(value);
        let pointer = block.pointer();
        let given = block.words();
        self.lent.push(Record {
            kind,
            owner,
            element,
            made,
            from,
            block,
            given,
        });
        pointer
    }

    /// The record at that address, if the driver holds one of that kind there.
    pub(crate) fn find<T>(&self, kind: RecordKind, pointer: *const T) -> Option<&Record> {
        // The newest is the likeliest.
        self.lent.iter().rev().find(|record| {
            record.kind == kind && record.block.pointer::<T>().cast_const() == pointer
        })
    }

    /// What the driver has written into a record until now.
    pub(crate) fn value<T: Plain>(record: &Record) -> T {
        let words = record.block.words();
        let mut value: T = crate::pattern::Pattern(0).filled();
        let to = (&raw mut value).cast::<u8>();
        // SAFETY: the block is longer than the record, and any bytes are a `T`.
        unsafe { ptr::copy_nonoverlapping(words.as_ptr().cast::<u8>(), to, size_of::<T>()) };
        value
    }

    /// Takes a record back. It is overwritten, and freed when the call ends.
    pub(crate) fn take_back<T>(&mut self, kind: RecordKind, pointer: *const T) -> Option<Returned> {
        let at = |record: &Record| {
            record.kind == kind && record.block.pointer::<T>().cast_const() == pointer
        };
        let index = self.lent.iter().rposition(at)?;
        let record = self.lent.swap_remove(index);
        let now = record.block.words();
        let guard = record.given.len() - GUARD;
        let returned = Returned {
            edited: !record.made && now[..guard] != record.given[..guard],
            overrun: now[guard..] != record.given[guard..],
        };
        record.block.overwrite();
        self.returned.push(record);
        Some(returned)
    }

    /// Forgets what is still out and says what it was: how many, of which kind, from which function.
    pub(crate) fn outstanding(&mut self) -> Vec<(usize, RecordKind, &'static str)> {
        let mut counts: Vec<(usize, RecordKind, &'static str)> = Vec::new();
        for record in self.lent.drain(..) {
            let same = |entry: &&mut (usize, RecordKind, &str)| {
                entry.1 == record.kind && entry.2 == record.from
            };
            match counts.iter_mut().find(same) {
                Some(entry) => entry.0 += 1,
                None => counts.push((1, record.kind, record.from)),
            }
        }
        counts
    }

    /// Frees what came back and says which of it was written after it had come back.
    pub(crate) fn written_after_return(&mut self) -> Option<RecordKind> {
        let mut found = None;
        for record in self.returned.drain(..) {
            if record
                .block
                .words()
                .iter()
                .any(|word| *word != RETURNED_WORD)
            {
                found = Some(record.kind);
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use dxgk_sys::D3DKMDT_VIDPN_SOURCE_MODE;

    #[test]
    fn what_comes_back_changed_is_seen() {
        let mut records = Records::default();
        let mode = D3DKMDT_VIDPN_SOURCE_MODE::ZERO;
        let at = (RecordKind::SourceMode, 1, 0);
        for made in [false, true] {
            let pointer = records.lend(at, made, "test", &mode);
            assert!(records.find(RecordKind::TargetMode, pointer).is_none());
            // SAFETY: a record of this type.
            unsafe { (*pointer).Id = 7 };
            let now: D3DKMDT_VIDPN_SOURCE_MODE = records
                .find(RecordKind::SourceMode, pointer)
                .map(Records::value)
                .expect("lent");
            assert_eq!(now.Id, 7);
            let back = records.take_back(RecordKind::SourceMode, pointer.cast_const());
            let back = back.expect("it was lent");
            assert_eq!(back.edited, !made);
            assert!(!back.overrun);
            let again = records.take_back(RecordKind::SourceMode, pointer.cast_const());
            assert!(again.is_none());
            assert_eq!(records.written_after_return(), None);
        }
        let pointer = records.lend(at, false, "test", &mode);
        assert!(
            records
                .take_back(RecordKind::SourceMode, pointer.cast_const())
                .is_some()
        );
        // SAFETY: kept until the call ends.
        unsafe { (*pointer).Id = 7 };
        assert_eq!(records.written_after_return(), Some(RecordKind::SourceMode));
        records.lend(at, false, "test", &mode);
        assert_eq!(records.outstanding(), [(1, RecordKind::SourceMode, "test")]);
        assert!(records.outstanding().is_empty());
    }
}
