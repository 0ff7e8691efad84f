//! Commands of cargo's: those of the workbench are parsed by the workbench, and run where the table says
//! so; of the others the targets that they name have to exist.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command as Process, Output};

use crate::commands::{self, Command};
use crate::programs::{self, What};
use crate::{nothing_wrong, pages, sources};

/// Runs the workbench, without a terminal.
fn workbench(arguments: &[String]) -> Output {
    let mut process = Process::new(env!("CARGO_BIN_EXE_workbench"));
    process.current_dir(pages::root()).args(arguments);
    process.output().expect("the workbench starts")
}

/// What is handed to the workbench: what stands behind `--`.
fn handed(command: &Command) -> Option<Vec<String>> {
    let words = command.arguments();
    if words.first().is_none_or(|word| word != "run") {
        return None;
    }
    let rest = words.iter().skip_while(|word| *word != "--").skip(1);
    Some(rest.filter(|word| *word != "COMMAND").cloned().collect())
}

fn of_cargo() -> Vec<Command> {
    let all = commands::all(&pages::read());
    let of_cargo: Vec<_> = all
        .into_iter()
        .filter(|command| command.program() == "cargo")
        .collect();
    assert!(of_cargo.len() > 40, "{}", of_cargo.len());
    of_cargo
}

#[test]
fn the_workbench_understands_what_it_is_given() {
    let mut wrong = Vec::new();
    let mut parsed = BTreeSet::new();
    for command in of_cargo() {
        let Some(line) = handed(&command) else {
            continue;
        };
        if !parsed.insert(line.clone()) {
            continue;
        }
        let asked = ["parse-only".to_owned(), "--".to_owned()]
            .into_iter()
            .chain(line);
        let output = workbench(&asked.collect::<Vec<_>>());
        if !output.status.success() {
            let why = String::from_utf8_lossy(&output.stderr);
            wrong.push(format!(
                "{}: `{}`: {}",
                command.at,
                command.text,
                why.trim()
            ));
        }
    }
    assert!(parsed.len() > 20, "{}", parsed.len());
    nothing_wrong(&wrong);
}

#[test]
fn each_is_in_the_table_and_is_run_if_it_says_so() {
    let mut wrong = Vec::new();
    let mut used = BTreeSet::new();
    let mut run = BTreeSet::new();
    for command in of_cargo() {
        let Some((line, what)) = programs::what(command.arguments()) else {
            wrong.push(format!(
                "{}: `{}`: not in the table of programs.rs",
                command.at, command.text
            ));
            continue;
        };
        used.insert(line);
        let (What::Run(code), Some(arguments)) = (what, handed(&command)) else {
            continue;
        };
        if run.insert(arguments.clone()) {
            let output = workbench(&arguments);
            if output.status.code() != Some(code) {
                let said = String::from_utf8_lossy(&output.stderr);
                wrong.push(format!(
                    "{}: `{}`: {}: {said}",
                    command.at, command.text, output.status
                ));
            }
        }
    }
    for (line, what) in programs::CARGO {
        if !used.contains(line) {
            wrong.push(format!("programs.rs: no page needs `{line}`"));
        }
        if let What::Parsed(why) = what {
            assert!(!why.is_empty());
        }
    }
    nothing_wrong(&wrong);
}

/// `scenarios NAME…` and `--rows NAME…`, where NAME is a row or a group.
#[test]
fn rows_in_commands_exist() {
    let rows = sources::rows();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for command in of_cargo() {
        let line = handed(&command).unwrap_or_default();
        let names = match line.first().map(String::as_str) {
            Some("scenarios") => plain(&line[1..]),
            _ => line
                .iter()
                .position(|word| word == "--rows")
                .map(|at| {
                    line[at + 1..]
                        .iter()
                        .take_while(|word| !word.starts_with("--"))
                        .cloned()
                        .collect()
                })
                .unwrap_or_default(),
        };
        for name in names {
            seen += 1;
            let placeholder = name.chars().all(char::is_uppercase);
            if !placeholder && !rows.contains(&name) {
                wrong.push(format!(
                    "{}: `{}`: no row or group {name}",
                    command.at, command.text
                ));
            }
        }
    }
    assert!(seen > 5, "{seen}");
    nothing_wrong(&wrong);
}

/// The words that are neither an option nor its value.
fn plain(words: &[String]) -> Vec<String> {
    const SWITCHES: &[&str] = &["--list", "--help"];
    let mut plain = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if !word.starts_with("--") {
            plain.push(word.clone());
        } else if !SWITCHES.contains(&word.as_str()) {
            words.next();
        }
    }
    plain
}

/// `--test`, `--bench`, `-p` and the fuzzer's targets.
#[test]
fn targets_of_cargo_exist() {
    let root = pages::root();
    let manifest = fs::read_to_string(root.join("Cargo.toml")).expect("Cargo.toml");
    let packages = sources::packages();
    let mut wrong = Vec::new();
    let mut seen = 0;
    for command in of_cargo() {
        let words = command.arguments();
        let end = words
            .iter()
            .position(|word| word == "--")
            .unwrap_or(words.len());
        let mut missing = |what: &str, name: &str, there: bool| {
            seen += 1;
            if !there {
                wrong.push(format!(
                    "{}: `{}`: no {what} {name}",
                    command.at, command.text
                ));
            }
        };
        for pair in words[..end].windows(2) {
            let [option, name] = pair else { continue };
            match option.as_str() {
                "--test" => {
                    let file = root.join(format!("tests/{name}.rs"));
                    let folder = root.join(format!("tests/{name}/main.rs"));
                    missing("test", name, file.is_file() || folder.is_file());
                }
                "--bench" => missing(
                    "bench",
                    name,
                    manifest.contains(&format!("name = \"{name}\"")),
                ),
                "-p" => missing("package", name, packages.contains(name)),
                _ => {}
            }
        }
        if let [toolchain, fuzz, _, rest @ ..] = &words[..end]
            && toolchain.starts_with('+')
            && fuzz == "fuzz"
        {
            let target = rest.last().expect("a target");
            let targets =
                fs::read_to_string(root.join("fuzz/Cargo.toml")).expect("fuzz/Cargo.toml");
            missing(
                "fuzz target",
                target,
                targets.contains(&format!("name = \"{target}\"")),
            );
        }
    }
    assert!(seen > 10, "{seen}");
    nothing_wrong(&wrong);
}
