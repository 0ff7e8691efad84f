//! Callbacks about the device: its resources, its memory, its configuration space.

use alloc::format;
use core::ptr::NonNull;

use dxgk_sys::status::{
    STATUS_INSUFFICIENT_RESOURCES, STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS,
    STATUS_UNSUCCESSFUL,
};
use dxgk_sys::{
    BOOLEAN, DXGK_DEVICE_INFO, DXGK_DISPLAY_INFORMATION, DXGK_SERVICES, DXGK_WHICHSPACE_CONFIG,
    HANDLE, LARGE_INTEGER, MEMORY_CACHING_TYPE, NTSTATUS, PHYSICAL_ADDRESS, PVOID, ULONG,
    UNICODE_STRING, ddi_fn,
};

use crate::adapter::{AdapterInner, Mapping};
use crate::callbacks::Callback;
use crate::display::Indication;
use crate::rules::Rule;

/// What the port says of the machine's memory: 8 GiB, all addresses below 2^40.
const SYSTEM_MEMORY: i64 = 8 << 30;
const HIGHEST_ADDRESS: i64 = (1 << 40) - 1;

ddi_fn! {
    /// Refused: no machine under the port has ACPI methods for its adapters.
    pub(crate) unsafe fn eval_acpi_method(
        handle: HANDLE,
        _uid: ULONG,
        _input: dxgk_sys::PACPI_EVAL_INPUT_BUFFER_COMPLEX,
        _input_size: ULONG,
        _output: dxgk_sys::PACPI_EVAL_OUTPUT_BUFFER,
        _output_size: ULONG,
    ) -> NTSTATUS {
        match Callback::EvalAcpiMethod.enter(handle) {
            Some(_) => STATUS_NOT_SUPPORTED,
            None => STATUS_INVALID_PARAMETER,
        }
    }

    pub(crate) unsafe fn get_device_information(
        handle: HANDLE,
        info: *mut DXGK_DEVICE_INFO,
    ) -> NTSTATUS {
        let Some(adapter) = Callback::GetDeviceInformation.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        let mut answer = DXGK_DEVICE_INFO::ZERO;
        answer.MiniportDeviceContext = adapter.context();
        answer.PhysicalDeviceObject = adapter.port.host.physical_device_object(adapter.index);
        answer.DeviceRegistryPath = adapter.registry_path();
        answer.TranslatedResourceList = adapter.resources.list();
        answer.SystemMemorySize = LARGE_INTEGER { QuadPart: SYSTEM_MEMORY };
        answer.HighestPhysicalAddress = PHYSICAL_ADDRESS { QuadPart: HIGHEST_ADDRESS };
        let Some(info) = NonNull::new(info) else {
            return STATUS_INVALID_PARAMETER;
        };
        // SAFETY: the driver's record.
        unsafe { info.write(answer) };
        adapter.port.frames.current(adapter.port.host.thread_id(), |frame| {
            frame.told_resources.set(true);
        });
        STATUS_SUCCESS
    }

    pub(crate) unsafe fn map_memory(
        handle: HANDLE,
        physical: PHYSICAL_ADDRESS,
        length: ULONG,
        in_io_space: BOOLEAN,
        to_user_mode: BOOLEAN,
        cache: MEMORY_CACHING_TYPE,
        address: *mut PVOID,
    ) -> NTSTATUS {
        let Some(adapter) = Callback::MapMemory.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        // SAFETY: any bytes are an integer.
        let physical = unsafe { physical.QuadPart }.cast_unsigned();
        if in_io_space != 0 || to_user_mode != 0 {
            adapter.port.journal.unsupported("DxgkCbMapMemory (ports or user mode)");
            return STATUS_NOT_SUPPORTED;
        }
        let Some(address) = NonNull::new(address) else {
            return STATUS_INVALID_PARAMETER;
        };
        match adapter.map(physical, length, cache) {
            Ok(mapped) => {
                // SAFETY: the driver's variable.
                unsafe { address.write(mapped.as_ptr().cast()) };
                STATUS_SUCCESS
            }
            Err(status) => status,
        }
    }

    pub(crate) unsafe fn unmap_memory(handle: HANDLE, address: PVOID) -> NTSTATUS {
        match Callback::UnmapMemory.enter(handle) {
            Some(adapter) => adapter.unmap(address.cast()),
            None => STATUS_INVALID_PARAMETER,
        }
    }

    pub(crate) unsafe fn read_device_space(
        handle: HANDLE,
        kind: ULONG,
        buffer: PVOID,
        offset: ULONG,
        length: ULONG,
        read: *mut ULONG,
    ) -> NTSTATUS {
        let Some(adapter) = Callback::ReadDeviceSpace.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        if buffer.is_null() || read.is_null() {
            return STATUS_INVALID_PARAMETER;
        }
        if kind.cast_signed() != DXGK_WHICHSPACE_CONFIG {
            return STATUS_UNSUCCESSFUL;
        }
        // SAFETY: the driver's buffer, as long as it says.
        let out = unsafe { core::slice::from_raw_parts_mut(buffer.cast(), length as usize) };
        let count = adapter.port.host.read_config(adapter.index, offset, out);
        // SAFETY: the driver's variable.
        unsafe { read.write(u32::try_from(count).unwrap_or(0)) };
        if count == 0 && length != 0 { STATUS_UNSUCCESSFUL } else { STATUS_SUCCESS }
    }

    pub(crate) unsafe fn write_device_space(
        handle: HANDLE,
        kind: ULONG,
        buffer: PVOID,
        offset: ULONG,
        length: ULONG,
        written: *mut ULONG,
    ) -> NTSTATUS {
        let Some(adapter) = Callback::WriteDeviceSpace.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        if buffer.is_null() || written.is_null() {
            return STATUS_INVALID_PARAMETER;
        }
        if kind.cast_signed() != DXGK_WHICHSPACE_CONFIG {
            return STATUS_UNSUCCESSFUL;
        }
        // SAFETY: the driver's buffer, as long as it says.
        let data = unsafe { core::slice::from_raw_parts(buffer.cast(), length as usize) };
        let count = adapter.port.host.write_config(adapter.index, offset, data);
        // SAFETY: the driver's variable.
        unsafe { written.write(u32::try_from(count).unwrap_or(0)) };
        if count == 0 && length != 0 { STATUS_UNSUCCESSFUL } else { STATUS_SUCCESS }
    }

    /// No machine under the port has any of these services.
    pub(crate) unsafe fn query_services(
        handle: HANDLE,
        _service: DXGK_SERVICES,
        interface: dxgk_sys::PINTERFACE,
    ) -> NTSTATUS {
        match Callback::QueryServices.enter(handle) {
            Some(_) if !interface.is_null() => STATUS_NOT_SUPPORTED,
            _ => STATUS_INVALID_PARAMETER,
        }
    }

    pub(crate) unsafe fn indicate_child_status(
        handle: HANDLE,
        status: dxgk_sys::PDXGK_CHILD_STATUS,
    ) -> NTSTATUS {
        match (Callback::IndicateChildStatus.enter(handle), NonNull::new(status)) {
            (Some(adapter), Some(status)) => {
                // SAFETY: the driver's record.
                let indication = unsafe { Indication::read(status.as_ptr()) };
                adapter.indicated(indication)
            }
            _ => STATUS_INVALID_PARAMETER,
        }
    }

    /// Allowed in StartDevice and in SetPowerState to D0 only, as its page says.
    pub(crate) unsafe fn acquire_post_display_ownership(
        handle: HANDLE,
        info: *mut DXGK_DISPLAY_INFORMATION,
    ) -> NTSTATUS {
        let callback = Callback::AcquirePostDisplayOwnership;
        let Some(adapter) = callback.enter(handle) else {
            return STATUS_INVALID_PARAMETER;
        };
        let Some(info) = NonNull::new(info) else {
            return STATUS_INVALID_PARAMETER;
        };
        let answer = adapter.acquire_post(callback.name());
        // SAFETY: the driver's record.
        unsafe { info.write(answer) };
        STATUS_SUCCESS
    }
}

