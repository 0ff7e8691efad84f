//! The driver's life as a whole: its image mapped, `DriverEntry` called, registered with a port,
//! unloaded.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

use dxgk_port::{Port, Settings, dpi_initialize, dpi_kmd_dod_initialize};
use spin::Mutex;
use vmdisp_ring0_protocol::Message;

use crate::{
    host::Machine,
    image::{self, Driver},
    log,
    nt::{self, Utf16, dispatcher},
    serial,
};

/// A `DRIVER_OBJECT` as far as a display miniport looks at it.
#[repr(C, align(16))]
struct DriverObject([u8; nt::DRIVER_OBJECT_SIZE]);

type DriverEntry =
    unsafe extern "win64" fn(object: *mut DriverObject, path: *const nt::UnicodeString) -> i32;

/// How many leaked blocks are described.
const MOST_LEAKS: usize = 16;

/// A loaded driver.
struct Loaded {
    image: Driver,
    /// The port and the driver may point at it until the driver is unloaded.
    _object: Box<DriverObject>,
}

/// Loads one driver again and again.
pub struct Loader {
    file: Vec<u8>,
    loaded: Mutex<Option<Loaded>>,
}

impl Loader {
    /// A loader of the driver in `file`.
    pub fn new(file: Vec<u8>) -> Self {
        Self {
            file,
            loaded: Mutex::new(None),
        }
    }

    /// Maps the driver anew and lets it register with a new port.
    ///
    /// # Errors
    ///
    /// The status with which `DriverEntry` refused.
    pub fn load(&self, machine: &Arc<Machine>, settings: Settings) -> Result<Port, i32> {
        let mut image = image::load(&self.file);
        nt::set_image(image.base, image.end());
        nt::set_entry_points(
            dpi_initialize as *const () as u64,
            dpi_kmd_dod_initialize as *const () as u64,
        );
        let mut object = Box::new(DriverObject([0; nt::DRIVER_OBJECT_SIZE]));
        let port = Port::new(machine.clone(), settings);
        port.expect((&raw mut *object).cast());
        let mut path = Utf16::new(nt::SERVICE_KEY);
        let path = path.as_unicode_string();
        // SAFETY: the loader checked that the entry point is in the driver's code, and its type
        // is DriverEntry's.
        let entry: DriverEntry = unsafe { core::mem::transmute(image.entry) };
        // SAFETY: the object lives until the driver is unloaded, the path through the call.
        let status = unsafe { entry(&raw mut *object, &raw const path) };
        port.driver_entry_returned(status);
        let dpcs = port.clone();
        dispatcher::set_port(Some(Box::new(move || dpcs.run_dpcs())));
        image.discard();
        if status < 0 {
            log!("DriverEntry: {status:#010x}");
            dispatcher::set_port(None);
            image.unload();
            return Err(status);
        }
        *self.loaded.lock() = Some(Loaded {
            image,
            _object: object,
        });
        Ok(port)
    }

    /// Unloads the driver from `port`; says what it left behind.
    pub fn unload(&self, port: &Port) -> Vec<String> {
        port.unload();
        dispatcher::set_port(None);
        for block in nt::pool::describe_live().into_iter().take(MOST_LEAKS) {
            serial::message(&Message::Leaked(block));
        }
        if let Some(loaded) = self.loaded.lock().take() {
            loaded.image.unload();
        }
        nt::left_behind()
    }
}
