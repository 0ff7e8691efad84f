//! What Render and Present leave behind: how much of the buffer is commands, and where addresses go (X3, X4, X7).

use alloc::format;
use alloc::sync::Arc;
use alloc::vec::Vec;

use dxgk_sys::{D3DDDI_PATCHLOCATIONLIST, DXGK_ALLOCATIONLIST, DXGK_ALLOCATIONLIST_s0};

use crate::adapter::AdapterInner;
use crate::memory::{References, Stage, Wanted};
use crate::objects::AllocationObject;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::scheduler::buffer::Buffer;

/// Elements behind the list that nobody may write.
const GUARD: usize = 4;

/// Memory for one call.
pub(crate) struct Output {
    name: &'static str,
    rule: Rule,
    pub buffer: Arc<Buffer>,
    list: Vec<D3DDDI_PATCHLOCATIONLIST>,
    capacity: usize,
    pattern: Pattern,
}

/// What the call made of it.
pub(crate) struct Filled {
    pub buffer: Arc<Buffer>,
    pub bytes: u32,
    pub private_end: u32,
    pub allocations: Vec<DXGK_ALLOCATIONLIST>,
    pub objects: Vec<Option<Arc<AllocationObject>>>,
    pub patches: Vec<D3DDDI_PATCHLOCATIONLIST>,
    pub references: References,
}

/// How far the driver moved its three pointers: buffer, private data, patch locations.
pub(crate) type Ends = (*mut u8, *mut u8, *mut D3DDDI_PATCHLOCATIONLIST);

impl Output {
    pub(crate) fn new(
        name: &'static str,
        rule: Rule,
        buffer: Arc<Buffer>,
        patches: u32,
        pattern: Pattern,
    ) -> Self {
        let capacity = patches as usize;
        let list = (0..capacity + GUARD).map(|_| pattern.filled()).collect();
        Self {
            name,
            rule,
            buffer,
            list,
            capacity,
            pattern,
        }
    }

    pub(crate) fn patches(&mut self) -> *mut D3DDDI_PATCHLOCATIONLIST {
        self.list.as_mut_ptr()
    }

    pub(crate) fn patch_capacity(&self) -> u32 {
        u32::try_from(self.capacity).unwrap_or(u32::MAX)
    }

    fn check_guards(&self, adapter: &AdapterInner) -> bool {
        let list = self.list[self.capacity..]
            .iter()
            .all(|element| bytes_of(element).iter().all(|byte| *byte == self.pattern.0));
        adapter.check(
            self.rule,
            self.name,
            self.buffer.guards_hold(),
            || "written behind the DMA buffer or its private data",
        ) & adapter.check(
            self.rule,
            self.name,
            list,
            || "written behind the list of patch locations",
        )
    }

    /// After a call that failed: only that it kept to its memory.
    pub(crate) fn discard(self, adapter: &AdapterInner) {
        self.check_guards(adapter);
    }

    /// After a call that succeeded, or that wants another buffer. `None` if nothing can be done with what it left.
    pub(crate) fn take(
        mut self,
        adapter: &AdapterInner,
        (buffer_end, private_end, list_end): Ends,
        allocations: Vec<DXGK_ALLOCATIONLIST>,
        objects: &[Option<Arc<AllocationObject>>],
    ) -> Option<Filled> {
        let distance = |end: usize, start: usize, most: usize| {
            end.checked_sub(start).filter(|bytes| *bytes <= most)
        };
        let whole = self.check_guards(adapter);
        let start = self.buffer.address().addr();
        let bytes = distance(buffer_end.addr(), start, self.buffer.bytes() as usize);
        adapter.check(self.rule, self.name, bytes.is_some(), || {
            format!("pDmaBuffer is {buffer_end:p}, it was {start:#x}")
        });
        let start = self.buffer.private().addr();
        let private = distance(
            private_end.addr(),
            start,
            self.buffer.private_bytes() as usize,
        );
        adapter.check(self.rule, self.name, private.is_some(), || {
            format!("pDmaBufferPrivateData is {private_end:p}, it was {start:#x}")
        });
        let start = self.list.as_ptr().addr();
        let size = size_of::<D3DDDI_PATCHLOCATIONLIST>();
        let count = distance(list_end.addr(), start, self.capacity * size)
            .filter(|bytes| bytes.is_multiple_of(size));
        adapter.check(self.rule, self.name, count.is_some(), || {
            format!("pPatchLocationListOut is {list_end:p}, it was {start:#x}")
        });
        let (bytes, private, count) = (bytes?, private?, count? / size);
        self.list.truncate(count);
        let bytes = u32::try_from(bytes).ok()?;
        let sound = self.check_patches(adapter, bytes, objects);
        // A driver that leaves the pointer where it was uses all of the private data.
        let private_end = if private == 0 {
            self.buffer.private_bytes()
        } else {
            u32::try_from(private).ok()?
        };
        let wanted: Vec<_> = objects
            .iter()
            .zip(&allocations)
            .filter_map(|(object, element)| {
                let write = element.s0.contains(DXGK_ALLOCATIONLIST_s0::WriteOperation);
                let allocation = object.as_ref()?.id;
                Some(Wanted { allocation, write })
            })
            .collect();
        (whole && sound).then(|| Filled {
            references: adapter.reference(&wanted, Stage::Queued),
            buffer: self.buffer,
            bytes,
            private_end,
            allocations,
            objects: objects.to_vec(),
            patches: self.list,
        })
    }

    fn check_patches(
        &self,
        adapter: &AdapterInner,
        bytes: u32,
        objects: &[Option<Arc<AllocationObject>>],
    ) -> bool {
        let most_slots = adapter
            .caps
            .lock()
            .map_or(u32::MAX, |caps| caps.0.MaxAllocationListSlotId);
        let mut split = 0;
        let mut sound = true;
        for (index, patch) in self.list.iter().enumerate() {
            let named = objects.get(patch.AllocationIndex as usize);
            let bind = named.is_some_and(Option::is_some);
            let size = named
                .and_then(Option::as_ref)
                .map_or(0, |object| object.info.0.Size as u64);
            let fits = [
                (named.is_some(), "AllocationIndex"),
                (!bind || patch.PatchOffset < bytes, "PatchOffset"),
                (
                    patch.SplitOffset >= split && patch.SplitOffset <= bytes,
                    "SplitOffset",
                ),
                (
                    size == 0 || u64::from(patch.AllocationOffset) < size,
                    "AllocationOffset",
                ),
                (patch.u0.SlotId() <= most_slots, "SlotId"),
                (patch.u0.Reserved() == 0, "Reserved"),
            ];
            for (fits, member) in fits {
                sound &= adapter.check(Rule::X4, self.name, fits, || {
                    format!(
                        "patch location {index} of {}: {member} is wrong or not set",
                        self.list.len()
                    )
                });
            }
            split = split.max(patch.SplitOffset);
        }
        sound
    }
}
