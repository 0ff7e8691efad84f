//! Monitors that say what they should.

use super::{Shape, desktop, full_hd, shape};
use crate::builder::{Base, Detailed, EDGES, LargeTiming, cta, display_id, large, standard, video};
use crate::qemu;

/// 5120×2880 at 60 Hz.
const FIVE_K: LargeTiming = LargeTiming {
    clock: 93_824,
    options: 0x80,
    visible: (5120, 2880),
    blank: (160, 82),
    edges: EDGES,
};

/// 3840×1600 at 118 Hz, where the clock is in kHz.
const WIDE: LargeTiming = LargeTiming {
    clock: 799_999,
    options: 0,
    visible: (3840, 1600),
    blank: (160, 92),
    edges: EDGES,
};

/// QEMU's own.
pub fn virtual_ones() -> Vec<Shape> {
    vec![
        shape(
            "QEMU as it comes",
            qemu::edid(1280, 800),
            2,
            &[
                (1280, 800, 75),
                (5120, 2160, 50),
                (4096, 2160, 50),
                (3840, 2160, 50),
                (2560, 1080, 50),
                (1920, 1440, 60),
                (1856, 1392, 60),
                (1792, 1344, 60),
                (2048, 1152, 60),
                (1920, 1080, 50),
                (1600, 1200, 60),
                (1400, 1050, 60),
                (1280, 960, 60),
                (1360, 768, 60),
                (1280, 768, 60),
            ],
            (1280, 800, 75),
        ),
        shape(
            "QEMU of 4K",
            qemu::edid(3840, 2160),
            3,
            &[
                (3840, 2160, 75),
                (5120, 2160, 50),
                (4096, 2160, 50),
                (3840, 2160, 50),
                (2560, 1080, 50),
                (1920, 1440, 60),
                (1856, 1392, 60),
                (1792, 1344, 60),
                (2048, 1152, 60),
                (1920, 1080, 50),
                (1600, 1200, 60),
                (1400, 1050, 60),
                (1280, 960, 60),
                (1360, 768, 60),
                (1280, 768, 60),
            ],
            (3840, 2160, 75),
        ),
        shape(
            "QEMU of 5K",
            qemu::edid(5120, 2880),
            3,
            &[
                (5120, 2880, 75),
                (5120, 2160, 50),
                (4096, 2160, 50),
                (3840, 2160, 50),
                (2560, 1080, 50),
                (1920, 1440, 60),
                (1856, 1392, 60),
                (1792, 1344, 60),
                (2048, 1152, 60),
                (1920, 1080, 50),
                (1600, 1200, 60),
                (1400, 1050, 60),
                (1280, 960, 60),
                (1360, 768, 60),
                (1280, 768, 60),
            ],
            (5120, 2880, 75),
        ),
    ]
}

/// Of these days.
pub fn new() -> Vec<Shape> {
    vec![
        shape(
            "desktop of 1.3",
            desktop().bytes(),
            1,
            &[],
            (1920, 1080, 60),
        ),
        shape(
            "desktop of 1.4 without the bit",
            Base::new(4).detailed(full_hd()).bytes(),
            1,
            &[],
            (1920, 1080, 60),
        ),
        shape(
            "desktop of 1.2 that prefers nothing",
            Base::new(2)
                .detailed(Detailed::new(10_800, (1280, 1024), (408, 42)))
                .standard(1600, 1, 75)
                .bytes(),
            1,
            &[(1600, 1200, 75)],
            (1600, 1200, 75),
        ),
        shape(
            "monitor of 4K",
            Base::new(4)
                .detailed(Detailed::new(53_325, (3840, 2160), (160, 62)))
                .extension(cta(
                    3,
                    &video(&[97, 96, 95, 16, 31, 4, 19]),
                    &[Detailed::new(24_150, (2560, 1440), (160, 41))],
                ))
                .bytes(),
            2,
            &[
                (3840, 2160, 50),
                (3840, 2160, 30),
                (1920, 1080, 50),
                (1280, 720, 50),
            ],
            (3840, 2160, 60),
        ),
        shape(
            "ultrawide",
            Base::new(4)
                .detailed(Detailed::new(31_975, (3440, 1440), (160, 41)))
                .detailed(Detailed::new(54_350, (3440, 1440), (160, 70)))
                .extension(cta(3, &video(&[90, 16]), &[]))
                .bytes(),
            2,
            &[(3440, 1440, 100), (2560, 1080, 60)],
            (3440, 1440, 60),
        ),
        shape(
            "monitor of 5K with DisplayID 1",
            Base::new(4)
                .detailed(Detailed::new(53_325, (3840, 2160), (160, 62)))
                .extension(cta(3, &video(&[16]), &[]))
                .extension(display_id(0x12, &large(3, &[FIVE_K])))
                .bytes(),
            3,
            &[(5120, 2880, 60)],
            (5120, 2880, 60),
        ),
        shape(
            "monitor of DisplayID 2",
            Base::new(4)
                .extension(display_id(
                    0x20,
                    &[vec![0x21, 0, 3, 1, 2, 3], large(0x22, &[WIDE])].concat(),
                ))
                .bytes(),
            2,
            &[(3840, 1600, 118)],
            (3840, 1600, 118),
        ),
    ]
}

