//! The whole list, mode by mode, for QEMU's own monitor and the sizes of video memory that people
//! give their machines; and the user's own lines.

use vmdisp::display::modes::{CAPACITY, Limits};
use vmdisp::kernel::host::Parameter;

use crate::{Built, ROOMY, build, qemu};

/// QEMU's `VGA` with so many MiB; two primaries for the full driver, one for the display-only one. The
/// larger its memory, the longer a row must be for its offsets to reach all of it.
fn vga(mebibytes: u64, primaries: u32) -> Limits {
    Limits {
        largest_width: 16_000,
        largest_height: 12_000,
        width_multiple: 8,
        video_memory: mebibytes << 20,
        least_pitch: if mebibytes > 16 { 5632 } else { 1408 },
        primaries,
    }
}

/// QEMU's `bochs-display`. It shows each width; 16 KiB of its memory are a black picture.
fn bochs_display(mebibytes: u64, primaries: u32) -> Limits {
    Limits {
        largest_width: 65_535,
        largest_height: 65_535,
        width_multiple: 1,
        video_memory: (mebibytes << 20) - (16 << 10),
        least_pitch: 256,
        primaries,
    }
}

fn written(built: &Built) -> Vec<String> {
    let modes = built.modes.iter();
    modes
        .map(|(width, height, rate)| format!("{width}x{height}@{rate}"))
        .collect()
}

/// What no more than 16 MiB for two primaries hold.
const SMALL: &str = "1920x1080@60 1920x1080@50 1600x1200@60 1680x1050@60 1400x1050@60 1600x900@60 \
    1280x1024@60 1440x900@60 1280x960@60 1360x768@60 1280x800@75 1280x800@60 1280x768@60 \
    1280x720@60 1024x768@60 800x600@60 640x480@60";
/// What the next 16 MiB, or one primary less, add to [`SMALL`].
const MIDDLE: &str = "2560x1600@60 2560x1440@60 2560x1080@50 1920x1440@60 1856x1392@60 \
    1792x1344@60 2048x1152@60 1920x1200@60";
/// What 64 MiB hold twice.
const LARGE: &str = "3840x2160@60 3840x2160@50 3440x1440@60";
/// What 64 MiB hold once.
const LARGEST: &str = "5120x2160@50 4096x2160@50";

/// The lists in which each mode of QEMU's monitor and each common mode is exactly where it fits.
#[test]
fn qemus_monitor_with_the_video_memory_that_people_give() {
    for (mebibytes, primaries, parts) in [
        (64, 2, [LARGE, MIDDLE, SMALL].as_slice()),
        (64, 1, &[LARGEST, LARGE, MIDDLE, SMALL]),
        (16, 2, &[SMALL]),
        (16, 1, &[MIDDLE, SMALL]),
    ] {
        let all = parts.join(" ");
        let with_1366 = all.replace("1360x768@60", "1366x768@60 1360x768@60");
        for (limits, expected) in [
            (vga(mebibytes, primaries), &all),
            (bochs_display(mebibytes, primaries), &with_1366),
        ] {
            let built = build(&qemu::edid(1280, 800), limits, &[]);
            let expected: Vec<&str> = expected.split_whitespace().collect();
            assert_eq!(written(&built), expected, "{limits:?}");
            assert_eq!(built.preferred, Some((1280, 800, 75)));
            let modes = expected.len();
            println!("{mebibytes} MiB, {primaries} primaries: {modes} modes");
        }
    }
}

/// `bochs-display` shows 1366 pixels, `VGA` 1360 of them.
#[test]
fn a_width_is_what_the_device_shows() {
    let exact = build(&qemu::edid(1366, 768), bochs_display(16, 2), &[]);
    let rounded = build(&qemu::edid(1366, 768), vga(16, 2), &[]);
    assert!(exact.modes.contains(&(1366, 768, 60)));
    assert!(exact.modes.contains(&(1366, 768, 75)));
    assert_eq!(exact.preferred, Some((1366, 768, 75)));
    assert!(rounded.modes.iter().all(|(width, ..)| width % 8 == 0));
    assert_eq!(rounded.preferred, Some((1360, 768, 75)));
}

#[test]
fn a_monitor_too_large_for_its_memory_gets_the_largest_of_its_shape() {
    let built = build(&qemu::edid(2560, 1440), vga(16, 2), &[]);
    assert_eq!(built.preferred, Some((1920, 1080, 60)));
    let built = build(&qemu::edid(2560, 1600), vga(16, 2), &[]);
    assert_eq!(built.preferred, Some((1680, 1050, 60)));
}

