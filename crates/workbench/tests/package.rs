//! `cargo run -- package` as a person or a script uses it. What is checked in a package is tested in
//! the crate itself.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

fn package(arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.arg("package").args(arguments).env("NO_COLOR", "1");
    command.output().expect("the workbench starts")
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn path(path: &Path) -> &str {
    path.to_str().expect("a path in UTF-8")
}

/// A folder with a package, and the command's output; `None` if none can be made here.
fn made(arguments: &[&str]) -> Option<(TempDir, Output)> {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("made");
    let output = package(&[&["--to", path(&to)], arguments].concat());
    let errors = text(&output.stderr);
    // A thing that is missing is reported with the command that installs it.
    if !to.exists() && errors.contains("cargo run -- setup") {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "no package can be made, and this is CI: {errors}");
        // Not by eprintln!, which the test harness keeps to itself.
        let _ = writeln!(std::io::stderr(), "package: SKIPPED, {errors}");
        return None;
    }
    Some((folder, output))
}

#[test]
fn a_package_is_made_checked_and_refused_when_it_is_changed() {
    let Some((folder, output)) = made(&[]) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    let table = text(&output.stdout);
    for part in [
        "vmdisp-display.cat",
        "vmdisp.pdb",
        "2 members",
        "clean",
        "0 wrong",
    ] {
        assert!(table.contains(part), "no {part} in {table}");
    }
    let to = folder.path().join("made");
    let json = folder.path().join("found.json");
    let check = || package(&["--check", path(&to), "--json", path(&json)]);
    let found = || -> Value {
        serde_json::from_slice(&fs::read(&json).expect("it was written")).expect("JSON")
    };
    assert_eq!(check().status.code(), Some(0));
    assert_eq!(found()["right"], true);
    assert_eq!(found()["files"].as_array().map(Vec::len), Some(9));

    for name in ["vmdisp.sys", "vmdisp-display.inf", "vmdisp.cat"] {
        let file = to.join(name);
        let right = fs::read(&file).expect("it is there");
        let mut changed = right.clone();
        changed[700] ^= 1;
        fs::write(&file, changed).expect("it can be written");
        let output = check();
        assert_eq!(output.status.code(), Some(1), "{name}");
        let table = text(&output.stdout);
        assert!(
            table.contains("wrong:") && table.contains("broken"),
            "{table}"
        );
        assert_eq!(found()["right"], false);
        fs::write(&file, right).expect("it can be written");
    }
    assert_eq!(check().status.code(), Some(0));
}

#[test]
fn it_is_signed_by_whom_one_says() {
    let keys = tempfile::tempdir().expect("a folder");
    let [certificate, key] = ["c.pem", "k.pem"].map(|name| keys.path().join(name));
    let made_by_openssl = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "rsa:2048", "-sha256", "-nodes"])
        .args([
            "-subj",
            "/CN=Somebody",
            "-addext",
            "extendedKeyUsage=codeSigning",
        ])
        .args(["-keyout", path(&key), "-out", path(&certificate)])
        .output();
    if !made_by_openssl.is_ok_and(|output| output.status.success()) {
        let _ = writeln!(std::io::stderr(), "package: SKIPPED, there is no openssl");
        return;
    }
    let arguments = ["--certificate", path(&certificate), "--key", path(&key)];
    let Some((folder, output)) = made(&arguments) else {
        return;
    };
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("CN=Somebody"));
    let readme = fs::read_to_string(folder.path().join("made/README.txt"));
    assert!(readme.expect("it is there").contains("CN=Somebody"));
}

#[test]
fn what_cannot_be_used_is_named() {
    let nowhere = package(&["--check", "nowhere"]);
    assert_eq!(nowhere.status.code(), Some(1));
    assert!(text(&nowhere.stderr).contains("nowhere"));
    let empty = tempfile::tempdir().expect("a folder");
    let empty = package(&["--check", path(empty.path())]);
    assert_eq!(empty.status.code(), Some(1));
    assert!(text(&empty.stderr).contains("is empty"));
    let no_key = package(&["--certificate", "a.pem", "--key", "b.pem"]);
    assert_eq!(no_key.status.code(), Some(1));
    assert!(text(&no_key.stderr).contains("a.pem"));
}

#[test]
fn a_folder_of_something_else_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    let to = folder.path().join("made");
    fs::create_dir(&to).expect("it can be made");
    fs::write(to.join("letter.txt"), "dear").expect("it can be written");
    let output = package(&["--to", path(&to)]);
    assert_eq!(output.status.code(), Some(1));
    let errors = text(&output.stderr);
    assert!(errors.contains("letter.txt"), "{errors}");
    assert_eq!(fs::read_dir(&to).expect("it is there").count(), 1);
}
