//! The driver's image: where it lies, and what kind of memory its parts are.

mod load;
mod parse;

use alloc::vec::Vec;

pub use load::load;
use spin::Once;

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
    pub discardable: Vec<(u64, u64)>,
}

/// The loaded image and its executable ranges.
struct Loaded {
    code: Vec<(u64, u64)>,
}

static LOADED: Once<Loaded> = Once::new();

/// Whether `address` lies in code of the driver.
pub fn is_driver_code(address: u64) -> bool {
    LOADED.get().is_some_and(|loaded| {
        loaded
            .code
            .iter()
            .any(|(start, end)| (*start..*end).contains(&address))
            && paging::translate(address).is_some()
    })
}

impl Driver {
    /// Unmaps what is only needed up to the end of `DriverEntry`, as Windows does.
    pub fn discard(&mut self) {
        for (start, pages) in self.discardable.drain(..) {
            paging::unmap_and_free(start, pages);
        }
    }

    /// First address after it.
    pub fn end(&self) -> u64 {
        self.base + self.size.next_multiple_of(PAGE)
    }
}
