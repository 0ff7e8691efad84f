//! Monitors as they are: EDIDs of many shapes, good and bad, and the modes that come of them.

mod builder;
mod corpus;
mod list;
mod promises;
mod properties;
mod qemu;
mod shapes;

use vmdisp::display::edid::Edid;
use vmdisp::display::modes::{Limits, ModeList, Sources};
use vmdisp::kernel::host::World;

use shapes::{Shape, shapes};

/// A rate after the size.
type Named = (u32, u32, u32);

/// What a list is, and what was complained about while it was made.
struct Built {
    edid: Edid,
    modes: Vec<Named>,
    preferred: Option<Named>,
    complaints: Vec<String>,
}

fn build(edid: &[u8], limits: Limits, custom: &[u16]) -> Built {
    let world = World::new();
    let _entered = world.enter();
    let edid = Edid::new(edid);
    let mut list = Box::new(ModeList::EMPTY);
    list.build(&Sources {
        edid: &edid,
        limits,
        custom,
    });
    let named = |mode: &vmdisp::display::modes::Mode| {
        let rate = mode.timing.vertical.whole();
        (mode.width(), mode.height(), rate)
    };
    Built {
        modes: list.modes().iter().map(named).collect(),
        preferred: list.preferred().map(named),
        complaints: world.complaints().iter().map(ToString::to_string).collect(),
        edid,
    }
}

/// A large adapter that rounds no width.
const ROOMY: Limits = Limits {
    largest_width: 16_000,
    largest_height: 12_000,
    width_multiple: 1,
    video_memory: 256 << 20,
    least_pitch: 0,
    primaries: 2,
};

/// Modes that are there whatever the monitor is.
const COMMON: [Named; 16] = [
    (640, 480, 60),
    (800, 600, 60),
    (1024, 768, 60),
    (1280, 720, 60),
    (1280, 800, 60),
    (1280, 1024, 60),
    (1366, 768, 60),
    (1440, 900, 60),
    (1600, 900, 60),
    (1680, 1050, 60),
    (1920, 1080, 60),
    (1920, 1200, 60),
    (2560, 1440, 60),
    (2560, 1600, 60),
    (3440, 1440, 60),
    (3840, 2160, 60),
];

#[test]
fn each_shape_gives_what_its_user_expects() {
    let shapes = shapes();
    for shape in &shapes {
        let Shape { name, .. } = shape;
        let built = build(&shape.bytes, ROOMY, &[]);
        assert_eq!(built.edid.blocks().len(), shape.blocks, "{name}: blocks");
        match shape.complaint {
            None => assert_eq!(built.complaints, Vec::<String>::new(), "{name}"),
            Some(part) => assert!(
                matches!(built.complaints.as_slice(), [only] if only.contains(part)),
                "{name}: {part}: {:?}",
                built.complaints
            ),
        }
        for mode in COMMON.iter().chain(shape.offers) {
            assert!(built.modes.contains(mode), "{name} offers no {mode:?}");
        }
        for mode in &built.modes {
            let expected = COMMON.contains(mode) || shape.offers.contains(mode);
            assert!(expected, "{name} offers {mode:?}");
        }
        assert_eq!(built.preferred, Some(shape.preferred), "{name}");
        for block in built.edid.blocks() {
            let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
            assert_eq!(sum, 0, "{name}: what Windows is given");
        }
        if let Some(base) = built.edid.blocks().first() {
            assert_eq!(
                usize::from(base[126]) + 1,
                shape.blocks,
                "{name}: extensions"
            );
        }
    }
    println!("{} shapes of EDIDs", shapes.len());
    assert!(shapes.len() >= 20);
}

#[test]
fn the_shapes_have_names_of_their_own() {
    let shapes = shapes();
    let names: std::collections::BTreeSet<_> = shapes.iter().map(|shape| shape.name).collect();
    assert_eq!(names.len(), shapes.len());
}

/// What QEMU 7.2's monitor gave: the sums of its two blocks stand for all their bytes, and the first
/// timing for how it was put together.
#[test]
fn qemu_edid_is_qemus() {
    let edid = qemu::edid(1280, 800);
    assert_eq!((edid[127], edid[255]), (0x3a, 0x2f));
    let timing = [
        0xea, 0x29, 0x00, 0xc0, 0x51, 0x20, 0x1c, 0x30, 0x40, 0x26, 0x44, 0x40, 0x45, 0xcb, 0x10,
        0, 0, 0x18,
    ];
    assert_eq!(edid[54..72], timing);
    let codes = [0x02, 0x03, 0x0b, 0x00, 0x46, 125, 101, 96, 89, 31, 97];
    assert_eq!(edid[128..139], codes);
    assert_eq!(qemu::edid(1366, 768)[127], 0xd8);
    let large = qemu::edid(5120, 2880);
    assert_eq!((large[127], large[255], large[383]), (0x44, 0x2f, 0x90));
    let timing = [
        0x73, 0x5b, 0x02, 0x88, 0xff, 0x13, 0xff, 0x06, 0xff, 0x04, 0x98, 0x00, 0x3f, 0x0b, 0x63,
        0x00, 0x0d, 0x00, 0x0d, 0x00, 0xeb,
    ];
    assert_eq!(large[264..285], timing);
}
