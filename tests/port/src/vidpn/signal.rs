//! Video signals: what `D3DKMDT_VIDEO_SIGNAL_INFO` may hold, and when two are one.

use alloc::format;
use alloc::string::String;

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_ACTIVE_REGION, STATUS_GRAPHICS_INVALID_FREQUENCY,
    STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE, STATUS_GRAPHICS_INVALID_TOTAL_REGION,
};
use dxgk_sys::{
    D3DDDI_RATIONAL, D3DKMDT_DIMENSION_NOTSPECIFIED, D3DKMDT_FREQUENCY_NOTSPECIFIED,
    D3DKMDT_VIDEO_SIGNAL_INFO as Signal, D3DKMDT_VIDEO_SIGNAL_STANDARD as Standard, NTSTATUS,
};

/// More pixels than any side of a picture has: what is above was not set, or not specified.
const LARGEST: u32 = 0x0010_0000;

/// Whether a side of a picture can be so long.
pub(crate) fn is_size(pixels: u32) -> bool {
    (1..=LARGEST).contains(&pixels)
}

fn rational(value: D3DDDI_RATIONAL) -> (u32, u32) {
    (value.Numerator, value.Denominator)
}

fn is_not_specified(value: D3DDDI_RATIONAL) -> bool {
    value.Numerator == D3DKMDT_FREQUENCY_NOTSPECIFIED
        && value.Denominator == D3DKMDT_FREQUENCY_NOTSPECIFIED
}

/// A frequency in millihertz; `None` if it is not specified.
pub(crate) fn millihertz(value: D3DDDI_RATIONAL) -> Option<u64> {
    if is_not_specified(value) || value.Denominator == 0 {
        return None;
    }
    Some(u64::from(value.Numerator) * 1000 / u64::from(value.Denominator))
}

/// Active width and height.
pub(crate) fn active(signal: &Signal) -> (u32, u32) {
    (signal.ActiveSize.cx, signal.ActiveSize.cy)
}

/// Total width and height; `None` if they are not specified.
pub(crate) fn total(signal: &Signal) -> Option<(u32, u32)> {
    let (width, height) = (signal.TotalSize.cx, signal.TotalSize.cy);
    let none = D3DKMDT_DIMENSION_NOTSPECIFIED;
    (width != none && height != none).then_some((width, height))
}

/// The pixel rate in hertz; `None` if it is not specified.
pub(crate) fn pixel_rate(signal: &Signal) -> Option<u64> {
    (signal.PixelRate != D3DKMDT_FREQUENCY_NOTSPECIFIED as usize).then_some(signal.PixelRate as u64)
}

/// `ScanLineOrdering` as every version has it: the low three bits.
fn ordering(signal: &Signal) -> u32 {
    // SAFETY: any bytes are an integer.
    unsafe { signal.u0.AdditionalSignalInfo }.ScanLineOrdering()
}

/// Whether two signals are the same.
pub(crate) fn same(one: &Signal, two: &Signal) -> bool {
    one.VideoStandard == two.VideoStandard
        && active(one) == active(two)
        && total(one) == total(two)
        && rational(one.VSyncFreq) == rational(two.VSyncFreq)
        && rational(one.HSyncFreq) == rational(two.HSyncFreq)
        && one.PixelRate == two.PixelRate
        && ordering(one) == ordering(two)
}

/// Whether a monitor that shows `known` shows `wanted`: the same size at the same rate, within half a hertz.
pub(crate) fn shows(known: &Signal, wanted: &Signal) -> bool {
    let rates = (millihertz(known.VSyncFreq), millihertz(wanted.VSyncFreq));
    let same_rate = match rates {
        (Some(one), Some(two)) => one.abs_diff(two) <= 500,
        _ => true,
    };
    active(known) == active(wanted) && same_rate
}

/// What no page allows in a signal, with the status that a monitor source mode set has for it.
pub(crate) fn fault(signal: &Signal) -> Option<(NTSTATUS, String)> {
    let standard = signal.VideoStandard;
    if standard == Standard::D3DKMDT_VSS_UNINITIALIZED || standard.name().is_none() {
        let what = format!("VideoStandard is {}", standard.0);
        return Some((STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE, what));
    }
    let (width, height) = active(signal);
    if !is_size(width) || !is_size(height) {
        let what = format!("ActiveSize is {width} x {height}");
        return Some((STATUS_GRAPHICS_INVALID_ACTIVE_REGION, what));
    }
    if let Some((x, y)) = total(signal)
        && !(is_size(x) && is_size(y) && x >= width && y >= height)
    {
        let what = format!("TotalSize is {x} x {y} around {width} x {height}");
        return Some((STATUS_GRAPHICS_INVALID_TOTAL_REGION, what));
    }
    frequency_fault(signal)
        .map(|what| (STATUS_GRAPHICS_INVALID_FREQUENCY, what))
        .or_else(|| {
            let what = ordering_fault(signal)?;
            Some((STATUS_GRAPHICS_INVALID_MONITOR_SOURCE_MODE, what))
        })
}

