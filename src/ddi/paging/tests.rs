//! Every operation, built as dxgkrnl asks for it, executed, and compared byte by byte.

use core::ptr::NonNull;
use core::{mem, ptr};
use std::boxed::Box;
use std::vec;
use std::vec::Vec;

use dxgk_sys::{DXGK_TRANSFERFLAGS, DXGKARG_BUILDPAGINGBUFFER_u0 as Parts};

use super::*;
use crate::adapter::Adapter;
use crate::ddi::handles;
use crate::engine::private;
use crate::engine::testing::Machine;
use crate::kernel::PAGE;
use crate::kernel::testing::passive;
use crate::memory::segments::{APERTURE_BASE, PAGING_BUFFER_BYTES, VIDEO_MEMORY_BASE};

/// Pages of video memory, and of system memory behind the aperture's first pages.
const PAGES: usize = 24;

/// An adapter, and what executes its paging buffers.
struct Stage {
    machine: Machine,
    adapter: NonNull<Adapter>,
}

/// A buffer of whole records, aligned as dxgkrnl's are.
#[repr(C, align(4096))]
struct Buffer([u8; PAGING_BUFFER_BYTES as usize]);

impl Buffer {
    #[allow(
        clippy::large_stack_arrays,
        reason = "a test's stack has room, and a Vec would not be aligned"
    )]
    fn new() -> Box<Self> {
        Box::new(Self([0xcc; PAGING_BUFFER_BYTES as usize]))
    }
}

/// What a call answered.
struct Answer {
    full: bool,
    /// Bytes of records.
    bytes: usize,
    private: usize,
}

/// An MDL of these frames.
fn list(frames: &[u64]) -> Vec<u64> {
    let mut list = vec![0; 5];
    list.push(frames.len() as u64 * PAGE as u64);
    list.extend_from_slice(frames);
    list
}

fn number(number: u64) -> LARGE_INTEGER {
    LARGE_INTEGER {
        QuadPart: number.cast_signed(),
    }
}

/// An argument of zeros, as dxgkrnl fills one.
fn argument(operation: Operation) -> Box<DXGKARG_BUILDPAGINGBUFFER> {
    // SAFETY: a record of numbers and pointers; zeros are values of each.
    let mut argument: DXGKARG_BUILDPAGINGBUFFER = unsafe { mem::zeroed() };
    argument.Operation = operation;
    Box::new(argument)
}

/// One side of a transfer.
#[derive(Clone, Copy)]
enum Side {
    Segment(u32, u64),
    Pages(*mut u64),
}

impl Stage {
    fn new() -> Self {
        let machine = Machine::new(PAGES, PAGES);
        machine.scramble(20);
        let adapter = Box::new(Adapter::try_new(passive()).unwrap());
        adapter.segments.set(0xe000_0000, (PAGES * PAGE) as u64, 0);
        let adapter = NonNull::from(Box::leak(adapter));
        handles::register(adapter, passive()).unwrap();
        Self { machine, adapter }
    }

    /// Calls the driver with what is left of `buffer` and of `private`, and moves both on.
    fn call(
        &self,
        argument: &mut DXGKARG_BUILDPAGINGBUFFER,
        buffer: &mut [u8],
        private: &mut [u8],
    ) -> Answer {
        let before = (buffer.as_mut_ptr(), private.as_mut_ptr());
        argument.pDmaBuffer = before.0.cast();
        argument.DmaSize = u32::try_from(buffer.len()).unwrap();
        argument.pDmaBufferPrivateData = before.1.cast();
        argument.DmaBufferPrivateDataSize = u32::try_from(private.len()).unwrap();
        // SAFETY: the adapter is registered, and the argument is dxgkrnl's as it should be.
        let status = unsafe { build_paging_buffer(self.adapter.as_ptr().cast(), argument) };
        assert_eq!(argument.DmaSize as usize, buffer.len());
        assert_eq!(argument.DmaBufferPrivateDataSize as usize, private.len());
        let full = status == STATUS_GRAPHICS_INSUFFICIENT_DMA_BUFFER;
        assert!(full || status == STATUS_SUCCESS);
        Answer {
            full,
            bytes: argument.pDmaBuffer.addr() - before.0.addr(),
            private: argument.pDmaBufferPrivateData.addr() - before.1.addr(),
        }
    }

