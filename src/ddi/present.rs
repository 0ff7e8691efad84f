//! PresentDisplayOnly (contract: V7).

use core::ffi::{CStr, c_void};

use dxgk_sys::{D3DKMT_PRESENT_DISPLAY_ONLY_FLAGS, DXGKARG_PRESENT_DISPLAYONLY};

use super::recorded::callbacks;
use super::status::{self, InvalidParameter};
use super::{handles, view};
use crate::display::{Present, SOURCE};
use crate::kernel::irql::Passive;
use crate::kernel::{Named, complain};

callbacks! {
    /// `DxgkDdiPresentDisplayOnly`: copies what has changed, and is done when it returns: never
    /// `STATUS_PENDING`. `PASSIVE_LEVEL`, re-entrant.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl, in the process whose present it is: `argument` is good for reads and so are
    /// the lists that it names. An image in system space has as many rows as the mode that is
    /// committed, of as many pixels.
    #[traced(c"PresentDisplayOnly")]
    pub unsafe fn present_display_only(
        context: *mut c_void,
        argument: *const DXGKARG_PRESENT_DISPLAYONLY,
    ) -> i32 {
        // SAFETY: the DDI's documented level.
        let irql = unsafe { Passive::assume() };
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(adapter), Some(argument)) = (adapter, argument) else {
            return wrong(c"hAdapter", 0, c"no adapter of this driver, or no argument");
        };
        if argument.VidPnSourceId != SOURCE {
            return wrong(c"VidPnSourceId", argument.VidPnSourceId, c"no such source");
        }
        // SAFETY: dxgkrnl's list.
        let Some(moves) = (unsafe { view::list(argument.pMoves, argument.NumMoves) }) else {
            return wrong(c"NumMoves", argument.NumMoves, c"pMoves is NULL or misaligned");
        };
        // SAFETY: as above.
        let Some(dirty) = (unsafe { view::list(argument.pDirtyRect, argument.NumDirtyRects) }) else {
            return wrong(c"NumDirtyRects", argument.NumDirtyRects, c"pDirtyRect is NULL or misaligned");
        };
        let present = Present {
            // SAFETY: the image of this call; no more of it is touched than the mode has.
            image: unsafe { Named::new(argument.pSource.cast()) },
            pitch: argument.Pitch,
            pixel: argument.BytesPerPixel,
            rotate: argument.Flags.contains(D3DKMT_PRESENT_DISPLAY_ONLY_FLAGS::Rotate),
            moves,
            dirty,
        };
        status::of(adapter.present(&present, irql))
    }
}

fn wrong(field: &'static CStr, value: u32, why: &'static CStr) -> i32 {
    complain(c"PresentDisplayOnly", field, value.into(), why);
    status::of(Err(InvalidParameter))
}
