//! What the tests that run rows share.
#![allow(dead_code, reason = "each test program uses a part of it")]

use dxgk_port::{Adapter, Port};
use vmdisp_in_process::InProcess;
use vmdisp_scenarios::{Machine, ROWS, Row, RowOptions, RowResult, find_row, run_row};

/// Wrong handles that one test tries.
pub const WRONG_HANDLES: u32 = 1_000_000;

/// The row with that name.
pub fn row(name: &str) -> &'static Row {
    find_row(name).unwrap_or_else(|| panic!("there is no row {name}"))
}

/// Runs a row.
pub fn run(machine: &dyn Machine, name: &str, wrong_handles: u32) -> RowResult {
    let options = RowOptions {
        wrong_handles,
        ..RowOptions::default()
    };
    run_row(machine, row(name), &options)
}

/// Runs a row and demands that it passes.
pub fn passes(machine: &dyn Machine, name: &str) {
    passes_with(machine, name, WRONG_HANDLES);
}

/// The same with so many wrong handles.
pub fn passes_with(machine: &dyn Machine, name: &str, wrong_handles: u32) {
    let result = run(machine, name, wrong_handles);
    assert!(
        result.passed,
        "{name}: expected {}, saw {}",
        result.expected, result.seen
    );
    println!("{name}: {}", result.note);
}

/// Demands that `tests` are the rows, each once.
pub fn are_all_rows(tests: &[&str]) {
    let rows: Vec<_> = ROWS.iter().map(|row| row.name).collect();
    assert_eq!(tests, rows);
}

/// The adapter stops and goes, the driver after it: nothing is left, and no rule was broken.
pub fn end(machine: &InProcess, port: &Port, adapter: &Adapter) {
    if adapter.is_started() {
        adapter.stop().expect("it stops");
    }
    assert!(adapter.mappings().is_empty());
    adapter.remove().expect("a stopped adapter goes");
    machine.unload(port);
    let report = port.report();
    assert!(
        report.is_clean(),
        "{:?} {:?}",
        report.violations,
        report.leaks
    );
    assert_eq!(machine.take_faults(), Vec::<String>::new());
}
