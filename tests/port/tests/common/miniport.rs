//! A small miniport that keeps the contract. Saboteurs replace one of its callbacks.
//!
//! Unsafe code is not commented line by line here: every pointer comes from the port, in the shape that the DDI's
//! page gives it.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ffi::c_void;
use std::ptr;
use std::slice;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::machine::{self, Machine};

pub const TAG: [u8; 4] = *b"Mini";

/// Adapter.
pub struct Context {
    pub machine: *const Machine,
    pub version: u32,
    pub interface: DXGKRNL_INTERFACE,
    pub framebuffer: *mut c_void,
    pub registers: *mut c_void,
}

/// What a user-mode driver says of an allocation.
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Blob {
    pub magic: u32,
    pub width: u32,
    pub height: u32,
    pub primary: u32,
}

pub const MAGIC: u32 = 0x696E_694D;

impl Blob {
    pub const fn new(width: u32, height: u32) -> Self {
        Self {
            magic: MAGIC,
            width,
            height,
            primary: 0,
        }
    }

    pub fn bytes(self) -> [u8; 16] {
        unsafe { std::mem::transmute(self) }
    }

    fn read(data: *const c_void, size: u32) -> Option<Self> {
        if size as usize != size_of::<Self>() || data.is_null() {
            return None;
        }
        let blob = unsafe { data.cast::<Self>().read_unaligned() };
        let sane = |pixels| (1..=1024).contains(&pixels);
        (blob.magic == MAGIC && sane(blob.width) && sane(blob.height)).then_some(blob)
    }

    fn size(self) -> usize {
        self.width as usize * self.height as usize * 4
    }
}

pub struct Allocation {
    pub context: *const Context,
    pub blob: Blob,
}

pub struct Device {
    pub context: *const Context,
}

pub struct Opening {
    pub allocation: *const Allocation,
}

impl Context {
    pub fn machine(&self) -> &Machine {
        unsafe { &*self.machine }
    }

    /// A block that holds `value`; NULL if the pool fails.
    pub fn make<T>(&self, value: T) -> *mut T {
        let block = self.machine().allocate(TAG, size_of::<T>()).cast::<T>();
        if !block.is_null() {
            unsafe { block.write(value) };
        }
        block
    }

    pub fn free<T>(&self, block: *mut T) {
        self.machine().free(block.cast());
    }

    pub fn is_wddm2(&self) -> bool {
        self.version >= 0x5023
    }
}

pub unsafe fn context<'a>(context: *mut c_void) -> &'a mut Context {
    unsafe { &mut *context.cast() }
}

/// The table for an interface version.
pub fn table(version: u32) -> DRIVER_INITIALIZATION_DATA {
    let mut table = DRIVER_INITIALIZATION_DATA::ZERO;
    table.Version = version;
    table.DxgkDdiAddDevice = Some(match version {
        0x5023 => add_device_wddm2,
        0x11007 => add_device_wddm3,
        _ => add_device,
    });
    table.DxgkDdiStartDevice = Some(start_device);
    table.DxgkDdiStopDevice = Some(stop_device);
    table.DxgkDdiRemoveDevice = Some(remove_device);
    table.DxgkDdiDispatchIoRequest = Some(dispatch_io_request);
    table.DxgkDdiInterruptRoutine = Some(interrupt_routine);
    table.DxgkDdiDpcRoutine = Some(dpc_routine);
    table.DxgkDdiQueryChildRelations = Some(query_child_relations);
    table.DxgkDdiSetPowerState = Some(set_power_state);
    table.DxgkDdiNotifyAcpiEvent = Some(notify_acpi_event);
    table.DxgkDdiResetDevice = Some(reset_device);
    table.DxgkDdiUnload = Some(unload);
    table.DxgkDdiQueryInterface = Some(query_interface);
    table.DxgkDdiControlEtwLogging = Some(control_etw_logging);
    table.DxgkDdiNotifySurpriseRemoval = Some(notify_surprise_removal);
    table.DxgkDdiQueryAdapterInfo = Some(query_adapter_info);
    table.DxgkDdiCreateDevice = Some(create_device);
    table.DxgkDdiDestroyDevice = Some(destroy_device);
    table.DxgkDdiCreateAllocation = Some(create_allocation);
    table.DxgkDdiDestroyAllocation = Some(destroy_allocation);
    table.DxgkDdiOpenAllocation = Some(open_allocation);
    table.DxgkDdiCloseAllocation = Some(close_allocation);
    table.DxgkDdiDescribeAllocation = Some(describe_allocation);
    table.DxgkDdiGetStandardAllocationDriverData = Some(get_standard_allocation_driver_data);
    if version >= 0x5023 {
        table.DxgkDdiCalibrateGpuClock = Some(calibrate_gpu_clock);
        table.DxgkDdiSetStablePowerState = Some(set_stable_power_state);
    }
    table
}

