//! DestroyAllocation.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::cell::RefCell;
use std::ptr;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::miniport::{self as good, context};
use super::with;

type Flags = DXGK_DESTROYALLOCATIONFLAGS;

thread_local! {
    /// Handles that should have been freed.
    static LATE: RefCell<Vec<HANDLE>> = const { RefCell::new(Vec::new()) };
}

ddi_fn! {
    unsafe fn fails(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        unsafe { good::destroy_allocation(this, argument) };
        STATUS_INVALID_PARAMETER
    }

    /// Frees when the adapter stops.
    unsafe fn frees_late(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        let given = unsafe { &*argument };
        for index in 0..given.NumAllocations as usize {
            let handle = unsafe { *given.pAllocationList.add(index) };
            LATE.with_borrow_mut(|late| late.push(handle));
        }
        let mut rest = *given;
        rest.NumAllocations = 0;
        let status = unsafe { good::destroy_allocation(this, &raw const rest) };
        unsafe { (*argument.cast_mut()).hResource = rest.hResource };
        status
    }

    unsafe fn stop_frees(this: PVOID) -> NTSTATUS {
        for handle in LATE.take() {
            unsafe { context(this) }.free(handle);
        }
        unsafe { good::stop_device(this) }
    }

    unsafe fn keeps_the_handle(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        let before = unsafe { (*argument).hResource };
        let status = unsafe { good::destroy_allocation(this, argument) };
        unsafe { (*argument.cast_mut()).hResource = before };
        status
    }

    unsafe fn always_clears(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        let status = unsafe { good::destroy_allocation(this, argument) };
        unsafe { (*argument.cast_mut()).hResource = ptr::null_mut() };
        status
    }

    unsafe fn clears_the_flag(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        let status = unsafe { good::destroy_allocation(this, argument) };
        unsafe { (*argument.cast_mut()).Flags = Flags::empty() };
        status
    }

    unsafe fn clears_the_list(this: PVOID, argument: *const DXGKARG_DESTROYALLOCATION) -> NTSTATUS {
        let given = unsafe { *argument };
        let status = unsafe { good::destroy_allocation(this, argument) };
        for index in 0..given.NumAllocations as usize {
            unsafe { given.pAllocationList.cast_mut().add(index).write(ptr::null_mut()) };
        }
        status
    }
}

macro_rules! destroy {
    ($name:ident) => {
        with(|table| table.DxgkDdiDestroyAllocation = Some($name))
    };
}

saboteurs! {
    destroying_fails breaks "D2" => destroy!(fails);
    memory_is_freed_later breaks "D3" => with(|table| {
        table.DxgkDdiDestroyAllocation = Some(frees_late);
        table.DxgkDdiStopDevice = Some(stop_frees);
    });
    the_resource_handle_stays breaks "D7" => destroy!(keeps_the_handle);
    the_resource_handle_is_always_cleared breaks "D7" => destroy!(always_clears);
    the_flags_are_written breaks "B2.13" => destroy!(clears_the_flag);
    the_list_is_written breaks "B2.13" => destroy!(clears_the_list);
}
