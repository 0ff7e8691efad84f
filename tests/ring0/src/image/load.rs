//! Maps a driver's image: sections, relocations, imports, and then the protection of each page.

use alloc::{format, string::String, vec::Vec};
use core::sync::atomic::{AtomicU64, Ordering};

use spin::Once;
use vmdisp_ring0_protocol::{FaultKind, Image, Message};

use super::{
    CODE, Driver,
    parse::{Parsed, Slot, parse},
};
use crate::{
    fault, log,
    memory::{
        layout::{IMAGES, PAGE},
        paging::{self, Protection},
    },
    nt, serial,
};

/// Where the next image goes. An address is not used twice, so a call into an image that was
/// unloaded faults.
static NEXT: AtomicU64 = AtomicU64::new(IMAGES.start + ALIGNMENT);

/// The pages that were mapped when the first image had been, all of them allowed.
static AUDITED: Once<u64> = Once::new();

/// Images start at multiples of this, and at least a page between two stays unmapped.
const ALIGNMENT: u64 = 0x1_0000;

/// Maps the driver in `file`, with its imports bound.
///
/// Ends the run where the image is not fit to be loaded or an import is missing.
pub fn load(file: &[u8]) -> Driver {
    let parsed = match parse(file) {
        Ok(parsed) => parsed,
        Err(why) => {
            let text = format!("the driver's image is not fit to be loaded: {why}");
            fault::bad_image(FaultKind::BadImage, text, Vec::new());
        }
    };
    let pages = parsed.size.div_ceil(PAGE);
    let room = ((pages + 1) * PAGE).next_multiple_of(ALIGNMENT);
    let base = NEXT.fetch_add(room, Ordering::Relaxed);
    serial::message(&Message::Image(Image {
        base,
        size: parsed.size,
    }));
    assert!(
        paging::map_new(base, pages, Protection::ReadWrite),
        "no RAM for the driver"
    );
    // SAFETY: the range was just mapped, and is nobody else's.
    let image =
        unsafe { core::slice::from_raw_parts_mut(base as *mut u8, (pages * PAGE) as usize) };
    copy(&parsed, image);
    relocate(&parsed, base, image);
    bind(&parsed.imports, image);
    protect(&parsed, base);
    // Once is enough: every image goes the same way.
    AUDITED.call_once(paging::audit);
    log!(
        "image: {base:#x}, {:#x} bytes, {} sections, {} relocations, {} imports",
        parsed.size,
        parsed.sections.len(),
        parsed.relocations.len(),
        parsed.imports.len()
    );
    let code = parsed
        .sections
        .iter()
        .filter(|section| section.protection == Protection::ReadExecute)
        .map(|section| {
            (
                base + section.offset,
                base + section.offset + section.pages * PAGE,
            )
        });
    *CODE.lock() = code.collect();
    let discardable = parsed
        .sections
        .iter()
        .filter(|section| section.discardable)
        .map(|section| (base + section.offset, section.pages));
    Driver {
        base,
        size: parsed.size,
        entry: base + parsed.entry,
        discardable: discardable.collect(),
    }
}

/// The `bytes` bytes of `image` at `offset`.
///
/// Ends the run where they are not within it.
fn part(image: &mut [u8], offset: u64, bytes: usize) -> &mut [u8] {
    let start = offset as usize;
    let Some(part) = image.get_mut(start..start.saturating_add(bytes)) else {
        let text = format!("the driver's image names offset {offset:#x}, which it does not have");
        fault::bad_image(FaultKind::BadImage, text, Vec::new());
    };
    part
}

fn copy(parsed: &Parsed<'_>, image: &mut [u8]) {
    part(image, 0, parsed.headers.len()).copy_from_slice(parsed.headers);
    for section in &parsed.sections {
        part(image, section.offset, section.data.len()).copy_from_slice(section.data);
    }
}

fn relocate(parsed: &Parsed<'_>, base: u64, image: &mut [u8]) {
    let moved = base.wrapping_sub(parsed.preferred_base);
    for offset in &parsed.relocations {
        let field = part(image, *offset, 8);
        let mut bytes = [0; 8];
        bytes.copy_from_slice(field);
        let address = u64::from_le_bytes(bytes).wrapping_add(moved);
        field.copy_from_slice(&address.to_le_bytes());
    }
}

/// Stores the address of each import; what is missing is listed, all of it, and ends the run.
fn bind(imports: &[Slot<'_>], image: &mut [u8]) {
    let mut missing = Vec::new();
    for slot in imports {
        let module = String::from_utf8_lossy(slot.module);
        let name = String::from_utf8_lossy(slot.name);
        let known = module.eq_ignore_ascii_case("ntoskrnl.exe");
        match nt::resolve(&name).filter(|_| known) {
            Some(address) => {
                part(image, slot.offset, 8).copy_from_slice(&address.to_le_bytes());
            }
            None => missing.push(format!("{module}!{name}")),
        }
    }
    if !missing.is_empty() {
        let text = format!(
            "the driver imports what this kernel lacks: {}",
            missing.join(", ")
        );
        fault::bad_image(FaultKind::MissingImport, text, missing);
    }
}

fn protect(parsed: &Parsed<'_>, base: u64) {
    let pages = parsed.size.div_ceil(PAGE);
    // What lies between sections is read-only, as the headers are.
    paging::protect(base, pages, Protection::Read);
    for section in &parsed.sections {
        paging::protect(base + section.offset, section.pages, section.protection);
    }
}
