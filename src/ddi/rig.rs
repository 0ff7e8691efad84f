//! A device with allocations, without a machine or dxgkrnl: what tests and fuzz targets of commands,
//! presents, escapes and private data run on. Not in the kernel's build.

// Sizes of a test are small.
#![allow(
    clippy::missing_panics_doc,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::expect_used
)]

mod asked;
mod blobs;
mod buffers;

use core::ffi::c_void;
use core::ptr;
use std::vec::Vec;

use dxgk_sys::{
    D3DDDI_PATCHLOCATIONLIST, D3DDDI_PATCHLOCATIONLIST_u0, DXGK_ALLOCATIONINFO,
    DXGK_ALLOCATIONLIST, DXGK_ALLOCATIONLIST_s0, DXGK_ALLOCATIONLIST_u0,
    DXGK_CREATEALLOCATIONFLAGS, LARGE_INTEGER,
};
use vmdisp_abi::allocation::AllocationData;
use zerocopy::IntoBytes;

pub use asked::Asked;
pub use blobs::{Blob, Created, Creator};
pub use buffers::{Buffers, Location, Pass};

use super::{allocations, lists};
use crate::allocation::{Opening, Store, create};
use crate::engine::operand::{AllocationList, Uses};
use crate::engine::{present, private, render};
use crate::kernel::caller::CallerData;
use crate::kernel::host::{Entered, World};
use crate::kernel::irql::Passive;
use crate::kernel::{Tag, UserAddress};
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
