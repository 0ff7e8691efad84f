//! Televisions, and monitors by HDMI.

use super::{Shape, desktop, shape};
use crate::builder::{Base, Detailed, cta, video};

/// With an extension of CTA-861.
pub fn televisions() -> Vec<Shape> {
    vec![
        shape(
            "television of short descriptors alone",
            Base::new(3)
                .extension(cta(3, &video(&[16, 31, 4, 19, 3, 18, 1]), &[]))
                .bytes(),
            2,
            &[
                (1920, 1080, 50),
                (1280, 720, 50),
                (720, 576, 50),
                (720, 480, 60),
            ],
            (1920, 1080, 60),
        ),
        shape(
            "television whose native bit is set",
            Base::new(3)
                .extension(cta(3, &video(&[128 + 31, 128 + 19, 128]), &[]))
                .bytes(),
            2,
            &[(1920, 1080, 50), (1280, 720, 50)],
            (1920, 1080, 50),
        ),
        shape(
            "television of 8K",
            Base::new(3)
                .extension(cta(3, &video(&[199, 118, 97, 253, 255]), &[]))
                .bytes(),
            2,
            // 8K takes 127 MiB, twice.
            &[(7680, 4320, 60), (3840, 2160, 120)],
            (7680, 4320, 60),
        ),
        shape(
            "television that likes interlacing best",
            Base::new(3)
                .prefers_the_first()
                .detailed(Detailed::new(7_425, (1920, 540), (280, 22)).interlaced())
                .detailed(Detailed::new(7_425, (1280, 720), (370, 30)))
                .extension(cta(3, &video(&[5, 20, 4]), &[]))
                .bytes(),
            2,
            &[],
            (1280, 720, 60),
        ),
        shape(
            "sound and colours before the pictures",
            desktop()
                .extension(cta(
                    3,
                    &[
                        &[1 << 5 | 3, 0x09, 0x07, 0x07][..], // sound
                        &[4 << 5 | 3, 1, 0, 0],              // loudspeakers
                        &video(&[19]),
                        &[3 << 5 | 5, 3, 0x0c, 0, 0x10, 0], // HDMI's
                        &[7 << 5 | 2, 5, 0],                // colours
                        &video(&[31]),
                    ]
                    .concat(),
                    &[],
                ))
                .bytes(),
            2,
            &[(1920, 1080, 50), (1280, 720, 50)],
            (1920, 1080, 60),
        ),
        shape(
            "first revision of CTA without data blocks",
            desktop()
                .extension(cta(1, &[], &[Detailed::new(7_425, (1280, 720), (700, 30))]))
                .bytes(),
            2,
            &[(1280, 720, 50)],
            (1920, 1080, 60),
        ),
        shape(
            "data blocks in a revision that has none",
            desktop().extension(cta(2, &video(&[31]), &[])).bytes(),
            2,
            &[],
            (1920, 1080, 60),
        ),
    ]
}
