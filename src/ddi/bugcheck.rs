//! The screen after a bugcheck: any IRQL, nothing to rely on (contract: L7).

use core::ffi::c_void;
use core::slice;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{D3DDDIFORMAT, DXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS, UINT};

use super::handles;
use super::recorded::callbacks;
use crate::device::PIXEL;
use crate::display::TARGET;

callbacks! {
    /// `DxgkDdiResetDevice`: VGA character mode, by register writes. Any IRQL.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl or the HAL, at a bugcheck or hibernation.
    #[traced(c"ResetDevice")]
    pub unsafe fn reset_device(context: *mut c_void) {
        // SAFETY: used in this call only.
        if let Some(adapter) = unsafe { handles::adapter(context) } {
            adapter.reset();
        }
    }

    /// `DxgkDdiSystemDisplayEnable`: the picture is shown, whatever was shown before, in the mode that
    /// is set. Any IRQL.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: the last three are NULL or good for one write each.
    #[traced(c"SystemDisplayEnable")]
    pub unsafe fn system_display_enable(
        context: *mut c_void,
        target: UINT,
        _flags: *mut DXGKARG_SYSTEM_DISPLAY_ENABLE_FLAGS,
        width: *mut UINT,
        height: *mut UINT,
        format: *mut D3DDDIFORMAT,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        let Some(adapter) = adapter.filter(|_| ![width, height].contains(&core::ptr::null_mut()) && !format.is_null()) else {
            return STATUS_INVALID_PARAMETER;
        };
        if target != TARGET || adapter.is_gone() {
            return STATUS_NOT_SUPPORTED;
        }
        let Some(picture) = adapter.screen.direct().show_for_bugcheck() else {
            return STATUS_NOT_SUPPORTED;
        };
        // SAFETY: checked for NULL; dxgkrnl's own variable.
        unsafe { width.write(picture.width) };
        // SAFETY: as above.
        unsafe { height.write(picture.height) };
        // SAFETY: as above.
        unsafe { format.write(D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8) };
        STATUS_SUCCESS
    }

    /// `DxgkDdiSystemDisplayWrite`: pixels from memory onto the screen. What reaches past the screen
    /// is left out. Any IRQL.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `source` is NULL or `height` rows of `width` pixels of 4 bytes, `stride` bytes
    /// apart, in nonpaged memory.
    #[traced(c"SystemDisplayWrite", failures)]
    pub unsafe fn system_display_write(
        context: *mut c_void,
        source: *mut c_void,
        width: UINT,
        height: UINT,
        stride: UINT,
        x: UINT,
        y: UINT,
    ) {
        // SAFETY: used in this call only.
        let Some(adapter) = (unsafe { handles::adapter(context) }) else {
            return;
        };
        if source.is_null() || adapter.is_gone() {
            return;
        }
        let direct = adapter.screen.direct();
        let Some(picture) = direct.picture() else {
            return;
        };
        // No more than can be seen is read.
        let columns = width.min(picture.width.saturating_sub(x));
        let rows = height.min(picture.height.saturating_sub(y));
        let bytes = usize::try_from(u64::from(columns) * u64::from(PIXEL)).unwrap_or(0);
        for row in 0..rows {
            let from = u64::from(row) * u64::from(stride);
            let Ok(from) = usize::try_from(from) else {
                return;
            };
            // SAFETY: a row of the source image.
            let from = unsafe { source.cast::<u8>().add(from) };
            // SAFETY: as above; nobody changes it, since nothing else runs.
            let pixels = unsafe { slice::from_raw_parts(from, bytes) };
            direct.write_row(x, y.saturating_add(row), pixels);
        }
    }
}
