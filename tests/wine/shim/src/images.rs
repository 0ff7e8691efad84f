//! Which of this project's images are loaded, and where.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use nt::protocol::Message;
use spin::Mutex;
use vmdisp_wine_nt as nt;

use crate::report;

/// The driver under test.
pub const DRIVER: &str = "vmdisp.sys";

/// Those whose code is named in reports.
const OURS: [&str; 4] = [DRIVER, "dxgkrnl.sys", "kshim.sys", "vmdispbus.sys"];

#[derive(Clone)]
struct Image {
    name: String,
    base: u64,
    size: u64,
}

static IMAGES: Mutex<Vec<Image>> = Mutex::new(Vec::new());

unsafe extern "C" {
    /// The linker's: where this image begins.
    static __ImageBase: [u8; 64];
}

/// Knows an image, if it is one of the project's; its name as the project has it.
pub fn know(path: &str, base: u64, size: u64) -> Option<&'static str> {
    let file = path.rsplit(['\\', '/']).next().unwrap_or(path);
    let name = OURS
        .into_iter()
        .find(|ours| ours.eq_ignore_ascii_case(file))?;
    let mut images = IMAGES.lock();
    // What lay there before is gone.
    images.retain(|image| {
        image.name != name && (image.base + image.size <= base || base + size <= image.base)
    });
    images.push(Image {
        name: name.to_string(),
        base,
        size,
    });
    drop(images);
    report::message(&Message::Image {
        name: name.to_string(),
        base,
        size,
    });
    Some(name)
}

/// Knows this image.
pub fn know_own() {
    let base = (&raw const __ImageBase).cast::<u8>();
    // SAFETY: the header of an image that is loaded; the place of the PE header is at 60.
    let header = unsafe { base.wrapping_add(60).cast::<u32>().read_unaligned() };
    // SAFETY: the same; the image's size is at 80 in the PE header.
    let size = base.wrapping_add(header as usize + 80).cast::<u32>();
    // SAFETY: as above.
    let size = unsafe { size.read_unaligned() };
    know("kshim.sys", base as u64, u64::from(size));
}

/// The image that `address` is in.
pub fn at(address: u64) -> Option<String> {
    let images = IMAGES.lock();
    let image = images
        .iter()
        .find(|image| (image.base..image.base + image.size).contains(&address))?;
    Some(image.name.clone())
}

/// Whether `address` is in the driver under test.
pub fn is_driver(address: u64) -> bool {
    at(address).is_some_and(|name| name == DRIVER)
}

/// A return address as reports have it.
pub fn mark(address: u64) -> String {
    format!("<{address:#x}>")
}
