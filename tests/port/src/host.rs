//! What a machine gives the port: processor level, hardware, the driver's memory, time and a line of text.
//!
//! Three kinds of machine implement it: a process, a small kernel in ring 0, another NT.

use alloc::vec::Vec;
use core::ptr::NonNull;

use dxgk_sys::{DEVICE_OBJECT, DXGK_DISPLAY_INFORMATION, MEMORY_CACHING_TYPE};
use serde::Serialize;

/// Which display function of the machine, counted from 0.
pub type AdapterIndex = u32;

/// Interrupt request levels of x86-64, as [`Host::irql`] counts them.
pub mod irql {
    /// Threads.
    pub const PASSIVE: u8 = 0;
    /// Asynchronous procedure calls.
    pub const APC: u8 = 1;
    /// The scheduler and DPCs.
    pub const DISPATCH: u8 = 2;
    /// The lowest device level.
    pub const DEVICE_LOWEST: u8 = 3;
    /// The highest device level.
    pub const DEVICE_HIGHEST: u8 = 12;
    /// Everything masked.
    pub const HIGH: u8 = 15;
}

/// A machine under the port.
///
/// Methods may be called from any thread. Those that a DDI's own level allows (`irql`, `set_irql`, `thread_id`,
/// `interrupt_line`, `time_100ns`, `dpc_queued`, `relax`, `line`) are called at any IRQL, the others at `DISPATCH` or below.
/// What the port does in an interrupt comes upon any thread, also upon one that is inside the global allocator.
pub trait Host: Send + Sync {
    /// IRQL of the calling thread's processor; see [`irql`].
    fn irql(&self) -> u8;
    /// Sets the IRQL of the calling thread's processor, up or down.
    fn set_irql(&self, irql: u8);
    /// The calling thread, never 0. Interrupts run as the thread that they interrupt.
    fn thread_id(&self) -> u64;
    /// Called again and again while the port waits for another thread.
    fn relax(&self) {
        core::hint::spin_loop();
    }
    /// Time since some fixed moment, in 100 ns.
    fn time_100ns(&self) -> u64;

    /// The adapter's translated resources: the bytes of a `CM_RESOURCE_LIST`.
    fn resources(&self, adapter: AdapterIndex) -> Vec<u8>;
    /// Maps device memory into system space.
    fn map_memory(
        &self,
        adapter: AdapterIndex,
        physical: u64,
        bytes: usize,
        cache: MEMORY_CACHING_TYPE,
    ) -> Option<NonNull<u8>>;
    /// Takes a mapping away; false if there is none at that address.
    fn unmap_memory(&self, address: NonNull<u8>) -> bool;
    /// Maps a part of the adapter's video memory for the tests to draw in, as dxgkrnl does for the CPU.
    /// [`Self::unmap_memory`] takes it away.
    fn video_memory(
        &self,
        adapter: AdapterIndex,
        physical: u64,
        bytes: usize,
    ) -> Option<NonNull<u8>> {
        self.map_memory(
            adapter,
            physical,
            bytes,
            MEMORY_CACHING_TYPE::MmWriteCombined,
        )
    }
    /// Reads the adapter's PCI configuration space; returns the number of bytes read.
    fn read_config(&self, adapter: AdapterIndex, offset: u32, out: &mut [u8]) -> usize;
    /// Writes the adapter's PCI configuration space; returns the number of bytes written.
    fn write_config(&self, adapter: AdapterIndex, offset: u32, data: &[u8]) -> usize;
    /// The adapter's physical device object. The port passes it on and never looks into it.
    fn physical_device_object(&self, adapter: AdapterIndex) -> *mut DEVICE_OBJECT {
        core::ptr::without_provenance_mut(0xFFFF_A000_0000_0000 + (adapter as usize + 1) * 0x1000)
    }
    /// The device's software key.
    #[allow(clippy::unnecessary_literal_bound)] // a host may own its own
    fn registry_path(&self, adapter: AdapterIndex) -> &str {
        let _ = adapter;
        "\\Registry\\Machine\\System\\CurrentControlSet\\Control\\Class\\{4d36e968-e325-11ce-bfc1-08002be10318}\\0000"
    }
    /// The mode that firmware or the driver before left on the screen.
    fn post_display(&self, adapter: AdapterIndex) -> Option<DXGK_DISPLAY_INFORMATION> {
        let _ = adapter;
        None
    }
    /// The IRQL of the adapter's interrupt, if one is connected.
    fn interrupt_line(&self, adapter: AdapterIndex) -> Option<u8> {
        let _ = adapter;
        None
    }