impl AdapterInner {
    fn registry_path(&self) -> UNICODE_STRING {
        let mut path = UNICODE_STRING::ZERO;
        let bytes = u16::try_from(self.path.len() * 2).unwrap_or(0);
        path.Length = bytes;
        path.MaximumLength = bytes;
        path.Buffer = self.path.as_ptr().cast_mut();
        path
    }

    fn map(
        &self,
        physical: u64,
        length: u32,
        cache: MEMORY_CACHING_TYPE,
    ) -> Result<NonNull<u8>, NTSTATUS> {
        let name = Callback::MapMemory.name();
        let bytes = u64::from(length);
        let range = self
            .resources
            .range(physical, bytes)
            .filter(|_| length != 0);
        self.check(Rule::L3, name, range.is_some(), || {
            format!("{physical:#x} + {length:#x} is not among the adapter's resources")
        });
        let range = range.ok_or(STATUS_INVALID_PARAMETER)?;
        // Device memory is never cached; only what may be prefetched may be combined.
        let fits = match cache {
            MEMORY_CACHING_TYPE::MmNonCached => true,
            MEMORY_CACHING_TYPE::MmWriteCombined => range.prefetchable,
            _ => false,
        };
        self.check(Rule::L3, name, fits, || {
            let name = cache.name().unwrap_or("unknown");
            format!(
                "{physical:#x} mapped as {name}, prefetchable: {}",
                range.prefetchable
            )
        });
        let overlaps = |mapping: &Mapping| {
            mapping.cache != cache
                && physical < mapping.physical + mapping.bytes as u64
                && mapping.physical < physical + bytes
        };
        let clash = self.mappings.lock().iter().any(overlaps);
        self.check(Rule::L3, name, !clash, || {
            format!("{physical:#x} is mapped with another caching type already")
        });
        let bytes = length as usize;
        let address = self
            .port
            .host
            .map_memory(self.index, physical, bytes, cache);
        let address = address.ok_or(STATUS_INSUFFICIENT_RESOURCES)?;
        self.mappings.lock().push(Mapping {
            physical,
            bytes,
            cache,
            address,
        });
        Ok(address)
    }

    fn unmap(&self, address: *mut u8) -> NTSTATUS {
        let mut mappings = self.mappings.lock();
        let known = mappings
            .iter()
            .position(|mapping| mapping.address.as_ptr() == address);
        let mapping = known.map(|index| mappings.swap_remove(index));
        drop(mappings);
        self.check(
            Rule::L4,
            Callback::UnmapMemory.name(),
            mapping.is_some(),
            || format!("{address:p} is not mapped"),
        );
        match mapping {
            Some(mapping) if self.port.host.unmap_memory(mapping.address) => STATUS_SUCCESS,
            _ => STATUS_INVALID_PARAMETER,
        }
    }
}
