//! The functions of the three mode set interfaces, as their tables have them.

use dxgk_sys::{
    D3DKMDT_HMONITORSOURCEMODESET, D3DKMDT_HVIDPNSOURCEMODESET, D3DKMDT_HVIDPNTARGETMODESET,
    NTSTATUS, SIZE_T, ddi_fn,
};

use super::modes::{add, count, create, first, next, pin, pinned, preferred, release};
use crate::vidpn::entry::Out;
use crate::vidpn::{MonitorMode, SourceMode, TargetMode};

/// The functions of one interface. Out parameters are the driver's own variables.
macro_rules! mode_set_functions {
    ($module:ident, $mode:ty, $handle:ty, $interface:literal) => {
        pub(crate) mod $module {
            use super::*;

            ddi_fn! {
                pub(crate) unsafe fn get_num_modes(handle: $handle, out: *mut SIZE_T) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    count::<$mode, _>(concat!($interface, ".pfnGetNumModes"), handle, out)
                }

                pub(crate) unsafe fn acquire_first(
                    handle: $handle,
                    out: *mut *const $mode,
                ) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    first(concat!($interface, ".pfnAcquireFirstModeInfo"), handle, out)
                }

                pub(crate) unsafe fn acquire_next(
                    handle: $handle,
                    current: *const $mode,
                    out: *mut *const $mode,
                ) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    next(concat!($interface, ".pfnAcquireNextModeInfo"), handle, current, out)
                }

                pub(crate) unsafe fn create_new(handle: $handle, out: *mut *mut $mode) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    create(concat!($interface, ".pfnCreateNewModeInfo"), handle, out)
                }

                pub(crate) unsafe fn add_mode(handle: $handle, info: *mut $mode) -> NTSTATUS {
                    add(concat!($interface, ".pfnAddMode"), handle, info.cast_const())
                }

                pub(crate) unsafe fn release_info(handle: $handle, info: *const $mode) -> NTSTATUS {
                    release(concat!($interface, ".pfnReleaseModeInfo"), handle, info)
                }
            }
        }
    };
}

/// Two functions more for sets of a VidPN.
macro_rules! pin_functions {
    ($module:ident, $mode:ty, $handle:ty, $interface:literal) => {
        pub(crate) mod $module {
            use super::*;

            ddi_fn! {
                pub(crate) unsafe fn acquire_pinned(
                    handle: $handle,
                    out: *mut *const $mode,
                ) -> NTSTATUS {
                    // SAFETY: the driver's variable.
                    let out = unsafe { Out::new(out) };
                    pinned(concat!($interface, ".pfnAcquirePinnedModeInfo"), handle, out)
                }

                pub(crate) unsafe fn pin_mode(handle: $handle, id: u32) -> NTSTATUS {
                    pin::<$mode, _>(concat!($interface, ".pfnPinMode"), handle, id)
                }
            }
        }
    };
}

mode_set_functions!(
    source,
    SourceMode,
    D3DKMDT_HVIDPNSOURCEMODESET,
    "SourceModeSet"
);
mode_set_functions!(
    target,
    TargetMode,
    D3DKMDT_HVIDPNTARGETMODESET,
    "TargetModeSet"
);
mode_set_functions!(
    monitor,
    MonitorMode,
    D3DKMDT_HMONITORSOURCEMODESET,
    "MonitorSourceModeSet"
);
pin_functions!(
    source_pin,
    SourceMode,
    D3DKMDT_HVIDPNSOURCEMODESET,
    "SourceModeSet"
);
pin_functions!(
    target_pin,
    TargetMode,
    D3DKMDT_HVIDPNTARGETMODESET,
    "TargetModeSet"
);

ddi_fn! {
    pub(crate) unsafe fn acquire_preferred(
        handle: D3DKMDT_HMONITORSOURCEMODESET,
        out: *mut *const MonitorMode,
    ) -> NTSTATUS {
        // SAFETY: the driver's variable.
        let out = unsafe { Out::new(out) };
        preferred("MonitorSourceModeSet.pfnAcquirePreferredModeInfo", handle, out)
    }
}