    /// The driver has queued its DPC. A host that can calls [`Port::run_dpcs`](crate::Port::run_dpcs) as soon as a
    /// processor is below `DISPATCH`: a worker, or the end of its interrupts. Without one the port runs it after the
    /// next call and while it waits.
    fn dpc_queued(&self, adapter: AdapterIndex) {
        let _ = adapter;
    }

    /// What the driver holds of the pool now.
    fn pool(&self) -> PoolUse;
    /// Makes the n-th pool call from now fail (1 is the next one), once; `None` takes that back.
    fn fail_pool_call(&self, nth: Option<u64>);
    /// Pool calls so far.
    fn pool_calls(&self) -> u64;

    /// Zeroed pages of system memory, which hold what is not in video memory. None if the machine has no
    /// more of them, or none at all.
    fn system_pages(&self, pages: usize) -> Option<SystemPages> {
        let _ = pages;
        None
    }
    /// Gives back what [`Self::system_pages`] gave. No mapping of them may be left.
    fn free_system_pages(&self, address: NonNull<u8>) {
        let _ = address;
    }

    /// Zeroed memory of a user-mode process, whole pages of it, for what the driver reads as the user's. None if the
    /// machine cannot; the address is below the highest user address.
    fn user_memory(&self, bytes: usize) -> Option<NonNull<u8>> {
        let _ = bytes;
        None
    }
    /// Gives back what [`Self::user_memory`] gave.
    fn free_user_memory(&self, address: NonNull<u8>) {
        let _ = address;
    }
    /// Takes the page of user memory at `address` away, or brings it back with what was in it. Another thread of the
    /// process could do so at any time. While it is gone only the driver's careful copies may come near it.
    /// False if the machine cannot.
    fn protect_user_memory(&self, address: NonNull<u8>, readable: bool) -> bool {
        let _ = (address, readable);
        false
    }

    /// While set, each system thread of the driver stops at its next kernel service and stays there. What the port calls
    /// the driver for goes on. False if the machine cannot.
    fn stall(&self, on: bool) -> bool {
        let _ = on;
        false
    }
    /// How many of the driver's system threads stand in a stall now.
    fn stalled(&self) -> u64 {
        0
    }
    /// System threads that the driver has made and that have not ended.
    fn threads_live(&self) -> u64 {
        0
    }
    /// System threads that the driver has asked for so far, those that failed among them.
    fn threads_created(&self) -> u64 {
        0
    }
    /// Makes the n-th creation of a system thread from now fail (1 is the next one), once; `None` takes that back.
    fn fail_thread_creation(&self, nth: Option<u64>) {
        let _ = nth;
    }

    /// Instructions that the machine has run so far, the driver's and all others, where it counts them: two readings
    /// with nothing between them always differ by the same small number.
    fn instructions(&self) -> Option<u64> {
        None
    }

    /// A line of trace.
    fn line(&self, text: &str);
}

/// Pages of system memory.
#[derive(Debug)]
pub struct SystemPages {
    /// The port's own view of them, in one piece, page aligned.
    pub address: NonNull<u8>,
    /// Their page frame numbers, in the order of the view. Neighbours need not follow each other, and mostly do not.
    pub frames: Vec<u64>,
}

/// What a driver holds of the pool.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct PoolUse {
    /// Live blocks.
    pub blocks: u64,
    /// Bytes in live blocks.
    pub bytes: u64,
    /// The most bytes that were live at once.
    pub high_water_bytes: u64,
    /// The same by tag, in any order.
    pub tags: Vec<TagUse>,
}

/// What a driver holds under one pool tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct TagUse {
    /// The tag as a debugger shows it.
    pub tag: [u8; 4],
    /// Live blocks.
    pub blocks: u64,
    /// Bytes in live blocks.
    pub bytes: u64,
}
