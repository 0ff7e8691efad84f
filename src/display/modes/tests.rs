//! What is offered, from what.

use std::vec::Vec;

use super::{Limits, ModeList, Rational, Sources, Timing};
use crate::display::edid::Edid;

const LIMITS: Limits = Limits {
    largest_width: 16_000,
    largest_height: 12_000,
    width_multiple: 8,
    video_memory: 64 << 20,
    least_pitch: 5632,
    primaries: 2,
};

fn sizes(list: &ModeList) -> Vec<(u32, u32)> {
    list.modes()
        .iter()
        .map(|mode| (mode.width(), mode.height()))
        .collect()
}

#[test]
fn without_a_monitor_the_common_modes_are_there() {
    let mut list = ModeList::EMPTY;
    list.build(&Sources {
        edid: &Edid::NONE,
        limits: LIMITS,
        custom: &[],
    });
    let expected = [
        (3840, 2160),
        (3440, 1440),
        (2560, 1600),
        (2560, 1440),
        (1920, 1200),
        (1920, 1080),
        (1680, 1050),
        (1600, 900),
        (1280, 1024),
        (1440, 900),
        (1360, 768),
        (1280, 800),
        (1280, 720),
        (1024, 768),
        (800, 600),
        (640, 480),
    ];
    assert_eq!(sizes(&list), expected);
    let first = list.preferred().expect("there are modes");
    assert_eq!((first.width(), first.height()), (1024, 768));
    for mode in list.modes() {
        let sixty = Rational {
            numerator: 60,
            denominator: 1,
        };
        assert_eq!(mode.timing.vertical, sixty, "{mode:?}");
    }
}

#[test]
fn computed_timings_are_the_standards() {
    // The standard's own pixel clocks, which it rounds down to kHz.
    for (width, height, total, kilohertz) in [
        (1920, 1080, (2000, 1111), 133_320),
        (3840, 2160, (3920, 2222), 522_614),
        (2560, 1440, (2640, 1481), 234_590),
        // At least 15 lines are blank, however few take 460 µs.
        (640, 480, (720, 495), 21_384),
    ] {
        let timing = Timing::computed(width, height, 60).expect("an ordinary mode");
        assert_eq!((timing.total_width, timing.total_height), total);
        assert_eq!(timing.pixel_clock / 1000, kilohertz);
    }
}
