//! The strategy of the published sample drivers: a pool call for each object and each resource,
//! and handles that are dereferenced as they come.

use std::ffi::c_void;
use std::ptr::{self, NonNull};
use std::slice;

use dxgk_sys::status::{STATUS_NO_MEMORY, STATUS_SUCCESS};
use dxgk_sys::{
    D3DDDI_ALLOCATIONPRIORITY_NORMAL, DXGK_ALLOCATIONINFOFLAGS, DXGK_CREATEALLOCATIONFLAGS,
    DXGK_DESTROYALLOCATIONFLAGS, DXGK_SEGMENTBANKPREFERENCE, DXGK_SEGMENTPREFERENCE,
    DXGKARG_CREATEALLOCATION, DXGKARG_DESTROYALLOCATION, ddi_fn,
};
use vmdisp::kernel::irql::Passive;
use vmdisp::kernel::{Align, Tag, allocate, free};
use vmdisp_abi::allocation::AllocationData;

use crate::rig::Driver;

const ALLOCATION: Tag = Tag(*b"PlnA");
const RESOURCE: Tag = Tag(*b"PlnR");

/// What such a driver keeps for an allocation: the same facts as vmdisp, in as many bytes.
#[allow(dead_code)] // only its size and its writing count here
struct Allocation {
    width: u32,
    height: u32,
    format: u32,
    pitch: u32,
    bytes: u64,
}

/// What it keeps for a resource.
#[allow(dead_code)] // as above
struct Resource {
    count: u32,
}

/// A driver with that strategy.
pub struct Plain;

impl Plain {
    pub const fn new() -> Self {
        Self
    }
}

impl Driver for Plain {
    fn create(&self, argument: &mut DXGKARG_CREATEALLOCATION) -> i32 {
        // SAFETY: as dxgkrnl calls it.
        unsafe { create_allocation(ptr::null_mut(), argument) }
    }

    fn destroy(&self, argument: &mut DXGKARG_DESTROYALLOCATION) -> i32 {
        // SAFETY: as dxgkrnl calls it.
        unsafe { destroy_allocation(ptr::null_mut(), argument) }
    }
}

/// ExAllocatePool2 for one object.
fn object<T>(tag: Tag, value: T) -> *mut T {
    // SAFETY: benchmarks run as threads of a process.
    let irql = unsafe { Passive::assume() };
    let Some(block) = allocate(tag, size_of::<T>(), Align::Natural, irql) else {
        return ptr::null_mut();
    };
    let object = block.cast::<T>().as_ptr();
    // SAFETY: the block is large enough and nobody else's.
    unsafe { object.write(value) };
    object
}

/// ExFreePoolWithTag for one object.
///
/// # Safety
///
/// `handle` came from [`object`] of the same type, once.
unsafe fn gone<T>(tag: Tag, handle: *mut c_void) {
    if let Some(block) = NonNull::new(handle.cast::<u8>()) {
        // SAFETY: the caller's contract.
        unsafe { free(tag, block, size_of::<T>()) };
    }
}

ddi_fn! {
    #[inline(never)]
    unsafe fn create_allocation(
        _adapter: *mut c_void,
        argument: *mut DXGKARG_CREATEALLOCATION,
    ) -> i32 {
        // SAFETY: dxgkrnl's argument.
        let argument = unsafe { &mut *argument };
        if argument.Flags.contains(DXGK_CREATEALLOCATIONFLAGS::Resource) {
            let resource = object(RESOURCE, Resource { count: argument.NumAllocations });
            if resource.is_null() {
                return STATUS_NO_MEMORY;
            }
            argument.hResource = resource.cast();
        }
        let count = argument.NumAllocations as usize;
        // SAFETY: as many elements as the argument says.
        for info in unsafe { slice::from_raw_parts_mut(argument.pAllocationInfo, count) } {
            // SAFETY: such a driver trusts its user-mode half.
            let data = unsafe { &*info.pPrivateDriverData.cast::<AllocationData>() };
            let pitch = (data.width * 4 + 63) & !63;
            let bytes = u64::from(pitch) * u64::from(data.height);
            let allocation = object(
                ALLOCATION,
                Allocation {
                    width: data.width,
                    height: data.height,
                    format: data.format,
                    pitch,
                    bytes,
                },
            );
            if allocation.is_null() {
                return STATUS_NO_MEMORY;
            }
            info.u0.Alignment = 4096;
            info.Size = bytes as usize;
            info.PitchAlignedSize = 0;
            info.HintedBank = DXGK_SEGMENTBANKPREFERENCE::ZERO;
            info.PreferredSegment = DXGK_SEGMENTPREFERENCE::ZERO.with_SegmentId0(1);
            info.u1.SupportedReadSegmentSet = 3;
            info.SupportedWriteSegmentSet = 3;
            info.EvictionSegmentSet = 0;
            info.u2.MaximumRenamingListLength = 0;
            info.u3.Flags = DXGK_ALLOCATIONINFOFLAGS::empty();
            info.pAllocationUsageHint = ptr::null_mut();
            info.AllocationPriority = D3DDDI_ALLOCATIONPRIORITY_NORMAL.cast_unsigned();
            info.hAllocation = allocation.cast();
        }
        STATUS_SUCCESS
    }

    #[inline(never)]
    unsafe fn destroy_allocation(
        _adapter: *mut c_void,
        argument: *const DXGKARG_DESTROYALLOCATION,
    ) -> i32 {
        // SAFETY: dxgkrnl's argument.
        let argument = unsafe { &*argument };
        let count = argument.NumAllocations as usize;
        // SAFETY: as many entries as the argument says.
        for handle in unsafe { slice::from_raw_parts(argument.pAllocationList, count) } {
            // SAFETY: each is from `create_allocation`.
            unsafe { gone::<Allocation>(ALLOCATION, *handle) };
        }
        if argument.Flags.contains(DXGK_DESTROYALLOCATIONFLAGS::DestroyResource) {
            // SAFETY: from `create_allocation`.
            unsafe { gone::<Resource>(RESOURCE, argument.hResource) };
        }
        STATUS_SUCCESS
    }
}