    /// Builds all of it in buffers of `size` bytes and executes them; how many there were.
    fn run(&mut self, argument: &mut DXGKARG_BUILDPAGINGBUFFER, size: usize) -> usize {
        let mut memory = Buffer::new();
        for count in 1.. {
            let mut private = [0xcc; 2 * private::BYTES];
            let buffer = &mut memory.0[..size];
            let answer = self.call(argument, buffer, &mut private);
            assert!(answer.bytes <= size);
            if answer.bytes != 0 {
                let block = private.first_chunk().unwrap();
                let written = private::read(block).unwrap();
                assert_eq!(written.bytes as usize, answer.bytes);
                assert_eq!(written.address, buffer.as_ptr().addr() as u64);
                assert_eq!(answer.private, private::BYTES);
            } else {
                assert_eq!(answer.private, 0);
            }
            assert!(memory.0[answer.bytes..].iter().all(|byte| *byte == 0xcc));
            self.machine
                .run_buffer(&mut memory.0[..answer.bytes])
                .unwrap();
            memory.0.fill(0xcc);
            if !answer.full {
                return count;
            }
            assert_ne!(answer.bytes, 0, "no way on");
        }
        unreachable!()
    }

    fn transfer(bytes: usize, offset: u32, first: u32, from: Side, to: Side) -> Parts {
        // SAFETY: zeros are values of all members.
        let mut parts: Parts = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut transfer = unsafe { parts.Transfer };
        transfer.TransferSize = bytes;
        transfer.TransferOffset = offset;
        transfer.MdlOffset = first;
        transfer.Flags = DXGK_TRANSFERFLAGS::all();
        match from {
            Side::Segment(id, address) => {
                transfer.Source.SegmentId = id;
                transfer.Source.u1.SegmentAddress = number(address);
            }
            Side::Pages(list) => transfer.Source.u1.pMdl = list.cast(),
        }
        match to {
            Side::Segment(id, address) => {
                transfer.Destination.SegmentId = id;
                transfer.Destination.u2.SegmentAddress = number(address);
            }
            Side::Pages(list) => transfer.Destination.u2.pMdl = list.cast(),
        }
        parts.Transfer = transfer;
        parts
    }

    /// The bytes of the pages of system memory with these numbers.
    fn pages(&self, pages: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let bytes = self.machine.system.bytes();
        let page = |page: usize| bytes[page * PAGE..][..PAGE].to_vec();
        pages.into_iter().flat_map(page).collect()
    }

    fn video(&self, page: usize, pages: usize) -> Vec<u8> {
        let address = VIDEO_MEMORY_BASE + (page * PAGE) as u64;
        self.machine.read(address, pages * PAGE)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let adapter = handles::unregister(self.adapter.as_ptr().cast(), passive()).unwrap();
        // SAFETY: leaked by `new`, and nobody has it any more.
        drop(unsafe { Box::from_raw(adapter.as_ptr()) });
    }
}

const VIDEO: u32 = 1;
const APERTURE: u32 = 2;

#[test]
fn a_transfer_goes_any_way() {
    let operations = [
        Operation::DXGK_OPERATION_TRANSFER,
        Operation::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER,
    ];
    // A buffer for all of it, and ones that hold few frame numbers.
    for (operation, size) in operations
        .into_iter()
        .flat_map(|operation| [64 << 10, 192, 128].map(|size| (operation, size)))
    {
        let special = operation == Operation::DXGK_OPERATION_SPECIAL_LOCK_TRANSFER;
        let first = if special { 0 } else { 2 };
        for way in 0..4 {
            let mut stage = Stage::new();
            let frames = stage.machine.system.frames().to_vec();
            // Seven pages of one list go down from page 23, those of the other up from page 0.
            let (skipped, bytes) = (first as usize, 6 * PAGE + 100);
            let mut high = list(&frames[12..].iter().rev().copied().collect::<Vec<_>>());
            let mut low = list(&frames[..skipped + 7]);
            let high_pages = move |at: usize| 23 - (at + skipped);
            let (segment, offset) = (VIDEO_MEMORY_BASE + 3 * 4096, 2 * 4096);
            let (from, to) = match way {
                0 => (
                    Side::Segment(VIDEO, segment),
                    Side::Pages(high.as_mut_ptr()),
                ),
                1 => (
                    Side::Pages(high.as_mut_ptr()),
                    Side::Segment(VIDEO, segment),
                ),
                2 => (
                    Side::Pages(high.as_mut_ptr()),
                    Side::Pages(low.as_mut_ptr()),
                ),
                _ => (
                    Side::Segment(VIDEO, segment),
                    Side::Segment(VIDEO, segment + 4096),
                ),
            };
            let listed = |stage: &Stage| stage.pages((0..7).map(high_pages))[..bytes].to_vec();
            let (before, source) = (
                stage.machine.all(),
                match way {
                    0 | 3 => stage.video(5, 7)[..bytes].to_vec(),
                    _ => listed(&stage),
                },
            );
            let mut argument = argument(operation);
            argument.u0 = Stage::transfer(bytes, offset, first, from, to);
            let buffers = stage.run(&mut argument, size);
            // As many pages a buffer as their frame numbers have room.
            let pages: usize = match (way, (size - 64) / 8) {
                (3, _) => 7,
                (2, frames) => frames / 2,
                (_, frames) => frames,
            };
            assert_eq!(buffers, 7_usize.div_ceil(pages));
            let destination = match way {
                0 => listed(&stage),
                1 => stage.video(5, 7)[..bytes].to_vec(),
                2 => stage.pages(skipped..skipped + 7)[..bytes].to_vec(),
                _ => stage.video(6, 7)[..bytes].to_vec(),
            };
            assert!(destination == source, "way {way}, {size} bytes");
            // Nothing else changed.
            let after = stage.machine.all();
            let changed = |before: &[u8], after: &[u8]| {
                before.iter().zip(after).filter(|(a, b)| a != b).count()
            };
            let bytes_changed = changed(&before.0, &after.0) + changed(&before.1, &after.1);
            assert!(bytes_changed <= bytes && bytes_changed > bytes * 9 / 10);
        }
    }
}

