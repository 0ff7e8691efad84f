//! Presents: what each is, and what each refusal is.

use std::vec::Vec;

use vmdisp_abi::allocation::{AllocationData, AllocationFlags, Kind as Kinds};
use vmdisp_abi::format::{
    A1R5G5B5, A2B10G10R10, A2R10G10B10, A8, A8B8G8R8, A8R8G8B8, A16B16G16R16, L8, P8, R5G6B5,
    X1R5G5B5, X8B8G8R8, X8R8G8B8,
};

use super::*;
use crate::ddi::rig::{Buffers, Member, Owner, Pass, Rig};
use crate::engine::emit::{READ_SLOT, REFERENCE, WRITE_SLOT};
use crate::engine::private;
use crate::engine::record::{Copy, Fill, Operation, Place};

mod moves;

type F = Flags;

const NONE: Member = Member {
    owner: Owner::Nobody,
    ..Member::of(AllocationData::buffer(64, AllocationFlags::empty()))
};

fn surface(width: u32, height: u32, format: u32) -> Member {
    let flags = AllocationFlags::empty();
    Member::of(AllocationData::picture(
        Kinds::Surface,
        width,
        height,
        format,
        flags,
    ))
}

fn primary() -> Member {
    Member::of(AllocationData::primary(0, 64, 32, X8R8G8B8, (60, 1)))
}

const fn rect(left: i32, top: i32, right: i32, bottom: i32) -> RECT {
    RECT {
        left,
        top,
        right,
        bottom,
    }
}

fn call(flags: Flags, source: RECT, destination: RECT, rectangles: &[RECT]) -> Call<'_> {
    Call {
        flags,
        color: 0xFF33_6699,
        source,
        destination,
        rectangles,
        done: 0,
        room: None,
    }
}

/// All passes of a present from `source` to `destination`.
fn passes(members: [Member; 2], call: &Call<'_>, room: (usize, usize)) -> Result<Vec<Pass>, Error> {
    let rig = Rig::new(&[NONE, members[0], members[1]]);
    let mut passes = Vec::new();
    let mut done = 0;
    loop {
        let mut buffers = Buffers::new(room.0, private::BYTES, room.1);
        let again = Call {
            done,
            room: None,
            ..*call
        };
        let presented = match rig.present(again, Some(&mut buffers)) {
            Ok(presented) => presented,
            Err(error) => {
                assert_eq!(buffers.private(), None);
                let lines = rig.world().take_complaints().len();
                assert_eq!(lines, usize::from(error != Error::Insufficient));
                return Err(error);
            }
        };
        assert!(presented.done > done || !presented.more);
        done = presented.done;
        passes.push(buffers.pass(&presented.written));
        if !presented.more {
            return Ok(passes);
        }
    }
}

const ROOM: (usize, usize) = (4096, 64);

fn refused(members: [Member; 2], flags: Flags, error: Error) {
    let whole = rect(0, 0, 16, 16);
    let call = call(flags, whole, whole, &[]);
    assert_eq!(
        passes(members, &call, ROOM).err(),
        Some(error),
        "{:x}",
        flags.bits()
    );
}

