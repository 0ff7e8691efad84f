//! Rows at ring 0, run once by the workbench and looked up by the tests.
//!
//! Where the driver or QEMU cannot be had the tests say so and are skipped; in CI (`CI=true`) that is a
//! failure.
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use serde_json::Value;
use vmdisp_scenarios::{Row, RowResult};

/// Every row's result, or why there is none.
pub type Results = Result<BTreeMap<String, RowResult>, String>;

/// Runs `rows` on one machine: with this adapter as QEMU's `-device` takes it, or with one of each.
pub fn run(name: &str, device: Option<&str>, rows: &[Row]) -> Results {
    run_some(name, device, &rows.iter().collect::<Vec<_>>())
}

/// The same with rows that do not lie side by side.
pub fn run_some(name: &str, device: Option<&str>, rows: &[&Row]) -> Results {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.json"));
    let _ = std::fs::remove_file(&file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.args([
        "ring0",
        "--wrong-handles",
        "100000",
        "--submissions",
        "200",
        "--timeout",
        "600",
        "--json",
    ]);
    command.arg(&file);
    if let Some(device) = device {
        command.args(["--device", device]);
    }
    command.arg("--rows").args(rows.iter().map(|row| row.name));
    let output = command.output().expect("the workbench starts");
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
}

/// Demands that the row passed, or says why it is skipped.
pub fn passes(results: &Results, name: &str) {
    let rows = match results {
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