#[test]
fn a_fill_covers_its_bytes_alone() {
    let mut stage = Stage::new();
    let before = stage.video(0, PAGES);
    let mut argument = argument(Operation::DXGK_OPERATION_FILL);
    let fill = |address, segment, bytes| {
        // SAFETY: zeros are values of all members.
        let mut parts: Parts = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut fill = unsafe { parts.Fill };
        fill.FillSize = bytes;
        fill.FillPattern = 0x4433_2211;
        fill.Destination.SegmentId = segment;
        fill.Destination.SegmentAddress = number(address);
        parts.Fill = fill;
        parts
    };
    argument.u0 = fill(VIDEO_MEMORY_BASE + 4096, VIDEO, 3 * PAGE + 6);
    assert_eq!(stage.run(&mut argument, 64), 1);
    let after = stage.video(0, PAGES);
    for (at, (before, after)) in before.iter().zip(&after).enumerate() {
        let filled = (PAGE..4 * PAGE + 6).contains(&at);
        let expected = if filled {
            [0x11, 0x22, 0x33, 0x44][at % 4]
        } else {
            *before
        };
        assert_eq!(*after, expected, "byte {at}");
    }
    // contract: P5. Only in memory segments, and only inside.
    for (address, segment, bytes) in [
        (APERTURE_BASE, APERTURE, PAGE),
        (VIDEO_MEMORY_BASE, 0, PAGE),
        (VIDEO_MEMORY_BASE, 3, PAGE),
        (VIDEO_MEMORY_BASE + 4096, VIDEO, PAGES * PAGE),
        (VIDEO_MEMORY_BASE - 1, VIDEO, 1),
        (u64::MAX, VIDEO, 1),
        (VIDEO_MEMORY_BASE, VIDEO, usize::MAX),
    ] {
        argument.MultipassOffset = 0;
        argument.u0 = fill(address, segment, bytes);
        assert_eq!(nothing(&stage, &mut argument), 0);
    }
    assert!(stage.video(0, PAGES) == after);
}

/// How many bytes a call writes that has to succeed.
fn nothing(stage: &Stage, argument: &mut DXGKARG_BUILDPAGINGBUFFER) -> usize {
    let mut memory = Buffer::new();
    let mut private = [0xcc; private::BYTES];
    let answer = stage.call(argument, &mut memory.0, &mut private);
    assert!(!answer.full);
    assert!(answer.bytes != 0 || (private == [0xcc; 64] && answer.private == 0));
    answer.bytes
}

