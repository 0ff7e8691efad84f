//! IsSupportedVidPn and QueryVidPnHWCapability.

use dxgk_sys::status::STATUS_NO_MEMORY;
use dxgk_sys::{
    D3DDDI_GAMMARAMP_TYPE, D3DDDIFORMAT, D3DKMDT_VIDPN_HW_CAPABILITY,
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION, D3DKMDT_VIDPN_PRESENT_PATH_SCALING,
};

use super::super::active::{CapabilityError, capability};
use super::super::supported::{Error, is_supported};
use super::*;
use crate::kernel::vidpn::SourceMode;
use crate::kernel::vidpn::fake::Fake;

type Scaling = D3DKMDT_VIDPN_PRESENT_PATH_SCALING;
type Turn = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION;

#[test]
fn nothing_is_always_supported() {
    let list = list();
    let fake = Fake::empty();
    assert_eq!(is_supported(&fake.open(), full(&list)), Ok(true));
    fake.check();
}

#[test]
fn what_is_pinned_decides() {
    let list = list();
    for offer in [full(&list), display_only(&list)] {
        let rates = offer.abilities.frequencies;
        let text = SourceMode::NO_GRAPHICS;
        let small565 = SourceMode {
            format: D3DDDIFORMAT::D3DDDIFMT_R5G6B5,
            ..surface(SMALL)
        };
        for (source, target, supported) in [
            (None, None, true),
            (Some(surface(SMALL)), None, true),
            (Some(surface(ODD)), None, false),
            (Some(small565), None, false),
            (Some(text), None, false),
            (None, Some(signal(offer, SMALL)), true),
            (None, Some(signal(offer, ODD)), false),
            (None, Some(at_odd_rate(signal(offer, SMALL))), !rates),
            (Some(surface(SMALL)), Some(signal(offer, SMALL)), true),
            (Some(surface(SMALL)), Some(signal(offer, LARGE)), false),
        ] {
            let fake = Fake::with_path();
            fake.set_sources(source.as_slice(), source.map(|_| 0));
            fake.set_targets(target.as_slice(), target.map(|_| 0));
            let answer = is_supported(&fake.open(), offer);
            assert_eq!(answer, Ok(supported), "{source:?} {target:?}");
            fake.check();
        }
    }
}

#[test]
fn what_the_path_asks_for_decides() {
    let list = list();
    let supported = |offer, scaling, turn| {
        let fake = Fake::with_path();
        fake.change_path(|path| {
            path.ContentTransformation.Scaling = scaling;
            path.ContentTransformation.Rotation = turn;
        });
        let answer = is_supported(&fake.open(), offer).unwrap();
        fake.check();
        answer
    };
    for offer in [full(&list), display_only(&list)] {
        for (_, scaling) in Scaling::VALUES {
            let can = !matches!(scaling.0, 2..=253);
            let answer = supported(offer, *scaling, Turn::D3DKMDT_VPPR_UNPINNED);
            assert_eq!(answer, can, "{scaling:?}");
        }
        for (_, turn) in Turn::VALUES {
            let can = match turn.0 {
                0 | 1 | 254 | 255 => true,
                2..=4 => offer.abilities.rotates,
                _ => false,
            };
            let answer = supported(offer, Scaling::D3DKMDT_VPPS_UNPINNED, *turn);
            assert_eq!(answer, can, "{turn:?}");
        }
    }
    let fake = Fake::with_path();
    for (_, gamma) in D3DDDI_GAMMARAMP_TYPE::VALUES {
        fake.change_path(|path| path.GammaRamp.Type = *gamma);
        let answer = is_supported(&fake.open(), full(&list));
        assert_eq!(answer, Ok(gamma.0 < 2), "{gamma:?}");
    }
}

#[test]
fn another_path_is_no_topology() {
    let list = list();
    for (source, target) in [(1, 0), (0, 1)] {
        let fake = Fake::with_path();
        fake.change_path(|path| (path.VidPnSourceId, path.VidPnTargetId) = (source, target));
        let answer = is_supported(&fake.open(), full(&list));
        assert_eq!(answer, Err(Error::InvalidTopology));
        fake.check();
    }
    let fake = Fake::with_path();
    fake.more_paths.set(1);
    let answer = is_supported(&fake.open(), full(&list));
    assert_eq!(answer, Err(Error::InvalidTopology));
    fake.check();
}

#[test]
fn a_lack_of_memory_is_told_from_the_rest() {
    let list = list();
    let fake = Fake::with_path();
    fake.fail("chosen", STATUS_NO_MEMORY);
    assert_eq!(
        is_supported(&fake.open(), full(&list)),
        Err(Error::NoMemory)
    );
    fake.fail("chosen", dxgk_sys::status::STATUS_UNSUCCESSFUL);
    let answer = is_supported(&fake.open(), full(&list));
    assert_eq!(answer, Err(Error::InvalidTopology));
    fake.check();
}

#[test]
fn only_a_turned_picture_is_made_in_software() {
    let turned = D3DKMDT_VIDPN_HW_CAPABILITY::DriverRotation;
    let none = D3DKMDT_VIDPN_HW_CAPABILITY::empty();
    let fake = Fake::with_path();
    let ask = |source, target, abilities| capability(&fake.open(), source, target, abilities);
    assert_eq!(ask(0, 0, Abilities::FULL), Ok(none));
    assert_eq!(ask(0, 0, Abilities::DISPLAY_ONLY), Ok(none));
    fake.change_path(|path| path.ContentTransformation.Rotation = Turn::D3DKMDT_VPPR_ROTATE180);
    assert_eq!(ask(0, 0, Abilities::DISPLAY_ONLY), Ok(turned));
    for (source, target) in [(1, 0), (0, 1)] {
        let answer = ask(source, target, Abilities::FULL);
        assert_eq!(answer, Err(CapabilityError::NotInTopology));
    }
    let empty = Fake::empty();
    let answer = capability(&empty.open(), 0, 0, Abilities::FULL);
    assert_eq!(answer, Err(CapabilityError::NotInTopology));
    fake.check();
}
