//! Pages of system memory, mapped into addresses that were reserved before.
//!
//! The page of MmMapLockedPagesWithReservedMapping: it "is intended to enable drivers to make forward
//! progress even in low-resource scenarios", and fails only on wrong parameters. It takes the pages'
//! own cache type; the one that is named is for pages that have none.

use core::mem::offset_of;
use core::ptr::{self, NonNull};
use core::sync::atomic::Ordering;

use wdk_sys::_MEMORY_CACHING_TYPE::MmCached;
use wdk_sys::ntddk::{
    MmAllocateMappingAddress, MmFreeMappingAddress, MmMapLockedPagesWithReservedMapping,
    MmUnmapReservedMapping,
};
use wdk_sys::{MDL, MDL_PAGES_LOCKED, PMDL, PVOID};

use super::super::irql::{AtMostDispatch, Passive};
use super::super::mdl;
use super::super::{NoMemory, PAGE, Tag, Window, Words};

// What `mdl` knows of the record, for the driver that the kernel and dxgkrnl pass it to.
const _: () = assert!(
    size_of::<MDL>() == mdl::HEADER_BYTES
        && offset_of!(MDL, ByteCount) == mdl::BYTE_COUNT
        && offset_of!(MDL, ByteOffset) == mdl::BYTE_OFFSET
);

/// Words of the record before the frame numbers.
const HEADER: usize = size_of::<MDL>() / size_of::<u64>();
// Its length in bytes has 15 bits.
const MOST: usize = (0x7fff - size_of::<MDL>()) / size_of::<u64>();

/// A range of system addresses, and the list that says what is mapped there. Dropping it gives both
/// back, at `APC_LEVEL` or below.
pub struct ReservedPages {
    range: NonNull<u8>,
    /// The MDL, then a frame number for each page.
    list: Words,
    pages: usize,
    tag: Tag,
}

// SAFETY: addresses of system space mean the same in every thread.
unsafe impl Send for ReservedPages {}

impl ReservedPages {
    /// Reserves addresses for `pages` pages, at least one.
    ///
    /// # Errors
    ///
    /// [`NoMemory`] if there are no addresses or no memory for the list, or if a list cannot have so
    /// many.
    pub fn try_new(tag: Tag, pages: usize, irql: Passive) -> Result<Self, NoMemory> {
        if pages == 0 || pages > MOST {
            return Err(NoMemory);
        }
        let list = Words::zeroed(tag, HEADER + pages, irql)?;
        let bytes = u64::try_from(pages * PAGE).map_err(|_| NoMemory)?;
        // SAFETY: the token shows PASSIVE_LEVEL.
        let range = unsafe { MmAllocateMappingAddress(bytes, tag.bits()) };
        Ok(Self {
            range: NonNull::new(range.cast()).ok_or(NoMemory)?,
            list,
            pages,
            tag,
        })
    }

    /// Maps the pages with these frame numbers one after the other. `None` if there are none, more than
    /// were reserved, or the system will not.
    pub fn map(&mut self, frames: &[u64], _irql: impl AtMostDispatch) -> Option<Mapped<'_>> {
        if frames.is_empty() || frames.len() > self.pages {
            return None;
        }
        let bytes = frames.len() * PAGE;
        let size = size_of::<MDL>() + size_of_val(frames);
        let header = MDL {
            Next: ptr::null_mut(),
            Size: i16::try_from(size).ok()?,
            MdlFlags: i16::try_from(MDL_PAGES_LOCKED).ok()?,
            Process: ptr::null_mut(),
            MappedSystemVa: ptr::null_mut(),
            StartVa: ptr::null_mut(),
            ByteCount: u32::try_from(bytes).ok()?,
            ByteOffset: 0,
        };
        for (entry, &frame) in self.list.iter().skip(HEADER).zip(frames) {
            entry.store(frame, Ordering::Relaxed);
        }
        let list = self.list();
        // SAFETY: the list begins with room for an MDL, and nothing is mapped with it: that would
        // borrow `self`.
        unsafe { list.write(header) };
        // SAFETY: the range was reserved with this tag for so many pages, and nothing is mapped there;
        // the frames are those of pages that dxgkrnl has locked for the engine's use.
        let address = unsafe {
            MmMapLockedPagesWithReservedMapping(
                self.range.as_ptr().cast(),
                self.tag.bits(),
                list,
                MmCached,
            )
        };
        let address = NonNull::new(address.cast())?;
        // SAFETY: so many pages are mapped there, until `Mapped` is dropped.
        let window = unsafe { Window::from_raw(address, bytes) };
        Some(Mapped {
            window,
            reserved: self,
        })
    }

    fn list(&self) -> PMDL {
        self.list.as_ptr().cast_mut().cast()
    }

    fn range(&self) -> PVOID {
        self.range.as_ptr().cast()
    }
}

impl Drop for ReservedPages {
    fn drop(&mut self) {
        // SAFETY: reserved with this tag; what is mapped borrows `self`.
        unsafe { MmFreeMappingAddress(self.range(), self.tag.bits()) };
    }
}

/// Pages that are mapped until this is dropped, at `DISPATCH_LEVEL` or below.
pub struct Mapped<'pages> {
    window: Window<'pages>,
    reserved: &'pages ReservedPages,
}

impl Mapped<'_> {
    /// The bytes from `offset` on, `most` at most and one at least, that lie in one piece.
    #[must_use]
    pub fn piece(&self, offset: usize, most: usize) -> Option<Window<'_>> {
        let left = self.window.bytes().checked_sub(offset)?;
        let bytes = left.min(most);
        (bytes != 0).then(|| self.window.part(offset, bytes))?
    }

    /// The bytes up to `end`, `most` at most and one at least, that lie in one piece.
    #[must_use]
    pub fn piece_before(&self, end: usize, most: usize) -> Option<Window<'_>> {
        let bytes = end.min(most);
        (bytes != 0).then(|| self.window.part(end - bytes, bytes))?
    }
}

impl Drop for Mapped<'_> {
    fn drop(&mut self) {
        let reserved = self.reserved;
        let base = self.window.base().as_ptr().cast();
        // SAFETY: mapped there with this tag and list; no window outlives `self`.
        unsafe { MmUnmapReservedMapping(base, reserved.tag.bits(), reserved.list()) };
    }
}
