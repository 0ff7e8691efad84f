//! A device with allocations, without a machine or dxgkrnl: what tests and fuzz targets of Render and
//! Present run on. Not in the kernel's build.

// Sizes of a test are small.
#![allow(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used
)]

use core::ffi::c_void;
use core::ptr::{self, NonNull};
use std::vec;
use std::vec::Vec;

use dxgk_sys::{
    D3DDDI_PATCHLOCATIONLIST, D3DDDI_PATCHLOCATIONLIST_u0, DXGK_ALLOCATIONINFO,
    DXGK_ALLOCATIONLIST, DXGK_ALLOCATIONLIST_s0, DXGK_ALLOCATIONLIST_u0,
    DXGK_CREATEALLOCATIONFLAGS, LARGE_INTEGER,
};
use vmdisp_abi::allocation::AllocationData;
use zerocopy::IntoBytes;

use super::{allocations, lists};
use crate::allocation::{Opening, Store, create};
use crate::engine::emit::{Room, Written};
use crate::engine::operand::{AllocationList, Uses};
use crate::engine::permit::Gate;
use crate::engine::record::{self, Operation, RECORD_BYTES};
use crate::engine::{patch, present, private, render};
use crate::kernel::caller::CallerData;
use crate::kernel::host::{Entered, World};
use crate::kernel::irql::Passive;
use crate::kernel::{KernelBuffer, Tag, UserAddress};
use crate::memory::segments::Segments;
use crate::pool::{Handle, Mode, Pool};

/// Video memory that the allocations are made for, in bytes.
pub const VIDEO_MEMORY: u64 = 16 << 20;

/// Whose opening an element of the allocation list names.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Owner {
    /// The device whose commands run.
    This,
    /// Another one of the same adapter.
    Other,
    /// Nobody's: the element is NULL.
    Nobody,
    /// Nobody's any more: it was closed.
    Closed,
}

/// One element of the allocation list.
#[derive(Clone, Copy, Debug)]
pub struct Member {
    /// What is allocated.
    pub data: AllocationData,
    /// `WriteOperation`
    pub write: bool,
    /// Opened read-only.
    pub read_only: bool,
    /// Whose opening it is.
    pub owner: Owner,
    /// Segment and address, if the element says them.
    pub place: Option<(u32, u64)>,
}

impl Member {
    /// An allocation of the device's own that may be written and is nowhere yet.
    #[must_use]
    pub const fn of(data: AllocationData) -> Self {
        Self {
            data,
            write: true,
            read_only: false,
            owner: Owner::This,
            place: None,
        }
    }
}

/// See the module.
pub struct Rig {
    store: Store,
    device: Handle,
    list: Vec<DXGK_ALLOCATIONLIST>,
    bytes: Vec<u64>,
    _owners: Pool<u64>,
    _entered: Entered,
    world: World,
}

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

/// An incoming patch location, the members that nobody looks at full of rubbish.
#[must_use]
pub fn incoming(allocation: u32, offset: u32) -> D3DDDI_PATCHLOCATIONLIST {
    D3DDDI_PATCHLOCATIONLIST {
        AllocationIndex: allocation,
        u0: D3DDDI_PATCHLOCATIONLIST_u0::empty().with_SlotId(0xAB_CDEF),
        DriverId: 0xDEAD_BEEF,
        AllocationOffset: offset,
        PatchOffset: 0xDEAD_BEEF,
        SplitOffset: 0xDEAD_BEEF,
    }
}

/// An element of an allocation list.
#[must_use]
pub fn element(
    opening: *mut c_void,
    write: bool,
    place: Option<(u32, u64)>,
) -> DXGK_ALLOCATIONLIST {
    let (segment, address) = place.unwrap_or((0, 0));
    let mut flags = DXGK_ALLOCATIONLIST_s0::empty().with_SegmentId(segment);
    flags.set(DXGK_ALLOCATIONLIST_s0::WriteOperation, write);
    DXGK_ALLOCATIONLIST {
        hDeviceSpecificAllocation: opening,
        s0: flags,
        u0: DXGK_ALLOCATIONLIST_u0 {
            PhysicalAddress: LARGE_INTEGER {
                QuadPart: address.cast_signed(),
            },
        },
    }
}

impl Rig {
    /// Makes and opens what `members` say.
    #[must_use]
    pub fn new(members: &[Member]) -> Self {
        let world = World::new();
        let entered = world.enter();
        let irql = Self::irql();
        let store = Store::try_new(Mode::Slab, irql).expect("memory");
        let owners = Pool::try_new(Tag(*b"Rig0"), Mode::Slab, irql).expect("memory");
        let [device, other] = [1, 2].map(|owner| owners.insert(owner, irql).expect("memory"));
        let segments = Segments::new();
        segments.set(0xe000_0000, VIDEO_MEMORY, 0);
        let mut bytes = Vec::new();
        let open = |member: &Member| {
            let made = allocate(&store, &segments, &member.data, irql);
            let (handle, allocation) = store.checked(made, irql).expect("an allocation");
            bytes.push(allocation.bytes());
            let opening = Opening {
                allocation: handle,
                device: if member.owner == Owner::Other {
                    other
                } else {
                    device
                },
                read_only: member.read_only,
            };
            let opening = store
                .openings
                .insert(opening, irql)
                .expect("memory")
                .as_ptr();
            let handle = match member.owner {
                Owner::Nobody => ptr::null_mut(),
                Owner::Closed => {
                    store.openings.remove(opening, irql).expect("an opening");
                    opening
                }
                Owner::This | Owner::Other => opening,
            };
            element(handle, member.write, member.place)
        };
        let list = members.iter().map(open).collect();
        Self {
            store,
            device,
            list,
            bytes,
            _owners: owners,
            _entered: entered,
            world,
        }
    }

