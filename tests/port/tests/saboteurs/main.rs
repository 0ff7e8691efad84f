//! A saboteur for each rule: the good miniport with one callback replaced, so that it breaks just that rule. The
//! port must name that rule, and no other.

#[path = "../common/mod.rs"]
mod common;

/// Tests that run a miniport and expect exactly these rules to be broken, and the list of what they break.
macro_rules! saboteurs {
    ($($(#[$doc:meta])* $name:ident breaks $($rule:literal)+ => $report:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                let report: dxgk_port::Report = $report;
                let mut broken = report.broken();
                broken.sort_unstable();
                let mut expected = vec![$($rule),+];
                expected.sort_unstable();
                assert_eq!(broken, expected, "{:#?}\n{:#?}", report.violations, report.leaks);
            }
        )*

        /// The rules that saboteurs of this module break.
        pub const BROKEN: &[&[&str]] = &[$(&[$($rule),+]),*];
    };
}

/// The same, of which a complaint must say these words: one rule has many checks.
macro_rules! bad_drivers {
    ($($(#[$doc:meta])* $name:ident breaks $($rule:literal)+ saying $words:literal => $report:expr;)*) => {
        $(
            $(#[$doc])*
            #[test]
            fn $name() {
                let report: dxgk_port::Report = $report;
                let mut broken = report.broken();
                broken.sort_unstable();
                let mut expected = vec![$($rule),+];
                expected.sort_unstable();
                let complaints = (&report.violations, &report.leaks);
                assert_eq!(broken, expected, "{complaints:#?}");
                let said = report.violations.iter().any(|violation| violation.detail.contains($words));
                assert!(said, "{complaints:#?}");
            }
        )*

        /// The rules that saboteurs of this module break.
        pub const BROKEN: &[&[&str]] = &[$(&[$($rule),+]),*];
    };
}

mod callbacks;
mod children;
mod create;
mod destroy;
mod display_only;
mod engine;
mod engine_hangs;
mod hand_over;
mod lifecycle;
mod open;
mod paging;
mod query;
mod screen;
mod vidpn_answers;
mod vidpn_commits;
mod vidpn_hand;
mod vidpn_modes;
mod vidpn_objects;
mod vidpn_sets;

use std::collections::BTreeSet;

use common::{display, miniport, scenario};
use dxgk_port::RULES;

#[test]
fn every_rule_has_a_saboteur() {
    let modules = [
        callbacks::BROKEN,
        create::BROKEN,
        destroy::BROKEN,
        children::BROKEN,
        display_only::BROKEN,
        hand_over::BROKEN,
        screen::BROKEN,
        engine::BROKEN,
        engine_hangs::BROKEN,
        lifecycle::BROKEN,
        open::BROKEN,
        paging::BROKEN,
        query::BROKEN,
        vidpn_answers::BROKEN,
        vidpn_commits::BROKEN,
        vidpn_modes::BROKEN,
        vidpn_objects::BROKEN,
        vidpn_sets::BROKEN,
    ];
    let broken: BTreeSet<&str> = modules.concat().concat().into_iter().collect();
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(broken, rules);
}

#[test]
fn every_rule_is_checked_on_the_good_miniport() {
    let mut checked = BTreeSet::new();
    for version in [0x4002, 0x5023, 0x11007] {
        checked.extend(scenario::run(&miniport::table(version)).checked.into_keys());
    }
    let paging = common::paging::run(&miniport::paging::table());
    checked.extend(paging.checked.into_keys());
    let display_only = display::run_display_only(&miniport::display_only_table(0x4002));
    checked.extend(display_only.checked.into_keys());
    let rules: BTreeSet<&str> = RULES.iter().map(|rule| rule.id).collect();
    assert_eq!(checked, rules);
}

/// The good miniport of WDDM 1.3 with one change, through its whole life.
fn with(bend: impl FnOnce(&mut dxgk_sys::DRIVER_INITIALIZATION_DATA)) -> dxgk_port::Report {
    at(0x4002, bend)
}

/// The same at another interface version.
fn at(
    version: u32,
    bend: impl FnOnce(&mut dxgk_sys::DRIVER_INITIALIZATION_DATA),
) -> dxgk_port::Report {
    let mut table = miniport::table(version);
    bend(&mut table);
    scenario::run(&table)
}
