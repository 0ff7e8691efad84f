//! `DxgkInitialize`: a driver hands over its table of callbacks.

use alloc::boxed::Box;
use alloc::format;
use alloc::sync::Arc;
use core::ptr;
use core::sync::atomic::Ordering;

use dxgk_sys::status::{STATUS_INVALID_PARAMETER, STATUS_NOT_SUPPORTED, STATUS_SUCCESS};
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, DRIVER_OBJECT, NTSTATUS, PDXGKDDI_PRESENTDISPLAYONLY,
    UNICODE_STRING, ddi_fn,
};

use crate::checks;
use crate::ddi::Ddi;
use crate::host::PoolUse;
use crate::port::{Port, PortInner, Profile};
use crate::registry;
use crate::rules::Rule;
use crate::version::Version;

const NAME: &str = "DxgkInitialize";

/// A driver's table, as long as its version says. A display-only driver's is in it as far as it goes.
pub(crate) struct Registration {
    pub table: Box<DRIVER_INITIALIZATION_DATA>,
    /// Of a display-only driver alone.
    pub present: PDXGKDDI_PRESENTDISPLAYONLY,
    pub version: Version,
    /// It came through DxgkInitializeDisplayOnlyDriver.
    pub display_only: bool,
    /// The driver's pool when it registered.
    pub pool: PoolUse,
}

// SAFETY: the pointers in the table are code, and reserved members that the port never follows.
unsafe impl Send for Registration {}
// SAFETY: as above.
unsafe impl Sync for Registration {}

ddi_fn! {
    /// The function that dxgkrnl's internal device control 0x230047 hands out: displib's `DxgkInitialize` ends here.
    ///
    /// Registers with the port that [expects](Port::expect) this driver object.
    ///
    /// # Safety
    /// `data` points to the record that its `Version` promises.
    pub unsafe fn dpi_initialize(
        driver_object: *mut DRIVER_OBJECT,
        registry_path: *mut UNICODE_STRING,
        data: *const DRIVER_INITIALIZATION_DATA,
    ) -> NTSTATUS {
        let port = registry::find_port(|port| {
            port.driver_object.load(Ordering::Relaxed) == driver_object
        });
        match port {
            // SAFETY: as the caller promises.
            Some(port) => unsafe { Port(port).register(driver_object, registry_path, data) },
            None => STATUS_INVALID_PARAMETER,
        }
    }
}

impl Port {
    /// Takes a driver's table.
    ///
    /// # Errors
    /// `STATUS_INVALID_PARAMETER` for an unknown version or a null table, `STATUS_NOT_SUPPORTED` for a version
    /// before Windows 8. Windows' own codes for these are not documented.
    ///
    /// # Safety
    /// `data` is null or points to the record that its `Version` promises.
    pub unsafe fn register(
        &self,
        driver_object: *mut DRIVER_OBJECT,
        registry_path: *mut UNICODE_STRING,
        data: *const DRIVER_INITIALIZATION_DATA,
    ) -> NTSTATUS {
        let arguments = [driver_object.is_null(), registry_path.is_null()];
        let take = |version: Version| {
            let mut table = Box::new(DRIVER_INITIALIZATION_DATA::ZERO);
            // SAFETY: the caller's record is as long as its version says, ours as long as the newest.
            unsafe {
                ptr::copy_nonoverlapping(
                    data.cast::<u8>(),
                    ptr::from_mut(&mut *table).cast::<u8>(),
                    version.initialization_data(),
                );
            }
            self.0.check_table(&table, version);
            (table, None)
        };
        // SAFETY: as the caller promises; every version begins with its number.
        let value = (!data.is_null()).then(|| unsafe { (*data).Version });
        let status = self.0.take(NAME, arguments, value, false, take);
        self.answered(NAME, status)
    }

    /// Keeps what a registration was answered with.
    pub(crate) fn answered(&self, name: &'static str, status: NTSTATUS) -> NTSTATUS {
        *self.0.answered.lock() = Some(status);
        if self.0.settings.trace {
            self.0.host.line(&format!("{name} -> {status:#010x}"));
        }
        status
    }

    /// Tells the port what DriverEntry returned (rule G1).
    pub fn driver_entry_returned(&self, status: NTSTATUS) {
        let answered = *self.0.answered.lock();
        self.0.check(
            Rule::G1,
            "DriverEntry",
            answered.is_none_or(|given| given == status),
            || {
                format!(
                    "DxgkInitialize gave {:#010x}, DriverEntry {status:#010x}",
                    answered.unwrap_or(0)
                )
            },
        );
    }

    /// Unloads the driver. Its adapters should be removed by then.
    ///
    /// DxgkDdiUnload may be absent; the driver's memory must be back as it was at registration.
    pub fn unload(&self) {
        let Some(registration) = self.0.registration.lock().take() else {
            return;
        };
        if let Some(unload) = registration.table.DxgkDdiUnload {
            self.0
                .call(&self.0.gate, Ddi::Unload, Default::default, |_| {
                    // SAFETY: the driver's own function, at its IRQL and level.
                    unsafe { unload() };
                    STATUS_SUCCESS
                });
        }
        self.0.check_pool(Rule::L5, Ddi::Unload, &registration.pool);
    }
}

