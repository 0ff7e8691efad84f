//! EnumVidPnCofuncModality.

use dxgk_sys::status::{
    STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET, STATUS_NO_MEMORY, STATUS_UNSUCCESSFUL,
};
use dxgk_sys::{
    D3DKMDT_VIDPN_PRESENT_PATH_ROTATION, D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT,
    D3DKMDT_VIDPN_PRESENT_PATH_SCALING, D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT,
};

use super::super::cofunctional::{Error, Pivot, enumerate};
use super::*;
use crate::kernel::dxgkrnl::Refused;
use crate::kernel::testing::passive;
use crate::kernel::vidpn::fake::Fake;
use crate::kernel::vidpn::{MonitorMode, Signal};

type Scales = D3DKMDT_VIDPN_PRESENT_PATH_SCALING_SUPPORT;
type Turns = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION_SUPPORT;

const PIVOTS: [Pivot; 5] = [
    Pivot::None,
    Pivot::Source,
    Pivot::Target,
    Pivot::Scaling,
    Pivot::Rotation,
];

fn run(fake: &Fake, pivot: Pivot, offer: Offer<'_>) {
    assert_eq!(enumerate(&fake.open(), None, pivot, offer), Ok(()));
    fake.check();
}

#[test]
fn nothing_pinned_gets_everything() {
    let list = list();
    for offer in [full(&list), display_only(&list)] {
        let fake = Fake::with_path();
        run(&fake, Pivot::None, offer);

        let sources = fake.source_list();
        assert_eq!(sources.len(), 2 * offer.sizes().count());
        let mode = list.find(800, 600).unwrap();
        for format in [
            D3DDDIFORMAT::D3DDDIFMT_X8R8G8B8,
            D3DDDIFORMAT::D3DDDIFMT_A8R8G8B8,
        ] {
            let (size, stride) = (SMALL, mode.pitch());
            let surface = SourceMode {
                size,
                stride,
                format,
            };
            assert!(sources.contains(&surface));
        }
        let targets = fake.target_list();
        let small = targets.iter().filter(|mode| mode.signal.active == SMALL);
        let preferred = targets.iter().filter(|mode| mode.preferred);
        assert_eq!(preferred.count(), 1);
        if offer.abilities.frequencies {
            assert_eq!(targets.len(), list.modes().len());
            assert_eq!(small.count(), 2, "60 and 75 Hz");
            assert!(
                targets
                    .iter()
                    .all(|mode| mode.signal.total != mode.signal.active)
            );
        } else {
            assert_eq!(small.count(), 1, "no rates, no difference");
            for mode in &targets {
                assert_eq!(mode.signal, Signal::of_size(mode.signal.active));
            }
        }
    }
}

#[test]
fn an_empty_vidpn_stays_empty() {
    let list = list();
    let fake = Fake::empty();
    run(&fake, Pivot::None, full(&list));
    assert_eq!(fake.updates.get(), 0);
}

#[test]
fn what_is_pinned_stays_and_decides() {
    let list = list();
    let offer = full(&list);
    for pivot in PIVOTS {
        let fake = Fake::with_path();
        let pinned = surface(SMALL);
        fake.set_sources(&[surface(LARGE), pinned], Some(1));
        run(&fake, pivot, offer);
        assert_eq!(fake.source_list(), [surface(LARGE), pinned]);
        let targets = fake.target_list();
        assert!(targets.iter().all(|mode| mode.signal.active == SMALL));
        assert_eq!(targets.len(), if pivot == Pivot::Target { 0 } else { 2 });

        let fake = Fake::with_path();
        let pinned = [signal(offer, LARGE), signal(offer, SMALL)];
        fake.set_targets(&pinned, Some(0));
        run(&fake, pivot, offer);
        assert_eq!(fake.target_list(), pinned);
        let sources = fake.source_list();
        assert!(sources.iter().all(|mode| mode.size == LARGE));
        assert_eq!(sources.len(), if pivot == Pivot::Source { 0 } else { 2 });
    }
}

#[test]
fn both_pinned_changes_no_set() {
    let list = list();
    let offer = full(&list);
    let fake = Fake::with_path();
    fake.set_sources(&[surface(SMALL)], Some(0));
    fake.set_targets(&[signal(offer, SMALL)], Some(0));
    run(&fake, Pivot::None, offer);
    assert_eq!(fake.source_list().len() + fake.target_list().len(), 2);
}

