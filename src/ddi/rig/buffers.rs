//! Buffers that Render and Present write, and what was written there.

use core::ptr::NonNull;
use std::vec;
use std::vec::Vec;

use dxgk_sys::{D3DDDI_PATCHLOCATIONLIST, DXGK_ALLOCATIONLIST};

use super::incoming;
use crate::ddi::lists;
use crate::engine::emit::{Room, Written};
use crate::engine::operand::AllocationList;
use crate::engine::permit::Gate;
use crate::engine::record::{self, Operation, RECORD_BYTES};
use crate::engine::{patch, private};
use crate::kernel::KernelBuffer;

/// A line of memory that a record may begin at.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Line([u8; RECORD_BYTES]);

/// DMA buffer, private data and patch-location list of one call.
pub struct Buffers {
    buffer: Vec<Line>,
    buffer_bytes: usize,
    private: Vec<u8>,
    patches: Vec<D3DDDI_PATCHLOCATIONLIST>,
}

/// What one call has written.
#[derive(Clone, Debug)]
pub struct Pass {
    /// The records, each as long as the other.
    pub records: Vec<Operation>,
    /// The patch locations.
    pub patches: Vec<Location>,
    /// What the private data say of the buffer: its bytes; `None` if they are no block.
    pub private: Option<u32>,
}

/// A patch location that was written.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Location {
    /// `AllocationIndex`
    pub index: u32,
    /// `SlotId`
    pub slot: u32,
    /// `DriverId`
    pub driver: u32,
    /// `AllocationOffset`
    pub offset: u32,
    /// `PatchOffset`
    pub patch: u32,
    /// `SplitOffset`
    pub split: u32,
}

/// The byte that nothing has written.
const UNTOUCHED: u8 = 0xA5;

impl Buffers {
    /// So much room, all of it filled with rubbish but for the private data.
    #[must_use]
    pub fn new(buffer: usize, private: usize, patches: usize) -> Self {
        Self {
            buffer: vec![Line([UNTOUCHED; RECORD_BYTES]); buffer.div_ceil(RECORD_BYTES)],
            buffer_bytes: buffer,
            private: vec![0; private],
            patches: vec![incoming(u32::MAX, u32::MAX); patches],
        }
    }

    fn bytes(&mut self) -> &mut [u8] {
        let bytes = size_of_val(self.buffer.as_slice()).min(self.buffer_bytes);
        let first = self.buffer.as_mut_ptr().cast();
        // SAFETY: the lines are bytes, and borrowed as long as the slice.
        unsafe { core::slice::from_raw_parts_mut(first, bytes) }
    }

    /// The checked view.
    pub fn room(&mut self) -> Room<'_> {
        let bytes = self.buffer_bytes;
        let first = self.buffer.as_mut_ptr().cast::<u8>();
        Room {
            // SAFETY: as in `bytes`.
            buffer: unsafe { core::slice::from_raw_parts_mut(first, bytes) },
            address: first.expose_provenance() as u64,
            private: &mut self.private,
            patches: &mut self.patches,
        }
    }

    /// What was written, and that nothing else was.
    #[must_use]
    pub fn pass(&mut self, written: &Written) -> Pass {
        let used = usize::try_from(written.bytes).unwrap();
        let first = NonNull::from(self.bytes()).cast();
        // SAFETY: the buffer is not written while this is read.
        let buffer = unsafe { KernelBuffer::new(first, used) };
        let gate = Gate::new();
        let permit = gate.permit();
        let inside = permit.enter().expect("an open gate");
        let mut records = Vec::new();
        let mut at = 0;
        while at < used {
            let decoded = record::decode(buffer, at, &inside).expect("a record");
            assert_eq!(decoded.next, at + RECORD_BYTES);
            records.push(decoded.operation);
            at = decoded.next;
        }
        let after = &self.bytes()[used..];
        assert!(
            after.iter().all(|byte| *byte == UNTOUCHED),
            "written beyond"
        );
        let count = usize::try_from(written.patches).unwrap();
        Pass {
            records,
            patches: self.patches[..count].iter().map(location).collect(),
            private: self.private(),
        }
    }

    /// The bytes that the private data say; `None` if they are no block.
    #[must_use]
    pub fn private(&self) -> Option<u32> {
        let block = self.private.first_chunk().map(private::read);
        block.and_then(Result::ok).map(|block| block.bytes)
    }

    /// The patch location with this index.
    #[must_use]
    pub fn location(&self, index: usize) -> D3DDDI_PATCHLOCATIONLIST {
        self.patches[index]
    }

    /// Patches what `written` says with the addresses in `list`.
    pub fn patch(&mut self, written: &Written, list: &[DXGK_ALLOCATIONLIST]) {
        let count = usize::try_from(written.patches).unwrap();
        let locations = self.patches[..count].to_vec();
        self.patch_at(written, &locations, list);
    }

    /// Patches other locations than those that were written.
    pub fn patch_at(
        &mut self,
        written: &Written,
        locations: &[D3DDDI_PATCHLOCATIONLIST],
        list: &[DXGK_ALLOCATIONLIST],
    ) {
        let used = usize::try_from(written.bytes).unwrap();
        patch::patch(patch::Call {
            part: &mut self.bytes()[..used],
            start: 0,
            locations,
            list: AllocationList::new(list, lists::entry),
        });
    }
}

fn location(from: &D3DDDI_PATCHLOCATIONLIST) -> Location {
    Location {
        index: from.AllocationIndex,
        slot: from.u0.SlotId(),
        driver: from.DriverId,
        offset: from.AllocationOffset,
        patch: from.PatchOffset,
        split: from.SplitOffset,
    }
}
