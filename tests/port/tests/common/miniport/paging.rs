//! The good miniport's BuildPagingBuffer: the engine's own commands, a page each where frames are concerned.

#![allow(
    clippy::undocumented_unsafe_blocks,
    clippy::multiple_unsafe_ops_per_block
)]

use dxgk_sys::status::*;
use dxgk_sys::*;

use super::commands::{COMMAND_BYTES, COPY, Command, FILL, MAP, NOP, PHYSICAL, UNMAP};
use super::queue::Private;

const PAGE: u64 = 4096;
const MDL_HEADER: usize = 48;

unsafe fn frame(mdl: *const MDL, page: u64) -> u64 {
    let word = MDL_HEADER / 8 + usize::try_from(page).unwrap();
    unsafe { mdl.cast::<u64>().wrapping_add(word).read() }
}

/// What one side of a transfer is for a page of it.
unsafe fn side(segment: u32, word: u64, mdl_page: u64, offset: u64, page: u64) -> u64 {
    if segment == 0 {
        let mdl = std::ptr::with_exposed_provenance::<MDL>(usize::try_from(word).unwrap());
        PHYSICAL | (unsafe { frame(mdl, mdl_page + page) } * PAGE)
    } else {
        word + offset + page * PAGE
    }
}

/// The command number `index` of an operation; None after the last.
pub unsafe fn command(argument: &DXGKARG_BUILDPAGINGBUFFER, index: u64) -> Option<Command> {
    type Kind = DXGK_BUILDPAGINGBUFFER_OPERATION;
    let mut command = Command::default();
    match argument.Operation {
        Kind::DXGK_OPERATION_TRANSFER | Kind::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER => {
            let part = unsafe { argument.u0.Transfer };
            let special = argument.Operation == Kind::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER;
            let left = (part.TransferSize as u64)
                .checked_sub(index * PAGE)
                .filter(|left| *left != 0)?;
            let mdl_page = if special {
                0
            } else {
                u64::from(part.MdlOffset)
            };
            let offset = u64::from(part.TransferOffset);
            let from = unsafe { part.Source.u1.SegmentAddress.QuadPart }.cast_unsigned();
            let to = unsafe { part.Destination.u2.SegmentAddress.QuadPart }.cast_unsigned();
            command.kind = COPY;
            command.from = unsafe { side(part.Source.SegmentId, from, mdl_page, offset, index) };
            command.to = unsafe { side(part.Destination.SegmentId, to, mdl_page, offset, index) };
            command.bytes = left.min(PAGE);
        }
        Kind::DXGK_OPERATION_FILL if index == 0 => {
            let part = unsafe { argument.u0.Fill };
            command.kind = FILL;
            command.to = unsafe { part.Destination.SegmentAddress.QuadPart }.cast_unsigned();
            command.bytes = part.FillSize as u64;
            command.value = part.FillPattern;
        }
        Kind::DXGK_OPERATION_MAP_APERTURE_SEGMENT => {
            let part = unsafe { argument.u0.MapApertureSegment };
            let done = index * 4;
            let left = (part.NumberOfPages as u64)
                .checked_sub(done)
                .filter(|left| *left != 0)?;
            command.kind = MAP;
            command.to = part.OffsetInPages as u64 + done;
            command.bytes = left.min(4);
            for page in 0..command.bytes {
                let number = u64::from(part.MdlOffset) + done + page;
                command.tail[usize::try_from(page).unwrap()] = unsafe { frame(part.pMdl, number) };
            }
        }
        Kind::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT if index == 0 => {
            let part = unsafe { argument.u0.UnmapApertureSegment };
            command.kind = UNMAP;
            command.to = part.OffsetInPages as u64;
            command.bytes = part.NumberOfPages as u64;
            command.from = unsafe { part.DummyPage.QuadPart }.cast_unsigned();
        }
        Kind::DXGK_OPERATION_READ_PHYSICAL | Kind::DXGK_OPERATION_WRITE_PHYSICAL if index == 0 => {
            command.kind = NOP;
        }
        _ => return None,
    }
    Some(command)
}

/// Builds, with each command as `bend` leaves it.
pub unsafe fn build(
    argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    bend: impl Fn(&mut Command),
) -> NTSTATUS {
    let argument = unsafe { &mut *argument };
    let mut at = argument.pDmaBuffer.cast::<u8>();
    if at.addr() % 4096 == 0 {
        unsafe { Private::begin(argument.pDmaBufferPrivateData, at) };
    }
    let mut room = argument.DmaSize;
    let mut status = STATUS_SUCCESS;
    while let Some(mut command) = unsafe { command(argument, u64::from(argument.MultipassOffset)) }
    {
        if room < COMMAND_BYTES {
            status = STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
            break;
        }
        bend(&mut command);
        unsafe { command.write(at) };
        at = at.wrapping_add(COMMAND_BYTES as usize);
        room -= COMMAND_BYTES;
        argument.MultipassOffset += 1;
    }
    argument.pDmaBuffer = at.cast();
    status
}

ddi_fn! {
    pub unsafe fn build_paging_buffer(
        _this: HANDLE,
        argument: *mut DXGKARG_BUILDPAGINGBUFFER,
    ) -> NTSTATUS {
        unsafe { build(argument, |_| ()) }
    }
}

/// The good miniport with paging.
pub fn table() -> DRIVER_INITIALIZATION_DATA {
    let mut table = super::table(0x4002);
    table.DxgkDdiBuildPagingBuffer = Some(build_paging_buffer);
    table
}
