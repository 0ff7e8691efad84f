//! `cargo run` as a person or a script uses it: exit codes, JSON, colours, pipes.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use vmdisp_scenarios::{GROUPS, all_rows};

/// Runs the workbench with its output in pipes.
fn run(arguments: &[&str]) -> Output {
    run_with(arguments, &[])
}

fn run_with(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.args(arguments);
    for name in ["NO_COLOR", "CLICOLOR_FORCE", "CLICOLOR"] {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    command.output().expect("the workbench starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The result that a run writes with `--json`.
fn json(arguments: &[&str]) -> (Output, Value) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("{}.json", arguments.join("-").replace('/', "-")));
    let mut arguments = arguments.to_vec();
    arguments.extend(["--json", file.to_str().expect("a path in UTF-8")]);
    let output = run(&arguments);
    let content = std::fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{}: {error}; {}", file.display(), text(&output.stderr)));
    (output, serde_json::from_str(&content).expect("JSON"))
}

#[test]
fn without_arguments_it_runs_the_main_job() {
    let output = run(&[]);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}");
    for part in [
        "CreateAllocation",
        "DestroyAllocation",
        "VmdA",
        "0 broken, 0 leaks",
        "clean",
    ] {
        assert!(table.contains(part), "no {part} in {table}");
    }
}

#[test]
fn json_has_calls_violations_leaks_and_pool() {
    let (output, result) = json(&["--seed", "3"]);
    assert_eq!(output.status.code(), Some(0));
    let create = &result["calls"]["CreateAllocation"];
    assert!(create["count"].as_u64() > Some(1_000), "{create}");
    assert!(
        create["statuses"]["0x00000000"].as_u64() > Some(1_000),
        "{create}"
    );
    assert_eq!(result["violations"], serde_json::json!([]));
    assert_eq!(result["leaks"], serde_json::json!([]));
    assert_eq!(result["pool"]["live_blocks"], 0);
    assert!(result["pool"]["high_water_bytes"].as_u64() > Some(0));
    assert!(result["made"]["allocations"].as_u64() >= Some(10_000));
    assert!(result["made"]["resources"].as_u64() >= Some(1_000));
    assert!(result["made"]["shared"].as_u64() > Some(0));
    assert!(result["made"]["devices_died"].as_u64() > Some(0));
    for call in [
        "Render",
        "Present",
        "SubmitCommand",
        "BuildPagingBuffer",
        "Patch",
    ] {
        let statuses = &result["calls"][call]["statuses"];
        assert!(
            statuses["0x00000000"].as_u64() > Some(10),
            "{call}: {statuses}"
        );
    }
    assert!(result["made"]["compared_pixels"].as_u64() > Some(1_000_000));
    assert!(
        result["checked"]
            .as_object()
            .is_some_and(|rules| rules.len() > 40)
    );
}

#[test]
fn a_seed_repeats_a_run() {
    let (_, first) = json(&["run", "--seed", "11"]);
    let (_, second) = json(&["--seed", "11"]);
    let (_, other) = json(&["--seed", "12"]);
    // What the engine's thread does when is not in the seed: how often it is preempted, say.
    for calls in [
        "CreateAllocation",
        "DestroyAllocation",
        "OpenAllocation",
        "CreateContext",
        "Render",
        "Present",
    ] {
        assert_eq!(first["calls"][calls], second["calls"][calls], "{calls}");
    }
    let made = |result: &Value| {
        let mut made = result["made"].as_object().cloned().unwrap_or_default();
        // What a killed process was in the middle of cannot be compared.
        made.remove("compared_pixels");
        made
    };
    assert_eq!(made(&first), made(&second));
    assert_ne!(first["calls"], other["calls"]);
}

#[test]
fn trace_has_a_line_for_each_call() {
    let output = run(&["--trace"]);
    let lines = text(&output.stdout);
    let traced = lines
        .lines()
        .filter(|line| line.starts_with("CreateAllocation"))
        .count();
    let (_, result) = json(&["--seed", "1"]);
    assert_eq!(result["calls"]["CreateAllocation"]["count"], traced);
}

#[test]
fn a_leak_is_named_and_makes_the_exit_code_1() {
    let (output, result) = json(&["--sabotage", "leak-a-buffer"]);
    assert_eq!(output.status.code(), Some(1));
    let table = text(&output.stdout);
    assert!(table.contains("1 leak"), "{table}");
    assert_eq!(result["leaks"][0]["tag"], "Leak");
    assert_eq!(result["leaks"][0]["bytes"], 64);
}

