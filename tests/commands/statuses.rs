//! Each status of Render, by what earns it (contract: X3), and what is reported with it.

use vmdisp::ddi::rig::{Buffers, Rig, incoming};
use vmdisp::engine::emit::{ADDRESS, READ_SLOT, REFERENCE, WRITE_SLOT, Written};
use vmdisp::engine::private;
use vmdisp::engine::record::{Copy, Fill, Operation, Place};
use vmdisp::engine::render::Error;
use vmdisp_abi::command::{Builder, COMMAND_BYTES, Command, Rect};

use crate::promises::members;

/// A buffer of these commands.
fn buffer(commands: &[Command]) -> Vec<u8> {
    let mut room = vec![0; 16 + commands.len() * COMMAND_BYTES];
    let mut builder = Builder::new(&mut room).unwrap();
    for command in commands {
        builder.push(command).unwrap();
    }
    let _ = builder.finish();
    room
}

/// What one call answers, with room for everything, and which field it complains about. A refusal leaves
/// no private data that anyone would follow.
fn answer(commands: &[u8], patches: &[(u32, u32)]) -> (Option<Error>, Vec<String>) {
    let rig = Rig::new(&members());
    let patches: Vec<_> = patches
        .iter()
        .map(|(index, offset)| incoming(*index, *offset))
        .collect();
    let mut buffers = Buffers::new(4096, private::BYTES, 64);
    let answer = rig.render(commands, &patches, 0, &mut buffers);
    if answer.is_err() {
        assert_eq!(buffers.private(), None);
    }
    let complaints = rig.world().take_complaints();
    let fields = complaints
        .iter()
        .map(|line| line.field.to_string_lossy().into_owned());
    (answer.err(), fields.collect())
}

fn refused(commands: &[Command], patches: &[(u32, u32)], error: Error, field: &str) {
    let answered = answer(&buffer(commands), patches);
    assert_eq!(answered, (Some(error), vec![field.into()]), "{commands:?}");
}

fn taken(commands: &[Command], patches: &[(u32, u32)]) {
    let answered = answer(&buffer(commands), patches);
    assert_eq!(answered, (None, vec![]), "{commands:?}");
}

const COPY: Command = Command::Copy {
    from: 0,
    to: 1,
    bytes: 100,
};

const fn fill(bytes: u32) -> Command {
    Command::Fill {
        to: 0,
        bytes,
        value: 7,
    }
}

const fn surface_copy(from: u32, to: u32) -> Command {
    Command::SurfaceCopy {
        from,
        to,
        source: Rect::new(0, 0, 4, 4),
        x: 0,
        y: 0,
        clip: Rect::EVERYTHING,
    }
}

#[test]
fn another_magic_or_version_is_another_drivers() {
    for at in [0, 1, 2, 3, 4, 5] {
        let mut commands = buffer(&[Command::Nop]);
        commands[at] ^= 0x40;
        let expected = (Some(Error::Mismatch), vec!["header".into()]);
        assert_eq!(answer(&commands, &[]), expected, "{at}");
    }
}

#[test]
fn lengths_must_belong_together() {
    let good = buffer(&[Command::Nop, Command::Nop]);
    let wrong = (Some(Error::UserBuffer), vec!["CommandLength".into()]);
    for bytes in [0, 1, 15, 16, 17, 79, 80, 143] {
        assert_eq!(answer(&good[..bytes], &[]), wrong, "{bytes}");
    }
    // What the header says: its own size, the length, the reserved word.
    for at in [6, 8, 9, 11, 12, 15] {
        let mut commands = good.clone();
        commands[at] ^= 1;
        assert_eq!(answer(&commands, &[]), wrong, "{at}");
    }
    // Half a command at the end, and a length that says so.
    let mut commands = good.clone();
    commands.truncate(120);
    commands[8] = 120;
    assert_eq!(answer(&commands, &[]), wrong);
    // A header and nothing more.
    let mut commands = good;
    commands.truncate(16);
    commands[8] = 16;
    assert_eq!(answer(&commands, &[]), wrong);
}

#[test]
fn what_is_no_command_is_an_illegal_instruction() {
    let expected = (Some(Error::Illegal), vec!["command".into()]);
    let mut unknown = buffer(&[Command::Nop, Command::Nop]);
    unknown[80] = 7;
    assert_eq!(answer(&unknown, &[]), expected);
    let mut reserved = buffer(&[Command::Nop]);
    reserved[79] = 1;
    assert_eq!(answer(&reserved, &[]), expected);
}