#[test]
fn a_blt_copies_each_rectangle_from_where_the_whole_comes() {
    let members = [surface(100, 50, A8R8G8B8), primary()];
    let rectangles = [rect(10, 5, 20, 8), rect(12, 8, 20, 30)];
    let call = call(
        Flags::Blt,
        rect(3, 4, 53, 34),
        rect(10, 5, 60, 35),
        &rectangles,
    );
    let [pass] = &passes(members, &call, ROOM).expect("a blt")[..] else {
        panic!("one pass");
    };
    let copies: Vec<_> = pass
        .records
        .iter()
        .map(|record| match record {
            Operation::Copy(copy) => (copy.row_bytes, copy.rows, copy.from_pitch, copy.to_pitch),
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(copies, [(40, 3, 448, 256), (32, 22, 448, 256)]);
    let offsets: Vec<_> = pass
        .patches
        .iter()
        .map(|at| (at.index, at.slot, at.offset, at.patch, at.split))
        .collect();
    let expected = [
        (SOURCE, READ_SLOT, 4 * 448 + 3 * 4, 8, 0),
        (DESTINATION, WRITE_SLOT, 5 * 256 + 10 * 4, 16, 0),
        (SOURCE, READ_SLOT, 7 * 448 + 5 * 4, 72, 64),
        (DESTINATION, WRITE_SLOT, 8 * 256 + 12 * 4, 80, 64),
    ];
    assert_eq!(offsets, expected);
}

#[test]
fn without_rectangles_the_whole_is_meant_and_all_is_cut_to_what_there_is() {
    let members = [surface(20, 20, A8R8G8B8), primary()];
    // Columns -4 to 30 of the source go to 50 to 84: 0 to 10 go to 54 to 64.
    let call = call(Flags::Blt, rect(-4, 10, 30, 40), rect(50, -2, 84, 28), &[]);
    let [pass] = &passes(members, &call, ROOM).expect("a blt")[..] else {
        panic!("one pass");
    };
    let expected = Copy {
        from: Place::Gpu(0),
        from_pitch: 128,
        to: Place::Gpu(0),
        to_pitch: 256,
        row_bytes: 40,
        rows: 8,
    };
    assert_eq!(pass.records, [Operation::Copy(expected)]);
    let offsets: Vec<_> = pass.patches.iter().map(|at| at.offset).collect();
    assert_eq!(offsets, [12 * 128, 54 * 4]);
}

#[test]
fn what_is_nowhere_to_be_seen_writes_nothing() {
    let members = [surface(20, 20, A8R8G8B8), primary()];
    let far = rect(100, 100, 110, 110);
    let call = call(Flags::Blt, rect(0, 0, 10, 10), far, &[]);
    let [pass] = &passes(members, &call, ROOM).expect("a blt")[..] else {
        panic!("one pass");
    };
    assert!(pass.records.is_empty() && pass.patches.is_empty());
    assert_eq!(pass.private, None);
}

#[test]
fn a_fill_has_the_colour_in_the_destinations_format() {
    // Alpha 0xFF, red 0x33, green 0x66, blue 0x99.
    let values = [
        (A8R8G8B8, 0xFF33_6699),
        (X8R8G8B8, 0xFF33_6699),
        (A8B8G8R8, 0xFF99_6633),
        (X8B8G8R8, 0xFF99_6633),
        (R5G6B5, 0x3333_3333),
        (X1R5G5B5, 0x9993_9993),
        (A1R5G5B5, 0x9993_9993),
        (A2R10G10B10, 0xCCC6_6666),
        (A2B10G10R10, 0xE666_64CC),
        (A8, 0xFFFF_FFFF),
        (P8, 0x9999_9999),
    ];
    for (format, value) in values {
        let destination = surface(64, 32, format);
        for flags in [Flags::ColorFill, Flags::ColorFill | Flags::Blt] {
            let rectangles = [rect(1, 2, 5, 6), rect(60, 30, 70, 40)];
            let call = call(flags, rect(0, 0, 0, 0), rect(1, 2, 70, 40), &rectangles);
            let [pass] = &passes([NONE, destination], &call, ROOM).expect("a fill")[..] else {
                panic!("one pass");
            };
            let fills: Vec<_> = pass
                .records
                .iter()
                .map(|record| match record {
                    Operation::Fill(Fill { value, rows, .. }) => (*value, *rows),
                    other => panic!("{other:?}"),
                })
                .collect();
            assert_eq!(fills, [(value, 4), (value, 2)], "format {format}");
        }
    }
    for format in [L8, A16B16G16R16] {
        refused(
            [NONE, surface(64, 32, format)],
            Flags::ColorFill,
            Error::ColorConvert,
        );
    }
}

#[test]
fn formats_that_are_not_alike_are_not_converted() {
    let formats = [
        A8R8G8B8,
        X8R8G8B8,
        A8B8G8R8,
        X8B8G8R8,
        R5G6B5,
        X1R5G5B5,
        A1R5G5B5,
        P8,
        L8,
        A2R10G10B10,
    ];
    let pairs = [
        [A8R8G8B8, X8R8G8B8],
        [A8B8G8R8, X8B8G8R8],
        [A1R5G5B5, X1R5G5B5],
    ];
    let whole = rect(0, 0, 16, 16);
    for from in formats {
        for to in formats {
            let call = call(Flags::Blt, whole, whole, &[]);
            let answer = passes([surface(16, 16, from), surface(16, 16, to)], &call, ROOM);
            let alike = from == to
                || pairs
                    .iter()
                    .any(|pair| pair.contains(&from) && pair.contains(&to));
            let expected = (!alike).then_some(Error::ColorConvert);
            assert_eq!(answer.err(), expected, "{from} to {to}");
        }
    }
}

#[test]
fn what_the_engine_does_not_do_is_an_illegal_instruction() {
    let good = [surface(64, 32, X8R8G8B8), primary()];
    let flags = [
        F::empty(),
        F::Blt | F::SrcColorKey,
        F::Blt | F::DstColorKey,
        F::Blt | F::BltStereoUseRight,
        F::Blt | F::Flip,
        F::ColorFill | F::Flip,
        F::Flip | F::FlipWithNoWait,
        F::Flip | F::FlipStereo,
        F::Flip | F::FlipStereoTemporaryMono,
        F::Flip | F::FlipStereoPreferRight,
        F::Flip | F::FlipWithMultiPlaneOverlay,
        F::Blt | F::RedirectedFlip,
        F::Blt | F::empty().with_Reserved(1),
    ];
    for flags in flags {
        refused(good, flags, Error::Illegal);
    }
    // Of a picture that could be flipped to.
    for flags in flags {
        refused([primary(), primary()], flags, Error::Illegal);
    }
    refused(good, F::Blt | F::LinearToSrgb, Error::ColorConvert);
    let stretched = call(F::Blt, rect(0, 0, 16, 16), rect(0, 0, 17, 16), &[]);
    assert_eq!(passes(good, &stretched, ROOM).err(), Some(Error::Illegal));
    let buffer = Member::of(AllocationData::buffer(65_536, AllocationFlags::empty()));
    refused([buffer, primary()], F::Blt, Error::Illegal);
    refused([primary(), buffer], F::Blt, Error::Illegal);
    refused([NONE, buffer], F::ColorFill, Error::Illegal);
    // The screen is not turned, so there is nothing to turn for it.
    let whole = rect(0, 0, 16, 16);
    let rotated = call(F::Blt | F::Rotate, whole, whole, &[]);
    assert!(passes(good, &rotated, ROOM).is_ok());
}

#[test]
fn a_missing_source_or_destination_is_a_wrong_handle() {
    let good = surface(64, 32, X8R8G8B8);
    let other = Member {
        owner: Owner::Other,
        ..good
    };
    for wrong in [NONE, other] {
        refused([wrong, good], Flags::Blt, Error::Handle);
        refused([good, wrong], Flags::Blt, Error::Handle);
        refused([good, wrong], Flags::ColorFill, Error::Handle);
        refused([wrong, good], Flags::Flip, Error::Handle);
    }
    let read_only = Member {
        read_only: true,
        ..good
    };
    refused([good, read_only], Flags::Blt, Error::Privileged);
    refused([NONE, read_only], Flags::ColorFill, Error::Privileged);
    // Present's destination is dxgkrnl's choice: the element need not say that it is written.
    let unsaid = Member {
        write: false,
        ..good
    };
    let whole = rect(0, 0, 16, 16);
    assert!(passes([good, unsaid], &call(Flags::Blt, whole, whole, &[]), ROOM).is_ok());
}

#[test]
fn a_flip_needs_no_buffer_but_something_that_can_be_scanned_out() {
    let whole = rect(0, 0, 64, 32);
    for flags in [Flags::Flip, Flags::Flip | Flags::RedirectedFlip] {
        let rig = Rig::new(&[NONE, primary(), NONE]);
        let presented = rig
            .present(call(flags, whole, whole, &[]), None)
            .expect("a flip");
        assert_eq!(presented.written, Written::default());
        let [pass] =
            &passes([primary(), NONE], &call(flags, whole, whole, &[]), ROOM).expect("a flip")[..]
        else {
            panic!("one pass");
        };
        assert_eq!(pass.records, [Operation::Nop]);
        let [at] = pass.patches[..] else {
            panic!("one location");
        };
        assert_eq!((at.index, at.driver), (SOURCE, REFERENCE));
    }
    refused(
        [surface(64, 32, X8R8G8B8), NONE],
        Flags::Flip,
        Error::Illegal,
    );
    // No other present can do without a buffer.
    let rig = Rig::new(&[NONE, primary(), primary()]);
    for flags in [Flags::Blt, Flags::ColorFill] {
        let answer = rig.present(call(flags, whole, whole, &[]), None);
        assert_eq!(answer, Err(Error::Illegal));
    }
}

#[test]
fn more_rectangles_than_fit_take_more_buffers() {
    let members = [surface(64, 32, X8R8G8B8), primary()];
    let rectangles: Vec<_> = (0..10).map(|at| rect(at, at, at + 1, at + 1)).collect();
    let whole = rect(0, 0, 64, 32);
    let call = call(Flags::Blt, whole, whole, &rectangles);
    for room in [(3 * 64 + 63, 64), (4096, 7)] {
        let passes = passes(members, &call, room).expect("a blt");
        let lengths: Vec<_> = passes.iter().map(|pass| pass.records.len()).collect();
        assert_eq!(lengths, [3, 3, 3, 1]);
        let all = passes
            .iter()
            .flat_map(|pass| &pass.patches)
            .filter(|at| at.slot == READ_SLOT);
        let offsets: Vec<_> = all.map(|at| at.offset).collect();
        assert_eq!(
            offsets,
            (0..10).map(|at| at * 256 + at * 4).collect::<Vec<_>>()
        );
    }
    for room in [(63, 64), (64, 1)] {
        assert_eq!(
            passes(members, &call, room).err(),
            Some(Error::Insufficient)
        );
    }
}
