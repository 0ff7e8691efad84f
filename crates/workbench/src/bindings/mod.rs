//! `cargo run -- bindings`: writes `crates/dxgk-sys` from the measured layouts.

mod checks;
mod data;
mod emit;
mod external;
mod headers;
mod names;
mod prototypes;
mod sizes;
mod spelling;
mod tree;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result};

use data::Data;
use names::Names;

/// The measured layouts, from the crate's folder.
const DATA: &str = "data/26100-x64-wddm3_2.json";

/// Sizes of the records at every interface version, from the crate's folder.
const SIZES: &str = "data/sizes-26100-x64.tsv";

/// A module for each.
const HEADERS: &[&str] = &["d3dkmddi", "d3dkmdt", "d3dukmdt", "dispmprt"];

/// Writes the bindings crate from the measured layouts.
#[derive(clap::Args)]
pub struct Args {
    /// Change nothing; fail if a file is not what the generator gives.
    #[arg(long)]
    check: bool,

    /// Write a C file instead, which compiles only against kit headers with these layouts
    #[arg(long, value_name = "FILE", conflicts_with = "check")]
    headers_test: Option<PathBuf>,
}

pub fn run(args: &Args) -> Result<ExitCode> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).with_file_name("dxgk-sys");
    if let Some(file) = &args.headers_test {
        return headers_test(&folder, file);
    }
    let files = generate(&folder)?;
    let mut stale = 0;
    for (path, text) in &files {
        let old = std::fs::read_to_string(path).unwrap_or_default();
        if old == *text {
            continue;
        }
        stale += 1;
        if args.check {
            println!("{}: is not what the generator gives", path.display());
        } else {
            std::fs::write(path, text)
                .with_context(|| format!("cannot write {}", path.display()))?;
            println!("{}: written", path.display());
        }
    }
    println!(
        "{} of {} files are as generated",
        files.len() - stale,
        files.len()
    );
    let failed = args.check && stale > 0;
    if failed {
        println!("run `cargo run -- bindings`");
    }
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

/// Writes the C file and says what it compares.
fn headers_test(folder: &Path, file: &Path) -> Result<ExitCode> {
    let data = Data::read(&folder.join(DATA))?;
    let (text, counts) = headers::text(&data, DATA);
    std::fs::write(file, text).with_context(|| format!("cannot write {}", file.display()))?;
    println!(
        "{}: {} records, {} fields, {} enumerators, {} constants",
        file.display(),
        counts.records,
        counts.fields,
        counts.enumerators,
        counts.constants
    );
    Ok(ExitCode::SUCCESS)
}

/// Path and text of every generated file.
fn generate(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let data = Data::read(&folder.join(DATA))?;
    let names = Names::new(&data);
    let source = folder.join("src");
    let mut files = Vec::new();
    for header in HEADERS {
        let text = emit::module(&data, &names, &format!("{header}.h"), DATA)?;
        files.push((source.join(format!("{header}.rs")), text));
    }
    files.push((
        source.join("external.rs"),
        external::module(&data, &names, DATA)?,
    ));
    files.push((
        source.join("functions.rs"),
        prototypes::module(&data, &names, DATA)?,
    ));
    let sizes = sizes::module(&data, &folder.join(SIZES), SIZES)?;
    files.push((source.join("sizes/table.rs"), sizes));
    let tests = folder.join("tests/table");
    files.push((
        tests.join("records.rs"),
        checks::records(&data, &names, DATA)?,
    ));
    files.push((tests.join("values.rs"), checks::values(&data, DATA)));
    Ok(files)
}
