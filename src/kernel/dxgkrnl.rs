//! What the DirectX graphics kernel does for the driver: a safe face on `DXGKRNL_INTERFACE`.
//!
//! This module is responsible for calling dxgkrnl back with arguments that are right, and for
//! turning what it answers (resource lists, mapped memory, handle data) into types that the rest of
//! the driver can use without unsafe code.

use core::ffi::c_void;
use core::mem::offset_of;
use core::ptr::{self, NonNull};

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{
    CM_RESOURCE_LIST, D3DKMT_HANDLE, DXGK_DEVICE_INFO, DXGK_HANDLE_TYPE, DXGK_WHICHSPACE_CONFIG,
    DXGKARGCB_GETHANDLEDATA, DXGKCB_GETHANDLEDATA, DXGKCB_UNMAP_MEMORY, DXGKRNL_INTERFACE, HANDLE,
    LARGE_INTEGER, MEMORY_CACHING_TYPE, NTSTATUS,
};

use super::irql::Passive;
use super::resources::{self, MemoryRanges};

/// A range of physical addresses.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MemoryRange {
    /// Where it begins.
    pub physical: u64,
    /// Its size in bytes.
    pub bytes: u64,
}

/// How the CPU caches a mapping.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Cache {
    /// Every access goes to the device in order: registers.
    NonCached,
    /// Writes are gathered: video memory.
    WriteCombined,
}

/// Dxgkrnl refused a call, with this status.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Refused(pub NTSTATUS);

/// The callbacks of one started adapter.
#[derive(Clone, Copy)]
pub struct Dxgkrnl {
    interface: DXGKRNL_INTERFACE,
}

// SAFETY: the interface is read-only after `copy`; dxgkrnl's callbacks can be called by any thread.
unsafe impl Send for Dxgkrnl {}
// SAFETY: as above.
unsafe impl Sync for Dxgkrnl {}

impl Dxgkrnl {
    /// Copies the interface that `DxgkDdiStartDevice` was given, as far as it goes: dxgkrnl's
    /// structure is as long as the version that the driver declared says, and no longer.
    ///
    /// # Safety
    ///
    /// `from` points to a `DXGKRNL_INTERFACE` of `Size` bytes.
    #[must_use]
    pub unsafe fn copy(from: NonNull<DXGKRNL_INTERFACE>) -> Self {
        let mut interface = DXGKRNL_INTERFACE::ZERO;
        let size = from.as_ptr().cast::<u32>();
        const { assert!(offset_of!(DXGKRNL_INTERFACE, Size) == 0) };
        // SAFETY: `Size` is the first member, in every version.
        let size = unsafe { size.read() };
        let bytes = usize::try_from(size).map_or(0, |size| size.min(size_of_val(&interface)));
        let to = (&raw mut interface).cast::<u8>();
        // SAFETY: `from` is good for `Size` bytes and `to` for as many or more; they do not overlap.
        unsafe { ptr::copy_nonoverlapping(from.as_ptr().cast::<u8>(), to, bytes) };
        Self { interface }
    }

    /// The adapter's memory ranges, from its translated resources.
    ///
    /// # Errors
    ///
    /// What `DxgkCbGetDeviceInformation` answered.
    pub fn memory_ranges(&self, _irql: Passive) -> Result<MemoryRanges, Refused> {
        let call = self.interface.DxgkCbGetDeviceInformation.ok_or(MISSING)?;
        let mut info = DXGK_DEVICE_INFO::ZERO;
        // SAFETY: at PASSIVE_LEVEL, with the handle that came with the callback and a structure to
        // fill in.
        let status = unsafe { call(self.interface.DeviceHandle, &raw mut info) };
        if status != STATUS_SUCCESS {
            return Err(Refused(status));
        }
        let list = info.TranslatedResourceList.cast::<CM_RESOURCE_LIST>();
        // SAFETY: dxgkrnl's list is whole, and stays until the adapter is stopped.
        Ok(unsafe { resources::memory_ranges(list) })
    }

    /// Reads four bytes of PCI configuration space at `offset`.
    ///
    /// # Errors
    ///
    /// What `DxgkCbReadDeviceSpace` answered, or that it read fewer bytes.
    pub fn read_config_dword(&self, offset: u32, _irql: Passive) -> Result<u32, Refused> {
        let call = self.interface.DxgkCbReadDeviceSpace.ok_or(MISSING)?;
        let (mut value, mut read) = (0_u32, 0_u32);
        let space = DXGK_WHICHSPACE_CONFIG.cast_unsigned();
        let to = (&raw mut value).cast::<c_void>();
        // SAFETY: at PASSIVE_LEVEL, into four bytes of ours.
        let status =
            unsafe { call(self.interface.DeviceHandle, space, to, offset, 4, &raw mut read) };
        if status == STATUS_SUCCESS && read == 4 { Ok(value) } else { Err(Refused(status)) }
    }

