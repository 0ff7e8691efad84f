use super::*;

const SAMPLES: [Command; 6] = [
    Command::Nop,
    Command::Copy {
        from: 1,
        to: 2,
        bytes: 3,
    },
    Command::Fill {
        to: 4,
        bytes: 5,
        value: 6,
    },
    Command::SurfaceCopy {
        from: 7,
        to: 8,
        source: Rect::new(-1, -2, 30, 40),
        x: -5,
        y: 6,
        clip: Rect::EVERYTHING,
    },
    Command::SurfaceFill {
        to: 9,
        value: 10,
        rectangle: Rect::new(1, 2, 3, 4),
        clip: Rect::new(0, 0, 2, 2),
    },
    Command::Marker {
        value: 0x0123_4567_89AB_CDEF,
    },
];

/// The members of each command, by the bytes where they stand: the rest is reserved.
const MEMBERS: [[core::ops::Range<usize>; 2]; 6] = [
    [0..4, 0..0],
    [0..16, 0..0],
    [0..16, 0..0],
    [0..12, 16..56],
    [0..12, 16..48],
    [0..4, 8..16],
];

#[test]
fn a_command_is_read_as_it_was_written() {
    for command in SAMPLES {
        assert_eq!(Command::decode(&command.encode()), Ok(command));
    }
}

#[test]
fn each_reserved_byte_is_looked_at() {
    for (command, members) in SAMPLES.iter().zip(MEMBERS) {
        for at in 0..COMMAND_BYTES {
            if members.iter().any(|member| member.contains(&at)) {
                continue;
            }
            let mut bytes = command.encode();
            bytes[at] = 1;
            let opcode = u32::from(bytes[0]);
            assert_eq!(
                Command::decode(&bytes),
                Err(Wrong::Reserved(opcode)),
                "{at}"
            );
        }
    }
}

#[test]
fn an_unknown_opcode_and_exchanged_edges_are_refused() {
    for opcode in [0, 7, 0x100, u32::MAX] {
        let mut bytes = [0; COMMAND_BYTES];
        bytes[..4].copy_from_slice(&opcode.to_le_bytes());
        assert_eq!(Command::decode(&bytes), Err(Wrong::Opcode(opcode)));
    }
    for wrong in [Rect::new(5, 0, -1, 1), Rect::new(0, 5, 1, -1)] {
        for (source, clip) in [(wrong, Rect::EVERYTHING), (Rect::EVERYTHING, wrong)] {
            let copy = Command::SurfaceCopy {
                from: 0,
                to: 1,
                source,
                x: 0,
                y: 0,
                clip,
            };
            assert_eq!(Command::decode(&copy.encode()), Err(Wrong::Rectangle(4)));
            let fill = Command::SurfaceFill {
                to: 1,
                value: 0,
                rectangle: source,
                clip,
            };
            assert_eq!(Command::decode(&fill.encode()), Err(Wrong::Rectangle(5)));
        }
    }
}

#[test]
fn a_buffer_has_its_header_and_its_commands_and_no_more() {
    let mut room = [0xAA; 16 + 3 * COMMAND_BYTES];
    let mut builder = Builder::new(&mut room).unwrap();
    builder.nop().unwrap();
    builder.copy(1, 2, 3).unwrap();
    builder.marker(7).unwrap();
    assert_eq!(builder.commands(), 3);
    assert_eq!(builder.nop(), Err(Full));
    let buffer = builder.finish();
    assert_eq!(buffer.len(), 16 + 3 * COMMAND_BYTES);
    assert_eq!(buffer[..16], *BufferHeader::new(208).as_bytes());
    assert_eq!(buffer[16..80], Command::Nop.encode());
    assert_eq!(buffer[144..], Command::Marker { value: 7 }.encode());
    assert_eq!(Builder::new(&mut [0; 15]).map(|_| ()), Err(Full));
}
