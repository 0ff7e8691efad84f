//! A folder laid out as the Windows Driver Kit, for systems without one.
//!
//! The headers are mingw-w64's, by links; where they lack something or say it otherwise than the
//! WDK, headers of our own in `crates/workbench/kit` are found first. The import library is made
//! from a list of the functions of ntoskrnl.exe that are used. Its headers say only what the driver
//! uses of them: README.md in that folder lists the structures that mingw-w64 has wrong.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::files::{link, write_if_changed};
use crate::inf::stamp::Architecture;
use crate::setup;

/// The release that the folders are named for. wdk-build picks the highest; this is the only one.
const RELEASE: &str = "10.0.26100.0";

/// Our headers: name in the kit, content.
const HEADERS: &[(&str, &str)] = &[
    ("ntifs.h", include_str!("../../kit/ntifs.h")),
    ("intrin.h", include_str!("../../kit/intrin.h")),
    ("armddk.h", include_str!("../../kit/armddk.h")),
];

/// The functions of ntoskrnl.exe that the import library holds.
const NTOSKRNL: &str = include_str!("../../kit/ntoskrnl.def");

/// Libraries that windows-drivers-rs names and the driver takes nothing from.
const EMPTY_LIBRARIES: &[&str] = &["BufferOverflowFastFailK", "arm64rt", "hal", "wmilib"];

/// An archive of no members.
const EMPTY_ARCHIVE: &[u8] = b"!<arch>\n";

/// Makes the kit in `made`, or brings it up to date, and returns its folder.
///
/// # Errors
///
/// mingw-w64's headers are missing, or the linker cannot make an import library.
pub fn prepare(made: &Path, linker: Command, architecture: Architecture) -> Result<PathBuf> {
    let kit = made.join("kit");
    let include = kit.join("Include").join(RELEASE);
    let mingw = setup::mingw_headers().context("mingw-w64's headers are missing")?;
    let km = include.join("km");
    for (name, content) in HEADERS {
        // wdk-build searches km/crt before km.
        write_if_changed(&km.join("crt").join(name), content.as_bytes())?;
    }
    for entry in fs::read_dir(&mingw).with_context(|| format!("reading {}", mingw.display()))? {
        let entry = entry?;
        link(&entry.path(), &km.join(entry.file_name()))?;
    }
    link(&mingw.join("ddk"), &include.join("shared"))?;

    // As wdk-build spells it.
    let folder = match architecture {
        Architecture::X64 => "km/x64",
        Architecture::Arm64 => "km/ARM64",
    };
    let libraries = kit.join("Lib").join(RELEASE).join(folder);
    for name in EMPTY_LIBRARIES {
        write_if_changed(&libraries.join(format!("{name}.lib")), EMPTY_ARCHIVE)?;
    }
    import_library(linker, &libraries, architecture)?;
    Ok(kit)
}

/// Makes ntoskrnl.lib from its list, if the list is new.
fn import_library(mut linker: Command, libraries: &Path, architecture: Architecture) -> Result<()> {
    let list = libraries.join("ntoskrnl.def");
    let library = libraries.join("ntoskrnl.lib");
    if !write_if_changed(&list, NTOSKRNL.as_bytes())? && library.is_file() {
        return Ok(());
    }
    let option = |name: &str, path: &Path| format!("/{name}:{}", path.display());
    let status = linker
        .arg("/lib")
        .arg(format!("/machine:{architecture}"))
        .arg(option("def", &list))
        .arg(option("out", &library))
        .status()
        .with_context(|| format!("starting {}", linker.get_program().display()))?;
    ensure!(
        status.success(),
        "{} /lib failed: {status}",
        linker.get_program().display()
    );
    Ok(())
}
