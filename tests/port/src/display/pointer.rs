//! The mouse pointer, as far as the driver's capabilities have one (V6).

use alloc::format;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_POINTERFLAGS, DXGK_SETPOINTERPOSITIONFLAGS, DXGKARG_SETPOINTERPOSITION,
    DXGKARG_SETPOINTERSHAPE,
};

use crate::adapter::{Adapter, AdapterInner};
use crate::ddi::Ddi;
use crate::pattern::{Pattern, bytes_of};
use crate::rules::Rule;
use crate::{STATUS_INVALID_DEVICE_STATE, STATUS_PROCEDURE_NOT_FOUND, Status};

const POSITION: &str = "SetPointerPosition";
const SHAPE: &str = "SetPointerShape";

/// A pointer's shape.
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    /// Where it is to be.
    pub source: u32,
    /// One of `Monochrome`, `Color`, `MaskedColor`.
    pub kind: DXGK_POINTERFLAGS,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
    /// Bytes from a row to the next.
    pub pitch: u32,
    /// The bitmap; of a monochrome pointer the AND mask and then the XOR mask.
    pub pixels: &'a [u8],
    /// The hot spot.
    pub hot: (u32, u32),
}

impl Adapter {
    /// SetPointerPosition. Invisible it may come at any time, without a pointer and without a mode.
    ///
    /// # Errors
    /// The driver's, which is a violation of V6; `STATUS_NOT_SUPPORTED` if the driver has no pointer to be made
    /// visible, `STATUS_INVALID_DEVICE_STATE` for a source that the adapter does not have.
    pub fn set_pointer_position(
        &self,
        source: u32,
        x: i32,
        y: i32,
        visible: bool,
    ) -> Result<(), Status> {
        let adapter = &*self.0;
        let set = adapter.registration.table.DxgkDdiSetPointerPosition;
        let set = set.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        adapter.check_source(source)?;
        if visible && adapter.pointer().is_none() {
            return Err(STATUS_NOT_SUPPORTED);
        }
        let mut argument: DXGKARG_SETPOINTERPOSITION = Pattern(0).filled();
        (argument.VidPnSourceId, argument.X, argument.Y) = (source, x, y);
        argument.Flags = DXGK_SETPOINTERPOSITIONFLAGS::empty();
        argument
            .Flags
            .set(DXGK_SETPOINTERPOSITIONFLAGS::Visible, visible);
        let given = bytes_of(&argument).to_vec();
        let arguments = || format!("source {source}, {x}, {y}, {visible}");
        let class = &adapter.display.pointer;
        let status = adapter.call_in(class, Ddi::SetPointerPosition, arguments, || {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { set(adapter.context(), &raw mut argument) }
        });
        let same = given == bytes_of(&argument);
        adapter.check(Rule::B2_13, POSITION, same, || "the argument was written");
        adapter.check(Rule::V6, POSITION, status == STATUS_SUCCESS, || {
            format!("visible {visible}: {status:#010x}")
        });
        crate::lifecycle::done(status)
    }

    /// SetPointerShape, for a shape that the driver's capabilities have.
    ///
    /// # Errors
    /// The driver's; `STATUS_NOT_SUPPORTED` for another shape; `STATUS_INVALID_DEVICE_STATE` for a source that the
    /// adapter does not have.
    ///
    /// # Panics
    /// If there are less bytes than the size says.
    pub fn set_pointer_shape(&self, pointer: &Pointer<'_>) -> Result<(), Status> {
        let adapter = &*self.0;
        let set = adapter.registration.table.DxgkDdiSetPointerShape;
        let set = set.ok_or(STATUS_PROCEDURE_NOT_FOUND)?;
        adapter.check_source(pointer.source)?;
        let (kinds, widest, highest) = adapter.pointer().ok_or(STATUS_NOT_SUPPORTED)?;
        let fits = pointer.width <= widest && pointer.height <= highest;
        if !kinds.contains(pointer.kind) || !fits {
            return Err(STATUS_NOT_SUPPORTED);
        }
        let masks = if pointer.kind == DXGK_POINTERFLAGS::Monochrome {
            2
        } else {
            1
        };
        let bytes = pointer.pitch as usize * pointer.height as usize * masks;
        assert!(bytes <= pointer.pixels.len(), "{bytes} bytes of a pointer");
        let mut argument: DXGKARG_SETPOINTERSHAPE = Pattern(0).filled();
        argument.Flags = pointer.kind;
        (argument.Width, argument.Height) = (pointer.width, pointer.height);
        argument.Pitch = pointer.pitch;
        argument.VidPnSourceId = pointer.source;
        argument.pPixels = pointer.pixels.as_ptr().cast();
        (argument.XHot, argument.YHot) = pointer.hot;
        let given = bytes_of(&argument).to_vec();
        let arguments = || format!("{} x {}", pointer.width, pointer.height);
        let class = &adapter.display.pointer;
        let status = adapter.call_in(class, Ddi::SetPointerShape, arguments, || {
            // SAFETY: the driver's own function and context, at its IRQL.
            unsafe { set(adapter.context(), &raw mut argument) }
        });
        let same = given == bytes_of(&argument);
        adapter.check(Rule::B2_13, SHAPE, same, || "the argument was written");
        crate::lifecycle::done(status)
    }
}

impl AdapterInner {
    fn check_source(&self, source: u32) -> Result<(), Status> {
        let exists = source < self.sources.load(Ordering::Relaxed);
        exists.then_some(()).ok_or(STATUS_INVALID_DEVICE_STATE)
    }

    /// Kinds of pointers, widest, highest; nothing if there is none.
    fn pointer(&self) -> Option<(DXGK_POINTERFLAGS, u32, u32)> {
        let caps = (*self.caps.lock())?.0;
        let size = (caps.MaxPointerWidth, caps.MaxPointerHeight);
        let some = !caps.PointerCaps.is_empty() && size.0 != 0 && size.1 != 0;
        some.then_some((caps.PointerCaps, size.0, size.1))
    }
}