#[test]
fn the_path_says_what_it_can_do_unless_pinned_or_pivot() {
    let list = list();
    let turned = Turns::Rotate90 | Turns::Rotate180 | Turns::Rotate270;
    for (offer, turns) in [
        (full(&list), Turns::Offset0 | Turns::Identity),
        (
            display_only(&list),
            Turns::Offset0 | Turns::Identity | turned,
        ),
    ] {
        for pivot in PIVOTS {
            for (scaled, rotated) in [(false, false), (true, false), (false, true)] {
                let fake = Fake::with_path();
                fake.change_path(|path| {
                    let to = &mut path.ContentTransformation;
                    to.ScalingSupport = Scales::Stretched;
                    to.RotationSupport = Turns::Offset90;
                    if scaled {
                        to.Scaling = D3DKMDT_VIDPN_PRESENT_PATH_SCALING::D3DKMDT_VPPS_IDENTITY;
                    }
                    if rotated {
                        to.Rotation = D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_IDENTITY;
                    }
                });
                run(&fake, pivot, offer);
                let transformation = fake.the_path().ContentTransformation;
                let kept = scaled || pivot == Pivot::Scaling;
                let expected = if kept {
                    Scales::Stretched
                } else {
                    Scales::Identity
                };
                assert_eq!(transformation.ScalingSupport, expected);
                let kept = rotated || pivot == Pivot::Rotation;
                let expected = if kept { Turns::Offset90 } else { turns };
                assert_eq!(transformation.RotationSupport, expected);
                assert_eq!(fake.updates.get(), 1);
                run(&fake, pivot, offer);
                assert_eq!(fake.updates.get(), 1, "it says so already");
            }
        }
    }
}

#[test]
fn a_pinned_rotation_is_supported_at_least_from_then_on() {
    let list = list();
    let fake = Fake::with_path();
    fake.change_path(|path| {
        path.ContentTransformation.Rotation =
            D3DKMDT_VIDPN_PRESENT_PATH_ROTATION::D3DKMDT_VPPR_IDENTITY;
    });
    run(&fake, Pivot::None, full(&list));
    let turns = fake.the_path().ContentTransformation.RotationSupport;
    assert_eq!(turns, Turns::Offset0 | Turns::Identity);
}

#[test]
fn the_monitor_limits_what_is_free() {
    let list = list();
    let offer = full(&list);
    let monitor = |fake: &Fake, sizes: &[Size]| {
        let modes: Vec<_> = sizes
            .iter()
            .map(|size| MonitorMode {
                signal: Signal::of_size(*size),
                preferred: false,
            })
            .collect();
        fake.set_monitor(&modes, None);
        let monitor = fake.dxgkrnl().monitor_modes(0, passive()).unwrap();
        let done = enumerate(&fake.open(), Some(&*monitor), Pivot::None, offer);
        assert_eq!(done, Ok(()));
        drop(monitor);
        fake.check();
        (fake.source_list(), fake.target_list())
    };

    let (sources, targets) = monitor(&Fake::with_path(), &[ODD, LARGE]);
    assert!(sources.iter().all(|mode| mode.size == LARGE));
    assert!(targets.iter().all(|mode| mode.signal.active == LARGE));
    assert!(!sources.is_empty() && !targets.is_empty());

    let (sources, _) = monitor(&Fake::with_path(), &[ODD]);
    assert_eq!(
        sources.len(),
        2 * offer.sizes().count(),
        "better than nothing"
    );

    let fake = Fake::with_path();
    fake.set_sources(&[surface(SMALL)], Some(0));
    let (_, targets) = monitor(&fake, &[LARGE]);
    assert_eq!(targets.len(), 2, "what is pinned needs a target");
}

#[test]
fn what_nothing_fits_is_refused_and_left_alone() {
    let list = list();
    let offer = full(&list);
    let refused = |fake: &Fake, error| {
        assert_eq!(
            enumerate(&fake.open(), None, Pivot::None, offer),
            Err(error)
        );
        fake.check();
        assert_eq!(fake.updates.get(), 0);
    };
    let fake = Fake::with_path();
    fake.set_sources(&[surface(ODD)], Some(0));
    refused(&fake, Error::Modality);
    assert!(fake.target_list().is_empty());

    let fake = Fake::with_path();
    fake.change_path(|path| path.VidPnTargetId = 3);
    refused(&fake, Error::InvalidTopology);
    assert!(fake.source_list().is_empty());
}

#[test]
fn a_failure_leaves_the_sets_and_nothing_behind() {
    let list = list();
    for (call, status) in [
        ("create set", STATUS_NO_MEMORY),
        ("create mode", STATUS_NO_MEMORY),
        ("add mode", STATUS_UNSUCCESSFUL),
        ("assign", STATUS_UNSUCCESSFUL),
        ("assign", STATUS_GRAPHICS_INVALID_VIDEO_PRESENT_TARGET),
    ] {
        let fake = Fake::with_path();
        fake.fail(call, status);
        let done = enumerate(&fake.open(), None, Pivot::None, full(&list));
        assert_eq!(done, Err(Error::Refused(Refused(status))), "{call}");
        fake.check();
        assert!(fake.source_list().is_empty() && fake.target_list().is_empty());
    }
}
