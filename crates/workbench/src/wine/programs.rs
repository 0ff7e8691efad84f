//! Builds the host's drivers and the program that drives Wine's Plug and Play.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, ensure};

use super::project;
use crate::driver::files::write_if_changed;
use crate::toolchain::{Toolchain, WINDOWS};

/// What the workspace makes, and the name under which Wine is given it.
const MADE: [(&str, &str); 4] = [
    ("kshim.dll", "kshim.sys"),
    ("dxgkrnl.dll", "dxgkrnl.sys"),
    ("vmdispbus.dll", "vmdispbus.sys"),
    ("control.exe", "control.exe"),
];

/// The host's programs, in a folder, each with its PDB beside it.
pub struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    ///
    /// Where no toolchain can build them or the build fails.
    pub fn build() -> Result<Self> {
        let toolchain = Toolchain::for_target(WINDOWS)?;
        let output = project().join("target/wine/build");
        let mut cargo = toolchain.cargo("build");
        cargo.current_dir(project().join("tests/wine"));
        cargo.args(["--release", "--locked", "--quiet", "--target-dir"]);
        cargo.arg(&output);
        let status = cargo
            .status()
            .context("starting cargo for the Wine host's drivers")?;
        ensure!(
            status.success(),
            "the Wine host's drivers could not be built ({})",
            toolchain.describe()
        );
        let folder = project().join("target/wine/programs");
        fs::create_dir_all(&folder)?;
        let made = output.join(WINDOWS).join("release");
        for (from, to) in MADE {
            for end in ["", "pdb"] {
                let (from, to) = (
                    with_end(&made.join(from), end),
                    with_end(&folder.join(to), end),
                );
                let bytes =
                    fs::read(&from).with_context(|| format!("reading {}", from.display()))?;
                // Another run may be reading it.
                write_if_changed(&to, &bytes)?;
            }
        }
        Ok(Self { folder })
    }

    /// Where one is, by the name under which Wine is given it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The INF of the test bus.
    pub fn bus_inf() -> PathBuf {
        project().join("tests/wine/bus/vmdispbus.inf")
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    if end.is_empty() {
        path.to_owned()
    } else {
        path.with_extension(end)
    }
}
