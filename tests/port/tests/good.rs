//! The good miniport is clean, at old and new interface versions.

mod common;

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
