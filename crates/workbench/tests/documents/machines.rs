//! QEMU's command lines: QEMU makes each of these machines, stopped before its first instruction, and is
//! told to quit. Where QEMU is not installed they are only taken apart.

use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command as Process, Stdio};

use crate::commands::{self, Command};
use crate::{nothing_wrong, pages};

const QEMU: &str = "qemu-system-x86_64";

/// Files that a user has and this test has not, with as many bytes as QEMU wants of them at least.
const FILES: &[(&str, u64)] = &[
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", 3_653_632),
    ("vars.fd", 540_672),
    ("windows.qcow2", 1 << 20),
    ("windows.iso", 1 << 20),
];

/// What the test cannot have: an argument with this in it is not tried.
const NOT_TRIED: &[(&str, &str)] = &[
    ("tpm", "wants swtpm to be there"),
    ("pipe:", "is for QEMU on Windows"),
];

fn of_qemu() -> Vec<Command> {
    let all = commands::all(&pages::read());
    let of_qemu: Vec<_> = all
        .into_iter()
        .filter(|command| command.program() == QEMU)
        .collect();
    assert!(of_qemu.len() >= 8, "{}", of_qemu.len());
    of_qemu
}

#[test]
fn qemu_makes_these_machines() {
    if Process::new(QEMU).arg("--version").output().is_err() {
        eprintln!("{QEMU} is not installed: its command lines are not tried");
        return;
    }
    let folder = tempfile::tempdir().expect("a folder");
    for (name, bytes) in FILES {
        let file = File::create(folder.path().join(local(name))).expect("a file");
        file.set_len(*bytes).expect("room");
    }
    std::fs::create_dir_all(folder.path().join("target/package/vmdisp")).expect("a folder");
    let mut wrong = Vec::new();
    for command in of_qemu() {
        if let Err(why) = try_it(&command, folder.path()) {
            wrong.push(format!("{}: `{}`: {why}", command.at, command.text));
        }
    }
    nothing_wrong(&wrong);
}

/// The name of the test's own file for a path.
fn local(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Starts the machine with what this test has in the place of KVM, the user's files and ports.
fn try_it(command: &Command, folder: &Path) -> Result<(), String> {
    let mut arguments = Vec::new();
    for pair in pairs(command.arguments()) {
        if pair
            .iter()
            .any(|word| NOT_TRIED.iter().any(|(what, _)| word.contains(what)))
        {
            continue;
        }
        arguments.extend(pair.iter().map(|word| changed(word)));
    }
    let mut process = Process::new(QEMU);
    process
        .current_dir(folder)
        .args(["-S", "-display", "none", "-monitor", "stdio"])
        .args(&arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut child = process.spawn().map_err(|error| error.to_string())?;
    let told = child
        .stdin
        .take()
        .map(|mut monitor| monitor.write_all(b"quit\n"));
    let output = child
        .wait_with_output()
        .map_err(|error| error.to_string())?;
    let said = String::from_utf8_lossy(&output.stderr);
    match (output.status.success(), told) {
        (true, Some(Ok(()))) => Ok(()),
        _ => Err(format!("{}: {}", output.status, said.trim())),
    }
}

/// Options with their values; the ellipsis of a page is left out.
fn pairs(words: &[String]) -> Vec<Vec<String>> {
    let mut pairs: Vec<Vec<String>> = Vec::new();
    for word in words.iter().filter(|word| *word != "…") {
        match pairs.last_mut() {
            Some(pair) if !word.starts_with('-') => pair.push(word.clone()),
            _ => pairs.push(vec![word.clone()]),
        }
    }
    pairs
}

/// A value for this test: emulation, less memory, files of its own, and any free port.
fn changed(word: &str) -> String {
    let word = match word {
        "kvm" => "tcg",
        "host" => "max",
        "4G" => "512M",
        other => other,
    };
    let mut word = word.replace("host=0.0.0.0,port=4445", "host=127.0.0.1,port=0");
    word = word.replace("hostfwd=tcp::3390-", "hostfwd=tcp:127.0.0.1:0-");
    word = word.replace("format=qcow2", "format=raw");
    for (path, _) in FILES {
        word = word.replace(path, local(path));
    }
    word
}

#[test]
fn a_line_is_made_ready() {
    let command = Command {
        at: String::new(),
        text: String::new(),
        words: commands::split(
            "qemu-system-x86_64 … -accel kvm -S -drive if=pflash,file=/usr/share/OVMF/OVMF_CODE_4M.fd",
        ),
    };
    let pairs = pairs(command.arguments());
    assert_eq!(pairs.len(), 3);
    let all: Vec<_> = pairs.iter().flatten().map(|word| changed(word)).collect();
    assert_eq!(
        all,
        [
            "-accel",
            "tcg",
            "-S",
            "-drive",
            "if=pflash,file=OVMF_CODE_4M.fd"
        ]
    );
}
