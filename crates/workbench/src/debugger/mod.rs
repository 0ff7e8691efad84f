//! `cargo run -- debugger`: what WinDbg is given for the driver, checked where there is no WinDbg.
//!
//! `vmdisp.natvis` is compared with the PDB, name by name. `vmdisp.js` is run by Node on the memory of a
//! machine at ring 0, which stood still while a busy adapter lived ([`memory`]), with the types of the
//! PDB ([`types`]) and a model of the debugger's `host` object (`debugger/test`).

mod memory;
mod natvis;
mod types;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, bail};
use pdb2::TypeIndex;
use serde_json::{Map, Value, json};

use crate::toolchain::find_program;
use crate::{driver, report, ring0};
use memory::Image;
use types::{Program, Type};

/// The row that a machine runs for the extension.
const ROW: &str = "seen_by_a_debugger";

/// Lines that are printed of what a command returns.
const MOST_LINES: usize = 64;

/// Check what WinDbg is given: the visualizers against the PDB, and the script on a real run's memory.
///
/// Without arguments it does both: it builds the driver, runs it at ring 0 until a busy adapter lives, keeps the
/// machine's memory as it is then, and lets Node run the script's commands on it.
#[derive(clap::Args)]
pub struct Args {
    /// Only check the visualizers
    #[arg(long)]
    natvis: bool,

    /// Commands of the script to run, each as NAME or NAME=NUMBER [default: all of them]
    #[arg(value_name = "COMMAND", conflicts_with = "natvis")]
    commands: Vec<String>,

    /// The display adapter, as QEMU's -device takes it
    #[arg(long, value_name = "DEVICE", default_value = "VGA")]
    device: String,

    /// Give each object a pool block of its own (Parameters\PoolPerObject = 1)
    #[arg(long)]
    pool_per_object: bool,

    /// Write what the commands returned to this file, as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,

    /// Check this PDB instead of building the driver
    #[arg(long, value_name = "FILE", requires = "natvis")]
    pdb: Option<PathBuf>,

    /// Check this natvis file instead of the project's own
    #[arg(long, value_name = "FILE", requires = "natvis")]
    file: Option<PathBuf>,
}

