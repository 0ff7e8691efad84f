//! The tests tested: with each bad driver, the rows that it names fail.

mod common;

use vmdisp_in_process::{InProcess, SABOTEURS, Saboteur};
use vmdisp_scenarios::{ENGINE, Options, ROWS, main_job};

fn machine(saboteur: &Saboteur) -> InProcess {
    InProcess::with_two_adapters().sabotaged(saboteur.enter)
}

#[test]
fn every_saboteur_is_found_out_by_its_rows() {
    for saboteur in SABOTEURS {
        for row in saboteur.rows {
            let result = common::run(&machine(saboteur), row, 20_000);
            assert!(!result.passed, "{row} passed although {}", saboteur.does);
            println!(
                "{}: {row}: expected {}, saw {}",
                saboteur.name, result.expected, result.seen
            );
        }
    }
}

#[test]
fn every_row_has_a_saboteur() {
    // The last one holds still and shows nothing by itself.
    let engine = ENGINE.iter().filter(|row| row.name != "seen_by_a_debugger");
    for row in ROWS.iter().chain(engine) {
        let named = SABOTEURS
            .iter()
            .any(|saboteur| saboteur.rows.contains(&row.name));
        assert!(named, "no saboteur makes {} fail", row.name);
    }
}

#[test]
fn the_main_job_finds_its_saboteurs_out() {
    for saboteur in SABOTEURS.iter().filter(|saboteur| saboteur.main_job) {
        let summary = main_job(&machine(saboteur), &Options::default(), &mut |_| {});
        let clean = summary.is_ok_and(|summary| summary.is_clean());
        assert!(!clean, "the main job passed although {}", saboteur.does);
    }
}

/// A saboteur that breaks nothing would prove nothing.
#[test]
fn without_a_saboteur_the_main_job_is_clean() {
    let summary = main_job(&InProcess::new(), &Options::default(), &mut |_| {});
    let summary = summary.expect("the driver takes what it must take");
    assert!(
        summary.is_clean(),
        "{:?} {:?} {:?}",
        summary.violations,
        summary.leaks,
        summary.faults
    );
}
