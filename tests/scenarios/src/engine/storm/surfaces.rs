//! What the storm's processes render to and from.

use alloc::vec::Vec;

use dxgk_port::{AllocationId, Queued};
use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind};
use vmdisp_abi::format;

use crate::blob;
use crate::engine::model::content::Shape;
use crate::engine::rig::{Rig, shape_of};

/// An allocation, and who uses it.
pub struct Item {
    /// Which.
    pub allocation: AllocationId,
    /// Its layout.
    pub shape: Shape,
    /// Its size.
    pub bytes: u64,
    /// The CPU may lock it.
    pub visible: bool,
    /// Work that uses it and had not ended when it was looked at last: queue, work, whether it writes.
    users: Vec<(u32, Queued, bool)>,
}

impl Item {
    /// An allocation of that kind.
    pub fn new(allocation: AllocationId, data: &AllocationData) -> Self {
        let shape = shape_of(data);
        Self {
            allocation,
            shape,
            bytes: shape.bytes(),
            visible: data.flags & AllocationFlags::CPU_VISIBLE.bits() != 0,
            users: Vec::new(),
        }
    }

    /// The primary that is shown.
    pub fn screen(rig: &Rig<'_>, primary: AllocationId) -> Self {
        let shape = rig.model.shape(primary).unwrap_or(Shape::Buffer(0));
        Self {
            allocation: primary,
            shape,
            bytes: shape.bytes(),
            visible: true,
            users: Vec::new(),
        }
    }

    /// Width and height in pixels; a buffer has none.
    pub fn size(&self) -> (u32, u32) {
        self.shape.size()
    }

    /// It is a picture of 32 bits a pixel.
    pub fn is_picture(&self) -> bool {
        self.shape.pixel() == 4
    }

    /// Nothing that is queued uses it.
    pub fn is_idle(&mut self) -> bool {
        self.users.retain(|(_, queued, _)| queued.fate().is_none());
        self.users.is_empty()
    }

    /// Unfinished work of other queues that a use by `queue` may not run beside.
    pub fn in_the_way(&mut self, queue: u32, write: bool) -> Vec<Queued> {
        self.users.retain(|(_, queued, _)| queued.fate().is_none());
        let others = self.users.iter();
        let others = others.filter(|(other, _, writes)| *other != queue && (write || *writes));
        others.map(|(_, queued, _)| queued.clone()).collect()
    }

    /// Work of `queue` uses it.
    pub fn used(&mut self, queue: u32, queued: &Queued, write: bool) {
        self.users.push((queue, queued.clone(), write));
    }
}

/// Private data of an allocation: most are pictures that go to video memory.
pub fn any(random: &mut fastrand::Rng) -> AllocationData {
    let flags = match random.u8(..8) {
        0..=1 => AllocationFlags::CPU_VISIBLE,
        2 => AllocationFlags::CPU_VISIBLE | AllocationFlags::CPU_READS,
        3 => AllocationFlags::SYSTEM_MEMORY,
        _ => AllocationFlags::empty(),
    };
    if random.u8(..6) == 0 {
        let mut data = blob::buffer(random.u64(1000..=200_000));
        data.flags = flags.bits();
        return data;
    }
    let format = match random.u8(..8) {
        0 => format::R5G6B5,
        1 => format::P8,
        2 => format::A16B16G16R16,
        _ => format::A8R8G8B8,
    };
    let (width, height) = (random.u32(16..=400), random.u32(16..=300));
    AllocationData::picture(Kind::Surface, width, height, format, flags)
}
