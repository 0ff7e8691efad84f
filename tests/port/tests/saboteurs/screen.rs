//! Visibility, addresses, VSYNC, the pointer.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::sync::atomic::Ordering::Relaxed;

use dxgk_port::Settings;
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::set_irql;
use super::common::miniport::{self as good, Context, TARGET, context};
use super::common::scenario;
use super::with;

saboteurs! {
    has_a_pointer_but_no_shape breaks "G2" => with(|table| table.DxgkDdiSetPointerShape = None);
    has_sources_but_no_addresses breaks "G2" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = None;
    });
    reports_another_target breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_of_nobody);
    });
    reports_as_a_display_only_driver breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_display_only);
    });
    reports_an_unknown_type breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_unknown);
    });
    reports_dma_after_vsync breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_reversed);
    });
    reports_vsync_without_sources breaks "I2" => {
        let mut table = good::table(0x4002);
        table.DxgkDdiStartDevice = Some(start_render_only);
        table.DxgkDdiInterruptRoutine = Some(interrupt_always);
        let (port, _machine) = scenario::boot(&table, Settings::default());
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        adapter.interrupt(0);
        let report = port.report();
        let bugcheck = report.bugcheck.as_ref().expect("the machine stops");
        assert_eq!((bugcheck.code, bugcheck.parameters[0]), (0x119, 7));
        report
    };
    reports_on_and_on_without_a_dpc breaks "I2" => {
        let (port, machine) = scenario::boot(&good::table(0x4002), Settings::default());
        machine.interrupt.store(false, Relaxed);
        let adapter = port.add_device(0).unwrap();
        adapter.start().unwrap();
        let context = unsafe { context(adapter.context()) };
        for _ in 0..100 {
            set_irql(7);
            good::report_vsync(context, false, TARGET, 0);
            set_irql(0);
        }
        port.report()
    };
    takes_every_interrupt breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_anything);
    });
    refuses_vsync breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_nothing);
    });
    forgets_vsync breaks "I3" => with(|table| {
        table.DxgkDdiControlInterrupt = Some(control_idle);
    });
    a_scan_line_is_unset breaks "I3" => with(|table| {
        table.DxgkDdiGetScanLine = Some(scan_line_unset);
    });
    a_blank_is_unset breaks "I3" => with(|table| {
        table.DxgkDdiGetScanLine = Some(blank_unset);
    });
    a_source_cannot_be_seen breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_refused);
    });
    visibility_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_written);
    });
    an_address_is_refused breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_refused);
    });
    an_address_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_written);
    });
    a_flip_allocates breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_allocating);
    });
    a_flip_synchronizes breaks "B3" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_synchronizing);
    });
    a_flip_never_happens breaks "V5" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_ignored);
    });
    an_invisible_source_has_no_address breaks "V5" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_null_address);
    });
    a_pointer_cannot_move breaks "V6" => with(|table| {
        table.DxgkDdiSetPointerPosition = Some(position_refused);
    });
    a_pointer_has_a_bad_shape breaks "V6" "G6" => with(|table| {
        table.DxgkDdiSetPointerShape = Some(shape_refused);
    });
    a_scan_lines_target_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiGetScanLine = Some(scan_line_of_another);
    });
    a_pointers_position_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetPointerPosition = Some(position_written);
    });
    a_pointers_shape_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiSetPointerShape = Some(shape_written);
    });
    reports_a_fault_of_its_own breaks "I2" "I4" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_faulted);
    });
    a_flip_comes_back_lower breaks "B3" => with(|table| {
        table.DxgkDdiSetVidPnSourceAddress = Some(address_lowering);
    });
}

fn pool(context: &Context) {
    let block = context.make(0u64);
    if !block.is_null() {
        context.free(block);
    }
}

fn dma(context: &Context) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_COMPLETED;
    good::notify(context, &mut data);
}