#[test]
fn exchanged_edges_are_a_wrong_parameter() {
    let wrong = Command::SurfaceFill {
        to: 0,
        value: 0,
        rectangle: Rect {
            left: 2,
            top: 0,
            right: 1,
            bottom: 1,
        },
        clip: Rect::EVERYTHING,
    };
    refused(&[wrong], &[(2, 0)], Error::Parameter, "command");
}

#[test]
fn indices_end_with_their_lists() {
    let patches = "pPatchLocationListIn";
    refused(&[COPY], &[], Error::Parameter, patches);
    refused(&[COPY], &[(0, 0)], Error::Parameter, patches);
    taken(&[COPY], &[(0, 0), (1, 0)]);
    refused(
        &[COPY],
        &[(13, 0), (1, 0)],
        Error::Parameter,
        "AllocationIndex",
    );
    refused(
        &[COPY],
        &[(0, 0), (u32::MAX, 0)],
        Error::Parameter,
        "AllocationIndex",
    );
}

#[test]
fn reserved_bits_of_a_patch_location_are_zero() {
    let rig = Rig::new(&members());
    let mut patch = incoming(0, 0);
    patch.u0.set_Reserved(1);
    let mut buffers = Buffers::new(4096, private::BYTES, 64);
    let answer = rig.render(&buffer(&[fill(8)]), &[patch], 0, &mut buffers);
    assert_eq!(answer, Err(Error::Parameter));
}

#[test]
fn a_range_ends_with_its_allocation() {
    let offset = "AllocationOffset";
    for (at, bytes) in [(0, 1000), (1000, 0), (999, 1), (17, 983)] {
        taken(&[fill(bytes)], &[(0, at)]);
    }
    for (at, bytes) in [
        (0, 1001),
        (1000, 1),
        (1001, 0),
        (17, 984),
        (u32::MAX, u32::MAX),
        (1, u32::MAX),
    ] {
        refused(&[fill(bytes)], &[(0, at)], Error::Parameter, offset);
        let copy = Command::Copy {
            from: 0,
            to: 1,
            bytes,
        };
        refused(&[copy], &[(0, at), (1, 0)], Error::Parameter, offset);
        let copy = Command::Copy {
            from: 1,
            to: 0,
            bytes,
        };
        refused(&[copy], &[(0, at), (1, 0)], Error::Parameter, offset);
    }
}

#[test]
fn pictures_are_pictures_as_a_whole_and_of_one_kind_of_pixel() {
    taken(&[surface_copy(0, 1)], &[(2, 0), (3, 0)]);
    for patches in [
        [(0, 0), (3, 0)],
        [(2, 0), (0, 0)],
        [(2, 64), (3, 0)],
        [(2, 0), (3, 1)],
        [(2, 0), (4, 0)],
    ] {
        refused(&[surface_copy(0, 1)], &patches, Error::Parameter, "operand");
    }
    let fill = Command::SurfaceFill {
        to: 0,
        value: 0,
        rectangle: Rect::EVERYTHING,
        clip: Rect::EVERYTHING,
    };
    taken(&[fill], &[(3, 0)]);
    refused(&[fill], &[(0, 0)], Error::Parameter, "operand");
    refused(&[fill], &[(3, 4)], Error::Parameter, "operand");
}

#[test]
fn only_the_devices_own_openings_can_be_used() {
    for index in [10, 11, 12] {
        refused(&[fill(8)], &[(index, 0)], Error::Handle, "AllocationIndex");
        refused(
            &[COPY],
            &[(index, 0), (0, 0)],
            Error::Handle,
            "AllocationIndex",
        );
    }
}

#[test]
fn what_may_only_be_read_is_not_written() {
    for index in [8, 9] {
        refused(
            &[fill(8)],
            &[(index, 0)],
            Error::Privileged,
            "AllocationIndex",
        );
        refused(
            &[COPY],
            &[(0, 0), (index, 0)],
            Error::Privileged,
            "AllocationIndex",
        );
        taken(&[COPY], &[(index, 0), (0, 0)]);
    }
    refused(
        &[surface_copy(0, 1)],
        &[(2, 0), (8, 0)],
        Error::Privileged,
        "AllocationIndex",
    );
}

#[test]
fn a_wrong_command_leaves_nothing_of_the_good_ones_before_it() {
    refused(
        &[fill(8), COPY, fill(1001)],
        &[(0, 0), (1, 0)],
        Error::Parameter,
        "AllocationOffset",
    );
}

