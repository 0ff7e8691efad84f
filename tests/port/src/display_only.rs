//! `DxgkInitializeDisplayOnlyDriver`: a driver hands over the table of a display-only driver (G2).

use alloc::boxed::Box;
use core::ptr;
use core::sync::atomic::Ordering;

use dxgk_sys::status::STATUS_INVALID_PARAMETER;
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DRIVER_OBJECT, KMDDOD_INITIALIZATION_DATA, NTSTATUS,
    UNICODE_STRING, ddi_fn,
};

use crate::port::{Port, PortInner};
use crate::registry;
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "DxgkInitializeDisplayOnlyDriver";

ddi_fn! {
    /// The function that dxgkrnl's internal device control 0x230043 hands out: displib's
    /// `DxgkInitializeDisplayOnlyDriver` ends here.
    ///
    /// Registers with the port that [expects](Port::expect) this driver object.
    ///
    /// # Safety
    /// `data` points to the record that its `Version` promises.
    pub unsafe fn dpi_kmd_dod_initialize(
        driver_object: *mut DRIVER_OBJECT,
        registry_path: *mut UNICODE_STRING,
        data: *const KMDDOD_INITIALIZATION_DATA,
    ) -> NTSTATUS {
        let port = registry::find_port(|port| {
            port.driver_object.load(Ordering::Relaxed) == driver_object
        });
        match port {
            Some(port) => {
                // SAFETY: as the caller promises.
                unsafe { Port(port).register_display_only(driver_object, registry_path, data) }
            }
            None => STATUS_INVALID_PARAMETER,
        }
    }
}

impl Port {
    /// Takes a display-only driver's table.
    ///
    /// # Errors
    /// As [`Self::register`], and `STATUS_NOT_SUPPORTED` where a full driver is expected.
    ///
    /// # Safety
    /// `data` is null or points to the record that its `Version` promises.
    pub unsafe fn register_display_only(
        &self,
        driver_object: *mut DRIVER_OBJECT,
        registry_path: *mut UNICODE_STRING,
        data: *const KMDDOD_INITIALIZATION_DATA,
    ) -> NTSTATUS {
        let arguments = [driver_object.is_null(), registry_path.is_null()];
        let take = |version: Version| {
            let mut whole = Box::new(KMDDOD_INITIALIZATION_DATA::ZERO);
            // SAFETY: the caller's record is as long as its version says, ours as long as the newest.
            unsafe {
                ptr::copy_nonoverlapping(
                    data.cast::<u8>(),
                    ptr::from_mut(&mut *whole).cast::<u8>(),
                    version.kmddod_initialization_data(),
                );
            }
            self.0.check_display_only(&whole);
            (widen(&whole), whole.DxgkDdiPresentDisplayOnly)
        };
        // SAFETY: as the caller promises; every version begins with its number.
        let value = unsafe { data.as_ref() }.map(|data| data.Version);
        let status = self.0.take(NAME, arguments, value, true, take);
        self.answered(NAME, status)
    }
}

macro_rules! table {
    ($($member:ident)*) => {
        /// The same callbacks in a full driver's table, which has no others then.
        fn widen(data: &KMDDOD_INITIALIZATION_DATA) -> Box<DRIVER_INITIALIZATION_DATA> {
            let mut table = Box::new(DRIVER_INITIALIZATION_DATA::ZERO);
            table.Version = data.Version;
            $(table.$member = data.$member;)*
            table
        }
    };
}

table! {
    DxgkDdiAddDevice DxgkDdiStartDevice DxgkDdiStopDevice DxgkDdiRemoveDevice DxgkDdiDispatchIoRequest
    DxgkDdiInterruptRoutine DxgkDdiDpcRoutine DxgkDdiQueryChildRelations DxgkDdiQueryChildStatus
    DxgkDdiQueryDeviceDescriptor DxgkDdiSetPowerState DxgkDdiNotifyAcpiEvent DxgkDdiResetDevice DxgkDdiUnload
    DxgkDdiQueryInterface DxgkDdiControlEtwLogging DxgkDdiQueryAdapterInfo DxgkDdiSetPalette
    DxgkDdiSetPointerPosition DxgkDdiSetPointerShape DxgkDdiEscape DxgkDdiCollectDbgInfo DxgkDdiIsSupportedVidPn
    DxgkDdiRecommendFunctionalVidPn DxgkDdiEnumVidPnCofuncModality DxgkDdiSetVidPnSourceVisibility
    DxgkDdiCommitVidPn DxgkDdiUpdateActiveVidPnPresentPath DxgkDdiRecommendMonitorModes DxgkDdiGetScanLine
    DxgkDdiQueryVidPnHWCapability DxgkDdiStopDeviceAndReleasePostDisplayOwnership
    DxgkDdiSystemDisplayEnable DxgkDdiSystemDisplayWrite DxgkDdiGetChildContainerId DxgkDdiControlInterrupt
    DxgkDdiSetPowerComponentFState DxgkDdiPowerRuntimeControlRequest DxgkDdiNotifySurpriseRemoval
    DxgkDdiPowerRuntimeSetDeviceHandle
}

macro_rules! missing {
    ($data:ident: $($member:ident)*) => {
        [$((stringify!($member), $data.$member.is_some())),*]
    };
}

impl PortInner {
    /// The display-specific DDIs are all to be there. Those of the page that are for a feature of its own are left
    /// out: palettes, escapes, debug information, container ids, component power, ACPI, logging, interfaces.
    fn check_display_only(&self, data: &KMDDOD_INITIALIZATION_DATA) {
        let needed = missing! { data:
            DxgkDdiAddDevice DxgkDdiStartDevice DxgkDdiStopDevice DxgkDdiRemoveDevice DxgkDdiDispatchIoRequest
            DxgkDdiQueryChildRelations DxgkDdiQueryChildStatus DxgkDdiQueryDeviceDescriptor DxgkDdiSetPowerState
            DxgkDdiResetDevice DxgkDdiUnload DxgkDdiQueryAdapterInfo DxgkDdiSetPointerPosition
            DxgkDdiSetPointerShape DxgkDdiIsSupportedVidPn DxgkDdiRecommendFunctionalVidPn
            DxgkDdiEnumVidPnCofuncModality DxgkDdiSetVidPnSourceVisibility DxgkDdiCommitVidPn
            DxgkDdiUpdateActiveVidPnPresentPath DxgkDdiRecommendMonitorModes DxgkDdiQueryVidPnHWCapability
            DxgkDdiPresentDisplayOnly DxgkDdiStopDeviceAndReleasePostDisplayOwnership DxgkDdiSystemDisplayEnable
            DxgkDdiSystemDisplayWrite
        };
        for (name, there) in needed {
            self.check(Rule::G2, NAME, there, || {
                alloc::format!("{name} is missing")
            });
        }
        // VSYNC control is a matter of four callbacks, or of none of the two that only it has.
        let control = data.DxgkDdiControlInterrupt.is_some();
        let line = data.DxgkDdiGetScanLine.is_some();
        let routines = data.DxgkDdiInterruptRoutine.is_some() && data.DxgkDdiDpcRoutine.is_some();
        let whole = control == line && (routines || !control);
        self.check(Rule::G2, NAME, whole, || {
            "a part of VSYNC control: ControlInterrupt, GetScanLine, InterruptRoutine, DpcRoutine"
        });
    }
}