#[test]
fn what_makes_no_sense_is_refused() {
    let stage = Stage::new();
    let frames = stage.machine.system.frames().to_vec();
    let mut pages = list(&frames[..4]);
    let pages = pages.as_mut_ptr();
    let mut argument = argument(Operation::DXGK_OPERATION_TRANSFER);
    let memory = |offset: u64| Side::Segment(VIDEO, VIDEO_MEMORY_BASE + offset * 4096);
    let all = PAGES as u64;
    for (bytes, offset, first, from, to, written) in [
        (4 * PAGE, 0, 0, Side::Pages(pages), memory(0), 128),
        (4 * PAGE + 1, 0, 0, Side::Pages(pages), memory(0), 0),
        (4 * PAGE, 0, 1, Side::Pages(pages), memory(0), 0),
        (PAGE, 0, 3, Side::Pages(pages), memory(0), 128),
        (PAGE, 0, 4, Side::Pages(pages), memory(0), 0),
        (PAGE, 0, u32::MAX, Side::Pages(pages), memory(0), 0),
        (PAGE, 0, 0, Side::Pages(ptr::null_mut()), memory(0), 0),
        (PAGE, 0, 0, memory(0), Side::Pages(ptr::null_mut()), 0),
        (PAGE, 0, 0, Side::Pages(pages), memory(all), 0),
        (PAGE, 4096, 0, Side::Pages(pages), memory(all - 1), 0),
        (PAGE, 0, 0, Side::Pages(pages), memory(all - 1), 128),
        (PAGE, u32::MAX, 0, memory(0), memory(1), 0),
        (usize::MAX, 0, 0, memory(0), memory(1), 0),
        (PAGE, 0, 0, memory(0), Side::Segment(7, 0), 0),
        (PAGE, 0, 0, memory(0), Side::Segment(APERTURE, 0), 0),
        // contract: P6. No bytes at all: an eviction is told.
        (0, 0, 0, memory(0), Side::Pages(ptr::null_mut()), 0),
        (0, 0, 9, Side::Segment(99, 5), memory(all * 2), 0),
    ] {
        argument.MultipassOffset = 0;
        argument.u0 = Stage::transfer(bytes, offset, first, from, to);
        assert_eq!(
            nothing(&stage, &mut argument),
            written,
            "{bytes} bytes, page {first}"
        );
    }
    // contract: P3. Operations without work, and unknown ones.
    for operation in [2, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 22, 1000, -1] {
        argument.Operation = Operation(operation);
        assert_eq!(nothing(&stage, &mut argument), 0, "operation {operation}");
    }
    // SAFETY: no adapter's handle is never followed.
    let status = unsafe { build_paging_buffer(ptr::null_mut(), &raw mut *argument) };
    assert_eq!(status, STATUS_SUCCESS);
}

#[test]
fn reading_and_writing_physically_changes_nothing() {
    let mut stage = Stage::new();
    let before = stage.machine.all();
    let mut argument = argument(Operation::DXGK_OPERATION_READ_PHYSICAL);
    let end = VIDEO_MEMORY_BASE + (PAGES * PAGE) as u64;
    for (segment, address, records) in [
        (VIDEO, VIDEO_MEMORY_BASE + 4097, 1),
        (VIDEO, end - 1, 1),
        (VIDEO, end, 0),
        (APERTURE, APERTURE_BASE + 1, 1),
        // Nothing is mapped there.
        (APERTURE, APERTURE_BASE + (255 << 20), 1),
        (APERTURE, APERTURE_BASE - 1, 0),
        (0, VIDEO_MEMORY_BASE, 0),
    ] {
        argument.MultipassOffset = 0;
        argument.Operation = Operation::DXGK_OPERATION_READ_PHYSICAL;
        // SAFETY: the member of this operation.
        let read = unsafe { &mut argument.u0.ReadPhysical };
        read.SegmentId = segment;
        read.PhysicalAddress = number(address);
        assert_eq!(nothing(&stage, &mut argument), 64 * records);
        argument.MultipassOffset = 0;
        assert_eq!(stage.run(&mut argument, 64), 1);
        argument.MultipassOffset = 0;
        argument.Operation = Operation::DXGK_OPERATION_WRITE_PHYSICAL;
        assert_eq!(nothing(&stage, &mut argument), 64 * records);
        argument.MultipassOffset = 0;
        assert_eq!(stage.run(&mut argument, 64), 1);
    }
    assert!(stage.machine.all() == before);
}

