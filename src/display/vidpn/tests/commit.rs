//! CommitVidPn.

use dxgk_sys::D3DKMDT_VIDPN_PRESENT_PATH_ROTATION;
use dxgk_sys::D3DKMDT_VIDPN_PRESENT_PATH_SCALING;

use super::super::commit::{Error, Request, plan};
use super::*;
use crate::display::{Plan, Rotation};
use crate::kernel::vidpn::fake::Fake;

type Turn = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION;

const PLAIN: Request = Request {
    source: None,
    enforce_monitor: false,
    monitor: true,
    powered_off: false,
};

fn functional(offer: Offer<'_>, size: Size) -> std::boxed::Box<Fake> {
    let fake = Fake::with_path();
    fake.set_sources(&[surface(size)], Some(0));
    fake.set_targets(&[signal(offer, size)], Some(0));
    fake
}

fn commit(fake: &Fake, request: Request, offer: Offer<'_>) -> Result<Option<Plan>, Error> {
    let plan = plan(&fake.open(), &request, offer);
    fake.check();
    plan
}

#[test]
fn every_mode_is_committed_as_it_was_pinned() {
    let list = list();
    for offer in [full(&list), display_only(&list)] {
        for mode in offer.signals() {
            let fake = Fake::with_path();
            let target = offer.target_mode(mode);
            fake.set_sources(&[surface(target.signal.active)], Some(0));
            fake.set_targets(&[target], Some(0));
            for source in [None, Some(0)] {
                let request = Request { source, ..PLAIN };
                let plan = commit(&fake, request, offer).unwrap().unwrap();
                assert_eq!(plan.mode, *mode);
                assert_eq!((plan.rotation, plan.powered_on), (Rotation::Identity, true));
            }
        }
    }
}

#[test]
fn no_path_or_no_pinned_surface_is_nothing() {
    let list = list();
    let offer = full(&list);
    assert_eq!(commit(&Fake::empty(), PLAIN, offer), Ok(None));
    assert_eq!(commit(&Fake::with_path(), PLAIN, offer), Ok(None));
}

#[test]
fn a_pinned_surface_alone_is_enough() {
    let list = list();
    let fake = Fake::with_path();
    fake.set_sources(&[surface(SMALL)], Some(0));
    let plan = commit(&fake, PLAIN, full(&list)).unwrap().unwrap();
    assert_eq!(plan.mode, *list.find(800, 600).unwrap());
}

#[test]
fn a_missing_monitor_matters_if_enforced() {
    let list = list();
    let offer = full(&list);
    let fake = functional(offer, SMALL);
    for (enforce_monitor, monitor, good) in [
        (true, true, true),
        (true, false, false),
        (false, false, true),
    ] {
        let request = Request {
            enforce_monitor,
            monitor,
            ..PLAIN
        };
        let answer = commit(&fake, request, offer);
        assert_eq!(answer.is_ok(), good);
        assert!(good || answer == Err(Error::InvalidTopology));
        let nothing = commit(&Fake::empty(), request, offer);
        assert_eq!(nothing, Ok(None), "no output, no monitor");
    }
}

#[test]
fn a_path_can_be_powered_off() {
    let list = list();
    let offer = full(&list);
    let request = Request {
        powered_off: true,
        ..PLAIN
    };
    let plan = commit(&functional(offer, SMALL), request, offer);
    assert!(!plan.unwrap().unwrap().powered_on);
}

#[test]
fn what_is_not_offered_is_refused() {
    let list = list();
    let offer = full(&list);
    let fake = functional(offer, SMALL);
    let request = Request {
        source: Some(1),
        ..PLAIN
    };
    assert_eq!(commit(&fake, request, offer), Err(Error::Source));

    let odd = functional(offer, ODD);
    assert_eq!(commit(&odd, PLAIN, offer), Err(Error::Modality));
    fake.set_targets(&[signal(offer, LARGE)], Some(0));
    assert_eq!(commit(&fake, PLAIN, offer), Err(Error::Modality));
    fake.set_targets(&[at_odd_rate(signal(offer, SMALL))], Some(0));
    assert_eq!(commit(&fake, PLAIN, offer), Err(Error::Modality));

    let fake = functional(offer, SMALL);
    fake.change_path(|path| path.VidPnTargetId = 1);
    assert_eq!(commit(&fake, PLAIN, offer), Err(Error::InvalidTopology));
    let fake = functional(offer, SMALL);
    fake.change_path(|path| {
        path.ContentTransformation.Scaling =
            D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_STRETCHED;
    });
    assert_eq!(commit(&fake, PLAIN, offer), Err(Error::Modality));
}

#[test]
fn a_rotation_is_committed_where_it_is_offered() {
    let list = list();
    let offer = display_only(&list);
    for (turn, rotation) in [
        (Turn::D3DKMDT_VPPR_IDENTITY, Rotation::Identity),
        (Turn::D3DKMDT_VPPR_ROTATE90, Rotation::Rotate90),
        (Turn::D3DKMDT_VPPR_ROTATE180, Rotation::Rotate180),
        (Turn::D3DKMDT_VPPR_ROTATE270, Rotation::Rotate270),
        (Turn::D3DKMDT_VPPR_NOTSPECIFIED, Rotation::Identity),
    ] {
        let fake = functional(offer, LARGE);
        fake.change_path(|path| path.ContentTransformation.Rotation = turn);
        let plan = commit(&fake, PLAIN, offer).unwrap().unwrap();
        assert_eq!(plan.rotation, rotation);
        assert_eq!(
            plan.mode.width(),
            LARGE.width,
            "the frame buffer is not turned"
        );
        if rotation != Rotation::Identity {
            let answer = commit(&fake, PLAIN, full(&list));
            assert_eq!(answer, Err(Error::Modality));
        }
    }
}
