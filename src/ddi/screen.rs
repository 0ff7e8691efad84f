//! What a source shows: its visibility and address, and where the target's scan is
//! (contract: V5, I3).

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_IMPLEMENTED, STATUS_SUCCESS};
use dxgk_sys::{
    BOOLEAN, DXGK_INTERRUPT_TYPE, DXGKARG_GETSCANLINE, DXGKARG_SETVIDPNSOURCEADDRESS,
    DXGKARG_SETVIDPNSOURCEVISIBILITY, HANDLE,
};

use super::handles;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use crate::adapter::Adapter;
use crate::display::{SOURCE, TARGET};
use crate::kernel::complain;
use crate::kernel::irql::{DeviceIrql, Passive};
use crate::memory::segments;

callbacks! {
    /// `DxgkDdiSetVidPnSourceVisibility`: the picture, or black with vertical syncs going on.
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is NULL or good for reads.
    #[traced(c"SetVidPnSourceVisibility")]
    pub unsafe fn set_vidpn_source_visibility(
        context: HANDLE,
        argument: *const DXGKARG_SETVIDPNSOURCEVISIBILITY,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return bad(c"SetVidPnSourceVisibility", c"hAdapter", 0);
        };
        if argument.VidPnSourceId != SOURCE {
            return bad(c"SetVidPnSourceVisibility", c"VidPnSourceId", argument.VidPnSourceId);
        }
        adapter.screen.set_visible(argument.Visible != 0, irql);
        STATUS_SUCCESS
    }

    /// `DxgkDdiSetVidPnSourceAddress`: what the source shows from the next frame on, and what the next
    /// vertical sync reports. `PASSIVE_LEVEL`, or the device's IRQL for a flip: registers and atomics
    /// alone.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is NULL or good for reads.
    #[traced(c"SetVidPnSourceAddress")]
    pub unsafe fn set_vidpn_source_address(
        context: HANDLE,
        argument: *const DXGKARG_SETVIDPNSOURCEADDRESS,
    ) -> i32 {
        // SAFETY: the DDI's documented level, or below it.
        let irql = unsafe { DeviceIrql::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call. Members that versions later
        // than the declared one have are not read.
        let argument = unsafe { argument.cast::<Flip>().as_ref() };
        let (Some(adapter), Some(flip)) = (adapter, argument) else {
            return bad(c"SetVidPnSourceAddress", c"hAdapter", 0);
        };
        status::of(flip.show(adapter, irql))
    }

    /// `DxgkDdiControlInterrupt`: whether vertical syncs are reported. `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"ControlInterrupt")]
    pub unsafe fn control_interrupt(
        context: HANDLE,
        kind: DXGK_INTERRUPT_TYPE,
        enable: BOOLEAN,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        if kind != DXGK_INTERRUPT_TYPE::DXGK_INTERRUPT_CRTC_VSYNC {
            return STATUS_NOT_IMPLEMENTED;
        }
        // SAFETY: used in this call only.
        match unsafe { handles::adapter(context) } {
            Some(adapter) => adapter.screen.enable_vsync(enable != 0, irql),
            // The page lists no status for it.
            None => complain(c"ControlInterrupt", c"hAdapter", 0, c"no adapter of this driver"),
        }
        STATUS_SUCCESS
    }

    /// `DxgkDdiGetScanLine`: where the target's scan is. Without a mode it is in blanking.
    /// `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is NULL or good for reads and writes.
    #[traced(c"GetScanLine", failures)]
    pub unsafe fn get_scan_line(context: HANDLE, argument: *mut DXGKARG_GETSCANLINE) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody else uses during the call.
        let argument = unsafe { argument.as_mut() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return bad(c"GetScanLine", c"hAdapter", 0);
        };
        if argument.VidPnTargetId != TARGET {
            return bad(c"GetScanLine", c"VidPnTargetId", argument.VidPnTargetId);
        }
        let line = adapter.screen.scan_line(irql);
        argument.InVerticalBlank = line.is_none_or(|line| line.in_blank).into();
        argument.ScanLine = line.map_or(0, |line| line.line);
        STATUS_SUCCESS
    }
}

/// The members of `DXGKARG_SETVIDPNSOURCEADDRESS` that are used, which every version has.
#[repr(C)]
struct Flip {
    source: u32,
    segment: u32,
    address: u64,
}

const _: () = {
    use core::mem::offset_of;
    type Whole = DXGKARG_SETVIDPNSOURCEADDRESS;
    assert!(offset_of!(Flip, source) == offset_of!(Whole, VidPnSourceId));
    assert!(offset_of!(Flip, segment) == offset_of!(Whole, PrimarySegment));
    assert!(offset_of!(Flip, address) == offset_of!(Whole, PrimaryAddress));
};

impl Flip {
    /// Shows the primary. Its pitch is the mode's, as that of every primary of its width is, so the
    /// allocation need not be looked at.
    fn show(&self, adapter: &Adapter, irql: DeviceIrql) -> Result<(), InvalidParameter> {
        let refuse = |field, value, why| {
            complain(c"SetVidPnSourceAddress", field, value, why);
            Err(InvalidParameter)
        };
        if self.source != SOURCE {
            return refuse(c"VidPnSourceId", self.source.into(), c"not 0");
        }
        let screen = &adapter.screen;
        let offset = self.address.checked_sub(segments::VIDEO_MEMORY_BASE);
        let offset = offset.filter(|_| self.segment == segments::VIDEO_MEMORY);
        let shown = offset.is_some_and(|offset| screen.set_address(offset, self.address, irql));
        if shown || adapter.is_gone() {
            return Ok(());
        }
        refuse(
            c"PrimaryAddress",
            self.address,
            c"not in video memory, out of the hardware's reach, or no mode is set",
        )
    }
}

fn bad(call: &'static core::ffi::CStr, field: &'static core::ffi::CStr, value: u32) -> i32 {
    complain(
        call,
        field,
        value.into(),
        c"no adapter of this driver, a NULL, or an id that is not 0",
    );
    STATUS_INVALID_PARAMETER
}
