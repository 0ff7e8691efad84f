//! vmdisp, started, with no more of dxgkrnl than that takes.

use std::ffi::c_void;
use std::ptr;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DXGK_DEVICE_INFO, DXGKARG_CREATEALLOCATION,
    DXGKARG_DESTROYALLOCATION, DXGKDDI_CREATEALLOCATION, DXGKDDI_DESTROYALLOCATION,
    DXGKRNL_INTERFACE, HANDLE, MEMORY_CACHING_TYPE, PHYSICAL_ADDRESS, ddi_fn,
};

/// A driver's two DDIs.
pub trait Driver: Sync {
    /// `DxgkDdiCreateAllocation`
    fn create(&self, argument: &mut DXGKARG_CREATEALLOCATION) -> i32;
    /// `DxgkDdiDestroyAllocation`
    fn destroy(&self, argument: &mut DXGKARG_DESTROYALLOCATION) -> i32;
}

/// vmdisp with one adapter.
pub struct Vmdisp {
    table: DRIVER_INITIALIZATION_DATA,
    create: DXGKDDI_CREATEALLOCATION,
    destroy: DXGKDDI_DESTROYALLOCATION,
    adapter: HANDLE,
}

// SAFETY: the DDIs are level zero: any thread may call them.
unsafe impl Sync for Vmdisp {}

const VIDEO_MEMORY: u64 = 16 << 20;
const VIDEO_MEMORY_AT: u64 = 0xfd00_0000;
const REGISTERS_AT: u64 = 0xfebf_0000;

impl Vmdisp {
    /// Adds and starts an adapter.
    pub fn start() -> Self {
        let table = vmdisp::ddi::initialization_data();
        let mut adapter = ptr::null_mut();
        // SAFETY: as dxgkrnl calls it.
        let status = unsafe { table.DxgkDdiAddDevice.unwrap()(ptr::null_mut(), &raw mut adapter) };
        assert_eq!(status, STATUS_SUCCESS);
        let mut interface = DXGKRNL_INTERFACE {
            Size: size_of::<DXGKRNL_INTERFACE>() as u32,
            Version: table.Version,
            DxgkCbGetDeviceInformation: Some(get_device_information),
            DxgkCbReadDeviceSpace: Some(read_device_space),
            DxgkCbMapMemory: Some(map_memory),
            DxgkCbUnmapMemory: Some(unmap_memory),
            ..DXGKRNL_INTERFACE::ZERO
        };
        let (mut sources, mut children) = (0, 0);
        // SAFETY: as dxgkrnl calls it.
        let status = unsafe {
            table.DxgkDdiStartDevice.unwrap()(
                adapter,
                ptr::null_mut(),
                &raw mut interface,
                &raw mut sources,
                &raw mut children,
            )
        };
        assert_eq!(status, STATUS_SUCCESS);
        Self {
            create: table.DxgkDdiCreateAllocation.unwrap(),
            destroy: table.DxgkDdiDestroyAllocation.unwrap(),
            table,
            adapter,
        }
    }
}

impl Driver for Vmdisp {
    fn create(&self, argument: &mut DXGKARG_CREATEALLOCATION) -> i32 {
        // SAFETY: as dxgkrnl calls it.
        unsafe { (self.create)(self.adapter, argument) }
    }

    fn destroy(&self, argument: &mut DXGKARG_DESTROYALLOCATION) -> i32 {
        // SAFETY: as dxgkrnl calls it.
        unsafe { (self.destroy)(self.adapter, argument) }
    }
}

impl Drop for Vmdisp {
    fn drop(&mut self) {
        // SAFETY: as dxgkrnl calls it.
        unsafe { self.table.DxgkDdiStopDevice.unwrap()(self.adapter) };
        // SAFETY: as dxgkrnl calls it, last of all.
        unsafe { self.table.DxgkDdiRemoveDevice.unwrap()(self.adapter) };
    }
}

/// A translated resource list: one bus, two memory ranges.
fn resources() -> Vec<u32> {
    let memory = |at: u64, bytes: u64| [3, at as u32, (at >> 32) as u32, bytes as u32, 0];
    let mut list = vec![1, 5, 0, 0x0001_0001, 2];
    list.extend(memory(VIDEO_MEMORY_AT, VIDEO_MEMORY));
    list.extend(memory(REGISTERS_AT, 4096));
    list
}

ddi_fn! {
    unsafe fn get_device_information(_adapter: HANDLE, info: *mut DXGK_DEVICE_INFO) -> i32 {
        let list = Box::leak(resources().into_boxed_slice());
        // SAFETY: the driver's structure.
        unsafe { (*info).TranslatedResourceList = list.as_mut_ptr().cast() };
        STATUS_SUCCESS
    }

    unsafe fn read_device_space(
        _adapter: HANDLE,
        _space: u32,
        to: *mut c_void,
        _offset: u32,
        bytes: u32,
        read: *mut u32,
    ) -> i32 {
        // SAFETY: the driver asks for the four bytes of the PCI id.
        unsafe { to.cast::<u32>().write_unaligned(0x1111_1234) };
        // SAFETY: the driver's variable.
        unsafe { read.write(bytes) };
        STATUS_SUCCESS
    }

    unsafe fn map_memory(
        _adapter: HANDLE,
        physical: PHYSICAL_ADDRESS,
        length: u32,
        _io: u8,
        _user: u8,
        _cache: MEMORY_CACHING_TYPE,
        address: *mut *mut c_void,
    ) -> i32 {
        let memory = Box::leak(vec![0_u16; length as usize / 2].into_boxed_slice());
        // SAFETY: all members of the union are the same number.
        if unsafe { physical.QuadPart } == REGISTERS_AT.cast_signed() {
            memory[0x280] = 0xb0c5; // DISPI id
            memory[0x28a] = (VIDEO_MEMORY >> 16) as u16; // video memory in 64 KiB
        }
        // SAFETY: the driver's variable.
        unsafe { address.write(memory.as_mut_ptr().cast()) };
        STATUS_SUCCESS
    }

    unsafe fn unmap_memory(_adapter: HANDLE, _address: *mut c_void) -> i32 {
        STATUS_SUCCESS
    }
}
