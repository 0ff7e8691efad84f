//! The good miniport is clean, at old and new interface versions.

mod common;

use common::display;
use common::miniport;
use common::scenario;

fn is_clean_at(version: u32) {
    let report = scenario::run(&miniport::table(version));
    assert!(
        report.is_clean(),
        "{:#?}\n{:#?}",
        report.violations,
        report.leaks
    );
    assert!(report.calls["CreateAllocation"].count > 10);
    assert_eq!(report.pool.blocks, 0);
}

#[test]
fn as_a_display_only_driver() {
    let report = display::run_display_only(&miniport::display_only_table(0x4002));
    assert!(
        report.is_clean(),
        "{:#?}\n{:#?}",
        report.violations,
        report.leaks
    );
    assert_eq!(report.calls["PresentDisplayOnly"].count, 3);
    assert!(!report.calls.contains_key("CreateDevice"));
    assert_eq!(report.pool.blocks, 0);
}

#[test]
fn at_wddm_1_3() {
    is_clean_at(0x4002);
}

#[test]
fn at_wddm_2_0() {
    is_clean_at(0x5023);
}

#[test]
fn at_wddm_3_2() {
    is_clean_at(0x11007);
}
