//! A copy of wdk-build that runs on systems other than Windows.
//!
//! The crate as published asks Windows' registry where the WDK is and refuses to compile elsewhere.
//! It is copied out of cargo's cache and changed in a few lines, each counted: a release whose text
//! differs stops the build here and not somewhere behind. windows-drivers-rs' other crates are used
//! as published.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::files::write_if_changed;

/// One change: in `file`, the line `old`, which is there `count` times, becomes `new`.
struct Edit {
    file: &'static str,
    count: usize,
    old: &'static str,
    new: &'static str,
}

const EDITS: &[Edit] = &[
    // The crate `windows` compiles on Windows alone.
    Edit {
        file: "Cargo.toml",
        count: 1,
        old: "[dependencies.windows]",
        new: "[target.\"cfg(windows)\".dependencies.windows]",
    },
    // Helpers of cargo-make, which set environment variables as Windows alone may.
    Edit {
        file: "src/lib.rs",
        count: 1,
        old: "pub mod cargo_make;",
        new: "#[cfg(windows)]\npub mod cargo_make;",
    },
    // Look-ups in the registry. The environment says where the kit is before they are asked.
    Edit {
        file: "src/utils.rs",
        count: 1,
        old: "use std::{",
        new: "#[allow(unused_imports)]\nuse std::{",
    },
    Edit {
        file: "src/utils.rs",
        count: 1,
        old: "use windows::{",
        new: "#[cfg(windows)]\nuse windows::{",
    },
    Edit {
        file: "src/utils.rs",
        count: 1,
        old: "fn read_registry_key_string_value(",
        new: "#[cfg(windows)]\nfn read_registry_key_string_value(",
    },
    Edit {
        file: "src/utils.rs",
        count: 2,
        old: "    if let Some(path) = read_registry_key_string_value(",
        new: "    #[cfg(windows)]\n    if let Some(path) = read_registry_key_string_value(",
    },
    // Two functions whose body refuses to compile.
    Edit {
        file: "src/utils.rs",
        count: 2,
        old: "#[cfg(not(target_os = \"windows\"))]",
        new: "#[cfg(any())]",
    },
];

/// Makes the copy in `made`, or brings it up to date, and returns its folder.
///
/// # Errors
///
/// The release that Cargo.lock names is not the one that the edits were made for.
pub fn prepare(project: &Path, made: &Path) -> Result<PathBuf> {
    let (source, version) = published(project)?;
    let copy = made.join("wdk-build");
    let mut left: Vec<&Edit> = EDITS.iter().collect();
    for file in files(&source)? {
        let text = fs::read(source.join(&file))?;
        let edits = left.extract_if(.., |edit| file == Path::new(edit.file));
        let text = edited(text, edits).with_context(|| explain(&version, &file))?;
        write_if_changed(&copy.join(&file), &text)?;
    }
    if let Some(edit) = left.first() {
        let missing = anyhow::anyhow!("there is no such file");
        return Err(missing.context(explain(&version, Path::new(edit.file))));
    }
    Ok(copy)
}

fn explain(version: &str, file: &Path) -> String {
    format!(
        "wdk-build {version} is not as crates/workbench/src/driver/edits.rs expects: {}",
        file.display()
    )
}

/// Applies edits to a file's text. Files without edits stay as they are, byte for byte.
fn edited<'a>(text: Vec<u8>, edits: impl Iterator<Item = &'a Edit>) -> Result<Vec<u8>> {
    let mut edits = edits.peekable();
    if edits.peek().is_none() {
        return Ok(text);
    }
    let mut text = String::from_utf8(text)?.replace("\r\n", "\n");
    for edit in edits {
        let found = text.lines().filter(|line| *line == edit.old).count();
        ensure!(
            found == edit.count,
            "{:?} is there {found} times, not {}",
            edit.old,
            edit.count
        );
        let lines = text
            .lines()
            .map(|line| if line == edit.old { edit.new } else { line });
        text = lines.flat_map(|line| [line, "\n"]).collect();
    }
    Ok(text.into_bytes())
}

/// Where cargo keeps wdk-build as published, and the version that Cargo.lock names.
fn published(project: &Path) -> Result<(PathBuf, String)> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(project)
        .args(["metadata", "--locked", "--format-version", "1"])
        .output()
        .context("starting cargo metadata")?;
    let complaint = String::from_utf8_lossy(&output.stderr);
    ensure!(
        output.status.success(),
        "cargo metadata failed: {complaint}"
    );
    let metadata: Value = serde_json::from_slice(&output.stdout)?;
    let packages = metadata["packages"]
        .as_array()
        .context("cargo metadata lists no packages")?;
    let package = packages
        .iter()
        .find(|package| package["name"] == "wdk-build");
    let package = package.context("cargo metadata does not list wdk-build")?;
    let text = |key| {
        package[key]
            .as_str()
            .context("cargo metadata is not as it was")
    };
    let manifest = Path::new(text("manifest_path")?);
    let folder = manifest.parent().context("wdk-build has no folder")?;
    Ok((folder.to_owned(), text("version")?.to_owned()))
}

/// The files of a folder and the folders in it, as paths from it. Cargo's own marks and the lock
/// file, which means nothing for a dependency, are left out.
fn files(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    let mut folders = vec![PathBuf::new()];
    while let Some(inner) = folders.pop() {
        for entry in fs::read_dir(folder.join(&inner))? {
            let entry = entry?;
            let path = inner.join(entry.file_name());
            let name = entry.file_name();
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else if name != ".cargo-ok" && name != "Cargo.lock" {
                found.push(path);
            }
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{Edit, edited};

    const EDIT: Edit = Edit {
        file: "a.rs",
        count: 1,
        old: "old();",
        new: "new();\nmore();",
    };

    #[test]
    fn an_edit_replaces_whole_lines_and_line_ends() {
        let made = edited(b"old();\r\n old();\r\n".to_vec(), [&EDIT].into_iter());
        assert_eq!(made.expect("it fits"), b"new();\nmore();\n old();\n");
    }

    #[test]
    fn a_text_that_differs_is_refused() {
        for text in ["older();\n", "old();\nold();\n", ""] {
            let error = edited(text.into(), [&EDIT].into_iter()).expect_err(text);
            assert!(error.to_string().contains("old();"), "{error}");
        }
    }

    #[test]
    fn a_file_without_edits_is_left_alone() {
        let made = edited(b"\r\n\xff".to_vec(), [].into_iter());
        assert_eq!(made.expect("nothing to do"), b"\r\n\xff");
    }
}