impl PortInner {
    /// A registration of either kind. `nulls` says which of its first two arguments are NULL, `value` is the
    /// table's version if there is a table, `table` copies and checks it.
    pub(crate) fn take(
        &self,
        name: &'static str,
        nulls: [bool; 2],
        value: Option<u32>,
        display_only: bool,
        table: impl FnOnce(Version) -> (Box<DRIVER_INITIALIZATION_DATA>, PDXGKDDI_PRESENTDISPLAYONLY),
    ) -> NTSTATUS {
        let pool = self.host.pool();
        let whole = nulls == [false; 2] && value.is_some();
        self.check(Rule::G1, name, whole, || "a null argument");
        let Some(value) = value else {
            return STATUS_INVALID_PARAMETER;
        };
        let again = self.registration.lock().is_some();
        if !self.check(Rule::G1, name, !again, || "called a second time") {
            return STATUS_INVALID_PARAMETER;
        }
        let expected = display_only == (self.settings.profile == Profile::DisplayOnly);
        if !self.check(Rule::G2, name, expected, || {
            format!("the port expects another kind: {:?}", self.settings.profile)
        }) {
            return STATUS_NOT_SUPPORTED;
        }
        let version = Version::known(value);
        self.check(Rule::L1, name, version.is_some(), || {
            format!("Windows knows no interface version {value:#x}")
        });
        let Some(version) = version else {
            return STATUS_INVALID_PARAMETER;
        };
        if version < Version::WIN8 {
            return STATUS_NOT_SUPPORTED;
        }
        let (table, present) = table(version);
        *self.registration.lock() = Some(Arc::new(Registration {
            table,
            present,
            version,
            display_only,
            pool,
        }));
        STATUS_SUCCESS
    }

    fn check_table(&self, table: &DRIVER_INITIALIZATION_DATA, version: Version) {
        let reserved = [
            table.Reserved,
            table.Reserved1,
            table.Reserved2,
            table.Reserved3,
            table.Reserved4,
        ];
        for (index, member) in reserved.iter().enumerate() {
            self.check(Rule::L1, NAME, member.is_null(), || {
                format!("reserved member {index} is not NULL")
            });
        }
        if self.settings.profile == Profile::Full {
            checks::full_table::check_table(self, table, version);
        }
        for (name, there) in needed(table, version) {
            self.check(Rule::G2, NAME, there, || format!("{name} is missing"));
        }
    }
}

/// Callbacks that no full driver can do without, and those that need each other (INFERRED: what creates an
/// object comes with what destroys it).
fn needed(
    table: &DRIVER_INITIALIZATION_DATA,
    version: Version,
) -> impl Iterator<Item = (&'static str, bool)> {
    let pair = |a: bool, b: bool| a == b;
    let clock = version < Version::WDDM2_0
        || table.DxgkDdiCalibrateGpuClock.is_some() && table.DxgkDdiSetStablePowerState.is_some();
    [
        ("DxgkDdiAddDevice", table.DxgkDdiAddDevice.is_some()),
        ("DxgkDdiStartDevice", table.DxgkDdiStartDevice.is_some()),
        ("DxgkDdiStopDevice", table.DxgkDdiStopDevice.is_some()),
        ("DxgkDdiRemoveDevice", table.DxgkDdiRemoveDevice.is_some()),
        (
            "DxgkDdiQueryAdapterInfo",
            table.DxgkDdiQueryAdapterInfo.is_some(),
        ),
        (
            "one of DxgkDdiCreateDevice and DxgkDdiDestroyDevice",
            pair(
                table.DxgkDdiCreateDevice.is_some(),
                table.DxgkDdiDestroyDevice.is_some(),
            ),
        ),
        (
            "one of DxgkDdiCreateContext and DxgkDdiDestroyContext",
            pair(
                table.DxgkDdiCreateContext.is_some(),
                table.DxgkDdiDestroyContext.is_some(),
            ),
        ),
        (
            "one of DxgkDdiCreateAllocation and DxgkDdiDestroyAllocation",
            pair(
                table.DxgkDdiCreateAllocation.is_some(),
                table.DxgkDdiDestroyAllocation.is_some(),
            ),
        ),
        (
            "one of DxgkDdiOpenAllocation and DxgkDdiCloseAllocation",
            pair(
                table.DxgkDdiOpenAllocation.is_some(),
                table.DxgkDdiCloseAllocation.is_some(),
            ),
        ),
        (
            "DxgkDdiCalibrateGpuClock or DxgkDdiSetStablePowerState",
            clock,
        ),
    ]
    .into_iter()
}
