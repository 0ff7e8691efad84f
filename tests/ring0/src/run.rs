//! One run: load the driver, let it register, unload it.

use alloc::{boxed::Box, vec::Vec};

use vmdisp_ring0_protocol::{Adapter, Message, Options};

use crate::{
    image, log,
    nt::{self, Utf16},
    pci, serial,
};

/// A `DRIVER_OBJECT` as far as a display miniport looks at it.
#[repr(C, align(16))]
struct DriverObject([u8; nt::DRIVER_OBJECT_SIZE]);

type DriverEntry =
    unsafe extern "win64" fn(object: *mut DriverObject, path: *const nt::UnicodeString) -> i32;

/// Does what `options` ask for with the driver in `file`.
pub fn run(file: &[u8], options: &Options) {
    for adapter in pci::display_adapters() {
        announce(&adapter);
    }
    let mut driver = image::load(file, &options.withhold);
    nt::set_image(driver.base, driver.end());
    let mut object = Box::new(DriverObject([0; nt::DRIVER_OBJECT_SIZE]));
    let mut path = Utf16::new(nt::SERVICE_KEY);
    let path = path.as_unicode_string();
    // SAFETY: the loader checked that the entry point is in the driver's code, and its type is
    // DriverEntry's.
    let entry: DriverEntry = unsafe { core::mem::transmute(driver.entry) };
    // SAFETY: both arguments live through the call.
    let status = unsafe { entry(&raw mut *object, &raw const path) };
    log!("DriverEntry: {status:#010x}");
    driver.discard();
}

fn announce(adapter: &pci::Adapter) {
    let memory = adapter.bars.iter().filter(|bar| bar.memory);
    let bars: Vec<_> = memory.map(|bar| (bar.start, bar.bytes)).collect();
    let pci::Adapter { vendor, device, .. } = *adapter;
    serial::message(&Message::Adapter(Adapter {
        place: adapter.place(),
        vendor,
        device,
        bars,
    }));
}
