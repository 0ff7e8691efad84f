//! Monitors whose EDID is damaged, cut off or absurd.

use super::{FALLBACK, Shape, damaged, desktop, shape};
use crate::builder::{BLOCK, Base, Detailed, cta, sum_up, video};

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
    let native = (1920, 1080, 60);
    let good = || cta(3, &video(&[31]), &[]);
    let mut bad_sum = good();
    bad_sum[127] ^= 0x55;
    let mut other = [0; BLOCK];
    other[..5].copy_from_slice(&[0x70, 0x13, 0x79, 0x03, 0x00]);
    sum_up(&mut other);
    let cut_off = {
        let mut bytes = desktop().extension(good()).bytes();
        bytes.truncate(200);
        bytes
    };
    let at = |offset: u8| {
        let mut block = good();
        block[2] = offset;
        sum_up(&mut block);
        desktop().extension(block).bytes()
    };
    vec![
        damaged(
            "extension missing",
            desktop().announces(1).bytes(),
            1,
            "there is none",
            native,
        ),
        damaged("extension cut off", cut_off, 1, "there is none", native),
        damaged(
            "extension empty",
            desktop().extension([0; BLOCK]).bytes(),
            1,
            "the first is empty",
            native,
        ),
        damaged(
            "extension with a bad sum",
            desktop().extension(bad_sum).bytes(),
            1,
            "sum of the extension",
            native,
        ),
        shape(
            "extension not announced",
            desktop().extension(good()).announces(0).bytes(),
            1,
            &[],
            native,
        ),
        shape(
            "extension of another kind",
            desktop().extension(other).bytes(),
            2,
            &[],
            native,
        ),
        shape(
            "two extensions, one of them read",
            desktop()
                .extension(good())
                .extension(cta(3, &video(&[19]), &[]))
                .bytes(),
            2,
            &[(1920, 1080, 50)],
            native,
        ),
        shape("detailed timings at 0", at(0), 2, &[], native),
        shape("detailed timings in the header", at(3), 2, &[], native),
        damaged(
            "detailed timings beyond the block",
            at(200),
            2,
            "timings ignored = 0x1",
            native,
        ),
        damaged(
            "data block beyond its end",
            desktop()
                .extension(cta(3, &[video(&[])[0] + 30, 31], &[]))
                .bytes(),
            2,
            "timings ignored = 0x1",
            native,
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