#[test]
fn a_broken_rule_is_named_and_makes_the_exit_code_1() {
    let (output, result) = json(&["--sabotage", "keep-the-handle"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("1 broken"));
    assert_eq!(result["violations"][0]["rule"], "D7");
}

#[test]
fn rows_run_by_name() {
    let (output, result) = json(&["--rows", "row_05_destroy_resource_alone", "bad_input"]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stdout));
    let names: Vec<_> = result["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|row| &row["name"])
        .collect();
    assert_eq!(names, ["row_05_destroy_resource_alone", "bad_input"]);

    let output = run(&["--rows", "bad_input", "--sabotage", "complain-twice"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stdout).contains("failed"));
}

#[test]
fn scenarios_are_listed_and_run_by_name() {
    let (output, all) = json(&["scenarios", "--list"]);
    assert_eq!(output.status.code(), Some(0));
    let table = text(&output.stdout);
    for group in GROUPS {
        assert!(table.contains(group.name), "{table}");
    }
    let listed = all["rows"].as_array().map_or(0, Vec::len);
    assert_eq!(listed, all_rows().count());
    for row in all_rows() {
        assert!(table.contains(row.name), "no {} in {table}", row.name);
    }

    let (output, result) = json(&[
        "scenarios",
        "row_05_destroy_resource_alone",
        "rotation",
        "--device",
        "bochs-display,vgamem=32M",
        "--seed",
        "7",
    ]);
    let table = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{table}");
    assert!(
        table.contains("2 rows passed, 0 failed, 0 skipped"),
        "{table}"
    );
    assert!(!table.contains('\u{1b}'), "no colours in a pipe");
    assert_eq!(text(&output.stderr), "", "progress is for terminals");
    assert_eq!(result["host"], "in process");
    assert_eq!(
        result["devices"],
        serde_json::json!(["bochs-display,vgamem=32M"])
    );
    assert_eq!(result["seed"], 7);
    assert_eq!(result["rows"][1]["name"], "rotation");
    assert_eq!(result["rows"][1]["passed"], true);

    let coloured = run_with(&["scenarios", "--list"], &[("CLICOLOR_FORCE", "1")]);
    assert!(text(&coloured.stdout).contains("\u{1b}["));
    let plain = run_with(&["scenarios", "--list"], &[("NO_COLOR", "1")]);
    assert!(!text(&plain.stdout).contains('\u{1b}'));
}

#[test]
fn wrong_command_lines_are_refused_with_2() {
    for arguments in [
        &["--seed", "many"][..],
        &["--scale", "0"],
        &["--sabotage", "nothing"],
        &["--no-such-flag"],
        &["no-such-command"],
        &["scenarios", "--host", "moon"],
        &["scenarios", "--device", "cirrus-vga"],
    ] {
        let output = run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(text(&output.stderr).contains("error:"), "{arguments:?}");
        assert!(output.stdout.is_empty(), "{arguments:?}");
    }
}

#[test]
fn what_cannot_be_done_is_said_with_1() {
    let output = run(&["--rows", "row_99"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("there is no row row_99"));

    for command in [
        &["scenarios", "every_mod"][..],
        &["scenarios", "--host", "ring0", "every_mod"],
        &["ring0", "--rows", "every_mod"],
    ] {
        let output = run(command);
        assert_eq!(output.status.code(), Some(1));
        assert!(text(&output.stderr).contains("did you mean every_mode?"));
        assert!(output.stdout.is_empty());
    }

    let output = run(&["--json", "/no/such/folder/file.json"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("/no/such/folder/file.json"));
}

#[test]
fn help_teaches() {
    let help = text(&run(&["--help"]).stdout);
    for part in [
        "cargo run --",
        "ring0",
        "--seed",
        "--json",
        "Exit code",
        "Examples",
    ] {
        assert!(help.contains(part), "no {part} in {help}");
    }
}

#[test]
fn a_pipe_has_neither_colours_nor_progress() {
    let output = run(&["--scale", "2"]);
    assert!(!text(&output.stdout).contains('\u{1b}'));
    assert_eq!(text(&output.stderr), "", "progress is for terminals");
}

#[test]
fn colours_are_forced_and_forbidden_by_the_environment() {
    let forced = run_with(&[], &[("CLICOLOR_FORCE", "1")]);
    assert!(text(&forced.stdout).contains("\u{1b}["));
    let forbidden = run_with(&[], &[("NO_COLOR", "1")]);
    assert!(!text(&forbidden.stdout).contains('\u{1b}'));
}
