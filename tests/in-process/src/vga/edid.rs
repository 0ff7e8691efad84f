//! The data of the monitor that QEMU puts behind its adapters.

/// What QEMU 7.2 has for `-device VGA` and `-device bochs-display`: a base block whose detailed timing is
/// 1280x800 at 75 Hz, and a CTA-861 extension.
pub fn qemu() -> [u8; 256] {
    let mut edid = [0; 256];
    let mut put = |offset: usize, bytes: &[u8]| {
        edid[offset..offset + bytes.len()].copy_from_slice(bytes);
    };
    put(0, &[0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00]);
    put(8, &[0x49, 0x14, 0x34, 0x12, 0, 0, 0, 0, 0x2a, 0x18]); // RHT, product, serial, week, year
    put(18, &[1, 4, 0xa5, 0x20, 0x14, 0x78, 0x06]); // version 1.4, digital, 32 by 20 cm
    put(
        25,
        &[0xee, 0x91, 0xa3, 0x54, 0x4c, 0x99, 0x26, 0x0f, 0x50, 0x54],
    ); // sRGB's primaries
    put(35, &[0x21, 0x08, 0x00]); // established: 640x480, 800x600, 1024x768 at 60 Hz
    let standard = [
        0xe1c0, 0xd1c0, 0xd100, 0xa940, 0xb300, 0x9500, 0x8180, 0x8140_u16,
    ];
    for (offset, timing) in (38..).step_by(2).zip(standard) {
        put(offset, &timing.to_be_bytes());
    }
    put(
        54,
        &[
            0xea, 0x29, 0x00, 0xc0, 0x51, 0x20, 0x1c, 0x30, 0x40, 0x26, 0x44, 0x40, 0x45, 0xcb,
            0x10, 0x00, 0x00, 0x18,
        ],
    );
    put(
        72,
        &[0, 0, 0, 0xf7, 0, 0x0a, 0x00, 0x40, 0x82, 0x00, 0x28, 0x20],
    ); // established III
    put(90, &[0, 0, 0, 0xfd, 0, 50, 125, 30, 160, 0xff, 1, 0x0a]); // range limits
    put(102, b"      ");
    put(108, b"\0\0\0\xfc\0QEMU Monitor\n");
    put(126, &[1]);
    put(
        128,
        &[
            0x02, 0x03, 0x0b, 0x00, 0x46, 0x7d, 0x65, 0x60, 0x59, 0x1f, 0x61,
        ],
    );
    for offset in (139..).step_by(18).take(6) {
        put(offset + 3, &[0x10]); // a dummy descriptor
    }
    for block in edid.chunks_exact_mut(128) {
        let sum = block.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
        block[127] = sum.wrapping_neg();
    }
    edid
}

#[cfg(test)]
mod tests {
    use super::qemu;

    /// The sums that QEMU's own blocks end with.
    #[test]
    fn it_is_qemus_byte_for_byte_as_far_as_a_sum_can_tell() {
        let edid = qemu();
        assert_eq!((edid[127], edid[255]), (0x3a, 0x2f));
        let fold = |sum: u32, byte: &u8| sum.rotate_left(5) ^ u32::from(*byte);
        assert_eq!(edid.iter().fold(0, fold), QEMU_FOLDED);
    }

    /// The same of the bytes that were read from QEMU 7.2.
    const QEMU_FOLDED: u32 = 0x5021_efec;
}
