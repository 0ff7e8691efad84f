//! What WinDbg is given: the visualizers name what the PDB has, and the script sees in a machine's memory what
//! the stand-in for dxgkrnl knows.
//!
//! Where the driver, QEMU or Node cannot be had the tests say so and are skipped; in CI (`CI=true`) that is a
//! failure.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::{Mutex, PoisonError};

use serde_json::Value;
use vmdisp_scenarios::{DEBUGGED_LABEL, DEBUGGED_MARKER};

/// One at a time: each run puts driver and PDB in the same place.
static RUNS: Mutex<()> = Mutex::new(());

fn debugger(arguments: &[&str]) -> Output {
    let _run = RUNS.lock().unwrap_or_else(PoisonError::into_inner);
    let mut command = Command::new(env!("CARGO_BIN_EXE_workbench"));
    command.arg("debugger").args(arguments);
    command.output().expect("the workbench starts")
}

/// Whether it could not be run because something is missing, which is reported with the command that
/// installs it.
fn is_missing(output: &Output) -> bool {
    let errors = String::from_utf8_lossy(&output.stderr);
    let missing = !output.status.success() && errors.contains("cargo run -- setup");
    if missing {
        let ci = std::env::var("CI").is_ok_and(|ci| ci == "true");
        assert!(!ci, "this is CI: {errors}");
        // Not by eprintln!, which the test harness keeps to itself.
        let _ = write!(std::io::stderr(), "debugger: SKIPPED, {errors}");
    }
    missing
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// What the script's commands return, or nothing where they cannot be run.
fn look(name: &str, arguments: &[&str]) -> Option<Value> {
    let file = file(name);
    let path = file.to_str().expect("a path that is text");
    let output = debugger(&[&["--json", path], arguments].concat());
    if is_missing(&output) {
        return None;
    }
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    let text = std::fs::read_to_string(&file).expect("results");
    Some(serde_json::from_str(&text).expect("JSON"))
}

/// The numbers of the row's note: allocations, resources, openings, devices that the port knew.
fn known(results: &Value) -> [u64; 4] {
    let note = results["row"].as_str().expect("a note");
    let numbers: Vec<u64> = note
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|number| number.parse().ok())
        .collect();
    let [allocations, resources, openings, devices] = numbers[..] else {
        panic!("four numbers: {note}");
    };
    // The port's own device, for paging, is no process's.
    [allocations, resources, openings, devices + 1]
}

fn items<'a>(results: &'a Value, command: &str) -> &'a [Value] {
    results[command].as_array().expect("a list")
}

fn lines(results: &Value, command: &str) -> Vec<String> {
    let line = |item: &Value| item["line"].as_str().expect("a line").to_owned();
    items(results, command).iter().map(line).collect()
}

/// The adapter as the port knew it.
fn adapter_is_known(results: &Value) {
    let [adapter] = items(results, "vmdisp_adapters") else {
        panic!("one adapter: {results:#}");
    };
    let counted = ["allocations", "resources", "openings", "devices"];
    let seen = counted.map(|name| adapter[name].as_u64().expect("a number"));
    assert_eq!(seen, known(results), "{adapter:#}");
    assert_eq!(adapter["started"], true);
    assert_eq!(adapter["videoMemory"], 16 << 20);
    assert!(
        adapter["mode"]["width"].as_u64() >= Some(640),
        "{adapter:#}"
    );
}

fn allocations_are_known(results: &Value) {
    let all = items(results, "vmdisp_allocations");
    let [allocations, resources, ..] = known(results);
    let kind = |item: &&Value| item["kind"] == "resource";
    assert_eq!(all.iter().filter(kind).count() as u64, resources);
    assert_eq!(all.len() as u64, allocations + resources);
    let has = |what: &dyn Fn(&Value) -> bool| all.iter().any(what);
    let surface = |width, height| {
        move |item: &Value| {
            item["kind"] == "surface" && item["width"] == width && item["height"] == height
        }
    };
    for (width, height) in [(64, 32), (128, 16), (1, 1), (300, 200)] {
        assert!(has(&surface(width, height)), "{width} x {height}");
    }
    assert!(has(
        &|item| item["kind"] == "buffer" && item["bytes"].as_u64() >= Some(12_345)
    ));
    assert!(has(&|item| item["kind"] == "primary"));
    assert!(allocations > 9_000);
    assert!(has(&|item| item["kind"] == "resource"
        && item["label"] == DEBUGGED_LABEL
        && item["made"] == 3));
}

