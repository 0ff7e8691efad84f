//! The interface of the test bus to the driver of an adapter: what dxgkrnl gets of a real one by BUS_INTERFACE_STANDARD,
//! and the memory behind its addresses.
//!
//! Wine's PnP manager gives a device no resources (IRP_MN_START_DEVICE comes with none) and its MmMapIoSpace maps
//! nothing, so the bus is asked.

use core::ffi::c_void;

use windows_sys::core::GUID;

/// What IRP_MN_QUERY_INTERFACE asks for.
pub static INTERFACE: GUID = GUID::from_u128(0x5a1c_6f0e_7d0b_4c53_9b0f_2f1d_6a77_e014);

/// An adapter on the bus.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Interface {
    /// Bytes of this record.
    pub size: u16,
    /// 1.
    pub version: u16,
    /// What the functions get first.
    pub context: *mut c_void,
    /// Takes a reference.
    pub reference: unsafe extern "system" fn(*mut c_void),
    /// Gives one back.
    pub dereference: unsafe extern "system" fn(*mut c_void),
    /// Which slot it is in.
    pub slot: u32,
    /// Copies its resources, a `CM_RESOURCE_LIST`, to a buffer of that length; how long they are.
    pub resources: unsafe extern "system" fn(*mut c_void, *mut u8, usize) -> usize,
    /// The memory behind so many bytes of its physical addresses; null if they are not all its own.
    pub memory: unsafe extern "system" fn(*mut c_void, u64, usize) -> *mut u8,
    /// Reads its configuration space from that offset on; how many bytes there were.
    pub read_config: unsafe extern "system" fn(*mut c_void, u32, *mut u8, usize) -> usize,
}

// SAFETY: the bus's functions may be called from any thread.
unsafe impl Send for Interface {}
// SAFETY: as above.
unsafe impl Sync for Interface {}