fn add(version: u32, device_object: *mut DEVICE_OBJECT, out: *mut PVOID) -> NTSTATUS {
    let machine: *const Machine = device_object.cast();
    let block = unsafe { &*machine }
        .allocate(TAG, size_of::<Context>())
        .cast::<Context>();
    if block.is_null() {
        return STATUS_NO_MEMORY;
    }
    let context = Context {
        machine,
        version,
        interface: DXGKRNL_INTERFACE::ZERO,
        framebuffer: ptr::null_mut(),
        registers: ptr::null_mut(),
    };
    unsafe {
        block.write(context);
        out.write(block.cast());
    }
    STATUS_SUCCESS
}

/// Unmaps what is mapped.
pub fn unmap(context: &mut Context) {
    let (unmap, handle) = (
        context.interface.DxgkCbUnmapMemory,
        context.interface.DeviceHandle,
    );
    for address in [&mut context.framebuffer, &mut context.registers] {
        if !address.is_null() {
            unsafe { unmap.unwrap()(handle, *address) };
            *address = ptr::null_mut();
        }
    }
}

pub fn map(
    context: &Context,
    physical: u64,
    bytes: u32,
    cache: MEMORY_CACHING_TYPE,
    out: *mut PVOID,
) -> NTSTATUS {
    let map = context.interface.DxgkCbMapMemory.unwrap();
    let address = PHYSICAL_ADDRESS {
        QuadPart: physical.cast_signed(),
    };
    unsafe {
        map(
            context.interface.DeviceHandle,
            address,
            bytes,
            0,
            0,
            cache,
            out,
        )
    }
}

fn address(value: u64) -> PHYSICAL_ADDRESS {
    PHYSICAL_ADDRESS {
        QuadPart: value.cast_signed(),
    }
}

/// Two segments: the framebuffer and an aperture.
fn describe_segments(list: &mut [DXGK_SEGMENTDESCRIPTOR3]) {
    for (index, segment) in list.iter_mut().enumerate() {
        *segment = DXGK_SEGMENTDESCRIPTOR3::ZERO;
        segment.Size = machine::FRAMEBUFFER_BYTES as usize;
        segment.CommitLimit = segment.Size;
        if index == 0 {
            segment.Flags = DXGK_SEGMENTFLAGS::CpuVisible;
            segment.CpuTranslatedAddress = address(machine::FRAMEBUFFER);
        } else {
            segment.Flags = DXGK_SEGMENTFLAGS::Aperture;
            segment.BaseAddress = address(0x1000_0000);
        }
    }
}

fn describe_segments_4(list: &mut [DXGK_SEGMENTDESCRIPTOR4]) {
    for (index, segment) in list.iter_mut().enumerate() {
        let mut old = [DXGK_SEGMENTDESCRIPTOR3::ZERO; 2];
        describe_segments(&mut old);
        *segment = DXGK_SEGMENTDESCRIPTOR4::ZERO;
        segment.Flags = old[index].Flags;
        segment.BaseAddress = old[index].BaseAddress;
        segment.Size = old[index].Size;
        segment.CommitLimit = old[index].CommitLimit;
        segment.u0.CpuTranslatedAddress = old[index].CpuTranslatedAddress;
    }
}

