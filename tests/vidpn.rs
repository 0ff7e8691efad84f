//! The driver's VidPN callbacks, called as Windows' VidPN manager calls them (contract: V1 to V4, V7).

mod common;

use common::end;
use dxgk_port::{Adapter, Choice, CommitFlags, PathUpdate, Settings};
use dxgk_sys::D3DKMDT_VIDPN_PRESENT_PATH_ROTATION as Rotation;
use dxgk_sys::status::{
    STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED,
    STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY,
};
use vmdisp_in_process::{InProcess, Vga};
use vmdisp_scenarios::Machine;

/// Runs `check` with a started adapter of each registration; `true` for the display-only one.
fn for_both(check: impl Fn(&Adapter, bool)) {
    for display_only in [false, true] {
        let machine = InProcess::with_adapters(&[Vga::default()]);
        let mut settings = Settings::default();
        if display_only {
            machine.set_parameter("DisplayOnly", Some(1));
            settings = settings.for_display_only();
        }
        let port = machine.load(settings).expect("the driver loads");
        let adapter = port.add_device(0).expect("an adapter");
        adapter.start().expect("it starts");
        check(&adapter, display_only);
        end(&machine, &port, &adapter);
    }
}

#[test]
fn every_pivot_and_what_is_impossible() {
    for_both(|adapter, _| {
        adapter.exercise_vidpn();
        assert_eq!(adapter.committed().map(|_| ()), None);
    });
}

#[test]
fn every_mode_is_committed() {
    for_both(|adapter, display_only| {
        let modes = adapter.vidpn_modes().expect("modes");
        assert!(
            modes
                .iter()
                .any(|mode| (mode.width, mode.height) == (1920, 1080))
        );
        for mode in &modes {
            assert_eq!(mode.timing.vertical.is_none(), display_only);
            let choice = Choice {
                format: Some(mode.format),
                refresh: mode.timing.vertical,
                ..Choice::size(mode.width, mode.height)
            };
            let committed = adapter.commit(&choice).expect("a mode that is offered");
            let (is, was) = (committed.mode, mode);
            assert_eq!(
                (is.width, is.height, is.format),
                (was.width, was.height, was.format)
            );
            assert_eq!(is.timing, was.timing);
        }
        adapter.commit_none().expect("nothing can always be shown");
    });
}

#[test]
fn the_recommendation_is_the_monitors_own() {
    for_both(|adapter, _| {
        let recommended = adapter.recommend_vidpn().expect("a recommendation");
        let [mode] = recommended.as_slice() else {
            panic!("{recommended:?}");
        };
        assert_eq!((mode.width, mode.height, mode.preferred), (1280, 800, true));
    });
}

#[test]
fn the_monitor_gets_the_drivers_modes() {
    for_both(|adapter, _| {
        let modes = adapter.monitor_modes(0);
        let offered = adapter.vidpn_modes().expect("modes");
        for mode in offered {
            assert!(
                modes
                    .iter()
                    .any(|other| other.timing.active == mode.timing.active)
            );
        }
        assert_eq!(modes.iter().filter(|mode| mode.preferred).count(), 1);
        assert!(modes.iter().any(|mode| mode.by_driver));
    });
}

#[test]
fn a_path_turns_where_that_was_offered() {
    for_both(|adapter, display_only| {
        let update = PathUpdate {
            rotation: Some(Rotation::D3DKMDT_VPPR_ROTATE90),
            gamma: None,
        };
        adapter.commit(&Choice::size(1024, 768)).expect("a mode");
        let expected = if display_only {
            Ok(())
        } else {
            Err(STATUS_GRAPHICS_PATH_CONTENT_GEOMETRY_TRANSFORMATION_NOT_SUPPORTED)
        };
        assert_eq!(adapter.update_path(&update), expected);
        adapter.commit_none().expect("no path");
        let nothing = adapter.update_path(&update);
        assert!(
            nothing.is_err(),
            "{STATUS_GRAPHICS_PATH_NOT_IN_TOPOLOGY:#x}"
        );
        let turned = Choice {
            rotation: Rotation::D3DKMDT_VPPR_ROTATE270,
            ..Choice::size(1024, 768)
        };
        assert_eq!(adapter.commit(&turned).is_ok(), display_only);
    });
}

#[test]
fn a_path_can_be_committed_dark_and_for_all_sources() {
    for_both(|adapter, _| {
        for all_sources in [false, true] {
            for powered_off in [false, true] {
                let flags = CommitFlags {
                    all_sources,
                    powered_off,
                    enforce_monitors: true,
                    power_transition: powered_off,
                };
                let committed = adapter.commit_with(&Choice::size(800, 600), &flags);
                assert_eq!(committed.expect("a mode").powered_off, powered_off);
                adapter.commit_none_with(&flags).expect("no path");
            }
        }
    });
}