#[test]
fn the_script_sees_what_the_port_knows() {
    let Some(results) = look("debugger.json", &[]) else {
        return;
    };
    adapter_is_known(&results);
    allocations_are_known(&results);

    let [engine] = items(&results, "vmdisp_engine") else {
        panic!("one engine: {results:#}");
    };
    assert_eq!(engine["marker"], DEBUGGED_MARKER);
    assert_eq!(engine["lastSubmitted"], engine["lastCompleted"]);
    assert!(engine["completed"].as_u64() >= Some(6), "{engine:#}");
    assert_eq!(
        (&engine["queued"], &engine["trouble"]),
        (&0.into(), &"none".into())
    );

    let pools = items(&results, "vmdisp_pool");
    let tags: Vec<_> = pools.iter().map(|pool| &pool["tag"]).collect();
    assert_eq!(tags, ["VmdA", "VmdO", "VmdD", "VmdC"]);
    let [allocations, resources, openings, devices] = known(&results);
    let live: Vec<_> = pools.iter().map(|pool| pool["live"].as_u64()).collect();
    assert_eq!(
        live[..3],
        [allocations + resources, openings, devices].map(Some)
    );

    let trace = lines(&results, "vmdisp_trace");
    assert!(trace.len() > 30, "{trace:#?}");
    assert!(trace.is_sorted_by_key(|line| time(line)), "{trace:#?}");
    let fence = engine["lastCompleted"].to_string();
    for what in ["submitted", "begun", "completed"] {
        let wanted = format!("fence {fence} {what}");
        assert!(trace.iter().any(|line| line.ends_with(&wanted)), "{wanted}");
    }
    let refused = "COMPLAINT CreateAllocation: width = 0x4e20: ";
    assert!(
        trace.iter().any(|line| line.contains(refused)),
        "{trace:#?}"
    );
    assert!(
        trace.iter().any(|line| line.ends_with(": Render = 0x0")),
        "{trace:#?}"
    );
    let failed = ": CreateAllocation = 0xc";
    assert!(trace.iter().any(|line| line.contains(failed)), "{trace:#?}");
}

/// The time of an entry, in units of 100 ns.
fn time(line: &str) -> u64 {
    let seconds = line.split(' ').nth(1).expect("a time");
    seconds.replace('.', "").parse().expect("a number")
}

#[test]
fn objects_in_blocks_of_their_own_are_seen_too() {
    let commands = ["--pool-per-object", "vmdisp_adapters", "vmdisp_allocations"];
    if let Some(results) = look("debugger_per_object.json", &commands) {
        adapter_is_known(&results);
        allocations_are_known(&results);
    }
}

#[test]
fn a_name_that_the_pdb_has_not_is_found() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let own = std::fs::read_to_string(project.join("debugger/vmdisp.natvis")).expect("the file");
    for (name, replacement, complaint) in [
        (
            "last_submitted.v",
            "last_sent.v",
            "Published has no member last_sent",
        ),
        (
            "\"vmdisp::engine::queue::Job\"",
            "\"vmdisp::engine::Job\"",
            "vmdisp::engine::Job: the PDB has no such type",
        ),
        (
            "(vmdisp::kernel::trace::ring::Place*)",
            "(vmdisp::kernel::Place*)",
            "the PDB has no type vmdisp::kernel::Place",
        ),
        ("block.pointer->value", "block->value", "no pointer"),
        ("Arrays", "Arrays", "the PDB has no copy of this file"),
    ] {
        let broken = file("broken.natvis");
        let text = own.replace(name, replacement) + "<!-- another file -->";
        std::fs::write(&broken, text).expect("writing the file");
        let broken = broken.to_str().expect("a path that is text");
        let output = debugger(&["--natvis", "--file", broken]);
        if is_missing(&output) {
            return;
        }
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(!output.status.success(), "{replacement}: {said}");
        assert!(said.contains(complaint), "{replacement}: {said}");
    }
}

/// The driver's own code, without tests and what only tests use.
fn own_code(folder: &Path, to: &mut String) {
    for entry in std::fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let for_tests = [
            "host",
            "host.rs",
            "rig",
            "rig.rs",
            "testing",
            "testing.rs",
            "tests",
            "tests.rs",
        ];
        if for_tests.contains(&&*name) {
            continue;
        }
        if path.is_dir() {
            own_code(&path, to);
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            let text = std::fs::read_to_string(&path).expect("a file");
            to.push_str(
                text.split("#[cfg(test)]\nmod tests {")
                    .next()
                    .unwrap_or_default(),
            );
        }
    }
}

#[test]
fn the_page_has_all_pool_tags() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut code = String::new();
    own_code(&project.join("src"), &mut code);
    let tag = |rest: &str| rest.get(..4).map(str::to_owned);
    let used: BTreeSet<_> = code.split("Tag(*b\"").skip(1).filter_map(tag).collect();
    let page = std::fs::read_to_string(project.join("docs/debugging.md")).expect("the page");
    let (_, tags) = page.split_once("## Pool tags").expect("a section");
    let (tags, _) = tags.split_once("\n## ").expect("another section");
    let said: BTreeSet<_> = tags.split("\n| `").skip(1).filter_map(tag).collect();
    assert_eq!(used, said);
    assert!(used.len() >= 8);
}
