//! A list of pages that dxgkrnl passes: an MDL.
//!
//! Only what the kernel's own macros read is read: MmGetMdlByteCount, MmGetMdlByteOffset and
//! MmGetMdlPfnArray. wdk-sys has no macros, so the offsets are here, and the kernel's back asserts that
//! they are those of its `MDL`.

use core::marker::PhantomData;
use core::ptr::NonNull;

use super::PAGE;

/// Bytes of the record before the frame numbers.
pub const HEADER_BYTES: usize = 48;
/// Where in the record the number of bytes is, a `u32`.
pub const BYTE_COUNT: usize = 40;
/// Where in the record is how far into the first page the bytes begin, a `u32`.
pub const BYTE_OFFSET: usize = 44;

/// The page frame numbers of an MDL, as long as the call lasts that it came with.
#[derive(Clone, Copy)]
pub struct PageList<'call> {
    /// The MDL.
    record: NonNull<u8>,
    /// How many pages it has.
    pages: usize,
    call: PhantomData<&'call u64>,
}

impl PageList<'_> {
    /// The pages of the MDL at `record`; `None` if that is NULL or misaligned. Any IRQL.
    ///
    /// # Safety
    ///
    /// Unless NULL or misaligned it is an MDL of locked pages, good for reads for the whole lifetime.
    #[must_use]
    pub unsafe fn new<T>(record: *mut T) -> Option<Self> {
        let record = NonNull::new(record.cast::<u8>())?;
        if !record.cast::<u64>().is_aligned() {
            return None;
        }
        // SAFETY: inside of the record.
        let count = unsafe { record.add(BYTE_COUNT) }.cast::<u32>();
        // SAFETY: aligned as the record is, and nobody writes it during the call.
        let count = u64::from(unsafe { count.read() });
        // SAFETY: inside of the record.
        let offset = unsafe { record.add(BYTE_OFFSET) }.cast::<u32>();
        // SAFETY: as above.
        let offset = u64::from(unsafe { offset.read() });
        // Two 32-bit numbers: their sum fits.
        let pages = (offset + count).div_ceil(PAGE as u64);
        Some(Self {
            record,
            pages: usize::try_from(pages).ok()?,
            call: PhantomData,
        })
    }

    /// How many pages there are.
    #[must_use]
    pub const fn pages(&self) -> usize {
        self.pages
    }

    /// The frame number of page `index`, from 0. Any IRQL.
    #[must_use]
    pub fn frame(&self, index: usize) -> Option<u64> {
        if index >= self.pages {
            return None;
        }
        // SAFETY: the array begins right behind the record and has an entry for each page.
        let entry = unsafe { self.record.add(HEADER_BYTES + index * size_of::<u64>()) };
        // SAFETY: as above; aligned as the record is.
        Some(unsafe { entry.cast::<u64>().read() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_has_as_many_pages_as_its_bytes_touch() {
        let mut list = [0_u64, 0, 0, 0, 0, 0, 11, 22, 33];
        let mut pages = |count: u64, offset: u64| {
            list[5] = offset << 32 | count;
            // SAFETY: the array lies as an MDL of three pages does.
            let pages = unsafe { PageList::new(list.as_mut_ptr()) }.unwrap();
            (0..)
                .map_while(|index| pages.frame(index))
                .collect::<std::vec::Vec<_>>()
        };
        assert_eq!(pages(0, 0), [0_u64; 0]);
        assert_eq!(pages(1, 0), [11]);
        assert_eq!(pages(4096, 0), [11]);
        assert_eq!(pages(4097, 0), [11, 22]);
        assert_eq!(pages(2, 4095), [11, 22]);
        assert_eq!(pages(3 * 4096, 0), [11, 22, 33]);
        // SAFETY: NULL is no list.
        assert!(unsafe { PageList::new(core::ptr::null_mut::<u8>()) }.is_none());
        let misaligned = list.as_mut_ptr().cast::<u8>().wrapping_add(4);
        // SAFETY: misaligned is no list.
        assert!(unsafe { PageList::new(misaligned) }.is_none());
    }
}
