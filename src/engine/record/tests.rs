use std::vec;
use std::vec::Vec;

use proptest::prelude::*;

use super::*;
use crate::engine::permit::Gate;

fn place() -> impl Strategy<Value = Place> {
    prop_oneof![
        (0_u64..1 << 40).prop_map(Place::Gpu),
        (0_u64..8 << 12).prop_map(|offset| Place::Frames { offset }),
    ]
}

fn operation() -> impl Strategy<Value = Operation> {
    let sizes = (0_u32..9000, 0_u32..9000, 0_u32..9000, 0_u32..6);
    prop_oneof![
        Just(Operation::Nop),
        (place(), place(), sizes.clone()).prop_map(
            |(from, to, (from_pitch, to_pitch, row_bytes, rows))| {
                Operation::Copy(Copy {
                    from,
                    from_pitch,
                    to,
                    to_pitch,
                    row_bytes,
                    rows,
                })
            }
        ),
        (place(), sizes, any::<u32>()).prop_map(|(to, (to_pitch, row_bytes, _, rows), value)| {
            Operation::Fill(Fill {
                to,
                to_pitch,
                row_bytes,
                rows,
                value,
            })
        }),
        (any::<u32>(), 0_u32..10)
            .prop_map(|(first_page, pages)| Operation::Map(Map { first_page, pages })),
        (any::<u32>(), 0_u32..10, any::<u64>()).prop_map(|(first_page, pages, dummy)| {
            Operation::Unmap(Unmap {
                first_page,
                pages,
                dummy,
            })
        }),
        any::<u64>().prop_map(|value| Operation::Marker { value }),
    ]
}

/// What is read of `bytes` at `offset`, with its frames.
fn read(bytes: &mut [u8], offset: usize) -> Result<(Operation, Vec<u64>, usize), Malformed> {
    let gate = Gate::new();
    let entered = gate.permit().enter().unwrap();
    let decoded = decode(KernelBuffer::from(bytes), offset, &entered)?;
    let mut frames = vec![0; decoded.frames.count() as usize];
    assert!(decoded.frames.read(0, &mut frames, &entered));
    assert!(!decoded.frames.read(1, &mut frames, &entered) || frames.is_empty());
    assert!(!decoded.frames.read(u32::MAX, &mut [0; 2], &entered));
    Ok((decoded.operation, frames, decoded.next))
}

proptest! {
    #[test]
    fn what_is_written_is_read_and_nothing_else_is_written(
        operation in operation(),
        frames in prop::collection::vec(any::<u64>(), 0..20),
        room in 0_usize..300,
        fill in any::<u8>(),
    ) {
        let mut bytes = vec![fill; room + 64];
        let written = encode(&mut bytes[64..], &operation, &frames);
        match written {
            Ok(length) => {
                prop_assert_eq!(length, bytes_with(frames.len()));
                prop_assert!(frames_that_fit(length) >= frames.len());
                prop_assert_eq!(read(&mut bytes, 64), Ok((operation, frames, 64 + length)));
                prop_assert!(bytes[..64].iter().chain(&bytes[64 + length..]).all(|byte| *byte == fill));
            }
            Err(NotWritten::NoRoom) => {
                prop_assert!(bytes_with(frames.len()) > room);
                prop_assert!(bytes.iter().all(|byte| *byte == fill));
            }
            Err(NotWritten::Malformed) => {
                prop_assert!(bytes.iter().all(|byte| *byte == fill));
                prop_assert_eq!(raw(&operation, frames.len().try_into().unwrap()).operation(), Err(Malformed));
            }
        }
    }

    #[test]
    fn no_bytes_are_followed_out_of_the_buffer(
        mut bytes in prop::collection::vec(any::<u8>(), 0..260),
        kind in 0_u16..8,
        frames in 0_u32..40,
        magic in any::<bool>(),
        offset in 0_usize..260,
    ) {
        if magic && bytes.len() >= RECORD_BYTES {
            bytes[..4].copy_from_slice(b"VmRc");
            bytes[4..6].copy_from_slice(&kind.to_le_bytes());
            bytes[56..60].copy_from_slice(&frames.to_le_bytes());
            bytes[60..64].fill(0);
        }
        let length = bytes.len();
        for offset in [0, offset] {
            if let Ok((_, frames, next)) = read(&mut bytes, offset) {
                prop_assert!(next <= length && next == offset + bytes_with(frames.len()));
            }
            let _ = set_address(&mut bytes, offset.try_into().unwrap(), 7);
        }
    }
}

const COPIED: Copy = Copy {
    from: Place::Frames { offset: 4090 },
    from_pitch: 0,
    to: Place::Gpu(0),
    to_pitch: 0,
    row_bytes: 6,
    rows: 1,
};

