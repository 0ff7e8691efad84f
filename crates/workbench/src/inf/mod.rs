//! `lint-inf`: checks INFs by rules of InfVerif's that matter to a display driver, and some of ours.
//!
//! | module | what it does |
//! |---|---|
//! | [`parse`] | takes an INF apart |
//! | [`stamp`] | makes an INF of an INX |
//! | [`rules`] | what is checked, with InfVerif's numbers |
//! | [`lint`] | checks it |

pub mod lint;
pub mod parse;
mod rules;
pub mod stamp;

#[cfg(test)]
mod broken;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anstream::println;
use anyhow::{Context, Result};
use serde_json::{Value, json};

use crate::report;
use lint::{Finding, lint};
use rules::RULES;
use stamp::{Architecture, DriverVersion, Stamp, date_of_sources};

/// Check INF files: required sections and directives, strings, files, DIRIDs, registry, services.
///
/// An .inx is filled in for each architecture first, an .inf is taken as it is.
#[derive(clap::Args)]
pub struct Args {
    /// The files; without any, those of the project (inf/*.inx)
    files: Vec<PathBuf>,
    /// Only list the rules
    #[arg(long)]
    rules: bool,
    /// Also write what was found as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// The project's INFs, without the ending.
pub const INFS: [&str; 2] = ["vmdisp-display", "vmdisp"];

/// What one file, for one architecture, gave.
struct Checked {
    what: String,
    findings: Vec<Finding>,
}

/// Runs the command.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.rules {
        list_rules();
        return Ok(ExitCode::SUCCESS);
    }
    let files = if args.files.is_empty() {
        INFS.map(inx).to_vec()
    } else {
        args.files.clone()
    };
    let mut all = Vec::new();
    for file in &files {
        all.extend(check(file)?);
    }
    if let Some(file) = &args.json {
        report::write_json(file, &as_json(&all))?;
    }
    for checked in &all {
        print(checked);
    }
    let clean = all.iter().all(|checked| checked.findings.is_empty());
    Ok(report::exit_code(clean))
}

/// Where an INX of the project lies.
pub fn inx(name: &str) -> PathBuf {
    let workbench = Path::new(env!("CARGO_MANIFEST_DIR"));
    let project = workbench.ancestors().nth(2).unwrap_or(workbench);
    project.join("inf").join(name).with_extension("inx")
}

/// An INX of the project as an INF.
///
/// # Errors
///
/// It cannot be read or filled in.
pub fn stamped(file: &Path, with: &Stamp) -> Result<String> {
    let text = fs::read_to_string(file).with_context(|| format!("reading {}", file.display()))?;
    stamp::stamp(&text, with).with_context(|| format!("filling in {}", file.display()))
}

fn check(file: &Path) -> Result<Vec<Checked>> {
    let is_inx = file
        .extension()
        .is_some_and(|end| end.eq_ignore_ascii_case("inx"));
    if !is_inx {
        let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
        let (what, findings) = (file.display().to_string(), lint(&bytes));
        return Ok(vec![Checked { what, findings }]);
    }
    let driver_version = DriverVersion::of_project(date_of_sources()?)?;
    let of = |architecture| {
        let driver_version = driver_version.clone();
        let inf = stamped(
            file,
            &Stamp {
                architecture,
                driver_version,
            },
        )?;
        let what = format!("{} for {architecture}", file.display());
        Ok(Checked {
            what,
            findings: lint(inf.as_bytes()),
        })
    };
    Architecture::ALL.into_iter().map(of).collect()
}

fn print(checked: &Checked) {
    let count = checked.findings.len();
    let verdict = if count == 0 {
        "ok".into()
    } else {
        format!("{count} wrong")
    };
    println!("{}: {verdict}, {} rules", checked.what, RULES.len());
    for finding in &checked.findings {
        let code = finding.infverif.map(|code| format!(", InfVerif {code}"));
        let (line, rule) = (finding.line, finding.rule);
        let place = if line == 0 {
            String::new()
        } else {
            format!("line {line}: ")
        };
        println!(
            "  {place}{} ({rule}{})",
            finding.message,
            code.unwrap_or_default()
        );
    }
}

fn list_rules() {
    for rule in RULES {
        let code = rule.infverif.map_or("ours".into(), |code| code.to_string());
        println!("{:<18} {code:>5}  {}", rule.name, rule.asks);
    }
}

fn as_json(all: &[Checked]) -> Value {
    let finding = |finding: &Finding| {
        json!({
            "rule": finding.rule,
            "infverif": finding.infverif,
            "line": finding.line,
            "message": finding.message,
        })
    };
    let file = |checked: &Checked| {
        let findings: Vec<Value> = checked.findings.iter().map(finding).collect();
        json!({ "file": checked.what, "findings": findings })
    };
    json!({ "rules": RULES.len(), "files": all.iter().map(file).collect::<Vec<_>>() })
}
