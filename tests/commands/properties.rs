//! Any commands: good ones do what they mean, others leave no trace.

use proptest::prelude::*;
use vmdisp::ddi::rig::{Rig, incoming};
use vmdisp_abi::command::{Builder, COMMAND_BYTES, Command, Rect};
use vmdisp_abi::format::bytes_per_pixel;

use crate::model::{Memory, Shape};
use crate::promises::{any_commands, check, keep_their_promises, members};

/// Patch locations: each good member at its beginning, buffers also further on.
const LOCATIONS: [(u32, u32); 11] = [
    (0, 0),
    (0, 100),
    (1, 0),
    (1, 65_000),
    (1, 65_003),
    (2, 0),
    (3, 0),
    (4, 0),
    (5, 0),
    (6, 0),
    (7, 0),
];

fn shapes() -> Vec<Shape> {
    let shape = |member: &vmdisp::ddi::rig::Member| {
        let pixel = bytes_per_pixel(member.data.format).unwrap_or(0);
        let pitch = (member.data.width * pixel).next_multiple_of(64);
        Shape {
            width: member.data.width.into(),
            height: member.data.height.into(),
            pitch: pitch as usize,
            pixel: pixel as usize,
        }
    };
    members().iter().map(shape).collect()
}

fn near() -> impl Strategy<Value = i32> {
    prop_oneof![
        8 => -10..80_i32,
        1 => -800..800_i32,
        1 => prop_oneof![Just(i32::MIN), Just(i32::MAX), Just(0), any::<i32>()],
    ]
}

fn rectangle() -> impl Strategy<Value = Rect> {
    [near(), near(), near(), near()].prop_map(|[a, b, c, d]| Rect {
        left: a.min(c),
        top: b.min(d),
        right: a.max(c),
        bottom: b.max(d),
    })
}

fn clip() -> impl Strategy<Value = Rect> {
    prop_oneof![Just(Rect::EVERYTHING), rectangle()]
}

/// Commands that are right: bytes stay inside, pictures have one size of a pixel.
fn good() -> impl Strategy<Value = Command> {
    let bytes = |at: u32| [1000, 900, 70_000, 5_000, 4_997][at as usize];
    let pictures = prop_oneof![
        Just((5_u32, 6_u32)),
        Just((5, 5)),
        Just((6, 10)),
        Just((10, 6)),
        Just((7, 7)),
        Just((8, 8)),
        Just((9, 9)),
        Just((6, 6)),
    ];
    prop_oneof![
        Just(Command::Nop),
        any::<u64>().prop_map(|value| Command::Marker { value }),
        (0..5_u32, 0..5_u32, 0..2_000_u32).prop_map(move |(from, to, most)| Command::Copy {
            from,
            to,
            bytes: most.min(bytes(from)).min(bytes(to)),
        }),
        (0..5_u32, 0..2_000_u32, any::<u32>()).prop_map(move |(to, most, value)| Command::Fill {
            to,
            bytes: most.min(bytes(to)),
            value,
        }),
        (pictures, rectangle(), near(), near(), clip()).prop_map(
            |((from, to), source, x, y, clip)| Command::SurfaceCopy {
                from,
                to,
                source,
                x,
                y,
                clip
            }
        ),
        (5..11_u32, rectangle(), any::<u32>(), clip()).prop_map(|(to, rectangle, value, clip)| {
            Command::SurfaceFill {
                to,
                value,
                rectangle,
                clip,
            }
        }),
    ]
}

/// The value of a narrow pixel is the lowest bytes of a fill's, over and over.
fn narrowed(command: Command, shapes: &[Shape]) -> Command {
    let Command::SurfaceFill {
        to,
        value,
        rectangle,
        clip,
    } = command
    else {
        return command;
    };
    let value = match shapes[LOCATIONS[to as usize].0 as usize].pixel {
        1 => (value & 0xFF) * 0x0101_0101,
        2 => (value & 0xFFFF) * 0x0001_0001,
        _ => value,
    };
    Command::SurfaceFill {
        to,
        value,
        rectangle,
        clip,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn good_commands_do_what_they_mean(
        commands in prop::collection::vec(good(), 1..24),
        records in 1..12_usize,
        locations in 2..30_usize,
    ) {
        let rig = Rig::new(&members());
        let shapes = shapes();
        let patches = LOCATIONS.map(|(index, offset)| incoming(index, offset));
        let mut room = vec![0; 16 + commands.len() * COMMAND_BYTES];
        let mut builder = Builder::new(&mut room).unwrap();
        for command in &commands {
            builder.push(command).unwrap();
        }
        let room = (records * 64 + 63, locations);
        let passes = rig.render_all(builder.finish(), &patches, room).unwrap();
        let mut meant = Memory::new(&rig, 8);
        let mut done = meant.clone();
        for command in &commands {
            let operand = |at: u32| {
                let (index, offset) = LOCATIONS[at as usize];
                (index as usize, offset as usize)
            };
            meant.command(&narrowed(*command, &shapes), operand, &shapes);
        }
        for pass in &passes {
            check(&rig, pass, room);
            done.records(pass);
        }
        prop_assert!(done == meant, "another picture");
    }

    #[test]
    fn random_words_never_leave_an_allocation(
        words in prop::collection::vec(prop_oneof![0..64_u32, any::<u32>()], 0..200),
        help in any::<u8>(),
        room in any::<u8>(),
        count in 0..8_u8,
    ) {
        let mut bytes = vec![help | 3, room, 16, count];
        bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
        any_commands(&bytes);
    }

    #[test]
    fn commands_with_any_operands_keep_their_promises(
        commands in prop::collection::vec(good(), 1..6),
        patches in prop::collection::vec((0..14_u32, prop_oneof![Just(0_u32), 0..80_000_u32]), 1..12),
    ) {
        let rig = Rig::new(&members());
        let patches: Vec<_> = patches.iter().map(|(index, offset)| incoming(*index, *offset)).collect();
        let mut room = vec![0; 16 + commands.len() * COMMAND_BYTES];
        let mut builder = Builder::new(&mut room).unwrap();
        for command in &commands {
            builder.push(command).unwrap();
        }
        keep_their_promises(&rig, builder.finish(), &patches, (4096, 64));
    }
}
