//! The kernel's own heap, for the port and the services' records. The driver gets its memory
//! from `nt::pool`, in a range of its own.
//!
//! Once a fault is being reported the heap may be locked or broken, so then
//! memory comes from a small reserve that is never given back.

use core::{
    alloc::{GlobalAlloc, Layout},
    cell::UnsafeCell,
    ptr,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use talc::{TalcLock, source::Manual};

use super::{direct, frames::FRAMES, layout::PAGE};

/// Bytes of the reserve.
const RESERVE: usize = 256 << 10;

#[repr(C, align(16))]
struct Reserve(UnsafeCell<[u8; RESERVE]>);

// SAFETY: `EmergencyHeap::reserve` hands out each byte once.
unsafe impl Sync for Reserve {}

static RESERVE_MEMORY: Reserve = Reserve(UnsafeCell::new([0; RESERVE]));

/// The heap, and the reserve for the time after a fault.
struct EmergencyHeap {
    heap: TalcLock<spin::Mutex<()>, Manual>,
    faulted: AtomicBool,
    reserve_used: AtomicUsize,
}

#[global_allocator]
static HEAP: EmergencyHeap = EmergencyHeap {
    heap: TalcLock::new(Manual),
    faulted: AtomicBool::new(false),
    reserve_used: AtomicUsize::new(0),
};

impl EmergencyHeap {
    /// The next piece of the reserve, or null where it is used up.
    fn reserve(&self, layout: Layout) -> *mut u8 {
        let start = self.reserve_used.load(Ordering::Relaxed);
        let start = start.next_multiple_of(layout.align().min(16));
        let end = start.saturating_add(layout.size());
        if layout.align() > 16 || end > RESERVE {
            return ptr::null_mut();
        }
        self.reserve_used.store(end, Ordering::Relaxed);
        // SAFETY: `start` is within the reserve.
        unsafe { RESERVE_MEMORY.0.get().cast::<u8>().add(start) }
    }
}

// SAFETY: both sources hand out memory of the layout, each byte to one owner.
unsafe impl GlobalAlloc for EmergencyHeap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if self.faulted.load(Ordering::Relaxed) {
            return self.reserve(layout);
        }
        // SAFETY: the caller's promise.
        unsafe { self.heap.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !self.faulted.load(Ordering::Relaxed) {
            // SAFETY: the caller's promise; before a fault every block is the heap's.
            unsafe { self.heap.dealloc(block, layout) }
        }
    }
}

/// Gives the heap half of RAM; the rest is the driver's, and the tables'.
///
/// # Panics
///
/// Where RAM is not there.
pub fn set_up() {
    let mut frames = FRAMES.lock();
    let bytes = (frames.fresh_bytes() / 2) & !(PAGE - 1);
    let start = frames
        .contiguous(bytes)
        .expect("RAM for the heap in one piece");
    let start = direct(start).as_mut_ptr::<u8>();
    // SAFETY: the range is RAM in the direct map that nobody else gets.
    let heap = unsafe { HEAP.heap.lock().claim(start, bytes as usize) };
    assert!(heap.is_some(), "the heap's memory is too small");
}

/// From now on memory comes from the reserve, and nothing is given back.
pub fn fault_begins() {
    HEAP.faulted.store(true, Ordering::Relaxed);
}
