//! BuildPagingBuffer (contract: P1-P6).

use core::ffi::c_void;

use dxgk_sys::status::{STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER, STATUS_SUCCESS};
use dxgk_sys::{
    DXGK_BUILDPAGINGBUFFER_OPERATION as Operation, DXGKARG_BUILDPAGINGBUFFER,
    DXGKARG_BUILDPAGINGBUFFER_u0 as Members, LARGE_INTEGER, MDL,
};

use super::recorded::callbacks;
use super::{handles, view};
use crate::engine::paging::{self, Location, Request, Room};
use crate::kernel::complain;
use crate::kernel::mdl::PageList;

/// The parts of the argument, by their operations.
mod member {
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_Fill as Fill;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_MapApertureSegment as MapApertureSegment;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_ReadPhysical as ReadPhysical;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_SpecialLockTransfer as SpecialLockTransfer;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_Transfer as Transfer;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_UnmapApertureSegment as UnmapApertureSegment;
    pub use dxgk_sys::DXGKARG_BUILDPAGINGBUFFER_WritePhysical as WritePhysical;
}

/// The buffer and its private data are used up: go on in another one.
struct Full;

callbacks! {
    /// `DxgkDdiBuildPagingBuffer`. `PASSIVE_LEVEL`, one call of the scheduler class at a time.
    ///
    /// # Safety
    ///
    /// Called by dxgkrnl: `argument` is good for reads and writes as far as interface version WDDM 1.3 has
    /// it, so are the buffer and the private data that it names, and a list of pages that it names is
    /// good for reads.
    #[traced(c"BuildPagingBuffer")]
    pub unsafe fn build_paging_buffer(
        context: *mut c_void,
        argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    ) -> i32 {
        // SAFETY: used in this call only.
        let adapter = unsafe { handles::adapter(context) };
        let Some(adapter) = adapter.filter(|_| !argument.is_null()) else {
            complain(c"BuildPagingBuffer", c"hAdapter", 0, c"no adapter of this driver");
            return STATUS_SUCCESS;
        };
        // SAFETY: dxgkrnl's argument, not used by anyone else during the call.
        let Some(request) = (unsafe { request(argument) }) else {
            return STATUS_SUCCESS;
        };
        let memory = adapter.segments.video_memory_bytes();
        // SAFETY: as above.
        match unsafe { build(argument, &request, memory) } {
            Ok(()) => STATUS_SUCCESS,
            Err(Full) => STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER,
        }
    }
}

/// Writes what is asked for, and says in `argument` how far it came. `DmaSize` and
/// `DmaBufferPrivateDataSize` stay as they are: dxgkrnl knows them by the pointers.
///
/// # Safety
///
/// As [`build_paging_buffer`].
unsafe fn build(
    argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    request: &Request<'_>,
    memory: u64,
) -> Result<(), Full> {
    // SAFETY: dxgkrnl's argument; its record may be shorter than the newest, so no reference is made.
    let buffer = unsafe { (*argument).pDmaBuffer };
    // SAFETY: as above.
    let bytes = unsafe { (*argument).DmaSize };
    // SAFETY: as above.
    let private = unsafe { (*argument).pDmaBufferPrivateData };
    // SAFETY: as above.
    let private_bytes = unsafe { (*argument).DmaBufferPrivateDataSize };
    // SAFETY: as above.
    let done = unsafe { (*argument).MultipassOffset };
    // SAFETY: dxgkrnl's buffer, which nobody else uses before it is submitted.
    let room = unsafe { view::list_mut(buffer.cast::<u8>(), bytes) };
    // SAFETY: as above.
    let private_room = unsafe { view::list_mut(private.cast::<u8>(), private_bytes) };
    let (Some(room), Some(private_room)) = (room, private_room) else {
        complain(
            c"BuildPagingBuffer",
            c"pDmaBuffer",
            bytes.into(),
            c"NULL, for so many bytes",
        );
        return Err(Full);
    };
    let mut room = Room {
        buffer: room,
        address: buffer.expose_provenance() as u64,
        private: private_room,
    };
    let written = paging::build(request, memory, &mut room, done);
    // SAFETY: so many bytes were written there.
    let buffer = unsafe { buffer.byte_add(written.bytes) };
    // SAFETY: so many bytes were written there.
    let private = unsafe { private.byte_add(written.private) };
    // SAFETY: dxgkrnl's argument.
    unsafe { (*argument).pDmaBuffer = buffer };
    // SAFETY: as above.
    unsafe { (*argument).pDmaBufferPrivateData = private };
    // SAFETY: as above.
    unsafe { (*argument).MultipassOffset = written.pages };
    if written.more { Err(Full) } else { Ok(()) }
}

