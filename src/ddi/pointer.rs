//! SetPointerPosition and SetPointerShape on hardware without a pointer (contract: V6).
//!
//! The capabilities say that there is none, so dxgkrnl draws the pointer into the picture. What still
//! comes is a position that is not visible: it tells the driver that no pointer is to be shown.

use core::ffi::c_void;

use dxgk_sys::status::STATUS_SUCCESS;
use dxgk_sys::{DXGK_SETPOINTERPOSITIONFLAGS, DXGKARG_SETPOINTERPOSITION, DXGKARG_SETPOINTERSHAPE};

use super::handles;
use super::recorded::callbacks;
use super::status::{self, InvalidParameter, NotSupported};
use crate::display::SOURCE;
use crate::kernel::{NoMemory, complain};

callbacks! {
    /// `DxgkDdiSetPointerPosition`: there is no pointer to hide, and none that could be shown.
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is NULL or good for reads.
    #[traced(c"SetPointerPosition", failures)]
    pub unsafe fn set_pointer_position(
        context: *mut c_void,
        argument: *const DXGKARG_SETPOINTERPOSITION,
    ) -> i32 {
        const CALL: &core::ffi::CStr = c"SetPointerPosition";
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let argument = unsafe { argument.as_ref() };
        let (Some(_), Some(argument)) = (adapter, argument) else {
            complain(CALL, c"hAdapter", 0, c"no adapter of this driver, or no argument");
            return status::of(Err(InvalidParameter));
        };
        let source = argument.VidPnSourceId;
        if source != SOURCE {
            complain(CALL, c"VidPnSourceId", source.into(), c"no such source");
            return status::of(Err(InvalidParameter));
        }
        if argument.Flags.contains(DXGK_SETPOINTERPOSITIONFLAGS::Visible) {
            complain(CALL, c"Flags.Visible", 1, c"the hardware has no pointer, as its caps say");
            return status::of(Err(NotSupported));
        }
        STATUS_SUCCESS
    }

    /// `DxgkDdiSetPointerShape`: never called for an adapter whose capabilities have no pointer. The
    /// hardware has no memory for a shape, which is the one failure that the page lists.
    /// `PASSIVE_LEVEL`.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl.
    #[traced(c"SetPointerShape")]
    pub unsafe fn set_pointer_shape(
        _context: *mut c_void,
        argument: *const DXGKARG_SETPOINTERSHAPE,
    ) -> i32 {
        // SAFETY: dxgkrnl's argument, which nobody writes during the call.
        let width = unsafe { argument.as_ref() }.map_or(0, |shape| shape.Width);
        complain(
            c"SetPointerShape",
            c"Width",
            width.into(),
            c"the hardware has no pointer, as its caps say",
        );
        status::of(Err(NoMemory))
    }
}
