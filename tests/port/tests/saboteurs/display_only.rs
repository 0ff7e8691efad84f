//! Display-only drivers: their table and their presents.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;

use dxgk_port::{Report, Settings};
use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::display;
use super::common::miniport::{self as good, Context, TARGET, context};
use super::common::scenario;

saboteurs! {
    a_display_only_driver_has_no_present breaks "G2" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = None;
    });
    a_display_only_driver_has_half_of_vsync breaks "G2" => with(|table| {
        table.DxgkDdiGetScanLine = None;
    });
    a_full_driver_comes_where_another_is_expected breaks "G2" => {
        let settings = Settings::default().for_display_only();
        scenario::run_with(&good::table(0x4002), settings)
    };
    a_display_only_driver_comes_where_a_full_one_is_expected breaks "G2" => {
        let port = dxgk_port::Port::new(display::machine(), Settings::default());
        let mut path = UNICODE_STRING::ZERO;
        let table = good::display_only_table(0x4002);
        let object = ptr::without_provenance_mut(0x1000);
        unsafe { port.register_display_only(object, &raw mut path, &raw const table) };
        port.report()
    };
    a_display_only_driver_reports_crtc_vsync breaks "I2" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_full);
    });
    a_present_is_written breaks "B2.13" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = Some(present_written);
    });
    a_present_stays_pending breaks "V7" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = Some(present_forgotten);
    });
    a_present_is_done_and_then_reported breaks "V7" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = Some(present_twice);
    });
    a_present_is_reported_that_never_was breaks "V7" => with(|table| {
        table.DxgkDdiInterruptRoutine = Some(interrupt_progress);
    });
    a_present_is_informational breaks "G6" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = Some(present_informational);
    });
    a_present_comes_to_an_unknown_end breaks "V7" => with(|table| {
        table.DxgkDdiPresentDisplayOnly = Some(present_ending_oddly);
    });
}

fn with(bend: impl FnOnce(&mut KMDDOD_INITIALIZATION_DATA)) -> Report {
    let mut table = good::display_only_table(0x4002);
    bend(&mut table);
    display::run_display_only(&table)
}

pub fn progress(context: &Context, source: u32) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS;
    data.u0.DisplayOnlyPresentProgress.VidPnSourceId = source;
    good::notify(context, &mut data);
}

ddi_fn! {
    unsafe fn interrupt_full(this: PVOID, _message: ULONG) -> BOOLEAN {
        let context = unsafe { context(this) };
        good::report_vsync(context, false, TARGET, 0);
        good::queue_dpc(context);
        1
    }

    unsafe fn interrupt_progress(this: PVOID, message: ULONG) -> BOOLEAN {
        progress(unsafe { context(this) }, 0);
        unsafe { good::interrupt_routine(this, message) }
    }

    unsafe fn present_written(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        let status = unsafe { good::present_display_only(this, argument) };
        let argument = unsafe { &*argument };
        if argument.NumDirtyRects != 0 {
            unsafe { (*argument.pDirtyRect).left = 7 };
        }
        status
    }

    /// Once is enough: the port waits two seconds for each.
    unsafe fn present_forgotten(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        let status = unsafe { good::present_display_only(this, argument) };
        if unsafe { (*argument).NumDirtyRects } == 2 { STATUS_PENDING } else { status }
    }

    unsafe fn present_twice(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        let status = unsafe { good::present_display_only(this, argument) };
        let context = unsafe { context(this) };
        super::common::machine::set_irql(5);
        progress(context, 0);
        good::queue_dpc(context);
        super::common::machine::set_irql(0);
        status
    }

    unsafe fn present_informational(
        _this: HANDLE,
        _argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        STATUS_GRAPHICS_MODE_NOT_PINNED
    }

    /// Pending, and done before it returns; how, nobody knows.
    unsafe fn present_ending_oddly(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_PRESENT_DISPLAYONLY,
    ) -> NTSTATUS {
        unsafe { good::present_display_only(this, argument) };
        let context = unsafe { context(this) };
        let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
        data.InterruptType = DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_DISPLAYONLY_PRESENT_PROGRESS;
        data.u0.DisplayOnlyPresentProgress.ProgressId.0 = 5;
        super::common::machine::set_irql(5);
        good::notify(context, &mut data);
        good::queue_dpc(context);
        super::common::machine::set_irql(0);
        STATUS_PENDING
    }
}