/// What is asked for; `None` if nothing has to be done for it.
///
/// # Safety
///
/// As [`build_paging_buffer`].
unsafe fn request<'call>(argument: *mut DXGKARG_BUILDPAGINGBUFFER) -> Option<Request<'call>> {
    // SAFETY: dxgkrnl's argument.
    let operation = unsafe { (*argument).Operation };
    Some(match operation {
        Operation::DXGK_OPERATION_TRANSFER => {
            // SAFETY: the member that this operation has.
            let transfer: member::Transfer = unsafe { member(argument) };
            let (from, to) = (transfer.Source, transfer.Destination);
            // SAFETY: which member it is says the segment.
            let from = unsafe { location(from.SegmentId, from.u1, transfer.MdlOffset) };
            // SAFETY: as above.
            let to = unsafe { location(to.SegmentId, to.u2, transfer.MdlOffset) };
            Request::Transfer {
                bytes: transfer.TransferSize as u64,
                offset: transfer.TransferOffset,
                from,
                to,
            }
        }
        Operation::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER => {
            // SAFETY: the member that this operation has.
            let transfer: member::SpecialLockTransfer = unsafe { member(argument) };
            let (from, to) = (transfer.Source, transfer.Destination);
            // SAFETY: which member it is says the segment. It has no offset into the list.
            let from = unsafe { location(from.SegmentId, from.u3, 0) };
            // SAFETY: as above.
            let to = unsafe { location(to.SegmentId, to.u4, 0) };
            Request::Transfer {
                bytes: transfer.TransferSize as u64,
                offset: transfer.TransferOffset,
                from,
                to,
            }
        }
        Operation::DXGK_OPERATION_FILL => {
            // SAFETY: the member that this operation has.
            let fill: member::Fill = unsafe { member(argument) };
            Request::Fill {
                bytes: fill.FillSize as u64,
                value: fill.FillPattern,
                segment: fill.Destination.SegmentId,
                address: address(fill.Destination.SegmentAddress),
            }
        }
        Operation::DXGK_OPERATION_READ_PHYSICAL => {
            // SAFETY: the member that this operation has.
            let read: member::ReadPhysical = unsafe { member(argument) };
            Request::Read {
                segment: read.SegmentId,
                address: address(read.PhysicalAddress),
            }
        }
        Operation::DXGK_OPERATION_WRITE_PHYSICAL => {
            // SAFETY: the member that this operation has.
            let write: member::WritePhysical = unsafe { member(argument) };
            Request::Write {
                segment: write.SegmentId,
                address: address(write.PhysicalAddress),
            }
        }
        Operation::DXGK_OPERATION_MAP_APERTURE_SEGMENT => {
            // SAFETY: the member that this operation has.
            let map: member::MapApertureSegment = unsafe { member(argument) };
            Request::Map {
                segment: map.SegmentId,
                page: map.OffsetInPages as u64,
                pages: map.NumberOfPages as u64,
                // SAFETY: NULL, or a list of locked pages.
                list: unsafe { PageList::new(map.pMdl) },
                first: map.MdlOffset,
            }
        }
        Operation::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT => {
            // SAFETY: the member that this operation has.
            let unmap: member::UnmapApertureSegment = unsafe { member(argument) };
            Request::Unmap {
                segment: unmap.SegmentId,
                page: unmap.OffsetInPages as u64,
                pages: unmap.NumberOfPages as u64,
                dummy: address(unmap.DummyPage),
            }
        }
        // Content that is discarded is nobody's to move. A context's own memory is only initialised for
        // drivers that ask for such memory, which this one does not. What comes with later interface
        // versions has nothing to say to it either (contract: P2, P3).
        _ => return None,
    })
}

/// The part of the argument that an operation has.
///
/// # Safety
///
/// As [`build_paging_buffer`], and `T` is the member of the operation that the argument names.
unsafe fn member<T: Copy>(argument: *const DXGKARG_BUILDPAGINGBUFFER) -> T {
    const { assert!(size_of::<T>() <= size_of::<Members>() && align_of::<T>() <= 8) };
    // SAFETY: no reference is made, and the union lies in the record.
    let members = unsafe { &raw const (*argument).u0 };
    // SAFETY: the caller says that it is this member.
    unsafe { members.cast::<T>().read() }
}

/// One side of a transfer: the segment says which member of `place` it is.
///
/// # Safety
///
/// `place` is a union of `SegmentAddress` and `pMdl`. With segment 0 that is NULL or an MDL of locked
/// pages, good for reads during the call.
unsafe fn location<'call, U: Copy>(segment: u32, place: U, first: u32) -> Location<'call> {
    const { assert!(size_of::<U>() == 8 && align_of::<U>() == 8) };
    let place = &raw const place;
    if segment == 0 {
        // SAFETY: the member of a side without a segment.
        let list = unsafe { place.cast::<*mut MDL>().read() };
        Location::Pages {
            // SAFETY: the caller's contract is the same.
            list: unsafe { PageList::new(list) },
            first,
        }
    } else {
        // SAFETY: the member of a side in a segment.
        let number = unsafe { place.cast::<LARGE_INTEGER>().read() };
        Location::Segment {
            id: segment,
            address: address(number),
        }
    }
}

/// An address that the DDI writes as a signed number.
fn address(number: LARGE_INTEGER) -> u64 {
    // SAFETY: all of the union's members are numbers of the same bytes.
    unsafe { number.QuadPart }.cast_unsigned()
}

#[cfg(test)]
mod tests;
