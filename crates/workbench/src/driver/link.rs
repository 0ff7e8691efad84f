//! Links without the paths of this machine.
//!
//! A PDB names every file that went into it, and the linker's command line; the image has a digest of
//! the PDB. So that the same sources give the same bytes in whatever folder they lie, rustc is told to
//! write other paths, and calls the linker through a script (`kit/link.sh`) that gives it paths from
//! the project, and a name that is the same each time to what rustc puts into a folder of random name.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};

use super::files::{link, write_if_changed};
use crate::authenticode::{hex, sha256};
use crate::toolchain::Toolchain;

/// What the PDB calls the folder of the project.
pub const SOURCES: &str = "/vmdisp";

/// What it calls cargo's own folder, where the sources of libraries are.
const CARGO: &str = "/cargo";

/// The script, with `@…@` for what is this machine's.
const SCRIPT: &str = include_str!("../../kit/link.sh");

/// Sets `cargo` to link so.
///
/// # Errors
///
/// The script cannot be written, or a path is not Unicode.
pub fn prepare(
    cargo: &mut Command,
    project: &Path,
    toolchain: &Toolchain,
    linker: &Command,
) -> Result<()> {
    let made = Path::new("target/linux-wdk").join(toolchain.target());
    let folder = project.join(&made);
    fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    let sysroot = toolchain.sysroot();
    link(sysroot, &folder.join("sysroot"))?;

    let text = |path: &Path| {
        let text = path.to_str().map(str::to_owned);
        text.with_context(|| format!("the path {} is not Unicode", path.display()))
    };
    let program = Path::new(linker.get_program());
    let program = match program.strip_prefix(sysroot) {
        Ok(inside) => made.join("sysroot").join(inside),
        Err(_) => program.to_owned(),
    };
    let words = [program.as_os_str()].into_iter().chain(linker.get_args());
    let words = words.map(|word| Ok(quoted(&text(Path::new(word))?)));
    let words: Vec<String> = words.collect::<Result<_>>()?;
    let script = SCRIPT
        .replace("@PROJECT@", &quoted(&text(project)?))
        .replace("@SYSROOT@", &quoted(&text(sysroot)?))
        .replace("@MADE@", &quoted(&text(&made)?))
        .replace("@LINKER@", &words.join(" "))
        .replace("@SOURCES@", SOURCES);
    // rustc takes from the name which options to give.
    let file = folder.join("lld-link");
    if write_if_changed(&file, script.as_bytes())? {
        make_executable(&file)?;
    }
    cargo.env(toolchain.linker_variable(), file);
    // Linked again when the script is another (build.rs).
    cargo.env("VMDISP_LINK_SCRIPT", hex(&sha256(script.as_bytes())));

    let home = cargo_home()?;
    let remaps = [(text(project)?, SOURCES), (text(&home)?, CARGO)];
    let remaps = remaps.map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
    let target = toolchain.target();
    // Beside the flags of .cargo/config.toml.
    let flags = format!("target.{target}.rustflags = {remaps:?}");
    cargo.arg("--config").arg(flags);
    Ok(())
}

/// A word of a shell's.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Where cargo keeps what it downloads.
fn cargo_home() -> Result<std::path::PathBuf> {
    let own = std::env::var_os("CARGO_HOME").map(Into::into);
    let default = || Some(std::env::home_dir()?.join(".cargo"));
    own.or_else(default).context("there is no home folder")
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    Ok(fs::set_permissions(
        file,
        fs::Permissions::from_mode(0o755),
    )?)
}

/// Windows has a WDK and never asks.
#[cfg(not(unix))]
fn make_executable(_file: &Path) -> Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_reads_any_path_as_one_word() {
        assert_eq!(quoted("/a b/$c"), "'/a b/$c'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