pub fn capabilities() -> DXGK_DRIVERCAPS {
    let mut caps = DXGK_DRIVERCAPS::ZERO;
    caps.HighestAcceptableAddress = address(u64::from(u32::MAX));
    caps.WDDMVersion = DXGK_WDDMVERSION::DXGKDDI_WDDMv1_3;
    caps.SupportNonVGA = 1;
    caps.SupportSmoothRotation = 1;
    caps.SupportSurpriseRemovalInHibernation = 1;
    caps
}

ddi_fn! {
    pub unsafe fn add_device(object: *mut DEVICE_OBJECT, out: *mut PVOID) -> NTSTATUS {
        add(0x4002, object, out)
    }

    pub unsafe fn add_device_wddm2(object: *mut DEVICE_OBJECT, out: *mut PVOID) -> NTSTATUS {
        add(0x5023, object, out)
    }

    pub unsafe fn add_device_wddm3(object: *mut DEVICE_OBJECT, out: *mut PVOID) -> NTSTATUS {
        add(0x11007, object, out)
    }

    pub unsafe fn remove_device(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        unmap(context);
        context.machine().free(this.cast());
        STATUS_SUCCESS
    }

    pub unsafe fn start_device(
        this: PVOID,
        _info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let bytes = unsafe { (*interface).Size } as usize;
        let copy = (&raw mut context.interface).cast::<u8>();
        unsafe { ptr::copy_nonoverlapping(interface.cast::<u8>(), copy, bytes) };
        let mut info = DXGK_DEVICE_INFO::ZERO;
        let ask = context.interface.DxgkCbGetDeviceInformation.unwrap();
        let status = unsafe { ask(context.interface.DeviceHandle, &raw mut info) };
        if status != STATUS_SUCCESS {
            return status;
        }
        let combined = MEMORY_CACHING_TYPE::MmWriteCombined;
        let (physical, bytes) = (machine::FRAMEBUFFER, machine::FRAMEBUFFER_BYTES);
        let mut mapped = ptr::null_mut();
        let status = map(context, physical, bytes, combined, &raw mut mapped);
        context.framebuffer = mapped;
        if status != STATUS_SUCCESS {
            unmap(context);
            return status;
        }
        let plain = MEMORY_CACHING_TYPE::MmNonCached;
        let (physical, bytes) = (machine::REGISTERS, machine::REGISTER_BYTES);
        let status = map(context, physical, bytes, plain, &raw mut mapped);
        context.registers = mapped;
        if status != STATUS_SUCCESS {
            unmap(context);
            return status;
        }
        unsafe {
            sources.write(0);
            children.write(0);
        }
        STATUS_SUCCESS
    }

    pub unsafe fn stop_device(this: PVOID) -> NTSTATUS {
        unmap(unsafe { context(this) });
        STATUS_SUCCESS
    }

    pub unsafe fn dispatch_io_request(
        _this: PVOID,
        _source: ULONG,
        _packet: PVIDEO_REQUEST_PACKET,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    /// Reports a completed command of node 0 and takes the interrupt.
    pub unsafe fn interrupt_routine(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        let handle = context.interface.DeviceHandle;
        unsafe {
            context.interface.DxgkCbNotifyInterrupt.unwrap()(handle, &raw mut data);
            context.interface.DxgkCbQueueDpc.unwrap()(handle);
        }
        1
    }

    pub unsafe fn dpc_routine(this: PVOID) {
        let context = unsafe { context(this) };
        unsafe { context.interface.DxgkCbNotifyDpc.unwrap()(context.interface.DeviceHandle) };
    }

    pub unsafe fn query_child_relations(
        _this: PVOID,
        _relations: *mut DXGK_CHILD_DESCRIPTOR,
        _size: ULONG,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn set_power_state(
        _this: PVOID,
        _device: ULONG,
        _state: DEVICE_POWER_STATE,
        _action: POWER_ACTION,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn notify_acpi_event(
        _this: PVOID,
        _kind: DXGK_EVENT_TYPE,
        _event: ULONG,
        _argument: PVOID,
        flags: *mut ULONG,
    ) -> NTSTATUS {
        unsafe { flags.write(0) };
        STATUS_SUCCESS
    }

    pub unsafe fn reset_device(_this: PVOID) {}

    pub unsafe fn unload() {}

    pub unsafe fn query_interface(_this: PVOID, _request: PQUERY_INTERFACE) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    pub unsafe fn control_etw_logging(_enable: BOOLEAN, _flags: ULONG, _level: UCHAR) {}

    pub unsafe fn notify_surprise_removal(
        _this: PVOID,
        _kind: DXGK_SURPRISE_REMOVAL_TYPE,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn calibrate_gpu_clock(
        _this: PVOID,
        _node: UINT32,
        _engine: UINT32,
        _calibration: OUT_PDXGKARG_CALIBRATEGPUCLOCK,
    ) -> NTSTATUS {
        STATUS_SUCCESS
    }

    pub unsafe fn set_stable_power_state(
        _this: PVOID,
        _argument: IN_CONST_PDXGKARG_SETSTABLEPOWERSTATE,
    ) {
    }

    pub unsafe fn query_adapter_info(
        _this: PVOID,
        argument: *const DXGKARG_QUERYADAPTERINFO,
    ) -> NTSTATUS {
        let argument = unsafe { &*argument };
        let out = argument.OutputDataSize as usize;
        match argument.Type {
            DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS => {
                if argument.pOutputData.is_null() || out < 336 {
                    return STATUS_INVALID_PARAMETER;
                }
                let caps = capabilities();
                let bytes = out.min(size_of_val(&caps));
                let target = argument.pOutputData.cast::<u8>();
                unsafe {
                    target.write_bytes(0, out);
                    ptr::copy_nonoverlapping((&raw const caps).cast::<u8>(), target, bytes);
                }
                STATUS_SUCCESS
            }
            DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT3 => {
                if argument.pOutputData.is_null() || out < size_of::<DXGK_QUERYSEGMENTOUT3>() {
                    return STATUS_INVALID_PARAMETER;
                }
                let head = unsafe { &mut *argument.pOutputData.cast::<DXGK_QUERYSEGMENTOUT3>() };
                if !head.pSegmentDescriptor.is_null() {
                    let list = unsafe { slice::from_raw_parts_mut(head.pSegmentDescriptor, 2) };
                    describe_segments(list);
                }
                head.NbSegment = 2;
                head.PagingBufferSegmentId = 2;
                head.PagingBufferSize = 4096;
                head.PagingBufferPrivateDataSize = 0;
                STATUS_SUCCESS
            }
            DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_QUERYSEGMENT4 => {
                if argument.pOutputData.is_null() || out < size_of::<DXGK_QUERYSEGMENTOUT4>() {
                    return STATUS_INVALID_PARAMETER;
                }
                let head = unsafe { &mut *argument.pOutputData.cast::<DXGK_QUERYSEGMENTOUT4>() };
                if !head.pSegmentDescriptor.is_null() {
                    let list = head.pSegmentDescriptor.cast();
                    describe_segments_4(unsafe { slice::from_raw_parts_mut(list, 2) });
                }
                head.NbSegment = 2;
                head.PagingBufferSegmentId = 2;
                head.PagingBufferSize = 4096;
                head.PagingBufferPrivateDataSize = 0;
                STATUS_SUCCESS
            }
            _ => STATUS_INVALID_PARAMETER,
        }
    }

    pub unsafe fn create_device(this: PVOID, argument: *mut DXGKARG_CREATEDEVICE) -> NTSTATUS {
        let device = unsafe { context(this) }.make(Device { context: this.cast() });
        if device.is_null() {
            return STATUS_NO_MEMORY;
        }
        unsafe { (*argument).hDevice = device.cast() };
        STATUS_SUCCESS
    }

    pub unsafe fn destroy_device(device: HANDLE) -> NTSTATUS {
        let context = unsafe { &*(*device.cast::<Device>()).context };
        context.machine().free(device.cast());
        STATUS_SUCCESS
    }

    pub unsafe fn create_allocation(
        this: PVOID,
        argument: *mut DXGKARG_CREATEALLOCATION,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let argument = unsafe { &mut *argument };
        let count = argument.NumAllocations as usize;
        let infos = if count == 0 {
            &mut []
        } else {
            unsafe { slice::from_raw_parts_mut(argument.pAllocationInfo, count) }
        };
        let mut made = Vec::new();
        let mut failure = STATUS_SUCCESS;
        for info in infos.iter() {
            let Some(blob) = Blob::read(info.pPrivateDriverData, info.PrivateDriverDataSize) else {
                failure = STATUS_INVALID_PARAMETER;
                break;
            };
            let allocation = context.make(Allocation { context, blob });
            if allocation.is_null() {
                failure = STATUS_NO_MEMORY;
                break;
            }
            made.push((allocation, blob));
        }
        let wants = argument.Flags.contains(DXGK_CREATEALLOCATIONFLAGS::Resource)
            && argument.hResource.is_null();
        let mut resource = ptr::null_mut();
        if failure == STATUS_SUCCESS && wants {
            resource = context.make(0u64);
            if resource.is_null() {
                failure = STATUS_NO_MEMORY;
            }
        }
        if failure != STATUS_SUCCESS {
            for (allocation, _) in made {
                context.free(allocation);
            }
            return failure;
        }
        if wants {
            argument.hResource = resource.cast();
        }
        for (info, (allocation, blob)) in infos.iter_mut().zip(made) {
            fill(context, info, allocation, blob);
        }
        STATUS_SUCCESS
    }

    pub unsafe fn destroy_allocation(
        this: PVOID,
        argument: *const DXGKARG_DESTROYALLOCATION,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let given = unsafe { argument.read() };
        for index in 0..given.NumAllocations as usize {
            let handle = unsafe { *given.pAllocationList.add(index) };
            context.free(handle);
        }
        if given.Flags.contains(DXGK_DESTROYALLOCATIONFLAGS::DestroyResource) {
            if !given.hResource.is_null() {
                context.free(given.hResource);
            }
            unsafe { (*argument.cast_mut()).hResource = ptr::null_mut() };
        }
        STATUS_SUCCESS
    }

    pub unsafe fn open_allocation(
        device: HANDLE,
        argument: *const DXGKARG_OPENALLOCATION,
    ) -> NTSTATUS {
        let context = unsafe { &*(*device.cast::<Device>()).context };
        let argument = unsafe { &*argument };
        let count = argument.NumAllocations as usize;
        let infos = unsafe { slice::from_raw_parts_mut(argument.pOpenAllocation, count) };
        let mut made: Vec<*mut Opening> = Vec::new();
        for info in infos.iter() {
            let request = DXGKARGCB_GETHANDLEDATA {
                hObject: info.hAllocation,
                Type: DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION,
                Flags: DXGKCB_GETHANDLEDATAFLAGS::empty(),
            };
            let data = unsafe { context.interface.DxgkCbGetHandleData.unwrap()(&raw const request) };
            let opening = if data.is_null() {
                ptr::null_mut()
            } else {
                context.make(Opening { allocation: data.cast() })
            };
            if opening.is_null() {
                for opening in made {
                    context.free(opening);
                }
                return if data.is_null() { STATUS_INVALID_HANDLE } else { STATUS_NO_MEMORY };
            }
            made.push(opening);
        }
        for (info, opening) in infos.iter_mut().zip(made) {
            info.hDeviceSpecificAllocation = opening.cast();
        }
        STATUS_SUCCESS
    }

    pub unsafe fn close_allocation(
        device: HANDLE,
        argument: *const DXGKARG_CLOSEALLOCATION,
    ) -> NTSTATUS {
        let context = unsafe { &*(*device.cast::<Device>()).context };
        let argument = unsafe { &*argument };
        for index in 0..argument.NumAllocations as usize {
            context.free(unsafe { *argument.pOpenHandleList.add(index) });
        }
        STATUS_SUCCESS
    }

    pub unsafe fn describe_allocation(
        _this: PVOID,
        argument: *mut DXGKARG_DESCRIBEALLOCATION,
    ) -> NTSTATUS {
        let argument = unsafe { &mut *argument };
        let allocation = unsafe { &*argument.hAllocation.cast::<Allocation>() };
        argument.Width = allocation.blob.width;
        argument.Height = allocation.blob.height;
        argument.Format = D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8;
        argument.MultisampleMethod =
            D3DDDI_MULTISAMPLINGMETHOD { NumSamples: 0, NumQualityLevels: 0 };
        argument.RefreshRate = D3DDDI_RATIONAL { Numerator: 60, Denominator: 1 };
        argument.PrivateDriverFormatAttribute = 0;
        STATUS_SUCCESS
    }

    pub unsafe fn get_standard_allocation_driver_data(
        _this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let argument = unsafe { &mut *argument };
        if argument.pAllocationPrivateDriverData.is_null() {
            argument.AllocationPrivateDriverDataSize = 16;
            argument.ResourcePrivateDriverDataSize = 0;
            return STATUS_SUCCESS;
        }
        let mut blob = Blob::new(0, 0);
        unsafe {
            match argument.StandardAllocationType {
                D3DKMDT_STANDARDALLOCATION_TYPE::D3DKMDT_STANDARDALLOCATION_SHAREDPRIMARYSURFACE => {
                    let surface = &*argument.u0.pCreateSharedPrimarySurfaceData;
                    (blob.width, blob.height, blob.primary) = (surface.Width, surface.Height, 1);
                }
                D3DKMDT_STANDARDALLOCATION_TYPE::D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE => {
                    let surface = &mut *argument.u0.pCreateShadowSurfaceData;
                    (blob.width, blob.height) = (surface.Width, surface.Height);
                    surface.Pitch = surface.Width * 4;
                }
                D3DKMDT_STANDARDALLOCATION_TYPE::D3DKMDT_STANDARDALLOCATION_STAGINGSURFACE => {
                    let surface = &mut *argument.u0.pCreateStagingSurfaceData;
                    (blob.width, blob.height) = (surface.Width, surface.Height);
                    surface.Pitch = surface.Width * 4;
                }
                _ => {
                    let surface = &mut *argument.u0.pCreateGdiSurfaceData;
                    (blob.width, blob.height) = (surface.Width, surface.Height);
                    surface.Pitch = surface.Width * 4;
                }
            }
            argument.pAllocationPrivateDriverData.cast::<Blob>().write(blob);
        }
        STATUS_SUCCESS
    }
}

/// All outputs of one element.
fn fill(
    context: &Context,
    info: &mut DXGK_ALLOCATIONINFO,
    allocation: *mut Allocation,
    blob: Blob,
) {
    info.u0.Alignment = 4096;
    info.Size = blob.size();
    info.PitchAlignedSize = 0;
    info.HintedBank = DXGK_SEGMENTBANKPREFERENCE::empty();
    info.PreferredSegment = DXGK_SEGMENTPREFERENCE::empty().with_SegmentId0(1);
    let set = if blob.primary != 0 { 1 } else { 3 };
    info.u1.SupportedReadSegmentSet = set;
    info.SupportedWriteSegmentSet = set;
    info.EvictionSegmentSet = 2;
    info.u2.MaximumRenamingListLength = 0;
    info.hAllocation = allocation.cast();
    if context.is_wddm2() {
        info.u3.FlagsWddm2 = DXGK_ALLOCATIONINFOFLAGS_WDDM2_0::CpuVisible;
    } else {
        info.u3.Flags = DXGK_ALLOCATIONINFOFLAGS::CpuVisible;
    }
    info.pAllocationUsageHint = ptr::null_mut();
    info.AllocationPriority = D3DDDI_ALLOCATIONPRIORITY_NORMAL.cast_unsigned();
    if context.version >= 0xF003 {
        info.Flags2 = DXGK_ALLOCATIONINFOFLAGS2::empty();
    }
}
