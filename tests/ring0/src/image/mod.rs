//! The driver's image: where it lies, and what kind of memory its parts are.

mod load;
mod parse;

use alloc::vec::Vec;

pub use load::load;
use spin::Mutex;

use crate::memory::{layout::PAGE, paging};

/// A loaded image.
pub struct Driver {
    /// First address.
    pub base: u64,
    /// Bytes, a multiple of a page.
    pub size: u64,
    /// Address of `DriverEntry`.
    pub entry: u64,
    /// Ranges (address, pages) that are given back once `DriverEntry` has returned.
    discardable: Vec<(u64, u64)>,
}

/// Start and end of the loaded image's executable ranges.
static CODE: Mutex<Vec<(u64, u64)>> = Mutex::new(Vec::new());

/// Whether `address` lies in code of the driver.
pub fn is_driver_code(address: u64) -> bool {
    // A fault may come while the list is being changed: then nothing is known.
    CODE.try_lock().is_some_and(|code| {
        code.iter()
            .any(|(start, end)| (*start..*end).contains(&address))
            && paging::translate(address).is_some()
    })
}

/// Has the code between these addresses count as the driver's, for a test of the kernel's own.
pub fn count_as_driver(start: u64, end: u64) {
    CODE.lock().push((start, end));
}

impl Driver {
    /// Unmaps what is only needed up to the end of `DriverEntry`, as Windows does.
    pub fn discard(&mut self) {
        for (start, pages) in self.discardable.drain(..) {
            paging::unmap_and_free(start, pages);
        }
    }

    /// Unmaps the image.
    pub fn unload(mut self) {
        self.discard();
        CODE.lock().clear();
        for page in (self.base..self.end()).step_by(PAGE as usize) {
            if paging::translate(page).is_some() {
                paging::unmap_and_free(page, 1);
            }
        }
    }

    /// First address after it.
    pub fn end(&self) -> u64 {
        self.base + self.size.next_multiple_of(PAGE)
    }
}
