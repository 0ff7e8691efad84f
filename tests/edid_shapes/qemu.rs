//! The EDID that QEMU 7.2 gives its display adapters.

use crate::builder::{BLOCK, Base, Detailed, LargeTiming, cta, display_id, large, sum_up, video};

/// What `-device VGA,xres=…,yres=…` has at the start of BAR 2; without those it is 1280×800. A timing
/// with a clock of over 655 MHz, or of 4096 pixels or lines, is in a third block.
pub fn edid(width: u16, height: u16) -> Vec<u8> {
    // Blanking of 35 % and 3.5 %, 75 Hz, 100 dots an inch.
    let part = |whole: u16, of: u32, parts: u32| {
        u16::try_from(u32::from(whole) * parts / of).expect("a part")
    };
    let blank = (part(width, 100, 35), part(height, 1000, 35));
    let total = (u64::from(width + blank.0), u64::from(height + blank.1));
    let clock = u32::try_from(75 * total.0 * total.1 / 10_000).expect("up to 42 THz");
    let front = (part(width, 4, 1), part(height, 200, 1));
    let sync = (part(width, 100, 3), part(height, 200, 1));
    let millimetres = (part(width, 1000, 254), part(height, 1000, 254));
    let low = |value: u16| value.to_le_bytes()[0];
    let small = u16::try_from(clock)
        .ok()
        .filter(|_| width.max(height) < 4096);
    let mut timing = Detailed::new(small.unwrap_or(0), (width, height), blank).bytes();
    timing[8..15].copy_from_slice(&[
        low(front.0),
        low(sync.0),
        low(front.1 << 4 | sync.1 & 0xf),
        low((front.0 >> 2) & 0xc0 | (sync.0 >> 4) & 0x30 | (front.1 >> 2) & 0xc | sync.1 >> 4),
        low(millimetres.0),
        low(millimetres.1),
        low((millimetres.0 >> 4) & 0xf0 | millimetres.1 >> 8),
    ]);

    let centimetres = [low(millimetres.0 / 10), low(millimetres.1 / 10)];
    let head = [
        [0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0].as_slice(), // RHT, 0x1234, no serial number
        &[42, 24, 1, 4, 0xa5],                           // a week of 2014, EDID 1.4, DisplayPort
        &centimetres,
        &[120, 0x06],                                                  // gamma 2.2, sRGB
        &[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54], // its colours
    ];
    let mut base = Base::new(4).established([0x21, 0x08, 0x00]);
    for (at, byte) in (8..).zip(head.concat()) {
        base = base.byte(at, byte);
    }
    for (width, shape) in [
        (2048, 3),
        (1920, 3),
        (1920, 0),
        (1600, 1),
        (1680, 0),
        (1440, 0),
        (1280, 2),
        (1280, 1),
    ] {
        base = base.standard(width, shape, 60);
    }
    if small.is_some() {
        base = base.descriptor(timing);
    }
    base = base
        .tagged(0xf7, &[10, 0x00, 0x40, 0x82, 0x00, 0x28, 0x20])
        .tagged(0xfd, b"\x32\x7d\x1e\xa0\xff\x01\n      ")
        .tagged(0xfc, b"QEMU Monitor\n")
        .extension(extension());
    if small.is_none() {
        let timing = LargeTiming {
            clock,
            options: 0x88,
            visible: (width, height),
            blank,
            edges: [(front.0, sync.0), (front.1, sync.1)],
        };
        // Its numbers are written less one, but for the clock.
        base = base.extension(display_id(0x13, &large(3, &[timing])));
    }
    base.bytes()
}

/// 5120×2160, 4096×2160, 3840×2160, 2560×1080 and 1920×1080 at 50 Hz, 3840×2160 at 60.
fn extension() -> [u8; BLOCK] {
    let mut block = cta(3, &video(&[125, 101, 96, 89, 31, 97]), &[]);
    for descriptor in block[11..119].chunks_exact_mut(18) {
        descriptor[3] = 0x10;
    }
    sum_up(&mut block);
    block
}
