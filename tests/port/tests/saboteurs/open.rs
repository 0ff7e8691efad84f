//! Devices, openings, descriptions, standard allocations.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::slice;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::{self as good, Device, context};
use super::with;

/// The elements of an argument.
fn infos<'a>(argument: *const DXGKARG_OPENALLOCATION) -> &'a mut [DXGK_OPENALLOCATIONINFO] {
    let argument = unsafe { &*argument };
    let count = argument.NumAllocations as usize;
    unsafe { slice::from_raw_parts_mut(argument.pOpenAllocation, count) }
}

fn adapter_of<'a>(device: HANDLE) -> &'a good::Context {
    unsafe { &*(*device.cast::<Device>()).context }
}

ddi_fn! {
    unsafe fn open_pending(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        match unsafe { good::open_allocation(device, argument) } {
            STATUS_SUCCESS => STATUS_SUCCESS,
            _ => STATUS_UNSUCCESSFUL,
        }
    }

    unsafe fn open_unset(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        let before = infos(argument).to_vec();
        let status = unsafe { good::open_allocation(device, argument) };
        if status == STATUS_SUCCESS {
            for (before, info) in before.iter().zip(infos(argument)) {
                adapter_of(device).free(info.hDeviceSpecificAllocation);
                info.hDeviceSpecificAllocation = before.hDeviceSpecificAllocation;
            }
        }
        status
    }

    unsafe fn open_keeps(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        let status = unsafe { good::open_allocation(device, argument) };
        if status != STATUS_SUCCESS {
            adapter_of(device).make(0u64);
        }
        status
    }

    unsafe fn open_writes(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        for info in infos(argument) {
            unsafe { *info.pPrivateDriverData.cast::<u8>().add(12) ^= 0x80 };
        }
        unsafe { good::open_allocation(device, argument) }
    }

    unsafe fn open_writes_group(
        device: HANDLE,
        argument: *const DXGKARG_OPENALLOCATION,
    ) -> NTSTATUS {
        let group = unsafe { (*argument).pPrivateDriverData };
        if !group.is_null() {
            unsafe { group.cast::<u8>().write(0x11) };
        }
        unsafe { good::open_allocation(device, argument) }
    }

    unsafe fn open_overruns(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        for info in infos(argument) {
            let end = info.PrivateDriverDataSize as usize;
            unsafe { info.pPrivateDriverData.cast::<u8>().add(end).write(0) };
        }
        unsafe { good::open_allocation(device, argument) }
    }

    unsafe fn open_writes_handle(
        device: HANDLE,
        argument: *const DXGKARG_OPENALLOCATION,
    ) -> NTSTATUS {
        let status = unsafe { good::open_allocation(device, argument) };
        for info in infos(argument) {
            info.hAllocation = 0;
        }
        status
    }

    unsafe fn close_fails(device: HANDLE, argument: *const DXGKARG_CLOSEALLOCATION) -> NTSTATUS {
        unsafe { good::close_allocation(device, argument) };
        STATUS_UNSUCCESSFUL
    }

    unsafe fn close_clears(device: HANDLE, argument: *const DXGKARG_CLOSEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::close_allocation(device, argument) };
        unsafe { (*argument.cast_mut()).NumAllocations = 0 };
        status
    }

    unsafe fn describe_half(this: PVOID, argument: *mut DXGKARG_DESCRIBEALLOCATION) -> NTSTATUS {
        let before = unsafe { (*argument).RefreshRate };
        let status = unsafe { good::describe_allocation(this, argument) };
        unsafe { (*argument).RefreshRate = before };
        status
    }

    unsafe fn describe_fails(_this: PVOID, _argument: *mut DXGKARG_DESCRIBEALLOCATION) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn describe_writes(this: PVOID, argument: *mut DXGKARG_DESCRIBEALLOCATION) -> NTSTATUS {
        let status = unsafe { good::describe_allocation(this, argument) };
        unsafe { (*argument).hAllocation = std::ptr::null_mut() };
        status
    }

    unsafe fn standard_refused(
        _this: PVOID,
        _argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn standard_no_sizes(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        unsafe { (*argument).AllocationPrivateDriverDataSize = 0 };
        status
    }

    unsafe fn standard_one_size(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let before = unsafe { (*argument).ResourcePrivateDriverDataSize };
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        unsafe { (*argument).ResourcePrivateDriverDataSize = before };
        status
    }

    unsafe fn standard_hole(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let data = unsafe { (*argument).pAllocationPrivateDriverData.cast::<[u32; 4]>() };
        let before = unsafe { data.as_ref() }.map(|words| words[3]);
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        if let Some(before) = before {
            unsafe { (*data)[3] = before };
        }
        status
    }

    unsafe fn standard_no_pitch(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        type Kind = D3DKMDT_STANDARDALLOCATION_TYPE;
        let staging = unsafe { (*argument).u0.pCreateStagingSurfaceData };
        let kind = unsafe { (*argument).StandardAllocationType };
        let before = unsafe { (*staging).Pitch };
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        if kind == Kind::D3DKMDT_STANDARDALLOCATION_STAGINGSURFACE {
            unsafe { (*staging).Pitch = before };
        }
        status
    }

    unsafe fn standard_pitch_early(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        type Kind = D3DKMDT_STANDARDALLOCATION_TYPE;
        let sizes = unsafe { (*argument).pAllocationPrivateDriverData.is_null() };
        let kind = unsafe { (*argument).StandardAllocationType };
        if sizes && kind == Kind::D3DKMDT_STANDARDALLOCATION_SHADOWSURFACE {
            unsafe { (*(*argument).u0.pCreateShadowSurfaceData).Pitch = 256 };
        }
        unsafe { good::get_standard_allocation_driver_data(this, argument) }
    }

    unsafe fn standard_overruns(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let data = unsafe { (*argument).pAllocationPrivateDriverData.cast::<u8>() };
        if !data.is_null() {
            unsafe { data.add(16).write(0) };
        }
        unsafe { good::get_standard_allocation_driver_data(this, argument) }
    }

    unsafe fn standard_widens(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        if unsafe { !(*argument).pAllocationPrivateDriverData.is_null() } {
            // Every surface's record begins with its width.
            unsafe { (*(*argument).u0.pCreateStagingSurfaceData).Width += 1 };
        }
        status
    }

    unsafe fn standard_writes_type(
        this: PVOID,
        argument: *mut DXGKARG_GETSTANDARDALLOCATIONDRIVERDATA,
    ) -> NTSTATUS {
        let status = unsafe { good::get_standard_allocation_driver_data(this, argument) };
        unsafe { (*argument).StandardAllocationType.0 = 0 };
        status
    }

    unsafe fn device_unset(this: PVOID, argument: *mut DXGKARG_CREATEDEVICE) -> NTSTATUS {
        let runtime = unsafe { (*argument).hDevice };
        let status = unsafe { good::create_device(this, argument) };
        if status == STATUS_SUCCESS {
            unsafe { context(this).free((*argument).hDevice) };
            unsafe { (*argument).hDevice = runtime };
        }
        status
    }

    unsafe fn device_refused(_this: PVOID, _argument: *mut DXGKARG_CREATEDEVICE) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn device_modern(this: PVOID, argument: *mut DXGKARG_CREATEDEVICE) -> NTSTATUS {
        let status = unsafe { good::create_device(this, argument) };
        unsafe { (*argument).Pasid = 0 };
        status
    }
}

