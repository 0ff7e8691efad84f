//! The text of the table of sizes by interface version.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use super::data::Data;
use super::emit;

/// Columns of the table: the tails of the `DXGKDDI_INTERFACE_VERSION_…` macros, oldest first.
pub const VERSIONS: &[&str] = &[
    "VISTA",
    "VISTA_SP1",
    "WIN7",
    "WIN8",
    "WDDM1_3",
    "WDDM1_3_PATH_INDEPENDENT_ROTATION",
    "WDDM2_0",
    "WDDM2_1",
    "WDDM2_1_5",
    "WDDM2_1_6",
    "WDDM2_2",
    "WDDM2_3",
    "WDDM2_4",
    "WDDM2_5",
    "WDDM2_6",
    "WDDM2_7",
    "WDDM2_8",
    "WDDM2_9",
    "WDDM3_0",
    "WDDM3_1",
    "WDDM3_2",
];

/// Reads the table and writes it as Rust.
///
/// # Errors
///
/// Names the file, the line and the record that are not as expected.
pub fn module(data: &Data, path: &Path, source: &str) -> Result<String> {
    let text =
        std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    convert(data, &text, source).with_context(|| format!("cannot use {}", path.display()))
}

fn convert(data: &Data, text: &str, source: &str) -> Result<String> {
    let mut lines = text.lines();
    let header: Vec<&str> = lines.next().unwrap_or_default().split('\t').collect();
    ensure!(
        header[0] == "record" && header[1..] == *VERSIONS,
        "line 1: unknown columns {header:?}"
    );
    let mut out = emit::head("Sizes of all records by interface version.", source);
    out.push_str("use super::Sizes;\n\nsizes! {\n");
    let mut records = data.records.iter();
    for line in lines {
        let mut cells = line.split('\t');
        let name = cells.next().unwrap_or_default();
        let record = records
            .next()
            .with_context(|| format!("record {name} is not in the base"))?;
        ensure!(
            record.name == name,
            "record {name}: the base has {} here",
            record.name
        );
        let mut sizes = Vec::new();
        for (cell, version) in cells.zip(VERSIONS) {
            let size: u32 = match cell {
                "-" => 0,
                cell => cell
                    .parse()
                    .with_context(|| format!("record {name}, {version}: {cell:?}"))?,
            };
            sizes.push(size.to_string());
        }
        ensure!(
            sizes.len() == VERSIONS.len(),
            "record {name}: {} sizes",
            sizes.len()
        );
        ensure!(
            sizes.last() == Some(&record.size.to_string()),
            "record {name}: the newest size is not the base's, {}",
            record.size
        );
        let _ = writeln!(out, "    {name} [{}];", sizes.join(", "));
    }
    if let Some(record) = records.next() {
        anyhow::bail!("record {} is missing", record.name);
    }
    out.push_str("}\n");
    Ok(out)
}
