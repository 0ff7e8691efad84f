//! What drivers do wrong with dxgkrnl's callbacks.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::{irql, set_irql};
use super::common::miniport::{self as good, Context, Device, context};
use super::common::scenario;
use super::{at, with};

/// Runs `call` at another IRQL.
fn at_irql<R>(level: u8, call: impl FnOnce() -> R) -> R {
    let before = irql();
    set_irql(level);
    let result = call();
    set_irql(before);
    result
}

fn get(context: &Context, handle: D3DKMT_HANDLE) -> PVOID {
    let request = DXGKARGCB_GETHANDLEDATA {
        hObject: handle,
        Type: DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION,
        Flags: DXGKCB_GETHANDLEDATAFLAGS::empty(),
    };
    unsafe { context.interface.DxgkCbGetHandleData.unwrap()(&raw const request) }
}

fn adapter_of<'a>(device: HANDLE) -> &'a Context {
    unsafe { &*(*device.cast::<Device>()).context }
}

/// Starts that end with a call of a callback.
macro_rules! after_start {
    ($($name:ident($context:ident) $call:expr;)*) => {
        ddi_fn! {$(
            unsafe fn $name(
                this: PVOID,
                info: *mut DXGK_START_INFO,
                interface: *mut DXGKRNL_INTERFACE,
                sources: *mut ULONG,
                children: *mut ULONG,
            ) -> NTSTATUS {
                let status = unsafe { good::start_device(this, info, interface, sources, children) };
                if status == STATUS_SUCCESS {
                    let $context = unsafe { context(this) };
                    let _ = $call;
                }
                status
            }
        )*}
    };
}

fn read_config(context: &Context, handle: HANDLE) -> NTSTATUS {
    let (mut word, mut read) = (0u32, 0);
    let call = context.interface.DxgkCbReadDeviceSpace.unwrap();
    unsafe { call(handle, 0, (&raw mut word).cast(), 0, 4, &raw mut read) }
}

fn notify(context: &Context) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    let call = context.interface.DxgkCbNotifyInterrupt.unwrap();
    unsafe { call(context.interface.DeviceHandle, &raw mut data) }
}

/// Runs `routine` with the interrupt held off.
fn synchronize(context: &Context, routine: KSYNCHRONIZE_ROUTINE) -> NTSTATUS {
    let mut answer = 0;
    let call = context.interface.DxgkCbSynchronizeExecution.unwrap();
    let handle = context.interface.DeviceHandle;
    let this = ptr::from_ref(context).cast_mut().cast();
    unsafe { call(handle, Some(routine), this, 0, &raw mut answer) }
}

after_start! {
    synchronizes_and_lowers(context) synchronize(context, lowers);
    synchronizes_and_forgets(context) synchronize(context, notifies);
    notifies_nothing(context) synchronize(context, notifies_null);
    notifies_at_dispatch(context) at_irql(2, || notify(context));
    unmaps_at_dispatch(context) at_irql(2, || good::unmap(context));
    reads_at_dispatch(context)
        at_irql(2, || read_config(context, context.interface.DeviceHandle));
    reads_with_its_own_handle(context)
        read_config(context, ptr::from_ref(context).cast_mut().cast());
    notifies_at_passive(context) notify(context);
}

