//! A function of ntdll's, found where the loader has it: an import from there would make this image a program's library
//! in Wine's eyes.

use core::arch::asm;
use core::ffi::CStr;

use nt::UNICODE_STRING;
use nt::text;
use vmdisp_wine_nt as nt;

/// Where the loader's data are in the PEB, and its list of modules in them.
const LOADER: usize = 0x18;
const MODULES: usize = 0x10;
/// Where a module's record has its base and its file's name.
const BASE: usize = 0x30;
const NAME: usize = 0x58;
/// Where a file has the address of its PE header, and that the export directory's entry.
const PE: usize = 0x3c;
const EXPORTS: usize = 24 + 112;

/// Reads a value of an image that the loader has mapped, or of its lists.
///
/// # Safety
///
/// There is one.
unsafe fn read<T>(base: *const u8, offset: usize) -> T {
    // SAFETY: the caller's promise.
    unsafe { base.wrapping_add(offset).cast::<T>().read_unaligned() }
}

/// The image of that name.
fn image(name: &str) -> Option<*const u8> {
    let peb: *const u8;
    // SAFETY: GS leads to the TEB in every thread of a 64-bit process, and that has the PEB's address.
    unsafe { asm!("mov {}, gs:[0x60]", out(reg) peb, options(nostack, readonly, preserves_flags)) };
    // SAFETY: every process has one.
    let loader: *const u8 = unsafe { read(peb, LOADER) };
    let head = loader.wrapping_add(MODULES);
    // SAFETY: a list of the loader's.
    let mut module: *const u8 = unsafe { read(head, 0) };
    while module != head {
        // SAFETY: a record of the list.
        let file = unsafe { text::read(module.wrapping_add(NAME).cast::<UNICODE_STRING>()) };
        if file.eq_ignore_ascii_case(name) {
            // SAFETY: as above.
            return Some(unsafe { read(module, BASE) });
        }
        // SAFETY: as above.
        module = unsafe { read(module, 0) };
    }
    None
}

/// The address of a function of ntdll's.
pub fn function(name: &str) -> Option<usize> {
    let base = image("ntdll.dll")?;
    // SAFETY: an image that the loader has mapped; the same goes for all below.
    let word = |offset: usize| unsafe { read::<u32>(base, offset) } as usize;
    let exports = word(word(PE) + EXPORTS);
    let (functions, names, numbers) = (word(exports + 28), word(exports + 32), word(exports + 36));
    let at = (0..word(exports + 24)).find(|at| {
        let text = base.wrapping_add(word(names + 4 * at));
        // SAFETY: a name of the image's, with a zero behind it.
        unsafe { CStr::from_ptr(text.cast()) }.to_bytes() == name.as_bytes()
    })?;
    // SAFETY: as above.
    let number = unsafe { read::<u16>(base, numbers + 2 * at) };
    Some(base.addr() + word(functions + 4 * usize::from(number)))
}