    fn irql() -> Passive {
        // SAFETY: tests run as threads of a process.
        unsafe { Passive::assume() }
    }

    /// Its world.
    #[must_use]
    pub const fn world(&self) -> &World {
        &self.world
    }

    /// Bytes of an allocation.
    #[must_use]
    pub fn bytes(&self, index: usize) -> u64 {
        self.bytes[index]
    }

    /// The allocation list.
    #[must_use]
    pub fn list(&self) -> &[DXGK_ALLOCATIONLIST] {
        &self.list
    }

    /// The same allocation once more at the end of the list.
    pub fn repeat(&mut self, index: usize) {
        self.list.push(self.list[index]);
        self.bytes.push(self.bytes[index]);
    }

    fn uses(&self) -> Uses<'_> {
        Uses {
            store: &self.store,
            device: self.device,
            list: AllocationList::new(&self.list, lists::entry),
            irql: Self::irql(),
        }
    }

    /// One call of Render with commands and patch locations wherever the addresses say.
    ///
    /// # Errors
    ///
    /// As [`render::render`].
    pub fn render_at(
        &self,
        (commands, length): (u64, u32),
        (patches, patch_count): (u64, u32),
        done: u32,
        buffers: &mut Buffers,
    ) -> Result<render::Translated, render::Error> {
        let source = render::Source {
            commands: UserAddress(commands),
            length,
            patches: UserAddress(patches),
            patch_count,
        };
        let call = render::Call {
            source,
            done,
            room: buffers.room(),
        };
        render::render(&self.uses(), call)
    }

    /// One call of Render.
    ///
    /// # Errors
    ///
    /// As [`render::render`].
    pub fn render(
        &self,
        commands: &[u8],
        patches: &[D3DDDI_PATCHLOCATIONLIST],
        done: u32,
        buffers: &mut Buffers,
    ) -> Result<render::Translated, render::Error> {
        let address = |first: *const c_void| first.expose_provenance() as u64;
        let length = |count| u32::try_from(count).unwrap_or(u32::MAX);
        self.render_at(
            (address(commands.as_ptr().cast()), length(commands.len())),
            (address(patches.as_ptr().cast()), length(patches.len())),
            done,
            buffers,
        )
    }

    /// Calls Render with a fresh buffer until all is translated; what each call has written.
    ///
    /// # Errors
    ///
    /// As [`render::render`].
    pub fn render_all(
        &self,
        commands: &[u8],
        patches: &[D3DDDI_PATCHLOCATIONLIST],
        room: (usize, usize),
    ) -> Result<Vec<Pass>, render::Error> {
        let mut passes = Vec::new();
        let mut done = 0;
        loop {
            let mut buffers = Buffers::new(room.0, private::BYTES, room.1);
            let translated = self.render(commands, patches, done, &mut buffers)?;
            assert!(translated.done > done || !translated.more, "no progress");
            done = translated.done;
            passes.push(buffers.pass(&translated.written));
            if !translated.more {
                return Ok(passes);
            }
        }
    }

    /// One call of Present; without buffers `pDmaBuffer` is NULL.
    ///
    /// # Errors
    ///
    /// As [`present::present`].
    pub fn present(
        &self,
        mut call: present::Call<'_>,
        buffers: Option<&mut Buffers>,
    ) -> Result<present::Presented, present::Error> {
        call.room = None;
        let call = present::Call {
            room: buffers.map(Buffers::room),
            ..call
        };
        present::present(&self.uses(), call)
    }
}

fn allocate(
    store: &Store,
    segments: &Segments,
    data: &AllocationData,
    irql: Passive,
) -> *mut c_void {
    let mut info = [DXGK_ALLOCATIONINFO::ZERO];
    let mut resource = ptr::null_mut();
    let bytes = data.as_bytes();
    info[0].pPrivateDriverData = bytes.as_ptr().cast_mut().cast();
    info[0].PrivateDriverDataSize = u32::try_from(bytes.len()).unwrap();
    let call = create::Call {
        flags: DXGK_CREATEALLOCATIONFLAGS::empty(),
        // SAFETY: no data.
        group: unsafe { CallerData::new(ptr::null(), 0) },
        elements: create::Elements::new(&mut info, allocations::private_data),
        resource: &mut resource,
    };
    create::create(store, segments, call, irql).expect("an allocation");
    info[0].hAllocation
}