/// That are fast, small or turned.
pub fn others() -> Vec<Shape> {
    vec![
        shape(
            "for games, of 240 Hz",
            Base::new(4)
                .detailed(full_hd())
                .detailed(Detailed::new(58_500, (1920, 1080), (80, 138)))
                .bytes(),
            1,
            &[(1920, 1080, 240)],
            (1920, 1080, 60),
        ),
        shape(
            "laptop of 1366",
            Base::new(4)
                .detailed(Detailed::new(7_640, (1366, 768), (226, 32)))
                .bytes(),
            1,
            &[],
            (1366, 768, 60),
        ),
        shape(
            "1366 by a standard timing",
            Base::new(3)
                .standard(1360, 3, 60)
                .standard(1368, 3, 60)
                .bytes(),
            1,
            &[],
            (1366, 768, 60),
        ),
        shape(
            "turned by a quarter",
            Base::new(4)
                .detailed(Detailed::new(15_950, (1200, 1920), (160, 35)))
                .bytes(),
            1,
            &[(1200, 1920, 60)],
            (1200, 1920, 60),
        ),
    ]
}

/// Tubes, and a projector.
pub fn old() -> Vec<Shape> {
    vec![
        shape(
            "old projector",
            Base::new(1)
                .established([0x21, 0x48, 0x00])
                .standard(800, 1, 72)
                .bytes(),
            1,
            &[(800, 600, 75), (800, 600, 72)],
            (1024, 768, 60),
        ),
        shape(
            "tube with every established timing",
            Base::new(1).established([0xff, 0xff, 0x80]).bytes(),
            1,
            &[
                (1280, 1024, 75),
                (1152, 870, 75),
                (1024, 768, 75),
                (1024, 768, 70),
                (832, 624, 75),
                (800, 600, 75),
                (800, 600, 72),
                (800, 600, 56),
                (640, 480, 75),
                (640, 480, 72),
                (640, 480, 67),
                (720, 400, 88),
                (720, 400, 70),
            ],
            (1280, 1024, 75),
        ),
        shape(
            "square pictures before 1.3",
            Base::new(2).standard(1024, 0, 60).bytes(),
            1,
            &[(1024, 1024, 60)],
            (1024, 1024, 60),
        ),
    ]
}

/// With timings that are named and not spelled out.
pub fn by_name() -> Vec<Shape> {
    vec![
        shape(
            "no detailed timing",
            Base::new(3)
                .prefers_the_first()
                .standard(1680, 0, 60)
                .standard(1280, 2, 75)
                .bytes(),
            1,
            &[(1280, 1024, 75)],
            (1680, 1050, 60),
        ),
        shape(
            "six more standard timings",
            Base::new(3)
                .prefers_the_first()
                .detailed(full_hd())
                .tagged(
                    0xfa,
                    &[
                        standard(1600, 1, 60),
                        standard(1280, 2, 85),
                        standard(1152, 1, 75),
                        standard(2048, 1, 60),
                        [1, 1],
                        [0, 0],
                    ]
                    .concat(),
                )
                .bytes(),
            1,
            &[
                (2048, 1536, 60),
                (1600, 1200, 60),
                (1280, 1024, 85),
                (1152, 864, 75),
            ],
            (1920, 1080, 60),
        ),
        shape(
            "the same mode five times",
            desktop()
                .detailed(full_hd())
                .standard(1920, 3, 60)
                .standard(1920, 3, 60)
                .extension(cta(3, &video(&[16, 16, 76]), &[full_hd()]))
                .bytes(),
            2,
            &[],
            (1920, 1080, 60),
        ),
    ]
}

/// With every mode that a bit stands for.
pub fn every_bit() -> Vec<Shape> {
    vec![shape(
        "every bit of established timings III",
        desktop()
            .tagged(0xf7, &[10, 255, 255, 255, 255, 255, 255])
            .bytes(),
        1,
        &[
            (640, 350, 85),
            (640, 400, 85),
            (720, 400, 85),
            (640, 480, 85),
            (848, 480, 60),
            (800, 600, 85),
            (1024, 768, 85),
            (1152, 864, 75),
            (1280, 768, 60),
            (1280, 768, 75),
            (1280, 768, 85),
            (1280, 960, 60),
            (1280, 960, 85),
            (1280, 1024, 85),
            (1360, 768, 60),
            (1440, 900, 75),
            (1440, 900, 85),
            (1400, 1050, 60),
            (1400, 1050, 75),
            (1400, 1050, 85),
            (1680, 1050, 75),
            (1680, 1050, 85),
            (1600, 1200, 60),
            (1600, 1200, 65),
            (1600, 1200, 70),
            (1600, 1200, 75),
            (1600, 1200, 85),
            (1792, 1344, 60),
            (1792, 1344, 75),
            (1856, 1392, 60),
            (1856, 1392, 75),
            (1920, 1200, 75),
            (1920, 1200, 85),
            (1920, 1440, 60),
            (1920, 1440, 75),
        ],
        (1920, 1080, 60),
    )]
}
