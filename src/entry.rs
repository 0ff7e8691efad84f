//! DriverEntry, and what a program without `std` must bring: memory for `alloc`, and a panic handler.
//!
//! DriverEntry keeps the service's key for later, chooses which kind of driver to be, fills that kind's
//! table of callbacks and registers with dxgkrnl. From then on everything happens in [`ddi`].

use core::alloc::{GlobalAlloc, Layout};
use core::ptr;

use dxgk_sys::status::STATUS_NO_MEMORY;
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, KMDDOD_INITIALIZATION_DATA, NTSTATUS, PDRIVER_OBJECT,
    PUNICODE_STRING,
};
use wdk_alloc::WdkAllocator;

use crate::adapter::parameters;
use crate::ddi::Kind;
use crate::displib::Table;
use crate::kernel::irql::Passive;
use crate::kernel::{Align, Tag, allocate, free};
use crate::{ddi, displib};

/// A panic is the bugcheck `RPNC`.
extern crate wdk_panic;

/// The table of callbacks.
const TABLE: Tag = Tag(*b"VmdI");

/// Called once by the I/O manager when the driver is loaded, at `PASSIVE_LEVEL`.
///
/// # Safety
///
/// The I/O manager's: both arguments are valid until it returns.
// SAFETY: no other symbol of the image has this name.
#[unsafe(export_name = "DriverEntry")]
// SAFETY: code in a section for code. The kernel discards INIT when this has returned, and nothing
// calls it again.
#[unsafe(link_section = "INIT")]
unsafe extern "system" fn driver_entry(
    driver: PDRIVER_OBJECT,
    registry_path: PUNICODE_STRING,
) -> NTSTATUS {
    wdk::paged_code!();
    // SAFETY: the I/O manager calls at PASSIVE_LEVEL.
    let irql = unsafe { Passive::assume() };
    // SAFETY: the path is valid until this function returns.
    parameters::set_service(unsafe { units(registry_path) }, irql);

    match ddi::choose(irql) {
        // SAFETY: these are DriverEntry's arguments.
        Kind::Full => unsafe { register(driver, registry_path, ddi::enter, irql) },
        // SAFETY: as above.
        Kind::DisplayOnly => unsafe {
            register(driver, registry_path, ddi::enter_display_only, irql)
        },
    }
}

/// A table of callbacks for which all bytes zero are an empty one.
///
/// # Safety
///
/// Zero is a valid value, and no alignment above the pool's 16 bytes is needed.
unsafe trait ZeroTable: Table {}

// SAFETY: integers, pointers and optional functions (contract: L1).
unsafe impl ZeroTable for DRIVER_INITIALIZATION_DATA {}
// SAFETY: as above.
unsafe impl ZeroTable for KMDDOD_INITIALIZATION_DATA {}

/// Registers with dxgkrnl, with the callbacks that `enter` enters into an empty table.
///
/// # Safety
///
/// As for [`displib::initialize`].
unsafe fn register<T: ZeroTable>(
    driver: PDRIVER_OBJECT,
    registry_path: PUNICODE_STRING,
    enter: fn(&mut T),
    irql: Passive,
) -> NTSTATUS {
    // Too large for the stack. Dxgkrnl copies what it is given.
    let bytes = size_of::<T>();
    let Some(block) = allocate(TABLE, bytes, Align::Natural, irql) else {
        return STATUS_NO_MEMORY;
    };
    // SAFETY: the block is large and aligned enough, zeroed, and zero is a valid table.
    let table = unsafe { block.cast::<T>().as_mut() };
    enter(table);
    // SAFETY: the caller's promise.
    let status = unsafe { displib::initialize(driver, registry_path, table, irql) };
    // SAFETY: the block was taken above, and the table was last used in the line before.
    unsafe { free(TABLE, block, bytes) };
    status
}

/// The text of a string of the kernel's.
///
/// # Safety
///
/// `string` is NULL or valid for as long as the text is used.
unsafe fn units<'string>(string: PUNICODE_STRING) -> &'string [u16] {
    // SAFETY: the caller's promise.
    let Some(string) = (unsafe { string.as_ref() }) else {
        return &[];
    };
    if string.Buffer.is_null() {
        return &[];
    }
    let length = usize::from(string.Length / 2);
    // SAFETY: a valid string has `Length` bytes at `Buffer`.
    unsafe { core::slice::from_raw_parts(string.Buffer, length) }
}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

/// wdk-alloc's allocator, which takes no notice of alignment: what needs more than the pool gives is
/// refused.
struct Allocator;

impl Allocator {
    /// What the pool aligns every block to.
    const ALIGNMENT: usize = 16;
}

// SAFETY: blocks come from WdkAllocator, as large as asked for and aligned as asked for.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > Self::ALIGNMENT {
            return ptr::null_mut();
        }
        // SAFETY: the caller's promise about the layout.
        unsafe { WdkAllocator.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the block came from `alloc`, and thus from WdkAllocator.
        unsafe { WdkAllocator.dealloc(block, layout) };
    }
}
