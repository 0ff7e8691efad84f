//! A small miniport that keeps the contract. Saboteurs replace one of its callbacks.
//!
//! Unsafe code is not commented line by line here: every pointer comes from the port, in the shape that the DDI's
//! page gives it.
#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ffi::c_void;

use dxgk_sys::*;

use super::machine::Machine;

mod adapter;
mod allocation;
pub mod commands;
pub mod contexts;
mod display;
pub mod paging;
pub mod queue;
pub mod vidpn;
pub mod vidpn_objects;

pub use adapter::*;
pub use allocation::*;
pub use display::*;

pub const TAG: [u8; 4] = *b"Mini";

/// Adapter.
pub struct Context {
    pub machine: *const Machine,
    pub version: u32,
    pub interface: DXGKRNL_INTERFACE,
    pub framebuffer: *mut c_void,
    pub registers: *mut c_void,
    /// Physical addresses of the pages that the aperture shows, by page; those that were mapped once.
    pub aperture: std::sync::Mutex<std::collections::HashMap<u64, u64>>,
    pub screen: Screen,
    /// The machine keeps it.
    pub engine: *const queue::Engine,
    /// Size of the committed mode.
    pub shown: Option<(u32, u32)>,
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

    pub fn size(self) -> usize {
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

    pub fn engine(&self) -> &queue::Engine {
        unsafe { &*self.engine }
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
    fill(&mut table);
    contexts::fill(&mut table);
    vidpn::fill(&mut table);
    if version >= 0x5023 {
        table.DxgkDdiCalibrateGpuClock = Some(calibrate_gpu_clock);
        table.DxgkDdiSetStablePowerState = Some(set_stable_power_state);
    }
    table
}
