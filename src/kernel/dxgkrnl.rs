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
    CM_RESOURCE_LIST, D3DDDIFORMAT, D3DKMT_HANDLE, DXGK_CHILD_STATUS, DXGK_CHILD_STATUS_HotPlug,
    DXGK_CHILD_STATUS_TYPE, DXGK_DEVICE_INFO, DXGK_DISPLAY_INFORMATION, DXGK_HANDLE_TYPE,
    DXGK_WHICHSPACE_CONFIG, DXGKARGCB_GETHANDLEDATA, DXGKCB_ACQUIRE_POST_DISPLAY_OWNERSHIP,
    DXGKCB_GET_DEVICE_INFORMATION, DXGKCB_GETHANDLEDATA, DXGKCB_INDICATE_CHILD_STATUS,
    DXGKCB_LOG_ETW_EVENT, DXGKCB_MAP_MEMORY, DXGKCB_NOTIFY_DPC, DXGKCB_NOTIFY_INTERRUPT,
    DXGKCB_QUERYMONITORINTERFACE, DXGKCB_QUERYVIDPNINTERFACE, DXGKCB_QUEUE_DPC,
    DXGKCB_READ_DEVICE_SPACE, DXGKCB_SYNCHRONIZE_EXECUTION, DXGKCB_UNMAP_MEMORY, DXGKRNL_INTERFACE,
    GUID, HANDLE, LARGE_INTEGER, MEMORY_CACHING_TYPE, NTSTATUS,
};

use super::Window;
use super::irql::{AtMostDispatch, Passive};
use super::resources::{self, MemoryRange, MemoryRanges};

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

/// The picture that firmware has left on the screen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PostDisplay {
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes of a row.
    pub pitch: u32,
    /// The physical address of its first pixel.
    pub physical: u64,
    /// Of its pixels.
    pub format: D3DDDIFORMAT,
}

/// The callbacks of one started adapter, as far as the driver uses them.
#[derive(Clone, Copy)]
pub struct Dxgkrnl {
    pub(super) adapter: HANDLE,
    pub(super) query_vidpn_interface: DXGKCB_QUERYVIDPNINTERFACE,
    pub(super) query_monitor_interface: DXGKCB_QUERYMONITORINTERFACE,
    indicate_child_status: DXGKCB_INDICATE_CHILD_STATUS,
    get_device_information: DXGKCB_GET_DEVICE_INFORMATION,
    read_device_space: DXGKCB_READ_DEVICE_SPACE,
    map_memory: DXGKCB_MAP_MEMORY,
    unmap_memory: DXGKCB_UNMAP_MEMORY,
    get_handle_data: DXGKCB_GETHANDLEDATA,
    log_etw_event: DXGKCB_LOG_ETW_EVENT,
    pub(super) synchronize_execution: DXGKCB_SYNCHRONIZE_EXECUTION,
    pub(super) notify_interrupt: DXGKCB_NOTIFY_INTERRUPT,
    pub(super) notify_dpc: DXGKCB_NOTIFY_DPC,
    pub(super) queue_dpc: DXGKCB_QUEUE_DPC,
    acquire_post_display: DXGKCB_ACQUIRE_POST_DISPLAY_OWNERSHIP,
}

// SAFETY: the callbacks can be called by any thread, with the handle that came with them.
unsafe impl Send for Dxgkrnl {}
// SAFETY: as above.
unsafe impl Sync for Dxgkrnl {}

/// Reads a member of dxgkrnl's structure, or its zero value if the structure ends before it.
macro_rules! member {
    ($from:ident, $size:ident, $member:ident, $missing:expr) => {{
        let end = offset_of!(DXGKRNL_INTERFACE, $member) + size_of::<usize>();
        if end <= $size {
            // SAFETY: the member lies inside the structure.
            let member = unsafe { &raw const (*$from).$member };
            // SAFETY: as above; it is a pointer or NULL, as every member of that size.
            unsafe { member.read() }
        } else {
            $missing
        }
    }};
}