#[test]
fn a_buffer_that_is_full_goes_on_in_the_next_one() {
    let rig = Rig::new(&members());
    let commands = buffer(&[fill(1), fill(2), fill(3)]);
    let patches = [incoming(0, 0)];
    let mut done = 0;
    for expected in 1..=3 {
        let mut buffers = Buffers::new(127, private::BYTES, 64);
        let translated = rig.render(&commands, &patches, done, &mut buffers).unwrap();
        assert_eq!((translated.done, translated.more), (expected, expected < 3));
        assert_eq!(
            (translated.written.bytes, translated.written.patches),
            (64, 1)
        );
        assert_eq!(translated.written.private, 64);
        done = translated.done;
        let pass = buffers.pass(&translated.written);
        assert!(
            matches!(pass.records[..], [Operation::Fill(Fill { row_bytes, .. })] if row_bytes == expected)
        );
    }
    // All is done, and asked once more.
    let mut buffers = Buffers::new(127, private::BYTES, 64);
    let translated = rig.render(&commands, &patches, 3, &mut buffers).unwrap();
    assert_eq!(
        (translated.more, translated.written),
        (false, Written::default())
    );
    assert_eq!(buffers.pass(&translated.written).private, None);
    assert_eq!(
        rig.render(&commands, &patches, 4, &mut buffers),
        Err(Error::Parameter)
    );
}

#[test]
fn without_room_for_one_command_there_is_no_progress() {
    let rig = Rig::new(&members());
    let commands = buffer(&[COPY]);
    let patches = [incoming(0, 0), incoming(1, 0)];
    for (bytes, private, locations) in [
        (63, 64, 2),
        (0, 64, 2),
        (64, 63, 2),
        (64, 0, 2),
        (64, 64, 1),
        (64, 64, 0),
    ] {
        let mut buffers = Buffers::new(bytes, private, locations);
        let answer = rig.render(&commands, &patches, 0, &mut buffers);
        assert_eq!(
            answer,
            Err(Error::Insufficient),
            "{bytes} {private} {locations}"
        );
        assert_eq!(buffers.private(), None);
    }
    let mut buffers = Buffers::new(64, 64, 2);
    assert!(rig.render(&commands, &patches, 0, &mut buffers).is_ok());
}

#[test]
fn records_and_patch_locations_are_what_the_commands_say() {
    let rig = Rig::new(&members());
    let patches = [
        incoming(0, 12),
        incoming(1, 34),
        incoming(2, 0),
        incoming(3, 0),
    ];
    let empty = Command::Copy {
        from: 0,
        to: 1,
        bytes: 0,
    };
    let clipped = Command::SurfaceCopy {
        from: 2,
        to: 3,
        source: Rect::new(-5, 2, 20, 3),
        x: 50,
        y: -1,
        clip: Rect::EVERYTHING,
    };
    let commands = buffer(&[COPY, empty, clipped, Command::Marker { value: 9 }]);
    let passes = rig.render_all(&commands, &patches, (4096, 64)).unwrap();
    let [pass] = &passes[..] else {
        panic!("{} passes", passes.len())
    };
    let linear = Copy {
        from: Place::Gpu(0),
        from_pitch: 100,
        to: Place::Gpu(0x2_0000_0000 + 34),
        to_pitch: 100,
        row_bytes: 100,
        rows: 1,
    };
    // Column -5 goes to 50: columns 0 to 8 go to 55 to 63. Row 2 goes to -1: rows 3 and 4 to 0 and 1.
    let rows = Copy {
        from: Place::Gpu(0),
        from_pitch: 192,
        to: Place::Gpu(0x1_0010_0000 + 55 * 4),
        to_pitch: 256,
        row_bytes: 9 * 4,
        rows: 2,
    };
    let expected = [
        Operation::Copy(linear),
        Operation::Nop,
        Operation::Copy(rows),
        Operation::Marker { value: 9 },
    ];
    assert_eq!(pass.records, expected);
    let found: Vec<_> = pass
        .patches
        .iter()
        .map(|at| (at.index, at.slot, at.driver, at.offset, at.patch, at.split))
        .collect();
    let expected = [
        (0, READ_SLOT, ADDRESS, 12, 8, 0),
        (1, WRITE_SLOT, ADDRESS, 34, 16, 0),
        (0, READ_SLOT, REFERENCE, 0, 64, 64),
        (1, WRITE_SLOT, REFERENCE, 0, 64, 64),
        (2, READ_SLOT, ADDRESS, 3 * 192, 128 + 8, 128),
        (3, WRITE_SLOT, ADDRESS, 55 * 4, 128 + 16, 128),
    ];
    assert_eq!(found, expected);
}
