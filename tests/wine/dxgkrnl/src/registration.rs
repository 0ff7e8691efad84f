//! Registering: the functions that dxgkrnl's device hands out, and the driver that has called one.

use alloc::string::ToString;
use alloc::sync::Arc;
use core::sync::atomic::{AtomicBool, Ordering};

use dxgk_port::{Adapter, Port, Settings, dpi_initialize, dpi_kmd_dod_initialize};
use dxgk_sys::{
    DRIVER_INITIALIZATION_DATA, KMDDOD_INITIALIZATION_DATA, PDRIVER_OBJECT, PUNICODE_STRING,
};
use nt::irp::major;
use nt::protocol::{Message, State};
use nt::status::STATUS_SUCCESS;
use nt::{DRIVER_OBJECT, NTSTATUS, shim};
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::device;
use crate::host::Wine;

/// The control code for a full driver's table.
const FULL: u32 = 0x0023_0047;
/// The control code for a display-only driver's.
const DISPLAY_ONLY: u32 = 0x0023_0043;

/// A driver that has registered.
#[derive(Clone)]
pub struct Registered {
    /// The port that has it.
    pub port: Port,
    /// The machine under the port.
    pub host: Arc<Wine>,
    kind: &'static str,
    adapters: Arc<Mutex<alloc::vec::Vec<Adapter>>>,
}

static REGISTERED: Mutex<Option<Registered>> = Mutex::new(None);
static REFUSE: AtomicBool = AtomicBool::new(false);

/// The address of the function that a control code asks for.
pub fn function(code: u32) -> Option<usize> {
    match code {
        FULL => Some(full as *const () as usize),
        DISPLAY_ONLY => Some(display_only as *const () as usize),
        _ => None,
    }
}

/// The next driver is not taken.
pub fn refuse_next() {
    REFUSE.store(true, Ordering::Release);
}

/// The driver that has registered.
pub fn registered() -> Option<Registered> {
    REGISTERED.lock().clone()
}

/// What there is, for the workbench.
pub fn state() -> State {
    let registered = registered();
    let started = registered.as_ref().map(|registered| {
        let adapters = registered.adapters.lock().clone();
        adapters.iter().map(Adapter::is_started).collect()
    });
    State {
        registered: registered.map(|registered| registered.kind.to_string()),
        started: started.unwrap_or_default(),
    }
}

impl Registered {
    /// Adds an adapter.
    pub fn add(&self, adapter: &Adapter) {
        self.adapters.lock().push(adapter.clone());
    }

    /// Forgets an adapter that is removed.
    pub fn forget(&self, adapter: &Adapter) {
        let context = adapter.context();
        self.adapters
            .lock()
            .retain(|known| known.context() != context);
    }

    /// The adapter that was started first.
    pub fn first(&self) -> Option<Adapter> {
        let adapters = self.adapters.lock();
        adapters
            .iter()
            .find(|adapter| adapter.is_started())
            .cloned()
    }
}

/// `DxgkInitialize`.
unsafe extern "system" fn full(
    object: PDRIVER_OBJECT,
    path: PUNICODE_STRING,
    table: *const DRIVER_INITIALIZATION_DATA,
) -> NTSTATUS {
    register("full", Settings::default().for_full(), object, || {
        // SAFETY: the caller's promise, which is a miniport's to dxgkrnl.
        unsafe { dpi_initialize(object, path, table) }
    })
}

/// `DxgkInitializeDisplayOnlyDriver`.
unsafe extern "system" fn display_only(
    object: PDRIVER_OBJECT,
    path: PUNICODE_STRING,
    table: *const KMDDOD_INITIALIZATION_DATA,
) -> NTSTATUS {
    register(
        "display only",
        Settings::default().for_display_only(),
        object,
        || {
            // SAFETY: as above.
            unsafe { dpi_kmd_dod_initialize(object, path, table) }
        },
    )
}

fn register(
    kind: &'static str,
    settings: Settings,
    object: PDRIVER_OBJECT,
    call: impl FnOnce() -> NTSTATUS,
) -> NTSTATUS {
    let host = Arc::new(Wine::default());
    let status = if REFUSE.swap(false, Ordering::AcqRel) {
        // A port of neither kind is not there to be registered with.
        nt::status::STATUS_NOT_SUPPORTED
    } else {
        let port = Port::new(host.clone(), settings);
        port.expect(object);
        let status = call();
        if status == STATUS_SUCCESS {
            *REGISTERED.lock() = Some(Registered {
                port,
                host,
                kind,
                adapters: Arc::default(),
            });
            take_over(object.cast());
        }
        status
    };
    shim::message(&Message::Registered {
        kind: kind.to_string(),
        status,
    });
    status
}

/// From now on what comes for the miniport comes here, as on Windows.
fn take_over(driver: *mut DRIVER_OBJECT) {
    // SAFETY: the object is the miniport's, which gave it for this.
    let object = unsafe { &mut *driver };
    object.MajorFunction[major::PNP] = Some(device::pnp);
    object.MajorFunction[major::POWER] = Some(device::power);
    object.DriverUnload = Some(unload);
    // SAFETY: every driver object has an extension.
    unsafe { (*object.DriverExtension).AddDevice = Some(device::add_device) };
}

/// The miniport goes.
///
/// # Safety
///
/// The I/O manager's.
unsafe extern "system" fn unload(_driver: *const DRIVER_OBJECT) {
    let Some(registered) = REGISTERED.lock().take() else {
        return;
    };
    registered.port.unload();
    let report = registered.port.report();
    shim::message(&Message::Unloaded(
        serde_json::to_value(&report).unwrap_or_default(),
    ));
    shim::driver_unloaded();
}
