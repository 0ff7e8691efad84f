//! The good miniport: life cycle, interrupts, queries.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::slice;
use std::sync::atomic::Ordering;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::{Context, TAG, context};
use crate::common::machine::{self, Machine};

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
        engine: unsafe { &*machine }.new_engine(),
        aperture: std::sync::Mutex::default(),
        screen: super::Screen::default(),
        shown: None,
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
            segment.BaseAddress = address(super::commands::APERTURE);
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
    caps.FlipCaps = DXGK_FLIPCAPS::FlipOnVSyncMmIo
        | DXGK_FLIPCAPS::FlipImmediateMmIo
        | DXGK_FLIPCAPS::FlipIndependent;
    caps.PointerCaps = DXGK_POINTERFLAGS::Monochrome | DXGK_POINTERFLAGS::Color;
    caps.SchedulingCaps = DXGK_VIDSCHCAPS::MultiEngineAware
        | DXGK_VIDSCHCAPS::PreemptionAware
        | DXGK_VIDSCHCAPS::CancelCommandAware;
    caps.GpuEngineTopology.NbAsymetricProcessingNodes = 1;
    caps.MaxAllocationListSlotId = 1;
    (caps.SupportPerEngineTDR, caps.SupportDirectFlip) = (1, 1);
    (caps.MaxPointerWidth, caps.MaxPointerHeight) = (64, 64);
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
        context.engine().attach(ptr::null_mut());
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
        mapped = ptr::null_mut();
        let plain = MEMORY_CACHING_TYPE::MmNonCached;
        let (physical, bytes) = (machine::REGISTERS, machine::REGISTER_BYTES);
        let status = map(context, physical, bytes, plain, &raw mut mapped);
        context.registers = mapped;
        if status != STATUS_SUCCESS {
            unmap(context);
            return status;
        }
        super::begin(context);
        let pointer: *mut Context = context;
        context.engine().attach(pointer);
        unsafe {
            sources.write(1);
            children.write(1);
        }
        STATUS_SUCCESS
    }

    pub unsafe fn stop_device(this: PVOID) -> NTSTATUS {
        super::end(unsafe { context(this) });
        unsafe { context(this) }.engine().attach(ptr::null_mut());
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
        this: PVOID,
        argument: *const DXGKARG_QUERYADAPTERINFO,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let argument = unsafe { &*argument };
        let out = argument.OutputDataSize as usize;
        match argument.Type {
            DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_DRIVERCAPS => {
                if argument.pOutputData.is_null() || out < 336 {
                    return STATUS_INVALID_PARAMETER;
                }
                let mut caps = capabilities();
                if context.screen.display_only.load(Ordering::Relaxed) {
                    caps.SchedulingCaps = DXGK_VIDSCHCAPS::empty();
                }
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
                head.PagingBufferSegmentId = 0;
                head.PagingBufferSize = 4096;
                head.PagingBufferPrivateDataSize = super::queue::PRIVATE_BYTES;
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
                head.PagingBufferSegmentId = 0;
                head.PagingBufferSize = 4096;
                head.PagingBufferPrivateDataSize = super::queue::PRIVATE_BYTES;
                STATUS_SUCCESS
            }
            DXGK_QUERYADAPTERINFOTYPE::DXGKQAITYPE_HISTORYBUFFERPRECISION => {
                if argument.pOutputData.is_null() || out < size_of::<u32>() {
                    return STATUS_INVALID_PARAMETER;
                }
                unsafe { argument.pOutputData.cast::<u32>().write(64) };
                STATUS_SUCCESS
            }
            _ => STATUS_INVALID_PARAMETER,
        }
    }
}