fn frequency_fault(signal: &Signal) -> Option<String> {
    let rates = [
        ("VSyncFreq", signal.VSyncFreq),
        ("HSyncFreq", signal.HSyncFreq),
    ];
    for (name, rate) in rates {
        let (numerator, denominator) = rational(rate);
        let set = |part| part != 0 && part < D3DKMDT_FREQUENCY_NOTSPECIFIED;
        let is_rate = set(numerator) && set(denominator);
        if !is_rate && !is_not_specified(rate) {
            return Some(format!("{name} is {numerator} / {denominator}"));
        }
    }
    if signal.PixelRate == 0 {
        return Some("PixelRate is 0".into());
    }
    let (Some(pixels), Some((width, height))) = (pixel_rate(signal), total(signal)) else {
        return None;
    };
    // Pixels of a second over pixels of a line are lines of a second; over those of a frame, frames.
    let line = u64::from(width);
    let frame = line * u64::from(height);
    let near = |rate: u64, expected: u64| rate.abs_diff(expected) <= expected / 50;
    if let Some(rate) = millihertz(signal.HSyncFreq)
        && !near(rate, pixels.saturating_mul(1000) / line)
    {
        return Some(format!("HSyncFreq is {rate} mHz: {pixels} Hz over {width}"));
    }
    // An interlaced signal has two fields a frame.
    let expected = pixels.saturating_mul(1000) / frame;
    if let Some(rate) = millihertz(signal.VSyncFreq)
        && !near(rate, expected)
        && !(ordering(signal) != 1 && near(rate, expected * 2))
    {
        return Some(format!(
            "VSyncFreq is {rate} mHz: {pixels} Hz over {width} x {height}"
        ));
    }
    None
}

fn ordering_fault(signal: &Signal) -> Option<String> {
    // Progressive, two ways of interlacing, and 255, of which three bits are left.
    let known = [1, 2, 3, 7].contains(&ordering(signal));
    // SAFETY: any bytes are an integer.
    let divider = unsafe { signal.u0.AdditionalSignalInfo }.VSyncFreqDivider();
    if !known {
        return Some(format!("ScanLineOrdering is {}", ordering(signal)));
    }
    (divider != 0 && ordering(signal) != 7).then(|| format!("VSyncFreqDivider is {divider}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use dxgk_sys::{D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING, D3DKMDT_2DREGION};

    fn vga() -> Signal {
        let mut signal = Signal::ZERO;
        signal.VideoStandard = Standard::D3DKMDT_VSS_VESA_DMT;
        signal.ActiveSize = D3DKMDT_2DREGION { cx: 640, cy: 480 };
        signal.TotalSize = D3DKMDT_2DREGION { cx: 800, cy: 525 };
        signal.VSyncFreq = D3DDDI_RATIONAL {
            Numerator: 25_175_000,
            Denominator: 800 * 525,
        };
        signal.HSyncFreq = D3DDDI_RATIONAL {
            Numerator: 25_175_000,
            Denominator: 800,
        };
        signal.PixelRate = 25_175_000;
        signal.u0.ScanLineOrdering =
            D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING::D3DDDI_VSSLO_PROGRESSIVE;
        signal
    }

    #[test]
    fn a_signal_agrees_with_itself() {
        assert_eq!(fault(&vga()), None);
        let bent: [fn(&mut Signal); 8] = [
            |signal| signal.VideoStandard = Standard::D3DKMDT_VSS_UNINITIALIZED,
            |signal| signal.ActiveSize.cy = 0,
            |signal| signal.TotalSize.cx = 639,
            |signal| signal.VSyncFreq.Denominator = 0,
            |signal| signal.VSyncFreq.Numerator *= 2,
            |signal| signal.HSyncFreq.Numerator = 0,
            |signal| signal.PixelRate = 0,
            |signal| signal.u0.ScanLineOrdering = D3DDDI_VIDEO_SIGNAL_SCANLINE_ORDERING(0),
        ];
        for bend in bent {
            let mut signal = vga();
            bend(&mut signal);
            assert!(fault(&signal).is_some());
        }
        let mut open = vga();
        open.VSyncFreq.Numerator = D3DKMDT_FREQUENCY_NOTSPECIFIED;
        open.VSyncFreq.Denominator = D3DKMDT_FREQUENCY_NOTSPECIFIED;
        open.PixelRate = D3DKMDT_FREQUENCY_NOTSPECIFIED as usize;
        assert_eq!(fault(&open), None);
        assert!(shows(&vga(), &open) && !same(&vga(), &open));
    }
}
