//! Page frames: RAM never used yet is handed out in order, what comes back goes on a stack.
//!
//! The stack is kept inside the free frames themselves, through the direct map.

use spin::Mutex;
use x86_64::{
    PhysAddr,
    structures::paging::{FrameAllocator, FrameDeallocator, PhysFrame, Size4KiB},
};

use super::{direct, layout::PAGE};
use crate::boot::Region;

/// The most ranges of RAM that are used; QEMU's machines have two below 4 GiB.
const MAX_REGIONS: usize = 8;

/// Every frame of the machine that the kernel's image does not take.
pub static FRAMES: Mutex<Frames> = Mutex::new(Frames::new());

/// The allocator of frames.
pub struct Frames {
    /// RAM not handed out yet; a region shrinks from its start.
    fresh: [Region; MAX_REGIONS],
    /// Physical address of the last frame that came back, 0 for none. Its first
    /// eight bytes hold the one before.
    returned: u64,
    /// Frames handed out and not returned.
    used: u64,
}

impl Frames {
    const fn new() -> Self {
        Self {
            fresh: [Region { start: 0, end: 0 }; MAX_REGIONS],
            returned: 0,
            used: 0,
        }
    }

    /// Gives the allocator the whole pages of `region`.
    ///
    /// # Safety
    ///
    /// Nothing else uses the range, and the direct map covers it.
    pub unsafe fn add(&mut self, region: Region) {
        let region = Region {
            start: region.start.next_multiple_of(PAGE),
            end: region.end & !(PAGE - 1),
        };
        if region.start >= region.end {
            return;
        }
        let free = self.fresh.iter_mut().find(|known| known.start == known.end);
        *free.expect("more ranges of RAM than the kernel keeps") = region;
    }

    /// A zeroed frame, or none where RAM is used up.
    pub fn allocate(&mut self) -> Option<PhysFrame> {
        let address = if self.returned != 0 {
            let frame = self.returned;
            // SAFETY: a returned frame is nobody's, and `deallocate` put the link there.
            self.returned = unsafe { direct(frame).as_ptr::<u64>().read() };
            frame
        } else {
            self.contiguous(PAGE)?
        };
        // SAFETY: the frame is RAM in the direct map, and nobody's.
        unsafe {
            direct(address)
                .as_mut_ptr::<u8>()
                .write_bytes(0, PAGE as usize);
        };
        self.used += 1;
        Some(PhysFrame::containing_address(PhysAddr::new(address)))
    }

    /// The physical address of `bytes` (a multiple of a page) of RAM in one piece, not zeroed and
    /// never to be returned.
    pub fn contiguous(&mut self, bytes: u64) -> Option<u64> {
        let region = self
            .fresh
            .iter_mut()
            .find(|region| region.end - region.start >= bytes)?;
        let start = region.start;
        region.start += bytes;
        Some(start)
    }

    /// Bytes that were never handed out.
    pub fn fresh_bytes(&self) -> u64 {
        self.fresh
            .iter()
            .map(|region| region.end - region.start)
            .sum()
    }
}

// SAFETY: a frame is handed out once until it comes back.
unsafe impl FrameAllocator<Size4KiB> for Frames {
    fn allocate_frame(&mut self) -> Option<PhysFrame> {
        self.allocate()
    }
}

impl FrameDeallocator<Size4KiB> for Frames {
    unsafe fn deallocate_frame(&mut self, frame: PhysFrame) {
        let address = frame.start_address().as_u64();
        // SAFETY: the caller gives the frame up, and it is RAM in the direct map.
        unsafe { direct(address).as_mut_ptr::<u64>().write(self.returned) };
        self.returned = address;
        self.used -= 1;
    }
}
