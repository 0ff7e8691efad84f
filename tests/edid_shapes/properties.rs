//! What holds for every EDID and every text, whatever is in them.

use proptest::prelude::*;
use proptest::test_runner::Config;
use vmdisp::display::modes::Limits;

use crate::builder::sum_up;
use crate::promises::keep_their_promises;
use crate::shapes::shapes;

fn limits() -> impl Strategy<Value = Limits> {
    (
        0..20_000_u32,
        0..20_000_u32,
        0..17_u32,
        prop_oneof![0..300_u64 << 20, any::<u64>()],
        0..4_u32,
    )
        .prop_map(
            |(largest_width, largest_height, width_multiple, video_memory, primaries)| Limits {
                largest_width,
                largest_height,
                width_multiple,
                video_memory,
                least_pitch: 0,
                primaries,
            },
        )
}

/// Noise, and shapes in which some bytes are noise; mostly with sums that are right.
fn edids() -> impl Strategy<Value = Vec<u8>> {
    let noise = prop::collection::vec(any::<u8>(), 0..=512);
    let changes = prop::collection::vec((0..256_usize, any::<u8>()), 0..40);
    let damaged_shapes = (
        prop::sample::select(shapes()),
        changes,
        prop::bool::weighted(0.9),
    );
    prop_oneof![
        1 => noise,
        3 => damaged_shapes.prop_map(|(shape, changes, whole)| {
            let mut bytes = shape.bytes;
            for (at, byte) in changes {
                if let Some(room) = bytes.get_mut(at) {
                    *room = byte;
                }
            }
            if whole {
                for block in bytes.as_chunks_mut().0 {
                    sum_up(block);
                }
            }
            bytes
        }),
    ]
}

/// Text that is nearly modes.
fn texts() -> impl Strategy<Value = Vec<u16>> {
    let unit = prop_oneof![
        8 => prop::sample::select("0123456789xX@ \0".encode_utf16().collect::<Vec<_>>()),
        1 => any::<u16>(),
    ];
    prop_oneof![
        prop::collection::vec(unit, 0..300),
        prop::collection::vec((1..5000_u32, 1..5000_u32, 1..600_u32), 0..200).prop_map(|lines| {
            let lines = lines.iter().flat_map(|(width, height, rate)| {
                format!("{width}x{height}@{rate}\0")
                    .encode_utf16()
                    .collect::<Vec<_>>()
            });
            lines.chain([0]).collect()
        }),
    ]
}

proptest! {
    #![proptest_config(Config { cases: 2000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_list_keeps_its_promises(edid in edids(), limits in limits(), custom in texts()) {
        keep_their_promises(&edid, limits, &custom);
    }
}