ddi_fn! {
    unsafe fn start_render_only(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::start_device(this, info, interface, sources, children) };
        unsafe { sources.write(0) };
        status
    }

    unsafe fn interrupt_of_nobody(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        if context.screen.vsync.load(Relaxed) {
            let address = context.screen.address.load(Relaxed);
            good::report_vsync(context, false, TARGET, address);
            good::report_vsync(context, false, TARGET + 1, address);
        }
        good::queue_dpc(context);
        1
    }

    unsafe fn interrupt_display_only(this: PVOID, message: ULONG) -> BOOLEAN {
        good::report_vsync(unsafe { context(this) }, true, TARGET, 0);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn interrupt_unknown(this: PVOID, message: ULONG) -> BOOLEAN {
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        good::notify(unsafe { context(this) }, &mut data);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn interrupt_reversed(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        good::retrace(context);
        if context.screen.vsync.load(Relaxed) {
            dma(context);
        }
        good::queue_dpc(context);
        1
    }

    unsafe fn interrupt_always(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        good::report_vsync(context, false, TARGET, 0);
        good::queue_dpc(context);
        1
    }

    /// Nothing is scanned out of an invisible source, says this one.
    unsafe fn interrupt_null_address(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        let screen = &context.screen;
        let visible = screen.visible.load(Relaxed);
        let address = if visible { screen.address.load(Relaxed) } else { u64::MAX };
        if screen.vsync.load(Relaxed) {
            good::report_vsync(context, false, TARGET, address);
        }
        good::queue_dpc(context);
        1
    }

    unsafe fn control_anything(
        this: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        enable: BOOLEAN,
    ) -> NTSTATUS {
        unsafe { good::control_interrupt(this, kind, enable) };
        STATUS_SUCCESS
    }

    unsafe fn control_nothing(
        _this: HANDLE,
        _kind: DXGK_INTERRUPT_TYPE,
        _enable: BOOLEAN,
    ) -> NTSTATUS {
        STATUS_NOT_IMPLEMENTED
    }

    unsafe fn control_idle(
        _this: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        _enable: BOOLEAN,
    ) -> NTSTATUS {
        if kind == DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC {
            STATUS_SUCCESS
        } else {
            STATUS_NOT_IMPLEMENTED
        }
    }

    unsafe fn scan_line_unset(_this: HANDLE, argument: INOUT_PDXGKARG_GETSCANLINE) -> NTSTATUS {
        unsafe { (*argument).InVerticalBlank = 1 };
        STATUS_SUCCESS
    }

    unsafe fn blank_unset(_this: HANDLE, argument: INOUT_PDXGKARG_GETSCANLINE) -> NTSTATUS {
        unsafe { (*argument).ScanLine = 1 };
        STATUS_SUCCESS
    }

    unsafe fn visible_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn visible_written(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        let status = unsafe { good::set_visibility(this, argument) };
        unsafe { (*argument.cast_mut()).VidPnSourceId = 9 };
        status
    }

    unsafe fn address_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        STATUS_INVALID_PARAMETER
    }

    unsafe fn address_written(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let status = unsafe { good::set_address(this, argument) };
        unsafe { (*argument.cast_mut()).hAllocation = ptr::null_mut() };
        status
    }

    unsafe fn address_allocating(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        pool(unsafe { context(this) });
        unsafe { good::set_address(this, argument) }
    }

    unsafe fn address_synchronizing(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let context = unsafe { context(this) };
        let (mut answer, routine) = (0, nothing as KSYNCHRONIZE_ROUTINE);
        let call = context.interface.DxgkCbSynchronizeExecution.unwrap();
        let handle = context.interface.DeviceHandle;
        unsafe { call(handle, Some(routine), ptr::null_mut(), 0, &raw mut answer) };
        unsafe { good::set_address(this, argument) }
    }

    unsafe fn nothing(_context: PVOID) -> BOOLEAN {
        1
    }

    unsafe fn address_ignored(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let mode = DXGK_SETVIDPNSOURCEADDRESS_FLAGS::ModeChange;
        if unsafe { (*argument).Flags }.contains(mode) {
            return unsafe { good::set_address(this, argument) };
        }
        STATUS_SUCCESS
    }

    unsafe fn position_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERPOSITION,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn shape_refused(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_SETPOINTERSHAPE,
    ) -> NTSTATUS {
        STATUS_NOT_SUPPORTED
    }

    unsafe fn scan_line_of_another(this: HANDLE, argument: INOUT_PDXGKARG_GETSCANLINE) -> NTSTATUS {
        unsafe { (*argument).VidPnTargetId = 77 };
        unsafe { good::get_scan_line(this, argument) }
    }

    unsafe fn position_written(
        _this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETPOINTERPOSITION,
    ) -> NTSTATUS {
        unsafe { (*argument.cast_mut()).X += 1 };
        STATUS_SUCCESS
    }

    unsafe fn shape_written(
        _this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETPOINTERSHAPE,
    ) -> NTSTATUS {
        unsafe { (*argument.cast_mut()).Pitch += 1 };
        STATUS_SUCCESS
    }

    unsafe fn interrupt_faulted(this: PVOID, message: ULONG) -> BOOLEAN {
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DMA_FAULTED;
        good::notify(unsafe { context(this) }, &mut data);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn address_lowering(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> NTSTATUS {
        let status = unsafe { good::set_address(this, argument) };
        set_irql(0);
        status
    }
}
