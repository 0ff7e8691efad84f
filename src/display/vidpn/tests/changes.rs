//! RecommendFunctionalVidPn, RecommendMonitorModes, UpdateActiveVidPnPresentPath.

use dxgk_sys::status::{STATUS_GRAPHICS_INVALID_FREQUENCY, STATUS_NO_MEMORY, STATUS_UNSUCCESSFUL};
use dxgk_sys::{
    D3DDDI_GAMMARAMP_TYPE, D3DKMDT_VIDPN_PRESENT_PATH, D3DKMDT_VIDPN_PRESENT_PATH_ROTATION,
};

use super::super::active::{UpdateError, update};
use super::super::functional::{self, Wanted};
use super::super::monitor;
use super::super::supported::is_supported;
use super::*;
use crate::display::Rotation;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::vidpn::fake::Fake;
use crate::kernel::vidpn::{MonitorMode, Signal};

#[test]
fn a_recommendation_is_functional_and_supported() {
    let list = list();
    for offer in [full(&list), display_only(&list)] {
        let mode = functional::choose(offer, Wanted::Preferred).unwrap();
        let fake = Fake::empty();
        assert_eq!(functional::recommend(&fake.open(), mode, offer), Ok(()));
        fake.check();
        assert!(fake.sources.borrow_mut().assigned().chosen.is_some());
        assert!(fake.targets.borrow_mut().assigned().chosen.is_some());
        assert_eq!(fake.source_list().len() + fake.target_list().len(), 2);
        assert_eq!(is_supported(&fake.open(), offer), Ok(true));
        let path = fake.the_path();
        let margin = [
            path.VisibleFromActiveTLOffset,
            path.VisibleFromActiveBROffset,
        ];
        assert!(margin.iter().all(|offset| (offset.cx, offset.cy) == (0, 0)));
        assert_eq!(
            (path.GammaRamp.DataSize, path.CopyProtection.APSTriggerBits),
            (0, 0)
        );
        let again = functional::recommend(&fake.open(), mode, offer);
        assert_eq!(again, Err(functional::Error::NoRecommendation));
        fake.check();
    }
}

#[test]
fn the_recommended_mode_is_the_preferred_or_the_firmwares() {
    let list = list();
    let offer = full(&list);
    assert_eq!(
        functional::choose(offer, Wanted::Preferred),
        list.preferred()
    );
    let left = functional::choose(offer, Wanted::Firmware(Some(SMALL)));
    assert_eq!(left, list.find(800, 600));
    assert_eq!(functional::choose(offer, Wanted::Firmware(Some(ODD))), None);
    assert_eq!(functional::choose(offer, Wanted::Firmware(None)), None);
    assert_eq!(
        functional::choose(full(&ModeList::EMPTY), Wanted::Preferred),
        None
    );
}

#[test]
fn a_failed_recommendation_leaves_the_vidpn_empty() {
    let list = list();
    let offer = full(&list);
    for (call, status, error) in [
        ("add path", STATUS_NO_MEMORY, functional::Error::NoMemory),
        ("create set", STATUS_NO_MEMORY, functional::Error::NoMemory),
        (
            "add mode",
            STATUS_UNSUCCESSFUL,
            functional::Error::NoRecommendation,
        ),
        (
            "assign",
            STATUS_UNSUCCESSFUL,
            functional::Error::NoRecommendation,
        ),
    ] {
        let fake = Fake::empty();
        fake.fail(call, status);
        let done = functional::recommend(&fake.open(), &list.modes()[0], offer);
        assert_eq!(done, Err(error), "{call}");
        fake.check();
        assert_eq!(fake.open().topology().unwrap().count(), Ok(0));
    }
}

#[test]
fn the_monitor_gets_what_it_lacks() {
    let list = list();
    for offer in [full(&list), display_only(&list)] {
        let own = MonitorMode {
            signal: offer.target_mode(list.find(800, 600).unwrap()).signal,
            preferred: true,
        };
        for (had, preferred) in [(&[][..], None), (&[own][..], Some(0)), (&[own][..], None)] {
            let fake = Fake::empty();
            fake.set_monitor(had, preferred);
            assert_eq!(monitor::recommend(&fake.monitor_set(), offer), Ok(()));
            fake.check();
            let modes = fake.monitor_list();
            assert_eq!(modes.len(), offer.signals().count(), "none twice");
            let told = modes[had.len()..].iter().filter(|mode| mode.preferred);
            assert_eq!(told.count(), usize::from(preferred.is_none()));
            if !offer.abilities.frequencies {
                assert!(
                    modes
                        .iter()
                        .all(|mode| mode.signal == Signal::of_size(mode.signal.active))
                );
            }
            monitor::recommend(&fake.monitor_set(), offer).unwrap();
            assert_eq!(fake.monitor_list().len(), modes.len());
        }
    }
}

#[test]
fn a_monitor_mode_that_is_refused_is_left_out() {
    let list = list();
    let offer = full(&list);
    let fake = Fake::empty();
    fake.set_monitor(&[], None);
    fake.fail("add mode", STATUS_GRAPHICS_INVALID_FREQUENCY);
    assert_eq!(monitor::recommend(&fake.monitor_set(), offer), Ok(()));
    assert_eq!(fake.monitor_list().len(), offer.signals().count() - 1);
    fake.check();
    fake.fail("add mode", STATUS_NO_MEMORY);
    let done = monitor::recommend(&fake.monitor_set(), offer);
    assert_eq!(done, Err(Refused(STATUS_NO_MEMORY)));
    fake.check();
}

#[test]
fn an_active_path_takes_what_was_offered() {
    let mut path = D3DKMDT_VIDPN_PRESENT_PATH::ZERO;
    path.ContentTransformation.Rotation =
        D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_ROTATE90;
    let done = update(&path, true, Abilities::DISPLAY_ONLY);
    assert_eq!(done, Ok(Rotation::Rotate90));
    let done = update(&path, true, Abilities::FULL);
    assert_eq!(done, Err(UpdateError::Transformation));
    let done = update(&path, false, Abilities::DISPLAY_ONLY);
    assert_eq!(done, Err(UpdateError::NotInTopology));
    path.GammaRamp.Type = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_RGB256x3x16;
    let done = update(&path, true, Abilities::DISPLAY_ONLY);
    assert_eq!(done, Err(UpdateError::Transformation));
    path.GammaRamp.Type = D3DDDI_GAMMARAMP_TYPE::D3DDDI_GAMMARAMP_DEFAULT;
    path.VidPnSourceId = 1;
    let done = update(&path, true, Abilities::DISPLAY_ONLY);
    assert_eq!(done, Err(UpdateError::NotInTopology));
}
