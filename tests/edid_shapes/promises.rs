//! What must be true of every list of modes, whatever it was made of. The fuzz targets check it too.

use vmdisp::display::edid::{Edid, LONGEST};
use vmdisp::display::modes::{CAPACITY, Limits, ModeList, Sources};
use vmdisp::kernel::host::World;

/// Adapters that the corpora of the fuzzer are tried on.
const ADAPTERS: [Limits; 3] = [adapter(1, 256, 2), adapter(8, 64, 1), adapter(8, 16, 2)];

const fn adapter(width_multiple: u32, mebibytes: u64, primaries: u32) -> Limits {
    Limits {
        largest_width: 16_000,
        largest_height: 12_000,
        width_multiple,
        video_memory: mebibytes << 20,
        // As VGA's offsets need it.
        least_pitch: 1408,
        primaries,
    }
}

/// An EDID, as a device gives it, on each adapter.
pub fn any_edid(bytes: &[u8]) {
    for limits in ADAPTERS {
        keep_their_promises(bytes, limits, &[]);
    }
}

/// The user's own modes in ASCII, on each adapter.
pub fn any_text(bytes: &[u8]) {
    let text: Vec<u16> = bytes.iter().copied().map(u16::from).collect();
    for limits in ADAPTERS {
        keep_their_promises(&[], limits, &text);
    }
}

/// Makes the list and checks it, and what is left of the EDID for Windows.
pub fn keep_their_promises(edid: &[u8], limits: Limits, custom: &[u16]) {
    let world = World::new();
    let _entered = world.enter();
    let edid = Edid::new(edid);
    let mut list = Box::new(ModeList::EMPTY);
    let sources = Sources {
        edid: &edid,
        limits,
        custom,
    };
    list.build(&sources);
    check(&edid, &list, &limits);

    // What Windows is given is what another reader would read.
    let blocks = edid.blocks();
    assert!(blocks.as_flattened().len() <= LONGEST);
    assert_eq!(Edid::new(blocks.as_flattened()).blocks(), blocks);
    // A list that is built again is the same.
    let before: Vec<_> = list.modes().to_vec();
    list.build(&sources);
    assert_eq!(list.modes(), before);
    // One debug line for each line of text, and a few for all else.
    let lines = custom.split(|unit| *unit == 0).count();
    assert!(world.complaints().len() <= 2 * lines + 8);
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
        // The rate is the clock's, as far as 32 bits can say.
        let total = u128::from(timing.total_width) * u128::from(timing.total_height);
        let said = u128::from(timing.vertical.numerator) * total;
        let is = u128::from(timing.vertical.denominator) * u128::from(timing.pixel_clock);
        assert!(said.abs_diff(is) * 100_000 <= is, "{mode:?}");
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
