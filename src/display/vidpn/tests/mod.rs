//! The decisions, on a VidPN manager that counts what it gives (`kernel::vidpn::fake`).

mod changes;
mod cofunctional;
mod commit;
mod questions;

use std::vec::Vec;

use dxgk_sys::D3DDDIFORMAT;

use super::{Abilities, Offer};
use crate::display::edid::Edid;
use crate::display::modes::{Limits, ModeList, Sources};
use crate::kernel::vidpn::{Frequency, Size, SourceMode, TargetMode};

/// The common modes that fit 8 MiB, and one of the user's, of which there are two rates.
fn list() -> ModeList {
    let custom: Vec<u16> = "800x600@75\0\0".encode_utf16().collect();
    let mut list = ModeList::EMPTY;
    list.build(&Sources {
        edid: &Edid::NONE,
        limits: Limits {
            largest_width: 16000,
            largest_height: 12000,
            width_multiple: 8,
            video_memory: 8 << 20,
            least_pitch: 0,
            primaries: 2,
        },
        custom: &custom,
    });
    assert!(list.find(800, 600).is_some() && list.find(1024, 768).is_some());
    list
}

fn full(list: &ModeList) -> Offer<'_> {
    Offer {
        list,
        abilities: Abilities::FULL,
    }
}

fn display_only(list: &ModeList) -> Offer<'_> {
    Offer {
        list,
        abilities: Abilities::DISPLAY_ONLY,
    }
}

const SMALL: Size = Size {
    width: 800,
    height: 600,
};
const LARGE: Size = Size {
    width: 1024,
    height: 768,
};
/// Offered nowhere.
const ODD: Size = Size {
    width: 999,
    height: 777,
};

fn surface(size: Size) -> SourceMode {
    SourceMode {
        size,
        stride: size.width * 4,
        format: D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
    }
}

/// The signal of a size that `offer` names first, or the same of a size that it does not have.
fn signal(offer: Offer<'_>, size: Size) -> TargetMode {
    let any = &offer.list.modes()[0];
    let mut mode = offer.target_mode(offer.of_size(size).unwrap_or(any));
    if mode.signal.active != size {
        (mode.signal.active, mode.signal.total) = (size, size);
    }
    mode
}

/// The same at a rate that nothing has.
fn at_odd_rate(mut mode: TargetMode) -> TargetMode {
    mode.signal.vertical = Frequency {
        numerator: 61,
        denominator: 1,
    };
    mode
}
