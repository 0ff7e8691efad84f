//! What holds for every EDID and every text, whatever is in them.

use proptest::prelude::*;
use proptest::test_runner::Config;
use vmdisp::display::edid::Edid;
use vmdisp::display::modes::{CAPACITY, Limits, ModeList, Sources};
use vmdisp::kernel::host::World;

use crate::builder::sum_up;
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

/// What must be true of a list, and of what is shown to Windows of an EDID.
fn check(edid: &Edid, list: &ModeList, limits: &Limits) {
    let modes = list.modes();
    assert!(modes.len() <= CAPACITY);
    for mode in modes {
        let timing = &mode.timing;
        assert!(mode.width() >= Limits::SMALLEST.0 && mode.width() <= limits.largest_width);
        assert!(mode.height() >= Limits::SMALLEST.1 && mode.height() <= limits.largest_height);
        assert_eq!(
            mode.width().checked_rem(limits.width_multiple).unwrap_or(0),
            0
        );
        assert!(Limits::RATES.contains(&timing.vertical.whole()));
        assert!(timing.total_width > timing.width && timing.total_height > timing.height);
        assert!(mode.pitch() >= mode.width() * 4 && mode.pitch().is_multiple_of(64));
        assert_eq!(
            mode.bytes(),
            u64::from(mode.pitch()) * u64::from(mode.height())
        );
        let bytes = u128::from(mode.bytes()) * u128::from(limits.primaries);
        assert!(bytes <= limits.video_memory.into(), "{mode:?}");
        // The rates are the clock's, as far as 32 bits can say.
        let total = f64::from(timing.total_width) * f64::from(timing.total_height);
        let rate = f64::from(timing.vertical.numerator) / f64::from(timing.vertical.denominator);
        let clock = u32::try_from(timing.pixel_clock / 1000).map_or(f64::MAX, f64::from) * 1000.0;
        assert!((rate - clock / total).abs() < 0.01, "{mode:?}");
    }
    for pair in modes.windows(2) {
        let key = |index: usize| {
            let timing = &pair[index].timing;
            let pixels = u64::from(timing.width) * u64::from(timing.height);
            (pixels, timing.width, timing.vertical.whole())
        };
        assert!(key(0) > key(1), "{pair:?}");
    }
    assert_eq!(list.preferred().is_some(), !modes.is_empty());
    let page = 4096;
    let smallest = u64::from(limits.primaries) * (640 * 480 * 4_u64).next_multiple_of(page);
    let multiple = limits.width_multiple.max(1);
    if limits.largest_width >= 640
        && limits.largest_height >= 480
        && smallest <= limits.video_memory
        && 640 % multiple == 0
    {
        assert!(list.find(640, 480).is_some(), "{limits:?}");
    }
    for mode in modes {
        let found = list.find(mode.width(), mode.height()).expect("it is there");
        assert_eq!(
            (found.width(), found.height()),
            (mode.width(), mode.height())
        );
    }
    for block in edid.blocks() {
        let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        assert_eq!(sum, 0);
    }
}

proptest! {
    #![proptest_config(Config { cases: 2000, failure_persistence: None, ..Config::default() })]

    #[test]
    fn a_list_keeps_its_promises(edid in edids(), limits in limits(), custom in texts()) {
        let world = World::new();
        let _entered = world.enter();
        let edid = Edid::new(&edid);
        let mut list = Box::new(ModeList::EMPTY);
        let sources = Sources { edid: &edid, limits, custom: &custom };
        list.build(&sources);
        check(&edid, &list, &limits);

        // What Windows is given is what another reader would read.
        let again = Edid::new(edid.blocks().as_flattened());
        assert_eq!(again.blocks(), edid.blocks());
        // A list that is built again is the same.
        let before: Vec<_> = list.modes().to_vec();
        list.build(&sources);
        assert_eq!(list.modes(), before);
    }
}
