//! What must be true of every escape and of every blob. The fuzz targets check it too.

use std::cell::RefCell;

use dxgk_sys::status::{
    STATUS_GRAPHICS_DRIVER_MISMATCH, STATUS_ILLEGAL_INSTRUCTION, STATUS_INVALID_PARAMETER,
    STATUS_SUCCESS,
};
use vmdisp::allocation::create::Error;
use vmdisp::ddi::rig::{Asked, Blob, Created, Creator, VIDEO_MEMORY};
use vmdisp::memory::segments::APERTURE_BYTES;
use vmdisp_abi::allocation::Kind;
use vmdisp_abi::escape::{MAGIC, Question};

thread_local! {
    static ASKED: RefCell<Option<Asked>> = const { RefCell::new(None) };
    static CREATOR: RefCell<Option<Creator>> = const { RefCell::new(None) };
}

/// The byte around what the driver may write.
const GUARD: u8 = 0xC3;

/// Asks with these bytes. Only an answer writes, it writes no more than the block, and leaves the
/// question in it.
pub fn any_escape(bytes: &[u8]) {
    ASKED.with_borrow_mut(|asked| {
        let asked = asked.get_or_insert_with(Asked::new);
        let mut memory = vec![GUARD; bytes.len() + 64];
        let block = 32..32 + bytes.len();
        memory[block.clone()].copy_from_slice(bytes);
        let status = asked.escape(&mut memory[block.clone()]);
        let complaints = asked.world().take_complaints().len();
        let ours = bytes.len() >= 16 && bytes[..4] == MAGIC.to_le_bytes();
        let outside = memory[..block.start].iter().chain(&memory[block.end..]);
        assert!(outside.into_iter().all(|byte| *byte == GUARD));
        let after = &memory[block];
        match status {
            STATUS_SUCCESS if ours => {
                assert_eq!(after[..16], bytes[..16], "the question stays");
                let question = u32::from_le_bytes(bytes[8..12].try_into().unwrap());
                let question = Question::from_number(question).expect("a question");
                assert_eq!(bytes.len(), usize::from(question.block_bytes()));
                assert_eq!(complaints, 0);
                no_address(&after[16..]);
            }
            STATUS_SUCCESS => assert_eq!((after, complaints), (bytes, 0)),
            STATUS_INVALID_PARAMETER
            | STATUS_ILLEGAL_INSTRUCTION
            | STATUS_GRAPHICS_DRIVER_MISMATCH => {
                assert!(ours, "not ours, and refused");
                assert_eq!((after, complaints), (bytes, 1));
            }
            other => panic!("status {other:#x}"),
        }
    });
}

/// Nothing that could be a pointer into the driver's memory, of which there is plenty on the way.
pub fn no_address(answer: &[u8]) {
    let heap = Box::new(0_u8);
    let here = [
        (&raw const answer) as u64 >> 40,
        (&raw const *heap) as u64 >> 40,
    ];
    for word in answer.chunks_exact(8) {
        let word = u64::from_le_bytes(word.try_into().unwrap());
        assert!(!here.contains(&(word >> 40)), "{word:#x}");
    }
}

/// Reads `bytes` as what a fuzzer makes of it: flags, and blobs of which each has its length before it.
/// The first is that of the whole call. Bits of the first byte help: 1 and 2 make the headers of the
/// call's and of the allocations' blobs good ones.
pub fn any_blobs(bytes: &[u8]) {
    let Some((&[help, flags, count], mut rest)) = bytes.split_first_chunk() else {
        return;
    };
    let mut blobs: Vec<(Vec<u8>, u32)> = Vec::new();
    for index in 0..=usize::from(count % 5) {
        let Some((&[length, more], after)) = rest.split_first_chunk() else {
            break;
        };
        let (blob, after) = after.split_at(usize::from(length).min(after.len()));
        rest = after;
        let mut blob = blob.to_vec();
        let (bit, header) = if index == 0 {
            (1, *b"VmRe\x01\0\x10\0")
        } else {
            (2, *b"VmAl\x01\0\x38\0")
        };
        if help & bit != 0
            && let Some(place) = blob.first_chunk_mut()
        {
            *place = header;
        }
        // A size that is too large is the caller's lie, and memory behind the blob is not there to be
        // read: only a smaller one can be tried here.
        let size = blob.len().saturating_sub(usize::from(more) % 8);
        let size = if help & 4 != 0 { size } else { blob.len() };
        blobs.push((blob, u32::try_from(size).unwrap()));
    }
    if blobs.is_empty() {
        return;
    }
    let blobs: Vec<Blob<'_>> = blobs
        .iter()
        .map(|(blob, size)| (&blob[..], *size))
        .collect();
    CREATOR.with_borrow_mut(|creator| {
        let creator = creator.get_or_insert_with(Creator::new);
        create(creator, u32::from(flags & 7), blobs[0], &blobs[1..]);
    });
}

/// Creates, checks what came of it, and destroys it again.
pub fn create(creator: &Creator, flags: u32, group: Blob<'_>, elements: &[Blob<'_>]) {
    let created = creator.create(flags, group, elements);
    let complaints = creator.world().take_complaints().len();
    match created {
        Ok(created) => {
            assert_eq!(complaints, 0);
            assert_eq!(created.resource.is_null(), flags & 1 == 0);
            check(&created);
            creator.destroy(&created);
        }
        Err(error) => {
            assert!(error != Error::NoMemory, "there is plenty");
            assert_eq!(complaints, 1);
        }
    }
    assert_eq!(creator.live(), 0, "all or nothing");
}

/// What dxgkrnl is told fits together, and so does what the driver keeps.
fn check(created: &Created) {
    for (info, allocation) in created.infos.iter().zip(&created.allocations) {
        let bytes = allocation.bytes();
        assert_eq!(info.Size as u64, bytes);
        let segments = allocation.segments();
        assert!(segments.bits() != 0 && segments.bits() & !3 == 0);
        assert!(bytes > 0 && bytes <= APERTURE_BYTES);
        assert!(segments.bits() & 1 == 0 || bytes <= VIDEO_MEMORY);
        let rows = u64::from(allocation.pitch()) * u64::from(allocation.height());
        if allocation.kind() == Kind::Buffer {
            assert_eq!(rows, 0);
        } else {
            assert!(rows <= bytes && allocation.width() > 0 && allocation.height() > 0);
            let pixel =
                vmdisp_abi::format::bytes_per_pixel(allocation.format()).expect("a known format");
            assert!(allocation.width() * pixel <= allocation.pitch());
        }
    }
}
