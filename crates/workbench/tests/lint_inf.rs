//! `cargo run -- lint-inf` as a person or a script uses it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn lint(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.arg("lint-inf").args(arguments).env("NO_COLOR", "1");
    command.output().expect("the workbench starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A file of ours, in a folder of this test's.
fn file(name: &str, content: &str) -> PathBuf {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, content).expect("it can be written");
    path
}

#[test]
fn the_projects_files_are_clean_for_both_architectures() {
    let output = lint(&[]);
    let text = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{text}");
    for part in ["vmdisp.inx for x64: ok", "vmdisp-display.inx for arm64: ok"] {
        assert!(text.contains(part), "no {part} in {text}");
    }
}

#[test]
fn what_is_wrong_has_a_line_a_rule_and_a_way_out() {
    let inf = file(
        "broken.inf",
        "[Version]\nSignature = \"$Windows NT$\"\nPnpLockdown = 0\n",
    );
    let json = inf.with_extension("json");
    let [inf, json] = [&inf, &json].map(|path| path.to_str().expect("a path in UTF-8"));
    let output = lint(&[inf, "--json", json]);
    let text = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("line 1: [Version] needs PnpLockdown=1"),
        "{text}"
    );
    assert!(text.contains("(lockdown, InfVerif 1324)"), "{text}");
    let json: Value =
        serde_json::from_slice(&fs::read(json).expect("it was written")).expect("JSON");
    let findings = json["files"][0]["findings"].as_array().expect("a list");
    let lockdown = findings.iter().find(|found| found["rule"] == "lockdown");
    assert_eq!(lockdown.expect("it is there")["infverif"], 1324);
}

#[test]
fn a_file_that_is_not_there_and_an_inx_that_cannot_be_filled_in_are_named() {
    let output = lint(&["nowhere.inf"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("nowhere.inf"));
    let inx = file("whole.inx", "[Version]\nDriverVer =\n");
    let output = lint(&[inx.to_str().expect("a path in UTF-8")]);
    assert_eq!(output.status.code(), Some(1));
    assert!(
        text(&output.stderr).contains("$ARCH$"),
        "{}",
        text(&output.stderr)
    );
}

#[test]
fn the_rules_can_be_listed() {
    let output = lint(&["--rules"]);
    let text = text(&output.stdout);
    assert!(
        text.contains("signature") && text.contains("1001"),
        "{text}"
    );
    assert!(text.contains("hardware") && text.contains("ours"), "{text}");
}
