//! An adapter: memory behind its two ranges, and its configuration space.
//!
//! It is as QEMU's `bochs-display`, whose registers keep what is written into them. Two of them say what the adapter is
//! and cannot be written there; here they can, since they are memory. The monitor's data are QEMU's.

use alloc::vec::Vec;
use core::ffi::c_void;
use core::ptr;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use nt::bus::Interface;
use nt::ntoskrnl::{OWN_PROCESS, ZwAllocateVirtualMemory, ZwFreeVirtualMemory};
use vmdisp_wine_nt as nt;

use crate::edid;

/// Bytes of video memory, as `-device bochs-display` has without more words.
const MEMORY: usize = 16 << 20;
/// Bytes of registers.
const REGISTERS: usize = 4096;
/// Where the DISPI registers begin, 16 bits each.
const DISPI: usize = 0x500;
/// The DISPI id, and the number of the register of video memory's size, in 64 KiB.
const ID: u16 = 0xb0c5;
const MEMORY_64K: usize = 10;

/// `CmResourceTypeMemory`, and its flag for memory that may be fetched ahead.
const TYPE_MEMORY: u8 = 3;
const PREFETCHABLE: u16 = 4;
/// `PCIBus` of `INTERFACE_TYPE`, and `CmResourceShareDeviceExclusive`.
const PCI_BUS: u32 = 5;
const EXCLUSIVE: u8 = 1;

const COMMIT: u32 = 0x3000;
const RELEASE: u32 = 0x8000;
const READ_WRITE: u32 = 4;

struct Range {
    physical: u64,
    address: *mut u8,
    bytes: usize,
}

impl Range {
    fn new(physical: u64, bytes: usize) -> Self {
        let (mut address, mut size) = (ptr::null_mut(), bytes);
        // SAFETY: fresh pages of this process.
        unsafe {
            ZwAllocateVirtualMemory(
                OWN_PROCESS,
                &raw mut address,
                0,
                &raw mut size,
                COMMIT,
                READ_WRITE,
            )
        };
        let bytes = if address.is_null() { 0 } else { bytes };
        Self {
            physical,
            address: address.cast(),
            bytes,
        }
    }

    fn at(&self, physical: u64, bytes: usize) -> Option<*mut u8> {
        let offset = usize::try_from(physical.checked_sub(self.physical)?).ok()?;
        let end = offset.checked_add(bytes)?;
        (end <= self.bytes).then(|| self.address.wrapping_add(offset))
    }

    fn write(&self, offset: usize, bytes: &[u8]) {
        if let Some(to) = self.at(self.physical + offset as u64, bytes.len()) {
            // SAFETY: the range has these bytes.
            unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), to, bytes.len()) };
        }
    }
}

impl Drop for Range {
    fn drop(&mut self) {
        let (mut address, mut bytes) = (self.address.cast::<c_void>(), 0);
        // SAFETY: the pages are the range's.
        unsafe { ZwFreeVirtualMemory(OWN_PROCESS, &raw mut address, &raw mut bytes, RELEASE) };
    }
}

/// An adapter.
pub struct Adapter {
    memory: Range,
    registers: Range,
    config: [u8; 256],
    present: AtomicBool,
    /// References to its interface. Its memory goes when the device does, which dxgkrnl outlives by none.
    references: AtomicU32,
}

// SAFETY: its memory is a device's, which any thread may touch by volatile accesses.
unsafe impl Send for Adapter {}

impl Adapter {
    /// An adapter as after a cold start.
    pub fn new(slot: u32) -> Self {
        let place = |start: u64, pitch: u64| start + pitch * u64::from(slot);
        let memory = Range::new(place(0xe000_0000, 0x0100_0000), MEMORY);
        let registers = Range::new(place(0xfebf_0000, 0x1000), REGISTERS);
        registers.write(0, &edid::qemu());
        registers.write(DISPI, &ID.to_le_bytes());
        let units = (MEMORY >> 16) as u16;
        registers.write(DISPI + 2 * MEMORY_64K, &units.to_le_bytes());
        let config = config(&memory, &registers);
        Self {
            memory,
            registers,
            config,
            present: true.into(),
            references: 0.into(),
        }
    }