macro_rules! open {
    ($name:ident) => {
        with(|table| table.DxgkDdiOpenAllocation = Some($name))
    };
}

macro_rules! standard {
    ($name:ident) => {
        with(|table| table.DxgkDdiGetStandardAllocationDriverData = Some($name))
    };
}

saboteurs! {
    a_full_pool_is_unsuccessful breaks "O1" "G6" => open!(open_pending);
    openings_are_not_set breaks "O1" => open!(open_unset);
    a_failed_opening_leaves_a_block breaks "O1" "L5" => open!(open_keeps);
    private_data_is_always_written breaks "O2" => open!(open_writes);
    resource_data_is_written breaks "O2" => open!(open_writes_group);
    private_data_is_overrun breaks "O2" => open!(open_overruns);
    the_handle_is_written breaks "B2.13" => open!(open_writes_handle);
    closing_fails breaks "O3" => with(|table| table.DxgkDdiCloseAllocation = Some(close_fails));
    the_count_of_closings_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiCloseAllocation = Some(close_clears);
    });
    the_primary_has_no_refresh_rate breaks "O4" => with(|table| {
        table.DxgkDdiDescribeAllocation = Some(describe_half);
    });
    the_primary_is_not_described breaks "O4" => with(|table| {
        table.DxgkDdiDescribeAllocation = Some(describe_fails);
    });
    the_described_handle_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiDescribeAllocation = Some(describe_writes);
    });
    standard_types_are_bad_parameters breaks "O5" "G6" => standard!(standard_refused);
    one_size_is_not_set breaks "O5" => standard!(standard_one_size);
    both_sizes_are_0 breaks "O5" => standard!(standard_no_sizes);
    standard_data_has_a_hole breaks "O5" => standard!(standard_hole);
    the_pitch_is_not_set breaks "O5" => standard!(standard_no_pitch);
    the_pitch_comes_too_early breaks "O5" => standard!(standard_pitch_early);
    standard_data_is_overrun breaks "O5" => standard!(standard_overruns);
    the_surface_grows breaks "O5" => standard!(standard_widens);
    the_type_is_written breaks "B2.13" => standard!(standard_writes_type);
    the_device_is_the_runtimes breaks "X1" => with(|table| {
        table.DxgkDdiCreateDevice = Some(device_unset);
    });
    devices_are_bad_parameters breaks "X1" "G6" => with(|table| {
        table.DxgkDdiCreateDevice = Some(device_refused);
    });
    an_old_driver_writes_a_long_record breaks "B2.13" => with(|table| {
        table.DxgkDdiCreateDevice = Some(device_modern);
    });
}