#[test]
fn a_device_limits_the_list() {
    let limits = Limits {
        largest_width: 1280,
        largest_height: 960,
        ..vga(64, 2)
    };
    let built = build(&qemu::edid(1280, 800), limits, &[]);
    assert_eq!(built.modes.first(), Some(&(1280, 960, 60)));
    assert_eq!(built.modes.len(), 8);
    let nothing = build(&qemu::edid(1280, 800), vga(0, 2), &[]);
    assert_eq!((nothing.modes.len(), nothing.preferred), (0, None));
}

/// The text of a `REG_MULTI_SZ` of these lines.
fn text(lines: &[&str]) -> Vec<u16> {
    match Parameter::strings(lines) {
        Parameter::Strings(text) => text,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_users_own_modes_are_offered() {
    let custom = text(&["2880x1920", "1920x1080@144", " 1152X864@75\t", "1024x768"]);
    let built = build(&[], ROOMY, &custom);
    for mode in [(2880, 1920, 60), (1920, 1080, 144), (1152, 864, 75)] {
        assert!(built.modes.contains(&mode), "{mode:?}");
    }
    assert_eq!(built.modes.len(), 16 + 3);
    assert_eq!(built.complaints, Vec::<String>::new());
}

#[test]
fn each_bad_line_is_named_and_the_others_are_offered() {
    const NO_MODE: &str = "not WIDTHxHEIGHT or WIDTHxHEIGHT@HZ";
    let lines = [
        ("1600x1000", ""),
        ("1600", NO_MODE),
        ("1600x", NO_MODE),
        ("x1000", NO_MODE),
        ("1600 x 1000", NO_MODE),
        ("1600x1000@", NO_MODE),
        ("1600x1000@60Hz", NO_MODE),
        ("1600x1000@59.94", NO_MODE),
        ("-1600x1000", NO_MODE),
        ("1600×1000", NO_MODE),
        ("00000000000000000000001600x000000001000", NO_MODE),
        ("0x0", "no size of a picture"),
        ("99999999999999999x1", "no size of a picture"),
        ("64x64", "smaller than 320x200"),
        ("16001x9000", "larger than the device can show"),
        ("9000x9000", "does not fit into video memory"),
        ("1600x1000@0", "its rate is not 20 to 500 Hz"),
        ("1600x1000@501", "its rate is not 20 to 500 Hz"),
        ("1600x1000@4294967356", "its rate is not 20 to 500 Hz"),
        ("1200x1000@85", ""),
    ];
    let custom = text(&lines.map(|(line, _)| line));
    let built = build(&[], ROOMY, &custom);
    assert!(built.modes.contains(&(1600, 1000, 60)));
    assert!(built.modes.contains(&(1200, 1000, 85)));
    assert_eq!(built.modes.len(), 16 + 2);
    let expected: Vec<String> = (1..)
        .zip(lines)
        .filter(|(_, (_, why))| !why.is_empty())
        .map(|(number, (_, why))| {
            format!("vmdisp: Modes: Parameters\\Modes, line = {number:#x}: {why}")
        })
        .collect();
    assert_eq!(built.complaints, expected);
}

#[test]
fn an_empty_line_ends_the_text() {
    let mut custom = text(&["1600x1000"]);
    custom.extend(text(&["nonsense"]));
    let built = build(&[], ROOMY, &custom);
    assert_eq!(built.modes.len(), 17);
    assert_eq!(built.complaints, Vec::<String>::new());
    // The NULs at the end may be missing: the registry checks nothing.
    let custom: Vec<u16> = "1600x1000".encode_utf16().collect();
    assert!(build(&[], ROOMY, &custom).modes.contains(&(1600, 1000, 60)));
}

#[test]
fn a_full_list_keeps_the_common_modes_and_says_what_it_left_out() {
    let lines: Vec<String> = (0..200).map(|row| format!("800x{}", 1000 + row)).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let built = build(&qemu::edid(1280, 800), ROOMY, &text(&lines));
    assert_eq!(built.modes.len(), CAPACITY);
    for mode in crate::COMMON {
        assert!(built.modes.contains(&mode), "{mode:?}");
    }
    assert_eq!(built.preferred, Some((1280, 800, 75)));
    assert!(
        matches!(built.complaints.as_slice(), [only] if only.contains("the list is full")),
        "{:?}",
        built.complaints
    );
}