impl Dxgkrnl {
    /// Takes the callbacks out of the interface that `DxgkDdiStartDevice` was given. Dxgkrnl's
    /// structure is as long as the version that the driver declared says, and no longer.
    ///
    /// # Safety
    ///
    /// `interface` points to a `DXGKRNL_INTERFACE` of `Size` bytes.
    #[must_use]
    pub unsafe fn copy(interface: NonNull<DXGKRNL_INTERFACE>) -> Self {
        const { assert!(offset_of!(DXGKRNL_INTERFACE, Size) == 0) };
        // SAFETY: `Size` is the first member, in every version.
        let size = unsafe { interface.cast::<u32>().read() };
        let size = usize::try_from(size).unwrap_or(0);
        let from = interface.as_ptr().cast_const();
        Self {
            adapter: member!(from, size, DeviceHandle, ptr::null_mut()),
            query_vidpn_interface: member!(from, size, DxgkCbQueryVidPnInterface, None),
            query_monitor_interface: member!(from, size, DxgkCbQueryMonitorInterface, None),
            indicate_child_status: member!(from, size, DxgkCbIndicateChildStatus, None),
            get_device_information: member!(from, size, DxgkCbGetDeviceInformation, None),
            read_device_space: member!(from, size, DxgkCbReadDeviceSpace, None),
            map_memory: member!(from, size, DxgkCbMapMemory, None),
            unmap_memory: member!(from, size, DxgkCbUnmapMemory, None),
            get_handle_data: member!(from, size, DxgkCbGetHandleData, None),
            log_etw_event: member!(from, size, DxgkCbLogEtwEvent, None),
            synchronize_execution: member!(from, size, DxgkCbSynchronizeExecution, None),
            notify_interrupt: member!(from, size, DxgkCbNotifyInterrupt, None),
            notify_dpc: member!(from, size, DxgkCbNotifyDpc, None),
            queue_dpc: member!(from, size, DxgkCbQueueDpc, None),
            acquire_post_display: member!(from, size, DxgkCbAcquirePostDisplayOwnership, None),
        }
    }

    /// The adapter's memory ranges, from its translated resources.
    ///
    /// # Errors
    ///
    /// What `DxgkCbGetDeviceInformation` answered.
    pub fn memory_ranges(&self, _irql: Passive) -> Result<MemoryRanges, Refused> {
        let call = self.get_device_information.ok_or(MISSING)?;
        let mut info = DXGK_DEVICE_INFO::ZERO;
        // SAFETY: at PASSIVE_LEVEL, with the handle that came with the callback and a structure to
        // fill in.
        let status = unsafe { call(self.adapter, &raw mut info) };
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
        let call = self.read_device_space.ok_or(MISSING)?;
        let (mut value, mut read) = (0_u32, 0_u32);
        let space = DXGK_WHICHSPACE_CONFIG.cast_unsigned();
        let to = (&raw mut value).cast::<c_void>();
        // SAFETY: at PASSIVE_LEVEL, into four bytes of ours.
        let status = unsafe { call(self.adapter, space, to, offset, 4, &raw mut read) };
        if status == STATUS_SUCCESS && read == 4 {
            Ok(value)
        } else {
            Err(Refused(status))
        }
    }

    /// Takes over the screen that the firmware, or the driver before this one, has left. What it shows,
    /// or `None`: then nothing is known of the mode that the hardware is in. Inside of StartDevice and
    /// of SetPowerState alone (contract: L3).
    #[must_use]
    pub fn acquire_post_display(&self, _irql: Passive) -> Option<PostDisplay> {
        let call = self.acquire_post_display?;
        let mut found = DXGK_DISPLAY_INFORMATION::ZERO;
        // SAFETY: at PASSIVE_LEVEL, with a structure to fill in.
        let status = unsafe { call(self.adapter, &raw mut found) };
        // SAFETY: every value of its bytes is a number.
        let physical = unsafe { found.PhysicAddress.QuadPart }.cast_unsigned();
        (status == STATUS_SUCCESS && found.Width != 0).then_some(PostDisplay {
            width: found.Width,
            height: found.Height,
            pitch: found.Pitch,
            physical,
            format: found.ColorFormat,
        })
    }