ddi_fn! {
    unsafe fn open_ignores_null(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        get(adapter_of(device), 0xDEAD);
        unsafe { good::open_allocation(device, argument) }
    }

    unsafe fn open_at_dispatch(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        let handle = unsafe { (*(*argument).pOpenAllocation).hAllocation };
        at_irql(2, || get(adapter_of(device), handle));
        unsafe { good::open_allocation(device, argument) }
    }

    unsafe fn open_acquires(device: HANDLE, argument: *const DXGKARG_OPENALLOCATION) -> NTSTATUS {
        let request = DXGKARGCB_GETHANDLEDATA {
            hObject: unsafe { (*(*argument).pOpenAllocation).hAllocation },
            Type: DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION,
            Flags: DXGKCB_GETHANDLEDATAFLAGS::empty(),
        };
        let mut release = ptr::null_mut();
        let acquire = adapter_of(device).interface.DxgkCbAcquireHandleData.unwrap();
        let data = unsafe { acquire(&raw const request, &raw mut release) };
        assert!(!data.is_null() && !release.is_null());
        unsafe { good::open_allocation(device, argument) }
    }

    /// Acquires and releases, which is right, and releases once more.
    unsafe fn open_releases_twice(
        device: HANDLE,
        argument: *const DXGKARG_OPENALLOCATION,
    ) -> NTSTATUS {
        let request = DXGKARGCB_GETHANDLEDATA {
            hObject: unsafe { (*(*argument).pOpenAllocation).hAllocation },
            Type: DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION,
            Flags: DXGKCB_GETHANDLEDATAFLAGS::empty(),
        };
        let interface = &adapter_of(device).interface;
        let mut release = ptr::null_mut();
        unsafe {
            interface.DxgkCbAcquireHandleData.unwrap()(&raw const request, &raw mut release);
            let released = DXGKARGCB_RELEASEHANDLEDATA {
                ReleaseHandle: release,
                Type: DXGK_HANDLE_TYPE::DXGK_HANDLE_ALLOCATION,
            };
            interface.DxgkCbReleaseHandleData.unwrap()(released);
            interface.DxgkCbReleaseHandleData.unwrap()(released);
            good::open_allocation(device, argument)
        }
    }

    unsafe fn lowers(_context: PVOID) -> BOOLEAN {
        set_irql(2);
        1
    }

    unsafe fn notifies_null(this: PVOID) -> BOOLEAN {
        let interface = &unsafe { context(this) }.interface;
        let handle = interface.DeviceHandle;
        unsafe {
            interface.DxgkCbNotifyInterrupt.unwrap()(handle, ptr::null_mut());
            interface.DxgkCbQueueDpc.unwrap()(handle);
        }
        1
    }

    unsafe fn notifies(this: PVOID) -> BOOLEAN {
        notify(unsafe { context(this) });
        1
    }

    unsafe fn isr_queues_nothing(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = good::HARMLESS;
        good::notify(context, &mut data);
        good::retrace(context);
        1
    }

    unsafe fn dpc_tells_nobody(_this: PVOID) {}

    unsafe fn stop_takes_the_screen(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        let mut info = DXGK_DISPLAY_INFORMATION::ZERO;
        let acquire = context.interface.DxgkCbAcquirePostDisplayOwnership.unwrap();
        unsafe { acquire(context.interface.DeviceHandle, &raw mut info) };
        unsafe { good::stop_device(this) }
    }

    /// Calls back with the adapter gone.
    unsafe fn unload_reads() {
        let left = LEFT.take();
        if let Some(interface) = left {
            let (mut word, mut read) = (0u32, 0);
            let call = interface.DxgkCbReadDeviceSpace.unwrap();
            let handle = interface.DeviceHandle;
            unsafe { call(handle, 0, (&raw mut word).cast(), 0, 4, &raw mut read) };
        }
    }

    unsafe fn remove_leaves_the_interface(this: PVOID) -> NTSTATUS {
        LEFT.set(Some(unsafe { context(this) }.interface));
        unsafe { good::remove_device(this) }
    }
}

thread_local! {
    static LEFT: std::cell::Cell<Option<DXGKRNL_INTERFACE>> = const { std::cell::Cell::new(None) };
}

macro_rules! start {
    ($name:ident) => {
        with(|table| table.DxgkDdiStartDevice = Some($name))
    };
}

saboteurs! {
    a_null_handle_is_ignored breaks "G8" => with(|table| {
        table.DxgkDdiOpenAllocation = Some(open_ignores_null);
    });
    a_handle_is_resolved_at_dispatch breaks "G8" => with(|table| {
        table.DxgkDdiOpenAllocation = Some(open_at_dispatch);
    });
    a_reference_is_kept breaks "G8" => at(0x5023, |table| {
        table.DxgkDdiOpenAllocation = Some(open_acquires);
    });
    a_reference_is_released_twice breaks "G8" => at(0x5023, |table| {
        table.DxgkDdiOpenAllocation = Some(open_releases_twice);
    });
    configuration_is_read_at_dispatch breaks "B3" => start!(reads_at_dispatch);
    callbacks_get_the_context_for_a_handle breaks "L3" => start!(reads_with_its_own_handle);
    the_screen_is_taken_in_stop breaks "L3" => with(|table| {
        table.DxgkDdiStopDevice = Some(stop_takes_the_screen);
    });
    a_synchronised_routine_lowers_the_irql breaks "B3" => start!(synchronizes_and_lowers);
    a_synchronised_routine_queues_no_dpc breaks "I2" => start!(synchronizes_and_forgets);
    interrupts_are_notified_at_dispatch breaks "I2" => start!(notifies_at_dispatch);
    mappings_go_at_dispatch breaks "B3" "L4" => start!(unmaps_at_dispatch);
    interrupts_are_notified_at_passive breaks "I2" => start!(notifies_at_passive);
    no_dpc_follows_the_interrupt breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(isr_queues_nothing);
    });
    the_dpc_tells_nobody breaks "I2" => with(|table| {
        table.DxgkDdiDpcRoutine = Some(dpc_tells_nobody);
    });
    interrupts_are_notified_without_data breaks "I2" => start!(notifies_nothing);
    callbacks_are_called_after_remove_by_a_known_adapter breaks "L5" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiRemoveDevice = Some(remove_leaves_the_interface);
        table.DxgkDdiUnload = Some(unload_reads);
        let (port, _machine) = scenario::boot(&table, dxgk_port::Settings::default());
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.remove().unwrap();
        port.unload();
        port.report()
    };
    callbacks_are_called_after_remove breaks "L3" => with(|table| {
        table.DxgkDdiRemoveDevice = Some(remove_leaves_the_interface);
        table.DxgkDdiUnload = Some(unload_reads);
    });
}