#[test]
fn a_rectangle_beyond_its_frames_is_malformed() {
    let mut bytes = [0; 128];
    let mut write = |copy, frames: &[u64]| encode(&mut bytes, &Operation::Copy(copy), frames);
    assert_eq!(write(COPIED, &[1]), Ok(128));
    let malformed = Err(NotWritten::Malformed);
    assert_eq!(
        write(
            Copy {
                row_bytes: 7,
                ..COPIED
            },
            &[1]
        ),
        malformed
    );
    assert_eq!(
        write(
            Copy {
                row_bytes: 7,
                ..COPIED
            },
            &[1, 2]
        ),
        Ok(128)
    );
    assert_eq!(write(COPIED, &[]), malformed);
    let last = Place::Frames { offset: u64::MAX };
    assert_eq!(
        write(
            Copy {
                from: last,
                ..COPIED
            },
            &[1]
        ),
        malformed
    );
    let end = Place::Gpu(u64::MAX);
    assert_eq!(write(Copy { to: end, ..COPIED }, &[1]), malformed);
    let two = Copy {
        rows: 2,
        from: Place::Gpu(9),
        ..COPIED
    };
    assert_eq!(write(two, &[]), malformed);
    assert_eq!(
        write(
            Copy {
                from_pitch: 6,
                to_pitch: 5,
                ..two
            },
            &[]
        ),
        malformed
    );
    assert_eq!(
        write(
            Copy {
                from_pitch: 6,
                to_pitch: 6,
                ..two
            },
            &[]
        ),
        Ok(64)
    );
    for (row_bytes, rows) in [(0, 1), (6, 0)] {
        assert_eq!(
            write(
                Copy {
                    row_bytes,
                    rows,
                    ..COPIED
                },
                &[1]
            ),
            malformed
        );
    }
}

#[test]
fn pages_are_as_many_as_frames() {
    let mut bytes = [0; 256];
    let mut map = |pages, frames: &[u64]| {
        let map = Operation::Map(Map {
            first_page: 3,
            pages,
        });
        encode(&mut bytes, &map, frames)
    };
    assert_eq!(map(2, &[5, 6]), Ok(128));
    assert_eq!(map(1, &[5, 6]), Err(NotWritten::Malformed));
    assert_eq!(map(3, &[5, 6]), Err(NotWritten::Malformed));
    assert_eq!(map(0, &[]), Err(NotWritten::Malformed));
}

#[test]
fn an_address_goes_only_where_one_is() {
    let mut bytes = [0; 192];
    let copy = Operation::Copy(Copy {
        from: Place::Gpu(1),
        ..COPIED
    });
    encode(&mut bytes[64..], &copy, &[]).unwrap();
    assert_eq!(set_address(&mut bytes, 64 + PATCH_FROM, 77), Ok(()));
    assert_eq!(set_address(&mut bytes, 64 + PATCH_TO, 99), Ok(()));
    for wrong in [
        0,
        8,
        16,
        64,
        65,
        71,
        73,
        80 + 1,
        64 + 24,
        128 + 8,
        192 + 8,
        188,
        u32::MAX,
    ] {
        assert_eq!(set_address(&mut bytes, wrong, 1), Err(Malformed), "{wrong}");
    }
    let patched = Copy {
        from: Place::Gpu(77),
        to: Place::Gpu(99),
        ..COPIED
    };
    assert_eq!(read(&mut bytes, 64).unwrap().0, Operation::Copy(patched));
    // A fill has no source, frames no address.
    let to = Place::Gpu(0);
    let fill = Operation::Fill(Fill {
        to,
        to_pitch: 0,
        row_bytes: 1,
        rows: 1,
        value: 0,
    });
    encode(&mut bytes[64..], &fill, &[]).unwrap();
    assert_eq!(set_address(&mut bytes, 64 + PATCH_FROM, 1), Err(Malformed));
    assert_eq!(set_address(&mut bytes, 64 + PATCH_TO, 1), Ok(()));
    encode(&mut bytes[64..], &Operation::Copy(COPIED), &[1]).unwrap();
    assert_eq!(set_address(&mut bytes, 64 + PATCH_FROM, 1), Err(Malformed));
}

#[test]
fn each_flipped_bit_of_the_fixed_part_is_noticed_or_changes_the_operation() {
    let mut bytes = [0; 64];
    let copy = Operation::Copy(Copy {
        from: Place::Gpu(5),
        ..COPIED
    });
    encode(&mut bytes, &copy, &[]).unwrap();
    let known = read(&mut bytes, 0).unwrap();
    // The pages of a copy mean nothing, nor does its value.
    for bit in (0..40 * 8).chain(56 * 8..64 * 8) {
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_ne!(read(&mut bytes, 0), Ok(known.clone()), "bit {bit}");
        bytes[bit / 8] ^= 1 << (bit % 8);
    }
}
