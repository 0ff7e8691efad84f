//! The modes and frequency ranges that dxgkrnl takes from a monitor's EDID.
//!
//! Taken are established, standard and detailed timings, detailed timings of a CTA-861 extension, and the range
//! limits. Codes of a CTA-861 video data block are not: drivers add such modes themselves. Of established and
//! standard timings only size and rate are known; the rest is not specified.

use alloc::vec::Vec;

use dxgk_sys::{
    D3DDDI_RATIONAL, D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING, D3DKMDT_2DREGION, D3DKMDT_COLOR_BASIS,
    D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES, D3DKMDT_DIMENSION_NOTSPECIFIED,
    D3DKMDT_FREQUENCY_NOTSPECIFIED, D3DKMDT_MODE_PREFERENCE as Preference,
    D3DKMDT_MONITOR_CAPABILITIES_ORIGIN as Origin, D3DKMDT_MONITOR_FREQUENCY_RANGE,
    D3DKMDT_MONITOR_FREQUENCY_RANGE_CONSTRAINT, D3DKMDT_VIDEO_SIGNAL_STANDARD as Standard,
};

use crate::pattern::Pattern;
use crate::vidpn::MonitorMode;
use crate::vidpn::mode::Mode;

const BLOCK: usize = 128;

/// What a monitor says of itself.
#[derive(Default)]
pub(crate) struct Described {
    pub modes: Vec<MonitorMode>,
    pub ranges: Vec<D3DKMDT_MONITOR_FREQUENCY_RANGE>,
}

/// Established timings, from bit 7 of byte 35 on.
const ESTABLISHED: [(u32, u32, u32); 16] = [
    (720, 400, 70),
    (720, 400, 88),
    (640, 480, 60),
    (640, 480, 67),
    (640, 480, 72),
    (640, 480, 75),
    (800, 600, 56),
    (800, 600, 60),
    (800, 600, 72),
    (800, 600, 75),
    (832, 624, 75),
    (1024, 768, 87),
    (1024, 768, 60),
    (1024, 768, 70),
    (1024, 768, 75),
    (1280, 1024, 75),
];

/// Reads an EDID. A monitor without one has a default profile.
pub(crate) fn describe(edid: &[u8]) -> Described {
    let mut described = Described::default();
    let good = edid.len() >= BLOCK && edid.starts_with(&[0, 255, 255, 255, 255, 255, 255, 0]);
    if !good {
        for (width, height) in [(640, 480), (800, 600), (1024, 768)] {
            let origin = Origin::D3DKMDT_MCO_DEFAULTMONITORPROFILE;
            described.add(rough(width, height, 60, origin));
        }
        return described;
    }
    base_block(&mut described, &edid[..BLOCK]);
    for block in edid[BLOCK..].chunks_exact(BLOCK) {
        // CTA-861: detailed timings from the byte that byte 2 names to the checksum.
        let start = usize::from(block[2]);
        if block[0] == 2 && (4..BLOCK - 1).contains(&start) {
            for timing in block[start..BLOCK - 1].chunks_exact(18) {
                described.detailed(timing, false);
            }
        }
    }
    described
}

fn base_block(described: &mut Described, block: &[u8]) {
    for (index, timing) in block[54..126].chunks_exact(18).enumerate() {
        // The first one is what the monitor prefers.
        described.detailed(timing, index == 0);
        if timing.starts_with(&[0, 0, 0, 0xFD]) {
            described.ranges.extend(range(timing));
        }
    }
    let origin = Origin::D3DKMDT_MCO_MONITORDESCRIPTOR;
    for pair in block[38..54].chunks_exact(2) {
        if pair != [1, 1] && pair[0] != 0 {
            let width = (u32::from(pair[0]) + 31) * 8;
            let height = match pair[1] >> 6 {
                0 => width * 10 / 16,
                1 => width * 3 / 4,
                2 => width * 4 / 5,
                _ => width * 9 / 16,
            };
            described.add(rough(width, height, u32::from(pair[1] & 63) + 60, origin));
        }
    }
    let bits = u16::from_be_bytes([block[35], block[36]]);
    for (index, (width, height, rate)) in ESTABLISHED.into_iter().enumerate() {
        if bits & (0x8000 >> index) != 0 {
            described.add(rough(width, height, rate, origin));
        }
    }
}

fn range(descriptor: &[u8]) -> Option<D3DKMDT_MONITOR_FREQUENCY_RANGE> {
    let hertz = |value: u8, unit: u32| D3DDDI_RATIONAL {
        Numerator: u32::from(value) * unit,
        Denominator: 1,
    };
    if descriptor[5] == 0 || descriptor[6] < descriptor[5] {
        return None;
    }
    let mut range: D3DKMDT_MONITOR_FREQUENCY_RANGE = Pattern(0).filled();
    range.Origin = Origin::D3DKMDT_MCO_MONITORDESCRIPTOR;
    range.RangeLimits.MinVSyncFreq = hertz(descriptor[5], 1);
    range.RangeLimits.MaxVSyncFreq = hertz(descriptor[6], 1);
    range.RangeLimits.MinHSyncFreq = hertz(descriptor[7], 1000);
    range.RangeLimits.MaxHSyncFreq = hertz(descriptor[8], 1000);
    range.ConstraintType = D3DKMDT_MONITOR_FREQUENCY_RANGE_CONSTRAINT::D3DKMDT_MFRC_MAXPIXELRATE;
    range.Constraint.MaxPixelRate = usize::from(descriptor[9]) * 10_000_000;
    Some(range)
}