    /// Maps a range of the adapter's memory. It stays mapped until the [`Mapping`] is dropped.
    ///
    /// # Errors
    ///
    /// What `DxgkCbMapMemory` answered.
    pub fn map(&self, range: MemoryRange, cache: Cache, _irql: Passive) -> Result<Mapping, Refused> {
        let call = self.interface.DxgkCbMapMemory.ok_or(MISSING)?;
        let length = u32::try_from(range.bytes).map_err(|_| MISSING)?;
        let bytes = usize::try_from(length).map_err(|_| MISSING)?;
        let physical = LARGE_INTEGER { QuadPart: range.physical.cast_signed() };
        let cache = match cache {
            Cache::NonCached => MEMORY_CACHING_TYPE::MmNonCached,
            Cache::WriteCombined => MEMORY_CACHING_TYPE::MmWriteCombined,
        };
        let mut address = ptr::null_mut();
        let to = &raw mut address;
        // SAFETY: at PASSIVE_LEVEL; the range is one of the adapter's own.
        let status =
            unsafe { call(self.interface.DeviceHandle, physical, length, 0, 0, cache, to) };
        let Some(address) = NonNull::new(address.cast::<u8>()) else {
            return Err(Refused(status));
        };
        if status != STATUS_SUCCESS {
            return Err(Refused(status));
        }
        Ok(Mapping {
            address,
            bytes,
            adapter: self.interface.DeviceHandle,
            unmap: self.interface.DxgkCbUnmapMemory,
        })
    }

    /// The callback that resolves D3DKMT handles.
    #[must_use]
    pub fn handles(&self) -> HandleData {
        HandleData { call: self.interface.DxgkCbGetHandleData }
    }
}

/// Resolves dxgkrnl's own handles into the driver's.
#[derive(Clone, Copy)]
pub struct HandleData {
    call: DXGKCB_GETHANDLEDATA,
}

impl HandleData {
    /// The driver's handle of the allocation that dxgkrnl calls `handle`, or NULL if there is none
    /// (contract: G8). Below `DISPATCH_LEVEL`.
    #[must_use]
    pub fn allocation(self, handle: D3DKMT_HANDLE, _irql: Passive) -> *mut c_void {
        let Some(call) = self.call else { return ptr::null_mut() };
        let mut ask = DXGKARGCB_GETHANDLEDATA::ZERO;
        ask.hObject = handle;
        ask.Type = DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION;
        // SAFETY: below DISPATCH_LEVEL, with an argument of ours.
        unsafe { call(&raw const ask) }
    }
}

/// Memory of the adapter, mapped into system space. Dropping it unmaps it, at `PASSIVE_LEVEL`.
pub struct Mapping {
    address: NonNull<u8>,
    bytes: usize,
    adapter: HANDLE,
    unmap: DXGKCB_UNMAP_MEMORY,
}

// SAFETY: device memory belongs to no thread; every access is one volatile operation.
unsafe impl Send for Mapping {}
// SAFETY: as above.
unsafe impl Sync for Mapping {}

impl Mapping {
    /// Its size in bytes.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// Reads the 16-bit register at `offset` bytes. Beyond the end and at odd offsets it reads as
    /// all ones, as an address that no device answers does. Any IRQL.
    #[must_use]
    pub fn read_u16(&self, offset: usize) -> u16 {
        let fits = offset.checked_add(2).is_some_and(|end| end <= self.bytes);
        if !fits || !offset.is_multiple_of(2) {
            return u16::MAX;
        }
        // SAFETY: `offset` is inside the mapping.
        let register = unsafe { self.address.add(offset) }.cast::<u16>();
        // SAFETY: the address is mapped, even, and device memory may be read at any time.
        unsafe { register.read_volatile() }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        let Some(unmap) = self.unmap else { return };
        // SAFETY: the address came from DxgkCbMapMemory, is unmapped once, and mappings are dropped
        // at PASSIVE_LEVEL (StopDevice, RemoveDevice, a failed StartDevice).
        unsafe { unmap(self.adapter, self.address.as_ptr().cast()) };
    }
}

/// Dxgkrnl did not give the callback: its version is not the one that the driver declared.
const MISSING: Refused = Refused(dxgk_sys::status::STATUS_NOT_SUPPORTED);