    /// It is gone: all that is read of it is ones.
    pub fn pull_out(&self) {
        self.present.store(false, Ordering::Release);
        for range in [&self.memory, &self.registers] {
            // SAFETY: the range's own bytes, which a device changes as it likes.
            unsafe { ptr::write_bytes(range.address, u8::MAX, range.bytes) };
        }
    }

    /// What the driver of the adapter gets.
    pub fn interface(&self, slot: u32) -> Interface {
        self.references.fetch_add(1, Ordering::Relaxed);
        Interface {
            size: size_of::<Interface>() as u16,
            version: 1,
            context: ptr::from_ref(self).cast_mut().cast(),
            reference,
            dereference,
            slot,
            resources,
            memory,
            read_config,
        }
    }
}

/// A configuration space of type 0.
fn config(memory: &Range, registers: &Range) -> [u8; 256] {
    let mut space = [0; 256];
    let mut put = |offset: usize, bytes: &[u8]| {
        space[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0x00, &[0x34, 0x12, 0x11, 0x11]); // vendor, device
    put(0x04, &[0x03, 0x00]); // answers
    put(0x08, &[0x02, 0x00, 0x80, 0x03]); // revision, class: another display controller
    put(0x10, &(memory.physical as u32 | 8).to_le_bytes());
    put(0x18, &(registers.physical as u32).to_le_bytes());
    put(0x2c, &[0xf4, 0x1a, 0x00, 0x11]); // subsystem
    space
}

/// # Safety
///
/// `context` is an adapter's, as it is in its interface.
unsafe fn of<'a>(context: *mut c_void) -> &'a Adapter {
    // SAFETY: the caller's promise.
    unsafe { &*context.cast::<Adapter>() }
}

unsafe extern "system" fn reference(context: *mut c_void) {
    // SAFETY: the interface's own context.
    unsafe { of(context) }
        .references
        .fetch_add(1, Ordering::Relaxed);
}

unsafe extern "system" fn dereference(context: *mut c_void) {
    // SAFETY: the interface's own context.
    unsafe { of(context) }
        .references
        .fetch_sub(1, Ordering::Relaxed);
}

/// The bytes of a `CM_RESOURCE_LIST` with the two ranges.
unsafe extern "system" fn resources(context: *mut c_void, to: *mut u8, room: usize) -> usize {
    // SAFETY: the interface's own context.
    let adapter = unsafe { of(context) };
    let ranges = [(&adapter.memory, PREFETCHABLE), (&adapter.registers, 0)];
    let mut list: Vec<u8> = Vec::new();
    list.extend(1_u32.to_le_bytes()); // one bus
    list.extend(PCI_BUS.to_le_bytes());
    list.extend(0_u32.to_le_bytes()); // its number
    list.extend([1, 0, 1, 0]); // version, revision
    list.extend(2_u32.to_le_bytes()); // two ranges
    for (range, flags) in ranges {
        list.extend([TYPE_MEMORY, EXCLUSIVE]);
        list.extend(flags.to_le_bytes());
        list.extend(range.physical.to_le_bytes());
        list.extend((range.bytes as u32).to_le_bytes());
        list.extend(0_u32.to_le_bytes()); // other kinds are longer
    }
    let bytes = list.len().min(room);
    // SAFETY: the caller has that much room.
    unsafe { ptr::copy_nonoverlapping(list.as_ptr(), to, bytes) };
    list.len()
}

unsafe extern "system" fn memory(context: *mut c_void, physical: u64, bytes: usize) -> *mut u8 {
    // SAFETY: the interface's own context.
    let adapter = unsafe { of(context) };
    let ranges = [&adapter.memory, &adapter.registers];
    let mut found = ranges
        .into_iter()
        .filter_map(|range| range.at(physical, bytes));
    found.next().unwrap_or(ptr::null_mut())
}

unsafe extern "system" fn read_config(
    context: *mut c_void,
    offset: u32,
    to: *mut u8,
    room: usize,
) -> usize {
    // SAFETY: the interface's own context.
    let adapter = unsafe { of(context) };
    let space = if adapter.present.load(Ordering::Acquire) {
        adapter.config
    } else {
        [u8::MAX; 256]
    };
    let from = space.get(offset as usize..).unwrap_or_default();
    let bytes = from.len().min(room);
    // SAFETY: the caller has that much room.
    unsafe { ptr::copy_nonoverlapping(from.as_ptr(), to, bytes) };
    bytes
}