#[test]
fn pages_are_mapped_and_unmapped_to_the_dummy_page() {
    for size in [64 << 10, 192, 128] {
        let mut stage = Stage::new();
        let frames = stage.machine.system.frames().to_vec();
        let mut pages = list(&frames);
        let mut mapping = argument(Operation::DXGK_OPERATION_MAP_APERTURE_SEGMENT);
        // SAFETY: the member of this operation.
        let map = unsafe { &mut mapping.u0.MapApertureSegment };
        map.SegmentId = APERTURE;
        map.OffsetInPages = 100;
        map.NumberOfPages = 20;
        map.pMdl = pages.as_mut_ptr().cast();
        map.MdlOffset = 3;
        let buffers = stage.run(&mut mapping, size);
        assert_eq!(buffers, 20_usize.div_ceil((size - 64) / 8));
        // The list is gone, what was mapped is not.
        pages.fill(0xdddd_dddd);
        let table = |stage: &Stage, page| stage.machine.aperture.frame(page);
        for page in 0..20_u32 {
            assert_eq!(table(&stage, 100 + page), Some(frames[page as usize + 3]));
        }
        assert_eq!((table(&stage, 99), table(&stage, 120)), (None, None));
        let mut unmapping = argument(Operation::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT);
        // SAFETY: the member of this operation.
        let unmap = unsafe { &mut unmapping.u0.UnmapApertureSegment };
        unmap.SegmentId = APERTURE;
        unmap.OffsetInPages = 105;
        unmap.NumberOfPages = 20;
        unmap.DummyPage = number(frames[23] << 12);
        assert_eq!(stage.run(&mut unmapping, size), 1);
        assert_eq!(table(&stage, 104), Some(frames[7]));
        assert!((105..125).all(|page| table(&stage, page) == Some(frames[23])));
        assert_eq!(table(&stage, 125), None);
    }
}

#[test]
fn mappings_outside_are_refused() {
    let stage = Stage::new();
    let mut pages = list(&[1, 2, 3]);
    let end = (256 << 20) / PAGE;
    for (segment, page, count, first, refused) in [
        (APERTURE, end - 3, 3, 0, false),
        (APERTURE, end - 2, 3, 0, true),
        (APERTURE, usize::MAX, 1, 0, true),
        (APERTURE, 0, usize::MAX, 0, true),
        (APERTURE, 0, 3, 1, true),
        (APERTURE, 0, 2, 1, false),
        (VIDEO, 0, 1, 0, true),
        (0, 0, 1, 0, true),
    ] {
        let mut mapping = argument(Operation::DXGK_OPERATION_MAP_APERTURE_SEGMENT);
        // SAFETY: the member of this operation.
        let map = unsafe { &mut mapping.u0.MapApertureSegment };
        map.SegmentId = segment;
        map.OffsetInPages = page;
        map.NumberOfPages = count;
        map.pMdl = pages.as_mut_ptr().cast();
        map.MdlOffset = first;
        assert_eq!(
            nothing(&stage, &mut mapping) == 0,
            refused,
            "{page}, {count}"
        );
        let mut unmapping = argument(Operation::DXGK_OPERATION_UNMAP_APERTURE_SEGMENT);
        // SAFETY: the member of this operation.
        let unmap = unsafe { &mut unmapping.u0.UnmapApertureSegment };
        unmap.SegmentId = segment;
        unmap.OffsetInPages = page;
        unmap.NumberOfPages = count;
        unmap.DummyPage = number(4096);
        let refused = refused && first == 0;
        assert_eq!(
            nothing(&stage, &mut unmapping) == 0,
            refused,
            "{page}, {count}"
        );
    }
}

#[test]
fn without_room_the_call_is_to_be_made_again() {
    let stage = Stage::new();
    let frames = stage.machine.system.frames().to_vec();
    let mut pages = list(&frames);
    let mut memory = Buffer::new();
    let to = Side::Segment(VIDEO, VIDEO_MEMORY_BASE);
    let parts = Stage::transfer(4 * PAGE, 0, 0, Side::Pages(pages.as_mut_ptr()), to);
    for (bytes, private_bytes) in [(0, 64), (64, 64), (127, 64), (4096, 0), (4096, 63)] {
        let mut argument = argument(Operation::DXGK_OPERATION_TRANSFER);
        argument.u0 = parts;
        let mut private = vec![0xcc; private_bytes];
        let answer = stage.call(&mut argument, &mut memory.0[..bytes], &mut private);
        assert!(answer.full, "{bytes} and {private_bytes} bytes");
        assert_eq!(
            (answer.bytes, answer.private, argument.MultipassOffset),
            (0, 0, 0)
        );
        assert!(memory.0.iter().all(|byte| *byte == 0xcc));
    }
    // Then it goes on where it was.
    let mut argument = argument(Operation::DXGK_OPERATION_TRANSFER);
    argument.u0 = parts;
    let mut private = [0; 128];
    let answer = stage.call(&mut argument, &mut memory.0[..128], &mut private);
    assert!(!answer.full && answer.bytes == 128 && answer.private == 64);
    assert_eq!(argument.MultipassOffset, 4);
}
