//! Monitors whose EDID is damaged, cut off or absurd.

use super::{FALLBACK, Shape, damaged, desktop, shape};
use crate::Named;
use crate::builder::{
    BLOCK, Base, Detailed, EDGES, LargeTiming, cta, display_id, large, sum_up, video,
};

/// What [`desktop`] likes best.
const NATIVE: Named = (1920, 1080, 60);

/// An extension with 1920×1080 at 50 Hz.
fn good() -> [u8; BLOCK] {
    cta(3, &video(&[31]), &[])
}

/// The same, damaged.
fn bad_sum() -> [u8; BLOCK] {
    let mut block = good();
    block[127] ^= 0x55;
    block
}

/// Without a base block that can be used.
pub fn without_a_block() -> Vec<Shape> {
    let with = |change: fn(&mut Vec<u8>)| {
        let mut bytes = desktop().bytes();
        change(&mut bytes);
        bytes
    };
    vec![
        shape("nothing", Vec::new(), 0, &[], FALLBACK),
        shape("all ones", vec![0xff; 256], 0, &[], FALLBACK),
        shape("all zeros", vec![0; 256], 0, &[], FALLBACK),
        damaged(
            "bad sum",
            with(|bytes| bytes[127] ^= 1),
            0,
            "sum of the base block",
            FALLBACK,
        ),
        damaged(
            "a flipped bit in the header",
            with(|bytes| bytes[3] = 0xfe),
            0,
            "header",
            FALLBACK,
        ),
        damaged(
            "noise",
            (0..=255_u8)
                .map(|byte| byte.wrapping_mul(167).wrapping_add(13))
                .collect(),
            0,
            "header",
            FALLBACK,
        ),
        damaged(
            "cut off",
            with(|bytes| bytes.truncate(100)),
            0,
            "shorter than a block",
            FALLBACK,
        ),
        damaged(
            "version 2",
            Base::new(0).byte(18, 2).bytes(),
            0,
            "version",
            FALLBACK,
        ),
    ]
}

/// With a good base block and something else behind it.
pub fn with_a_bad_extension() -> Vec<Shape> {
    let mut other = [0; BLOCK];
    other[..3].copy_from_slice(&[0x40, 1, 2]);
    sum_up(&mut other);
    let cut_off = {
        let mut bytes = desktop().extension(good()).bytes();
        bytes.truncate(200);
        bytes
    };
    vec![
        damaged(
            "extension missing",
            desktop().announces(1).bytes(),
            1,
            "there is none",
            NATIVE,
        ),
        damaged("extension cut off", cut_off, 1, "there is none", NATIVE),
        damaged(
            "extension empty",
            desktop().extension([0; BLOCK]).bytes(),
            1,
            "extension = 0x0: empty",
            NATIVE,
        ),
        damaged(
            "extension with a bad sum",
            desktop().extension(bad_sum()).bytes(),
            1,
            "sum of an extension",
            NATIVE,
        ),
        shape(
            "extension not announced",
            desktop().extension(good()).announces(0).bytes(),
            1,
            &[],
            NATIVE,
        ),
        shape(
            "extension of another kind",
            desktop().extension(other).bytes(),
            2,
            &[],
            NATIVE,
        ),
    ]
}

/// With more than one extension.
pub fn with_several_extensions() -> Vec<Shape> {
    vec![
        shape(
            "two extensions",
            desktop()
                .extension(good())
                .extension(cta(3, &video(&[19]), &[]))
                .bytes(),
            3,
            &[(1920, 1080, 50), (1280, 720, 50)],
            NATIVE,
        ),
        shape(
            "three extensions, two of them read",
            desktop()
                .extension(good())
                .extension(cta(3, &[], &[]))
                .extension(cta(3, &video(&[19]), &[]))
                .bytes(),
            3,
            &[(1920, 1080, 50)],
            NATIVE,
        ),
        Shape {
            offers: &[(1920, 1080, 50)],
            ..damaged(
                "a bad extension before a good one",
                desktop().extension(bad_sum()).extension(good()).bytes(),
                2,
                "sum of an extension",
                NATIVE,
            )
        },
    ]
}

/// With an extension of CTA-861 that is not what it says.
pub fn of_cta() -> Vec<Shape> {
    let at = |offset: u8| {
        let mut block = good();
        block[2] = offset;
        sum_up(&mut block);
        desktop().extension(block).bytes()
    };
    vec![
        shape("detailed timings at 0", at(0), 2, &[], NATIVE),
        shape("detailed timings in the header", at(3), 2, &[], NATIVE),
        damaged(
            "detailed timings beyond the block",
            at(200),
            2,
            "timings ignored = 0x1",
            NATIVE,
        ),
        damaged(
            "data block beyond its end",
            desktop()
                .extension(cta(3, &[video(&[])[0] + 30, 31], &[]))
                .bytes(),
            2,
            "timings ignored = 0x1",
            NATIVE,
        ),
    ]
}

/// With a DisplayID extension that is not what it says.
pub fn of_display_id() -> Vec<Shape> {
    let timing = LargeTiming {
        clock: 24_149,
        options: 0,
        visible: (2560, 1440),
        blank: (160, 41),
        edges: EDGES,
    };
    let with = |data: &[u8]| desktop().extension(display_id(0x13, data)).bytes();
    let mut beyond = display_id(0x13, &large(3, &[timing]));
    beyond[2] = 123;
    sum_up(&mut beyond);
    vec![
        damaged(
            "section beyond the block",
            desktop().extension(beyond).bytes(),
            2,
            "timings ignored = 0x1",
            NATIVE,
        ),
        damaged(
            "data block beyond the section",
            with(&[3, 0, 40, 1, 2, 3]),
            2,
            "timings ignored = 0x1",
            NATIVE,
        ),
        damaged(
            "65536 pixels",
            with(&large(
                3,
                &[LargeTiming {
                    visible: (0, 1440),
                    ..timing
                }],
            )),
            2,
            "timings ignored = 0x1",
            NATIVE,
        ),
        shape(
            "half a timing",
            with(&[3, 0, 10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]),
            2,
            &[],
            NATIVE,
        ),
        shape(
            "interlaced in DisplayID",
            with(&large(
                3,
                &[LargeTiming {
                    options: 0x90,
                    visible: (2560, 720),
                    ..timing
                }],
            )),
            2,
            &[],
            NATIVE,
        ),
    ]
}

/// With numbers that no picture has.
pub fn absurd() -> Vec<Shape> {
    let first = |timing| Base::new(4).detailed(timing).standard(1600, 3, 60).bytes();
    let next = (1600, 900, 60);
    vec![
        damaged(
            "a clock and no picture",
            first(Detailed::new(14_850, (0, 0), (0, 0))),
            1,
            "timings ignored = 0x1",
            next,
        ),
        damaged(
            "no blanking",
            first(Detailed::new(14_850, (1920, 1080), (0, 45))),
            1,
            "timings ignored = 0x1",
            next,
        ),
        shape(
            "a line for a picture",
            first(Detailed::new(14_850, (4095, 1), (100, 10))),
            1,
            &[],
            next,
        ),
        shape(
            "three pictures a second",
            first(Detailed::new(990, (1920, 1080), (280, 45))),
            1,
            &[],
            (1920, 1080, 60),
        ),
        shape(
            "a thousand pictures a second",
            first(Detailed::new(65_000, (800, 600), (100, 20))),
            1,
            &[],
            (800, 600, 60),
        ),
        shape(
            "as large as can be written",
            first(Detailed::new(65_535, (4095, 4095), (4095, 4095))),
            1,
            &[],
            next,
        ),
    ]
}
