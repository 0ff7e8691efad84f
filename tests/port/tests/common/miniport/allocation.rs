//! The good miniport: devices, allocations, openings.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::slice;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::{Allocation, Blob, Context, Device, Opening, context};

ddi_fn! {
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
