//! The shipped `vmdisp.sys` under Wine: installed, started, worked, pulled out, unloaded.
//!
//! Where the driver or Wine cannot be had the test says so and is skipped; in CI (`CI=true`) that is a failure.

use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[test]
fn the_driver_lives_its_life_under_wine() {
    let file = Path::new(env!("CARGO_TARGET_TMPDIR")).join("wine.json");
    let _ = std::fs::remove_file(&file);
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.args(["wine", "--json"]).arg(&file);
    let output = command.output().expect("the workbench starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    // A thing that is missing is reported with the command that installs it.
    if !file.exists() && errors.contains("cargo run -- setup") {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "Wine cannot be run, and this is CI: {errors}");
        // Not by eprintln!, which the test harness keeps to itself.
        let _ = write!(std::io::stderr(), "Wine: SKIPPED, {errors}");
        return;
    }
    let printed = String::from_utf8_lossy(&output.stdout);
    let text = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("no results: {error}\n{printed}\n{errors}"));
    let result: Value = serde_json::from_str(&text).expect("JSON");
    let run = &result["runs"][0];
    let steps = run["steps"].as_array().expect("steps");
    for step in steps {
        assert_eq!(step["passed"], true, "{step}\n{errors}");
    }
    // All of them: a run ends at the first that fails.
    assert!(steps.len() >= 16, "{} steps", steps.len());
    assert_eq!(run["leaks"], Value::Array(Vec::new()));
    assert_eq!(run["pool"]["live_blocks"], 0);
    assert!(output.status.success());
}

#[test]
fn an_unknown_saboteur_is_named() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.args(["wine", "--saboteur", "nobody"]);
    let output = command.output().expect("the workbench starts");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1));
    let missing = errors.contains("cargo run -- setup");
    assert!(
        missing || errors.contains("there is no saboteur \"nobody\"; there are leak"),
        "{errors}"
    );
}
