//! The POST display, and the screen of a bugcheck.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use std::ptr;
use std::sync::Mutex;

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::common::machine::set_irql;
use super::common::miniport::{self as good, Context, TARGET, context};
use super::with;

saboteurs! {
    takes_the_post_display_twice breaks "L3" => with(|table| {
        table.DxgkDdiStartDevice = Some(start_acquiring);
    });
    takes_the_post_display_when_it_is_shown breaks "L3" => with(|table| {
        table.DxgkDdiSetVidPnSourceVisibility = Some(visible_acquiring);
    });
    releases_and_leaves_a_mapping breaks "L4" => with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = Some(release_mapped);
    });
    releases_and_says_no_width breaks "L4" => released(|info, unset| info.Width = unset);
    releases_with_a_short_pitch breaks "L4" => released(|info, _| info.Pitch = info.Width * 3);
    releases_in_24_bits breaks "L4" => released(|info, _| {
        info.ColorFormat = D3DDDIFORMAT::D3DDDIFMT_R8G8B8;
    });
    releases_another_target breaks "L4" => released(|info, _| info.TargetId = 0);
    releases_without_the_acpi_id breaks "L4" => released(|info, _| info.AcpiId = 0);
    releases_memory_of_others breaks "L4" => released(|info, _| info.PhysicAddress.QuadPart = 0x1000);
    releases_half_a_mode breaks "L4" => released(|info, _| info.Height = 0);
    interrupts_after_the_stop breaks "L4" => with(|table| {
        table.DxgkDdiRemoveDevice = Some(remove_notifying);
    });
    promises_a_release_without_a_callback breaks "G2" => with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = None;
    });
    a_bugcheck_queues_a_dpc breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_queueing);
    });
    a_bugcheck_has_no_size breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_sizeless);
    });
    a_bugcheck_has_256_colours breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayEnable = Some(enable_paletted);
    });
    a_bugcheck_allocates breaks "L7" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_allocating);
    });
    a_bugcheck_writes_its_source breaks "B2.13" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_scribbling);
    });
    a_bugcheck_lowers_the_irql breaks "B3" => with(|table| {
        table.DxgkDdiSystemDisplayWrite = Some(write_lowering);
    });
    releases_and_says_no_height breaks "L4" => released(|info, unset| info.Height = unset);
    releases_and_says_no_target breaks "L4" => released(|info, unset| info.TargetId = unset);
    releases_and_says_no_acpi_id breaks "L4" => released(|info, unset| info.AcpiId = unset);
    indicates_after_the_stop breaks "L4" => with(|table| {
        table.DxgkDdiRemoveDevice = Some(remove_indicating);
    });
}

/// What becomes of what a hand-over says.
type Bend = fn(&mut DXGK_DISPLAY_INFORMATION, u32);

/// A hand-over that says something else of what it left; it is given what the record's words held before.
fn released(bend: Bend) -> dxgk_port::Report {
    static BEND: Mutex<Option<Bend>> = Mutex::new(None);
    static ONE: Mutex<()> = Mutex::new(());
    ddi_fn! {
        unsafe fn release(
            this: PVOID,
            target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
            info: PDXGK_DISPLAY_INFORMATION,
        ) -> NTSTATUS {
            let unset = unsafe { (*info).Width };
            let status = unsafe { good::stop_and_release(this, target, info) };
            BEND.lock().unwrap().unwrap()(unsafe { &mut *info }, unset);
            status
        }
    }
    let one = ONE.lock();
    *BEND.lock().unwrap() = Some(bend);
    let report = with(|table| {
        table.DxgkDdiStopDeviceAndReleasePostDisplayOwnership = Some(release);
    });
    drop(one);
    report
}

fn pool(context: &Context) {
    let block = context.make(0u64);
    if !block.is_null() {
        context.free(block);
    }
}

fn dma(context: &Context) {
    let mut data = DXGKARGCB_NOTIFY_INTERRUPT_DATA::ZERO;
    data.InterruptType = good::HARMLESS;
    good::notify(context, &mut data);
}

ddi_fn! {
    unsafe fn start_acquiring(
        this: PVOID,
        info: *mut DXGK_START_INFO,
        interface: *mut DXGKRNL_INTERFACE,
        sources: *mut ULONG,
        children: *mut ULONG,
    ) -> NTSTATUS {
        let status = unsafe { good::start_device(this, info, interface, sources, children) };
        if status == STATUS_SUCCESS {
            good::acquire(unsafe { context(this) });
        }
        status
    }

    unsafe fn remove_notifying(this: PVOID) -> NTSTATUS {
        let context = unsafe { context(this) };
        set_irql(5);
        dma(context);
        good::queue_dpc(context);
        set_irql(0);
        unsafe { good::remove_device(this) }
    }

    unsafe fn release_mapped(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        info: PDXGK_DISPLAY_INFORMATION,
    ) -> NTSTATUS {
        unsafe { context(this) }.framebuffer = ptr::null_mut();
        unsafe { good::stop_and_release(this, target, info) }
    }

    unsafe fn enable_queueing(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        good::queue_dpc(unsafe { context(this) });
        unsafe { good::system_display_enable(this, target, flags, width, height, format) }
    }

    unsafe fn enable_sizeless(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        let unset = unsafe { height.read() };
        let status =
            unsafe { good::system_display_enable(this, target, flags, width, height, format) };
        unsafe { height.write(unset) };
        status
    }

    unsafe fn enable_paletted(
        this: PVOID,
        target: D3DDDI_VIDEO_PRESENT_TARGET_ID,
        flags: PDXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> NTSTATUS {
        let status =
            unsafe { good::system_display_enable(this, target, flags, width, height, format) };
        unsafe { format.write(D3DDDIFORMAT::D3DDDIFMT_P8) };
        status
    }

    unsafe fn write_allocating(
        this: PVOID,
        _source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        pool(unsafe { context(this) });
    }

    unsafe fn write_scribbling(
        _this: PVOID,
        source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        unsafe { source.cast::<u32>().write(1) };
    }

    unsafe fn write_lowering(
        _this: PVOID,
        _source: PVOID,
        _width: UINT,
        _height: UINT,
        _stride: UINT,
        _x: UINT,
        _y: UINT,
    ) {
        set_irql(2);
    }

    unsafe fn visible_acquiring(
        this: HANDLE,
        argument: IN_CONST_PDXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> NTSTATUS {
        good::acquire(unsafe { context(this) });
        unsafe { good::set_visibility(this, argument) }
    }

    unsafe fn remove_indicating(this: PVOID) -> NTSTATUS {
        good::indicate_connection(unsafe { context(this) }, TARGET, true);
        unsafe { good::remove_device(this) }
    }
}