/// Runs the command.
///
/// # Errors
///
/// Where something that it needs is missing or cannot be built.
pub fn run(args: &Args) -> Result<ExitCode> {
    // Before minutes are spent on a build.
    let node = (!args.natvis).then(node).transpose()?;
    let (pdb, sys) = if let Some(pdb) = &args.pdb {
        (pdb.clone(), None)
    } else {
        let built = driver::build(&driver::Profile::Release)?;
        (built.pdb, Some(built.sys))
    };
    let program = Program::read(&pdb)?;
    let natvis = args
        .file
        .clone()
        .unwrap_or_else(|| folder().join("vmdisp.natvis"));
    if !check_natvis(&natvis, &program)? {
        return Ok(ExitCode::FAILURE);
    }
    let (Some(node), Some(sys)) = (node, sys) else {
        return Ok(ExitCode::SUCCESS);
    };
    let results = look(&node, &sys, &program, args)?;
    for (command, items) in results.iter().filter(|(_, items)| items.is_array()) {
        println!("\n!{command}");
        let items = items.as_array().map_or(&[][..], Vec::as_slice);
        // All of them are in the file of --json.
        for item in items.iter().take(MOST_LINES) {
            println!("    {}", item["line"].as_str().unwrap_or("?"));
        }
        if let Some(more) = items.len().checked_sub(MOST_LINES + 1) {
            println!("    … {} more", more + 1);
        }
    }
    if let Some(file) = &args.json {
        report::write_json(file, &Value::Object(results))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Checks the visualizers, and that the PDB has them.
fn check_natvis(path: &Path, program: &Program) -> Result<bool> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?;
    let (checked, mut wrong) =
        natvis::check(&text, program).with_context(|| format!("reading {}", path.display()))?;
    let linked = program
        .files
        .iter()
        .any(|(name, bytes)| name.ends_with("vmdisp.natvis") && bytes == text.as_bytes());
    if !linked {
        wrong.push("the PDB has no copy of this file, or an older one".to_owned());
    }
    for line in &wrong {
        println!("natvis   FAILED  {line}");
    }
    if wrong.is_empty() {
        println!(
            "natvis   ok      {} visualizers for {} types, {} expressions; linked into the PDB",
            checked.patterns, checked.types, checked.expressions
        );
    }
    Ok(wrong.is_empty())
}

/// Runs the machine, and the script's commands on its memory.
fn look(node: &Path, sys: &Path, program: &Program, args: &Args) -> Result<Map<String, Value>> {
    let folder = tempfile::tempdir().context("making a folder for the machine's memory")?;
    let file = folder.path().join("memory.elf");
    let (base, counted) =
        ring0::run_for_memory(sys, &args.device, ROW, args.pool_per_object, &file)?;
    let image = Image::read(&file)?;
    let description = folder.path().join("program.json");
    let value = describe(program, base, &file, &image);
    std::fs::write(&description, serde_json::to_vec(&value)?)?;
    let mut command = Command::new(node);
    command
        .arg(self::folder().join("test/run.mjs"))
        .arg(&description)
        .args(&args.commands);
    let output = command.output().context("starting Node")?;
    if !output.status.success() {
        bail!("vmdisp.js: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut results: Map<String, Value> =
        serde_json::from_slice(&output.stdout).context("what Node printed")?;
    results.insert("row".to_owned(), counted.into());
    Ok(results)
}

/// The folder with what debuggers are given.
fn folder() -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = workbench.ancestors().nth(2).unwrap_or(workbench);
    project.join("debugger")
}

/// Node.
fn node() -> Result<PathBuf> {
    let node = find_program("node").or_else(|| find_program("nodejs"));
    node.context("node is not installed; `cargo run -- setup` installs it or says how")
}

/// What the model of the debugger is told: memory, variables, types.
fn describe(program: &Program, base: u64, file: &Path, image: &Image) -> Value {
    let number = |value: u64| format!("{value:#x}");
    let ours = |name: &str| name.contains("vmdisp::");
    let mut types = BTreeMap::new();
    let mut variables = Map::new();
    for (name, variable) in program.variables.iter().filter(|(name, _)| ours(name)) {
        reach(program, variable.kind, &mut types);
        let value = json!({ "address": variable.address, "type": variable.kind.0 });
        variables.insert(name.clone(), value);
    }
    let mut names = Map::new();
    for name in program.records().filter(|name| ours(name)) {
        if let Some(index) = program.named(name) {
            reach(program, index, &mut types);
            names.insert(name.to_owned(), index.0.into());
        }
    }
    let types: Map<_, _> = types
        .into_iter()
        .map(|(index, value)| (index.0.to_string(), value))
        .collect();
    let pieces: Vec<_> = image
        .pieces
        .iter()
        .map(|(physical, bytes, offset)| [*physical, *bytes, *offset].map(number))
        .collect();
    json!({
        "module": "vmdisp",
        "base": number(base),
        "memory": { "file": file, "pieces": pieces, "root": number(image.root) },
        "variables": variables,
        "names": names,
        "types": types,
    })
}

/// Describes a type and all that can be reached from it.
fn reach(program: &Program, index: TypeIndex, to: &mut BTreeMap<TypeIndex, Value>) {
    let mut left = vec![index];
    while let Some(index) = left.pop() {
        if to.contains_key(&index) {
            continue;
        }
        let bytes = program.bytes(index);
        let value = match program.kind(index) {
            Type::Record { name, fields, .. } => {
                left.extend(fields.iter().map(|field| field.kind));
                let fields: Map<_, _> = fields
                    .into_iter()
                    .map(|field| {
                        let value = json!({ "type": field.kind.0, "offset": field.offset });
                        (field.name, value)
                    })
                    .collect();
                json!({ "kind": "record", "name": name, "bytes": bytes, "fields": fields })
            }
            Type::Pointer(target) => {
                left.push(target);
                json!({ "kind": "pointer", "bytes": bytes, "to": target.0 })
            }
            Type::Array { of, .. } => {
                left.push(of);
                json!({ "kind": "array", "bytes": bytes, "of": of.0 })
            }
            Type::Number { signed, truth, .. } => {
                json!({ "kind": "number", "bytes": bytes, "signed": signed, "truth": truth })
            }
            Type::Other => json!({ "kind": "other", "bytes": bytes }),
        };
        to.insert(index, value);
    }
}