impl Described {
    fn add(&mut self, mode: MonitorMode) {
        let id = u32::try_from(self.modes.len()).unwrap_or(0) + 1;
        if !self.modes.iter().any(|known| known.same(&mode)) {
            self.modes.push(mode.with_id(id));
        }
    }

    /// A detailed timing of 18 bytes; others are skipped.
    fn detailed(&mut self, timing: &[u8], preferred: bool) {
        let clock = u32::from(u16::from_le_bytes([timing[0], timing[1]])) * 10_000;
        let wide = |low: u8, high: u8| u32::from(low) | u32::from(high) << 8;
        let width = wide(timing[2], timing[4] >> 4);
        let height = wide(timing[5], timing[7] >> 4);
        let total_width = width + wide(timing[3], timing[4] & 15);
        let total_height = height + wide(timing[6], timing[7] & 15);
        if clock == 0 || width == 0 || height == 0 {
            return;
        }
        let interlaced = timing[17] & 0x80 != 0;
        let mut mode = rough(width, height, 60, Origin::D3DKMDT_MCO_MONITORDESCRIPTOR);
        let signal = &mut mode.VideoSignalInfo;
        signal.VideoStandard = Standard::D3DKMDT_VSS_OTHER;
        signal.TotalSize = D3DKMDT_2DREGION {
            cx: total_width,
            cy: total_height,
        };
        let frame = total_width * total_height;
        signal.VSyncFreq = D3DDDI_RATIONAL {
            Numerator: clock,
            Denominator: frame,
        };
        signal.HSyncFreq = D3DDDI_RATIONAL {
            Numerator: clock,
            Denominator: total_width,
        };
        signal.PixelRate = clock as usize;
        if interlaced {
            signal.u0.ScanLineOrdering =
                D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING::D3DDDI_VSSLO_INTERLACED_UPPERFIELDFIRST;
        }
        if preferred {
            mode.Preference = Preference::D3DKMDT_MP_PREFERRED;
        }
        self.add(mode);
    }
}

/// A mode of which size and rate alone are known.
fn rough(width: u32, height: u32, hertz: u32, origin: Origin) -> MonitorMode {
    let mut mode: MonitorMode = Pattern(0).filled();
    let signal = &mut mode.VideoSignalInfo;
    let none = D3DKMDT_FREQUENCY_NOTSPECIFIED;
    signal.VideoStandard = Standard::D3DKMDT_VSS_VESA_DMT;
    signal.ActiveSize = D3DKMDT_2DREGION {
        cx: width,
        cy: height,
    };
    signal.TotalSize = D3DKMDT_2DREGION {
        cx: D3DKMDT_DIMENSION_NOTSPECIFIED,
        cy: D3DKMDT_DIMENSION_NOTSPECIFIED,
    };
    signal.VSyncFreq = D3DDDI_RATIONAL {
        Numerator: hertz,
        Denominator: 1,
    };
    signal.HSyncFreq = D3DDDI_RATIONAL {
        Numerator: none,
        Denominator: none,
    };
    signal.PixelRate = none as usize;
    signal.u0.ScanLineOrdering = D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING::D3DDDI_VSSLO_PROGRESSIVE;
    mode.ColorBasis = D3DKMDT_COLOR_BASIS::D3DKMDT_CB_SRGB;
    mode.ColorCoeffDynamicRanges = D3DKMDT_COLOR_COEFF_DYNAMIC_RANGES {
        FirstChannel: 8,
        SecondChannel: 8,
        ThirdChannel: 8,
        FourthChannel: 8,
    };
    mode.Origin = origin;
    mode.Preference = Preference::D3DKMDT_MP_NOTPREFERRED;
    mode
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vidpn::signal;

    /// 1280 x 800 in detail, 1600 x 900 as a standard timing, 640 x 480 at 60 Hz established.
    fn edid() -> Vec<u8> {
        let mut block = alloc::vec![0; BLOCK];
        block[..8].copy_from_slice(&[0, 255, 255, 255, 255, 255, 255, 0]);
        block[35] = 0x20;
        block[38..54].fill(1);
        block[38..40].copy_from_slice(&[169 /* 1600 / 8 - 31 */, 0xC0]);
        block[54..72].copy_from_slice(&[
            0x9E, 0x20, 0x00, 0x90, 0x51, 0x20, 0x1F, 0x30, 0x48, 0x80, 0x36, 0, 0, 0, 0, 0, 0,
            0x18,
        ]);
        block[72..82].copy_from_slice(&[0, 0, 0, 0xFD, 0, 50, 75, 30, 80, 15]);
        block
    }

    #[test]
    fn the_three_kinds_of_timing_are_read() {
        let described = describe(&edid());
        let sizes: Vec<_> = described
            .modes
            .iter()
            .map(|mode| signal::active(&mode.VideoSignalInfo))
            .collect();
        assert_eq!(sizes, [(1280, 800), (1600, 900), (640, 480)]);
        assert!(
            described
                .modes
                .iter()
                .all(|mode| signal::fault(&mode.VideoSignalInfo).is_none())
        );
        let preferred = Preference::D3DKMDT_MP_PREFERRED;
        assert!(described.modes[0].Preference == preferred);
        assert!(described.modes[1].Preference != preferred);
        assert_eq!(described.ranges.len(), 1);
        assert_eq!(described.ranges[0].RangeLimits.MaxVSyncFreq.Numerator, 75);
    }

    #[test]
    fn a_monitor_that_says_nothing_has_a_default_profile() {
        for nothing in [&[][..], &[0; 128], &edid()[..127]] {
            assert_eq!(describe(nothing).modes.len(), 3);
        }
        // An extension of which only half came.
        let mut long = edid();
        long.extend([2, 3, 4, 0]);
        assert_eq!(describe(&long).modes.len(), 3);
    }
}