    /// Maps a range of the adapter's memory. It stays mapped until the [`Mapping`] is dropped.
    ///
    /// # Errors
    ///
    /// What `DxgkCbMapMemory` answered.
    pub fn map(
        &self,
        range: MemoryRange,
        cache: Cache,
        _irql: Passive,
    ) -> Result<Mapping, Refused> {
        let call = self.map_memory.ok_or(MISSING)?;
        let length = u32::try_from(range.bytes).map_err(|_| MISSING)?;
        let bytes = usize::try_from(length).map_err(|_| MISSING)?;
        let physical = LARGE_INTEGER {
            QuadPart: range.physical.cast_signed(),
        };
        let cache = match cache {
            Cache::NonCached => MEMORY_CACHING_TYPE::MmNonCached,
            Cache::WriteCombined => MEMORY_CACHING_TYPE::MmWriteCombined,
        };
        let mut address = ptr::null_mut();
        let to = &raw mut address;
        // SAFETY: at PASSIVE_LEVEL; the range is one of the adapter's own.
        let status = unsafe { call(self.adapter, physical, length, 0, 0, cache, to) };
        let Some(address) = NonNull::new(address.cast::<u8>()) else {
            return Err(Refused(status));
        };
        if status != STATUS_SUCCESS {
            return Err(Refused(status));
        }
        Ok(Mapping {
            address,
            bytes,
            adapter: self.adapter,
            unmap: self.unmap_memory,
        })
    }

    /// Tells dxgkrnl that a monitor was connected to or disconnected from the child `child` (contract:
    /// Q3).
    ///
    /// # Errors
    ///
    /// What `DxgkCbIndicateChildStatus` answered.
    pub fn indicate_connection(
        &self,
        child: u32,
        connected: bool,
        _irql: impl AtMostDispatch,
    ) -> Result<(), Refused> {
        let call = self.indicate_child_status.ok_or(MISSING)?;
        let mut status = DXGK_CHILD_STATUS::ZERO;
        status.Type = DXGK_CHILD_STATUS_TYPE::StatusConnection;
        status.ChildUid = child;
        status.u0.HotPlug = DXGK_CHILD_STATUS_HotPlug {
            Connected: connected.into(),
        };
        // SAFETY: at most at DISPATCH_LEVEL, with the handle that came with the callback and a status
        // of ours.
        match unsafe { call(self.adapter, &raw mut status) } {
            STATUS_SUCCESS => Ok(()),
            refused => Err(Refused(refused)),
        }
    }

    /// The callback that resolves D3DKMT handles.
    #[must_use]
    pub fn handles(&self) -> HandleData {
        HandleData {
            call: self.get_handle_data,
        }
    }

    /// Logs an event of at most 256 bytes with ETW, which dxgkrnl drops when nobody listens. Any
    /// IRQL.
    pub fn log_event(&self, event: &GUID, kind: u8, data: &[u8]) {
        const LONGEST: usize = 256;
        let Some(call) = self.log_etw_event else {
            return;
        };
        let data = data.get(..data.len().min(LONGEST)).unwrap_or_default();
        let bytes = u16::try_from(data.len()).unwrap_or(0);
        // SAFETY: the callback only reads the event's identity and its `bytes` bytes of data.
        unsafe { call(event, kind, bytes, data.as_ptr().cast_mut().cast()) };
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
        let Some(call) = self.call else {
            return ptr::null_mut();
        };
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

    /// What is mapped.
    #[must_use]
    pub fn window(&self) -> Window<'_> {
        // SAFETY: mapped pages, until `self` is dropped.
        unsafe { Window::from_raw(self.address, self.bytes) }
    }
}

#[cfg(test)]
impl Mapping {
    /// Memory of a test's, which outlives the mapping.
    pub(super) fn of_test(address: NonNull<u8>, bytes: usize) -> Self {
        Self {
            address,
            bytes,
            adapter: ptr::null_mut(),
            unmap: None,
        }
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
