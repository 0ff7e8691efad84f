//! The failure matrix at ring 0: the rows that run in process, on the shipped `vmdisp.sys` in QEMU.
//!
//! Where the driver or QEMU cannot be had the tests say so and are skipped; in CI (`CI=true`) that is a
//! failure.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;

use serde_json::Value;
use vmdisp_scenarios::{ROWS, RowResult};

/// Every row's result, or why there is none.
type Results = Result<BTreeMap<String, RowResult>, String>;

/// Runs all rows once, in one machine.
fn results() -> &'static Results {
    static RESULTS: OnceLock<Results> = OnceLock::new();
    RESULTS.get_or_init(|| {
        let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("failure_matrix_ring0.json");
        let _ = std::fs::remove_file(&file);
        let output = Command::new(env!("CARGO_BIN_EXE_workbench"))
            .args(["ring0", "--wrong-handles", "100000", "--json"])
            .arg(&file)
            .arg("--rows")
            .output()
            .expect("the workbench starts");
        let errors = String::from_utf8_lossy(&output.stderr);
        // A thing that is missing is reported with the command that installs it.
        if !file.exists() && errors.contains("cargo run -- setup") {
            // Not by eprintln!, which the test harness keeps to itself.
            let _ = write!(std::io::stderr(), "ring 0: SKIPPED, {errors}");
            return Err(errors.into_owned());
        }
        let text = std::fs::read_to_string(&file).unwrap_or_else(|error| {
            panic!(
                "no results: {error}\n{}\n{errors}",
                String::from_utf8_lossy(&output.stdout)
            )
        });
        let result: Value = serde_json::from_str(&text).expect("JSON");
        let rows = result["runs"].as_array().into_iter().flatten();
        let rows = rows.flat_map(|run| run["rows"].as_array().into_iter().flatten());
        let rows = rows.map(|row| serde_json::from_value::<RowResult>(row.clone()).expect("a row"));
        Ok(rows.map(|row| (row.name.clone(), row)).collect())
    })
}

/// Demands that the row passed, or says why it is skipped.
fn passes(name: &str) {
    let rows = match results() {
        Ok(rows) => rows,
        Err(why) => {
            let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
            assert!(!ci, "{name} cannot be run at ring 0, and this is CI: {why}");
            return;
        }
    };
    let row = rows
        .get(name)
        .unwrap_or_else(|| panic!("{name} was not run"));
    assert!(!row.skipped, "{name}: {}", row.note);
    assert!(
        row.passed,
        "{name}: expected {}, saw {}",
        row.expected, row.seen
    );
    println!("{name}: {}", row.note);
}

macro_rules! rows {
    ($($row:ident)*) => {
        $(
            #[test]
            fn $row() {
                passes(stringify!($row));
            }
        )*

        #[test]
        fn every_row_has_a_test() {
            let rows: Vec<_> = ROWS.iter().map(|row| row.name).collect();
            assert_eq!(rows, [$(stringify!($row)),*]);
        }
    };
}

rows! {
    row_01_three_good
    row_02_element_k_fails
    row_03_existing_resource_survives
    row_04_resource_flag_and_handle
    row_05_destroy_resource_alone
    row_06_resource_survives_its_allocations
    row_07_private_data_sizes
    row_08_private_data_changes
    row_09_sizes_overflow
    row_11_documented_statuses
    row_12_every_output
    row_13_wrong_among_good
    two_adapters_at_once
    remove_without_stop
    surprise_removal_between_calls
    stop_and_start_again
    systematic_failure
    wrong_handles
    bad_input
}
